"""deedlog releases: which calibration release people are judged by, and taking another one into force."""

from __future__ import annotations

import json as json_text
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from cli.answers import Json, facts, show, table, terminal
from cli.api import Api, stranger
from cli.callers import Key, caller
from shared.kernel.errors import Rejected

app = typer.Typer(no_args_is_help=True, help="See the releases of inference, and take one into force.")

MEND: Final = "Name the release-….json that deedlog calibrate wrote."
CHANGES: Final = "changes.json"
"""Where `deedlog calibrate` writes beside a release whom it would move."""


@app.command("list")
def list_releases(key: Key = None, json: Json = False) -> None:
    """List the releases, which of them is in force, and how many estimates still name each."""
    with caller(key) as api:
        found = listed(api)
    show(found, json, lambda: draw_releases(found))


@app.command("show")
def show_release(release: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Write a release's document as JSON. Its annexes are never served."""
    with stranger() as api:
        typer.echo(json_text.dumps(json_text.loads(api.text(_path(release))), indent=2, ensure_ascii=False))


@app.command()
def adopt(
    release: Annotated[
        str, typer.Argument(metavar="FILE-OR-ID", help="A release-….json of deedlog calibrate, or an id.")
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    key: Key = None,
    json: Json = False,
) -> None:
    """Take a release into force for everybody, be it a newer or an older one; all estimates are told anew under it.

    Of a FILE it first shows whom it moves and by how much, from the changes.json beside it, and brings the annexes
    that lie there.
    """
    file = Path(release)
    is_file = file.suffix == ".json" or file.exists()
    sent = read_folder(file) if is_file else None
    if not (yes or json):
        terminal().print(
            draw_changes(read_changes(file)) if is_file else Text(f"Everybody is judged by {release} then.")
        )
        typer.confirm("Take it into force?", abort=True)
    with caller(key) as api:
        named = release if sent is None else str(api.post("/v1/releases", sent)["id"])
        done = api.post(f"{_path(named)}:adopt")
    show(done, json, lambda: Text(_done(done)))


def listed(api: Api) -> list[dict[str, Any]]:
    """Return the releases with how many estimates name each; also those that only estimates name."""
    told = {one["release"]: one for one in api.get("/v1/releases:told")["items"]}
    found = [dict(one) for one in api.get("/v1/releases")["items"]]
    known = {one["id"] for one in found}
    found += [{"id": name, "is_in_force": False} for name in told if name not in known]
    none = {"estimates": 0, "people": 0}
    return [one | {name: told.get(one["id"], none)[name] for name in none} for one in found]


def draw_releases(found: list[dict[str, Any]]) -> RenderableType:
    """Return the releases as a table, and how many estimates are still to be told anew."""
    columns = ("id", "in force", "since", "estimates", "people", "origin")
    rows = [
        (one["id"], one["is_in_force"], one.get("in_force_since"), one["estimates"], one["people"], one.get("origin"))
        for one in found
    ]
    left = sum(one["estimates"] for one in found if not one["is_in_force"])
    words = f"{left} estimates still name another release; they are told anew one after another." if left else ""
    return Group(table(columns, rows, "there is no release"), Text(words))


def read_folder(file: Path) -> dict[str, Any]:
    """Return the release in `file` with the annexes it names, which lie beside it. Raises Rejected."""
    document = _json(file)
    named = document.get("annexes")
    if not isinstance(named, dict):
        raise Rejected.of(str(file), "this is no release", MEND)
    annexes = {}
    for name, digest in named.items():
        annex = file.parent / f"{name}-{digest}.json"
        if not annex.is_file():
            raise Rejected.of(str(annex), "the release names this annex, and it is missing", "Keep the folder whole.")
        annexes[str(name)] = annex.read_text("utf-8")
    return {"document": document, "annexes": annexes}


def read_changes(file: Path) -> dict[str, Any] | None:
    """Return whom the release in `file` moves, None where nothing beside it says so."""
    beside = file.parent / CHANGES
    if not beside.is_file():
        return None
    found = _json(beside)
    return found["changes"] if file.name == f"release-{found.get('release')}.json" else None


def draw_changes(moved: dict[str, Any] | None) -> RenderableType:
    """Return whom a release moves and by how much."""
    if moved is None:
        return Text(f"No {CHANGES} of this release lies beside it: whom it moves is not known.")
    over = ", ".join(f"{count} by more than {bound}" for bound, count in moved["moved_by_more_than"].items())
    return facts(
        [
            ("estimates", f"{moved['estimates']} of {moved['people']} people"),
            ("moved", f"{over}; at most {moved['largest_move']:.2f} logits"),
            ("claims", f"{moved['claims_higher']} higher, {moved['claims_lower']} lower"),
        ]
    )


def _done(done: dict[str, Any]) -> str:
    if not done["is_changed"]:
        return f"{done['id']} is in force already; nothing changed"
    return f"{done['id']} is in force; deedlog releases list shows how many estimates still name another"


def _json(file: Path) -> dict[str, Any]:
    try:
        found = json_text.loads(file.read_text("utf-8"))
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Rejected.of(str(file), "this is no JSON object", MEND)
    return found


def _path(release: str) -> str:
    return f"/v1/releases/{quote(release, safe='')}"
