"""Rubrics of a CASE package: which levels there are, in which order, and what each item's levels are anchored by.

Levels are ordered by `position`, else by `score`; where neither tells all of them apart nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from services.skill_inference.domain.organisation_framework import TEXT_MAX, Faults
from shared.kernel.canonical_json import JsonValue


class Rubrics(NamedTuple):
    """levels: names, lowest first. anchors: by item identifier, one a level."""

    levels: tuple[str, ...]
    anchors: Mapping[str, tuple[str, ...]]


class _Level(NamedTuple):
    name: str
    anchor: str


def read_rubrics(rubrics: Sequence[JsonValue], items: Mapping[str, str], faults: Faults) -> Rubrics:
    """Return levels and anchors of the criteria that name an item. items: identifier by identifier and by URI.

    Names of levels are the first criterion's; one with another number of levels is a fault.
    """
    names: tuple[str, ...] = ()
    anchors: dict[str, tuple[str, ...]] = {}
    for number, rubric in enumerate(rubrics):
        for index, criterion in enumerate(_listed(rubric, "CFRubricCriteria")):
            at = f"/CFRubrics/{number}/CFRubricCriteria/{index}"
            item = items.get(_item(criterion))
            levels = None if item is None else _ordered(_listed(criterion, "CFRubricCriterionLevels"))
            if item is None:
                continue
            if levels is None:
                rule = "neither position nor score tells the order of these levels"
                faults.add(f"{at}/CFRubricCriterionLevels", rule, "Give each level another position.")
                continue
            names = names or tuple(level.name for level in levels)
            if len(levels) != len(names):
                rule = f"expected {len(names)} levels, as the first criterion has, got {len(levels)}"
                faults.add(f"{at}/CFRubricCriterionLevels", rule, "Use one scale for all criteria.")
            elif all(level.anchor for level in levels):
                anchors[item] = tuple(level.anchor for level in levels)
    return Rubrics(names, anchors)


def _item(criterion: JsonValue) -> str:
    node = criterion.get("CFItemURI") if isinstance(criterion, Mapping) else None
    if not isinstance(node, Mapping):
        return ""
    return str(node.get("identifier") or node.get("uri") or "")


def _ordered(levels: Sequence[JsonValue]) -> list[_Level] | None:
    found = [level for level in levels if isinstance(level, Mapping)]
    for member in ("position", "score"):
        places = [level.get(member) for level in found]
        numbers = [place for place in places if isinstance(place, int | float) and not isinstance(place, bool)]
        if len(numbers) == len(levels) and len(set(numbers)) == len(numbers):
            pairs = sorted(zip(numbers, found, strict=True), key=lambda pair: pair[0])
            return [_level(level, number) for number, (_, level) in enumerate(pairs, 1)]
    return None if levels else []


def _level(level: Mapping[str, JsonValue], number: int) -> _Level:
    name, anchor = level.get("quality"), level.get("description")
    has_anchor = isinstance(anchor, str) and len(anchor) <= TEXT_MAX
    return _Level(
        str(name)[:200] if isinstance(name, str) and name else f"level {number}", str(anchor) if has_anchor else ""
    )


def _listed(value: JsonValue, name: str) -> Sequence[JsonValue]:
    found = value.get(name) if isinstance(value, Mapping) else None
    return found if isinstance(found, list) else []
