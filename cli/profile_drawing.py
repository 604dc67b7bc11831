"""A profile on a terminal: each level with its interval on one axis, so that uncertainty is seen before the number.

    skill                             1     2     3     4     5           at least   rests on
    integration.apis            3   ··│··━━│━━●━━│·····│·····│··        0.62       3 works, 3 raters

The axis is in logits; the upright strokes are the cut points at which a level begins. Told in characters and words
alone: colour only repeats it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cli.answers import printable

AXIS_COLUMNS: Final = 41
MARGIN_LOGITS: Final = 2.0
"""What the axis shows beyond the first and the last cut point; an interval that goes further ends in an arrow."""
CUT_POINTS: Final = (-1.5, 0.5, 2.5, 4.5, 6.5)
"""Those of release 0, for a profile whose release is not at hand."""
_EMPTY, _CUT, _SPAN, _MEAN = "·", "│", "━", "●"


def draw_profile(
    profile: Mapping[str, Any], name: str = "", cut_points: Sequence[float] = CUT_POINTS
) -> RenderableType:
    """Return a profile, as `GET /v1/people/{id}/profile` gives it, drawn for a terminal."""
    title = Text.assemble((printable(name) or profile["person"], "bold"), f"  {profile['person']}" if name else "")
    parts: list[RenderableType] = [title]
    skills = sorted(profile["skills"], key=lambda one: (one["layer"], one["skill"]))
    parts.append(_skills(skills, cut_points) if skills else Text("  no skill has evidence yet"))
    parts += [Text(line, style="dim") for line in _lines(profile)]
    return Group(*parts)


def bar(low: float, mean: float, high: float, cut_points: Sequence[float], columns: int = AXIS_COLUMNS) -> str:
    """Return an interval and its mean on the axis, `columns` characters long. Ends beyond the axis become arrows."""
    first, last = column(low, cut_points, columns), column(high, cut_points, columns)
    cells = [_EMPTY] * columns
    for cut in cut_points:
        cells[_within(column(cut, cut_points, columns), columns)] = _CUT
    for place in range(_within(first, columns), _within(last, columns) + 1):
        cells[place] = _SPAN
    if first < 0:
        cells[0] = "◀"
    if last >= columns:
        cells[-1] = "▶"
    cells[_within(column(mean, cut_points, columns), columns)] = _MEAN
    return "".join(cells)


def axis(cut_points: Sequence[float], columns: int = AXIS_COLUMNS) -> str:
    """Return the numbers of the levels, each over the cut point at which it begins."""
    cells = [" "] * columns
    for level, cut in enumerate(cut_points, start=1):
        cells[_within(column(cut, cut_points, columns), columns)] = str(level)
    return "".join(cells)


def column(logits: float, cut_points: Sequence[float], columns: int) -> int:
    """Return the place of a value on the axis; below 0 or from `columns` on when it lies beyond it."""
    left, right = cut_points[0] - MARGIN_LOGITS, cut_points[-1] + MARGIN_LOGITS
    return int((logits - left) / (right - left) * columns // 1)


def _within(place: int, columns: int) -> int:
    return min(max(place, 0), columns - 1)


def _skills(skills: Sequence[Mapping[str, Any]], cut_points: Sequence[float]) -> Table:
    drawn = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1))
    drawn.add_column("  skill", no_wrap=True)
    drawn.add_column("level", justify="right")
    drawn.add_column(axis(cut_points), no_wrap=True)
    drawn.add_column("chance", no_wrap=True)
    drawn.add_column("rests on", overflow="fold")
    for layer, members in groupby(skills, key=lambda one: str(one["layer"])):
        drawn.add_row(Text(printable(layer.replace("-", " ")), style="bold"))
        for one in members:
            drawn.add_row(*_row(one, layer, cut_points))
    return drawn


def _row(one: Mapping[str, Any], layer: str, cut_points: Sequence[float]) -> tuple[Text, Text, Text, Text, Text]:
    estimate, evidence = one["estimate"], one["evidence"]
    interval = estimate["interval"]
    drawn = bar(interval["low"], estimate["mean"], interval["high"], cut_points)
    skill = str(one["skill"]).removeprefix(f"{layer}.")
    works = f"{_count(evidence['works'], 'work')}, {_count(evidence['raters'], 'rater')}"
    return Text(f"  {printable(skill)}"), Text(str(one["level"]), style="bold"), Text(drawn), _chance(one), Text(works)


def _chance(one: Mapping[str, Any]) -> Text:
    """Return the chance that the level shown, or the first, is reached."""
    level = max(int(one["level"]), 1)
    chance = next((each["at_least"] for each in one["level_probabilities"] if each["level"] == level), None)
    return Text("" if chance is None else f"{chance:.2f} for {level}")


def _lines(profile: Mapping[str, Any]) -> list[str]:
    credentials = [one for one in profile.get("credentials", []) if not one["is_revoked"]]
    grades = profile.get("evidence_grades") or {}
    told = [f"  {_count(len(credentials), 'credential')} in force" if credentials else "  no credential yet"]
    if grades:
        listed = ", ".join(f"{count} of grade {grade}" for grade, count in sorted(grades.items()))
        told.append(f"  evidence: {listed} (A signed by a third party, B observed by us, C self-declared)")
    releases = sorted({one["release"] for one in profile["skills"]})
    if releases:
        told.append(f"  ━ 90 % interval, ● estimate, │ where a level begins; release {', '.join(releases)}")
    return [printable(line) for line in told]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
