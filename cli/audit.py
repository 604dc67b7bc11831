"""deedlog audit: what an employer can find out about their own decisions, on their own machine."""

from __future__ import annotations

import csv
import dataclasses
import io
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Group as Drawn
from rich.console import RenderableType
from rich.text import Text

from cli.answers import Json, show, table
from cli.bias_audit import PEOPLE_MIN, SHARE_MIN, Division, Group, below_four_fifths, divisions
from cli.bias_table import Columns, Sample, read_sample
from shared.kernel.errors import Rejected

app = typer.Typer(no_args_is_help=True, help="Look at your own decisions; nothing leaves this machine.")
_COLUMNS: Final = ("group", "people", "selected", "rate", "95 %", "impact ratio", "95 %", "")


@app.callback()
def audit() -> None:
    """Look at your own decisions; nothing leaves this machine."""


@app.command()
def bias(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV in UTF-8, a row a person.")],
    attribute: Annotated[
        list[str], typer.Option("--attribute", "-a", help="A column of groups; may stand repeatedly.")
    ],
    outcome: Annotated[str | None, typer.Option(help="The column that says who was selected: yes or no.")] = None,
    selected: Annotated[str | None, typer.Option(help="What stands there for yes, where it is another word.")] = None,
    score: Annotated[str | None, typer.Option(help="Or the column of a score; above its median counts.")] = None,
    intersections: Annotated[bool, typer.Option(help="Also by every two attributes at once.")] = True,
    as_csv: Annotated[bool, typer.Option("--csv", help="Answer in CSV.")] = False,
    json: Json = False,
) -> None:
    """Show selection rates and impact ratios by group, with their uncertainty. The file is read here and not kept."""
    if as_csv and json:
        raise Rejected.of("--csv", "an answer has one form", "Name one of --csv and --json.")
    sample = read_sample(file, Columns(tuple(attribute), outcome, score, selected))
    found = divisions(sample.people, attribute, with_intersections=intersections)
    if as_csv:
        sys.stdout.write(bias_csv(found))
    else:
        show(bias_document(sample, found), json, lambda: _drawn(sample, found))


def bias_document(sample: Sample, found: list[Division]) -> dict[str, Any]:
    """Return the audit for programs; `below_four_fifths` counts the questions, and is no verdict."""
    return {
        "people": len(sample.people),
        "selected": sum(person.is_selected for person in sample.people),
        "without_outcome": sample.without_outcome,
        "rate": "selection" if sample.median is None else "scoring",
        "median": sample.median,
        "below_four_fifths": below_four_fifths(found),
        "divisions": [dataclasses.asdict(each) for each in found],
    }


def bias_csv(found: list[Division]) -> str:
    """Return the audit as a table, a row a group; in a row of unknowns only the people are said."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    names = "people selected rate rate_low rate_high impact_ratio ratio_low ratio_high is_reference is_small"
    writer.writerow(["attribute", "group", *names.split(), "is_below_four_fifths"])
    for each in found:
        for group in each.groups:
            ends = (*group.rate_interval, group.ratio, *(group.ratio_interval or (None, None)))
            numbers = ["" if end is None else f"{end:.6f}" for end in (group.rate, *ends)]
            marks = [int(group.is_reference), int(group.is_small), int(group.is_below_four_fifths)]
            writer.writerow([each.attribute, group.name, group.people, group.selected, *numbers, *marks])
        if each.unknown:
            writer.writerow([each.attribute, "", each.unknown, *[""] * 10])
    return written.getvalue()


def _drawn(sample: Sample, found: list[Division]) -> RenderableType:
    parts: list[RenderableType] = [Text(_opening(sample))]
    for each in found:
        unknown = f", {each.unknown} unknown" if each.unknown else ""
        parts.append(Text(f"\n{each.attribute}{unknown}", style="bold"))
        parts.append(table(_COLUMNS, map(_cells, each.groups), "no group is known"))
    questions = below_four_fifths(found)
    if questions:
        parts.append(Text(f"\n{questions} below four fifths: a question to look into, and no verdict either way."))
    return Drawn(*parts)


def _opening(sample: Sample) -> str:
    counted = sum(person.is_selected for person in sample.people)
    what = "selected" if sample.median is None else f"score above the median, {sample.median:g}"
    without = f"; {sample.without_outcome} without an outcome are left out" if sample.without_outcome else ""
    return f"{len(sample.people)} people, {counted} {what}{without}"


def _cells(group: Group) -> tuple[Any, ...]:
    ratio = "" if group.ratio is None else f"{group.ratio:.2f}"
    between = "" if group.ratio_interval is None else _span(group.ratio_interval)
    rate = f"{group.rate:.1%}"
    return group.name, group.people, group.selected, rate, _span(group.rate_interval), ratio, between, _mark(group)


def _span(ends: tuple[float, float]) -> str:
    return f"{ends[0]:.2f}–{ends[1]:.2f}"


def _mark(group: Group) -> str:
    if group.is_reference:
        return "reference"
    if group.is_small:
        return f"small: fewer than {PEOPLE_MIN}, or than {SHARE_MIN:.0%}"
    if not group.is_below_four_fifths or group.ratio_interval is None:
        return ""
    return "below four fifths: why?" + (" (chance may do it)" if group.ratio_interval[1] >= 1 else "")
