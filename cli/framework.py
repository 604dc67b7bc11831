"""deedlog framework: our framework and roles in three forms, and the frameworks of organisations."""

from __future__ import annotations

import json as json_text
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import RenderableType

from cli.answers import ANSWER_IS_NO, Json, facts, show, table
from cli.api import stranger, with_query
from cli.callers import Key, caller

app = typer.Typer(no_args_is_help=True, help="Export our skill framework and roles; bring in a framework of your own.")
Organisation = Annotated[
    str | None, typer.Option("--organisation", "-o", metavar="ID", help="Whose; an operator names it, a key need not.")
]
Slug = Annotated[str, typer.Argument(help="What the framework is called in addresses, such as acme.")]
FrameworkFile = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Our own JSON, or CASE 1.1.")]
Rights = Annotated[str | None, typer.Option(help="CASE only: by what right its texts are used: ours or licensed.")]
Levels = Annotated[
    str | None, typer.Option(help="CASE only: which of our levels each of theirs stands for, such as 0,1,3.")
]
RelatedIsClose = Annotated[bool, typer.Option("--related-is-close", help="CASE only: isRelatedTo ours maps to it.")]
MeaningIsKept = Annotated[bool, typer.Option("--meaning-is-kept", help="Ids mean what they meant, under other words.")]

_KINDS: Final = ("added", "retired", "reworded", "mapped_anew")


class Form(StrEnum):
    """In which form something is exported."""

    JSON = "json"
    LINKED = "jsonld"
    CASE = "case"


@app.command()
def export(
    slug: Annotated[str | None, typer.Argument(help="One of your own; none for ours.")] = None,
    form: Annotated[Form, typer.Option("--form", help="Of ours; your own is written as it is sent.")] = Form.JSON,
    roles: Annotated[bool, typer.Option("--roles", help="The role profiles, not the framework.")] = False,
    organisation: Organisation = None,
    key: Key = None,
) -> None:
    """Write a framework, or the roles, as JSON."""
    if slug is None:
        with stranger() as api:
            text = api.text(with_query("/v1/roles" if roles else "/v1/framework", {"format": form.value}))
    else:
        with caller(key) as api:
            text = api.text(with_query(f"/v1/frameworks/{slug}", {"organisation": organisation}))
    json_text.dump(json_text.loads(text), sys.stdout, indent=2, ensure_ascii=False)
    sys.stdout.write("\n")


@app.command("import")
def import_framework(
    slug: Slug,
    file: FrameworkFile,
    organisation: Organisation = None,
    rights: Rights = None,
    levels: Levels = None,
    related: RelatedIsClose = False,
    meaning: MeaningIsKept = False,
    key: Key = None,
    json: Json = False,
) -> None:
    """Bring a whole framework into force, all or nothing; alignments that name its skills follow it."""
    query = _query(organisation, rights, levels, related, meaning)
    adopted = _sent("PUT", f"/v1/frameworks/{slug}", file, key, query)
    show(adopted, json, lambda: facts([(name.replace("_", " "), value) for name, value in adopted.items()]))


@app.command("try")
def try_framework(
    slug: Slug,
    file: FrameworkFile,
    organisation: Organisation = None,
    rights: Rights = None,
    levels: Levels = None,
    related: RelatedIsClose = False,
    meaning: MeaningIsKept = False,
    key: Key = None,
    json: Json = False,
) -> None:
    """Tell what a framework would change and how many people it touches, or every fault; nothing comes into force."""
    query = _query(organisation, rights, levels, related, meaning)
    found = _sent("POST", f"/v1/frameworks/{slug}:validate", file, key, query)
    show(found, json, lambda: _tried(found))
    if not found["is_valid"]:
        raise typer.Exit(ANSWER_IS_NO)


@app.command("list")
def list_frameworks(organisation: Organisation = None, key: Key = None, json: Json = False) -> None:
    """List the frameworks of an organisation that are in force."""
    with caller(key) as api:
        found = api.get("/v1/frameworks", organisation=organisation)["items"]
    columns = ("slug", "version", "name", "skills", "mapped", "adopted_at")
    rows = [tuple(one[name] for name in columns) for one in found]
    show(found, json, lambda: table(columns, rows, "This organisation has no framework of its own."))


def _query(
    organisation: str | None, rights: str | None, levels: str | None, related: bool, meaning: bool
) -> dict[str, Any]:
    said = {"related": "close" if related else None, "meaning": "kept" if meaning else None}
    return {"organisation": organisation, "rights": rights, "levels": levels, **said}


def _sent(method: str, path: str, file: Path, key: str | None, query: dict[str, Any]) -> dict[str, Any]:
    with caller(key) as api:
        answer: dict[str, Any] = api.send(method, with_query(path, query), file.read_bytes(), "application/json")
    return answer


def _tried(found: dict[str, Any]) -> RenderableType:
    if not found["is_valid"]:
        return table(("place", "rule", "mend"), [tuple(one.values()) for one in found["errors"]], "")
    people = found["people"]
    pairs = [(name.replace("_", " "), found[name]) for name in ("version_in_force", "skills", "mapped", "own")]
    merged = "; ".join(" and ".join(map(str, numbers)) for numbers in found["levels_merged"]) or "none"
    hints = ", ".join(f"{one['skill']} as {one['ours']}" for one in found["suggested"]) or "none"
    touched = f"{'at least ' if people['is_at_least'] else ''}{people['count']}"
    changed = [(kind.replace("_", " "), found[kind]["count"]) for kind in _KINDS]
    told = [("levels told apart no more", merged), ("mappings suggested", hints), ("people touched", touched)]
    return facts([*pairs, *changed, *told])
