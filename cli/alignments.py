"""deedlog alignments: what the activities of a platform are evidence for, as a table of CSV, JSON or CASE 1.1."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import RenderableType

from cli.answers import ANSWER_IS_NO, Json, facts, show, table
from cli.api import with_query
from cli.callers import LIMIT, Key, Limit, caller

app = typer.Typer(no_args_is_help=True, help="Say which activities are evidence for which skills.")
Organisation = Annotated[
    str | None, typer.Option("--organisation", "-o", metavar="ID", help="Whose; an operator names it, a key need not.")
]
TableFile = Annotated[
    Path, typer.Argument(exists=True, dir_okay=False, help="CSV; JSON or CASE 1.1 where it ends in .json.")
]
Assurance = Annotated[str | None, typer.Option(help="CASE only: how the results of all activities are assured.")]
Difficulty = Annotated[float | None, typer.Option(help="CASE only: of all activities, in logits.")]

_KINDS: Final = ("added", "changed", "removed")


@app.command()
def upload(
    file: TableFile,
    organisation: Organisation = None,
    assurance: Assurance = None,
    difficulty: Difficulty = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Bring a whole table into force, all lines or none; statements from before are judged by it too."""
    query = {"organisation": organisation, "assurance": assurance, "difficulty": difficulty}
    adopted = _sent("PUT", "/v1/alignments", file, key, query)
    show(adopted, json, lambda: facts([(name.replace("_", " "), value) for name, value in adopted.items()]))


@app.command("try")
def try_table(
    file: TableFile,
    organisation: Organisation = None,
    assurance: Assurance = None,
    difficulty: Difficulty = None,
    key: Key = None,
    json: Json = False,
) -> None:
    """Tell what a table would change and how many people it touches, or every fault; nothing comes into force."""
    query = {"organisation": organisation, "assurance": assurance, "difficulty": difficulty}
    found = _sent("POST", "/v1/alignments:validate", file, key, query)
    show(found, json, lambda: _tried(found))
    if not found["is_valid"]:
        raise typer.Exit(ANSWER_IS_NO)


@app.command("show")
def show_table(organisation: Organisation = None, key: Key = None) -> None:
    """Write the table in force as CSV."""
    with caller(key) as api:
        sys.stdout.write(api.text(with_query("/v1/alignments", {"organisation": organisation})))


@app.command()
def unaligned(organisation: Organisation = None, limit: Limit = LIMIT, key: Key = None, json: Json = False) -> None:
    """List activities that were seen and are not aligned, with skills they may show."""
    query = {} if organisation is None else {"organisation": organisation}
    with caller(key) as api:
        found = api.items("/v1/alignments/unaligned", limit, **query)
    columns = ("activity", "statements", "people", "last seen", "may show")
    show(found, json, lambda: table(columns, map(_seen, found), "Every activity that was seen is aligned."))


def _sent(method: str, path: str, file: Path, key: str | None, query: dict[str, Any]) -> dict[str, Any]:
    kind = "application/json" if file.suffix == ".json" else "text/csv"
    with caller(key) as api:
        answer: dict[str, Any] = api.send(method, with_query(path, query), file.read_bytes(), kind)
    return answer


def _tried(found: dict[str, Any]) -> RenderableType:
    if not found["is_valid"]:
        return table(("place", "rule", "mend"), [tuple(one.values()) for one in found["errors"]], "")
    people = found["people"]
    pairs = [(name.replace("_", " "), found[name]) for name in ("version_in_force", "lines", "activities")]
    touched = f"{'at least ' if people['is_at_least'] else ''}{people['count']}"
    return facts([*pairs, *((kind, found[kind]["count"]) for kind in _KINDS), ("people touched", touched)])


def _seen(one: dict[str, Any]) -> tuple[Any, ...]:
    least = "at least " if one["is_at_least"] else ""
    skills = [each["skill"] for each in one["suggestions"]]
    return one["activity"], f"{least}{one['statements']}", f"{least}{one['people']}", one["last_seen_at"], skills
