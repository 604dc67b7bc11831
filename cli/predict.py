"""deedlog predict: how a person's next try of a task, or the marks of one more reviewer, are likely to turn out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import urlencode

import typer
from rich.console import Group, RenderableType
from rich.text import Text

from cli.answers import Json, printable, show, table
from cli.callers import caller
from cli.gap import chance_bar
from shared.kernel.errors import Rejected

NEW_WORK: Final = "new"
app = typer.Typer(no_args_is_help=True)


@app.command("predict")
def predict(
    person: Annotated[str, typer.Argument(metavar="PERSON")],
    activity: Annotated[str | None, typer.Option(metavar="IRI", help="How likely its next try succeeds.")] = None,
    organisation: Annotated[
        str | None, typer.Option(metavar="ORG", help="Whose alignments say what the activity shows.")
    ] = None,
    skill: Annotated[
        list[str] | None,
        typer.Option(metavar="SKILL[=WEIGHT]", help="What a task shows that is no activity; again for more."),
    ] = None,
    difficulty: Annotated[float | None, typer.Option(help="How hard that task is, in logits.")] = None,
    work: Annotated[
        str | None, typer.Option(metavar="PROJECT", help=f"How one more reviewer would mark it; {NEW_WORK}: a new one.")
    ] = None,
    criterion: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=SKILL", help="What is marked; without, what the work's reviews marked."),
    ] = None,
    json: Json = False,
) -> None:
    """Show how a next try, or one more review, is likely to turn out, as the person. No estimate rests on it."""
    task = [("activity", activity), ("organisation", organisation), ("difficulty", difficulty)]
    of_task = [(name, value) for name, value in (*task, *(("skill", one) for one in skill or ())) if value is not None]
    if bool(of_task) == (work is not None):
        raise Rejected.of("predict", "it predicts a task or a work", "Name --activity or --skill, or --work.")
    if work is None and criterion:
        raise Rejected.of("--criterion", "only a work is marked", "Name a --work, or leave it out.")
    with caller(None, person) as api:
        if work is None:
            found = api.get(f"/v1/people/{person}/prediction?{urlencode(of_task)}")
            show(found, json, lambda: draw_outcome(found))
            return
        named = [] if work == NEW_WORK else [("work", work)]
        asked = urlencode([*named, *(("criterion", one) for one in criterion or ())])
        found = api.get(f"/v1/people/{person}/mark-prediction?{asked}")
        show(found, json, lambda: draw_marks(found))


def draw_outcome(found: Mapping[str, Any]) -> RenderableType:
    """Return a prediction, as `GET /v1/people/{id}/prediction` gives it, drawn for a terminal."""
    rows = [("by the state alone", _chance(found["state_chance"], is_seen=_is_seen(found)))]
    if found["by"] == "readout":
        rows.insert(0, ("as served", _chance(found["chance"], is_seen=True)))
    return Group(table(("the next try", "chance of a success"), rows, ""), *_ground(found))


def draw_marks(found: Mapping[str, Any]) -> RenderableType:
    """Return a prediction, as `GET /v1/people/{id}/mark-prediction` gives it, drawn for a terminal.

    The bar is the mean as a share of the highest mark.
    """
    rows = [
        (
            one["criterion"],
            one["skill"],
            f"{one['told']} of {len(one['chances']) - 1}",
            f"{chance_bar(one['expected'] / (len(one['chances']) - 1), is_seen=_is_seen(found))} {one['expected']:.2f}",
            " ".join(f"{chance:.2f}" for chance in one["chances"]),
        )
        for one in found["marks"]
    ]
    columns = ("criterion", "skill", "told", "mean mark", "chance of each mark, from 0")
    return Group(table(columns, rows, ""), *_ground(found))


def _chance(chance: float, *, is_seen: bool) -> str:
    return f"{chance_bar(chance, is_seen=is_seen)} {chance:.2f}"


def _is_seen(found: Mapping[str, Any]) -> bool:
    return bool(found.get("observations", 1))


def _ground(found: Mapping[str, Any]) -> list[Text]:
    return [
        Text(printable(found["rests_on"])),
        Text(printable(f"as of {found['as_of']}, under release {found['release']}"), style="dim"),
    ]
