"""What a person may ask to have predicted of themselves, as it is written in a query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from shared.kernel.errors import Rejected


class TaskQuestion(NamedTuple):
    """An activity of an organisation, or (skill, weight) of a task that is none and its difficulty in logits."""

    organisation: str
    activity: str
    skills: tuple[tuple[str, float], ...]
    difficulty: float | None


class MarksQuestion(NamedTuple):
    """A project, "" for a new work; and (criterion, skill) to be marked, none for what its reviews marked."""

    work: str
    criteria: tuple[tuple[str, str], ...]


def read_task(pairs: Sequence[tuple[str, str]]) -> TaskQuestion:
    """Return the task of `organisation`, `activity`, `difficulty`, and each `skill` as ID or ID=WEIGHT.

    Raises Rejected where a number is none; whether the task can be asked about is for skill_inference to say.
    """
    named = dict(pairs)
    difficulty = _number("difficulty", named["difficulty"]) if "difficulty" in named else None
    skills = tuple(_skill(value) for name, value in pairs if name == "skill")
    return TaskQuestion(named.get("organisation", ""), named.get("activity", ""), skills, difficulty)


def read_marks(pairs: Sequence[tuple[str, str]]) -> MarksQuestion:
    """Return the marks of `work` and each `criterion` as NAME=SKILL. Raises Rejected where one has no skill."""
    criteria = tuple(_criterion(value) for name, value in pairs if name == "criterion")
    return MarksQuestion(dict(pairs).get("work", ""), criteria)


def _skill(value: str) -> tuple[str, float]:
    skill, _, weight = value.partition("=")
    return skill, _number("skill", weight) if weight else 1.0


def _criterion(value: str) -> tuple[str, str]:
    # From the right: a criterion is a name of the platform's own, and an id of a skill holds no sign of equality.
    name, _, skill = value.rpartition("=")
    if not name or not skill:
        raise Rejected.of("criterion", "expected a name, = and the id of a skill", "Write NAME=SKILL.")
    return name, skill


def _number(parameter: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise Rejected.of(parameter, "expected a number", "Write one such as 0.5.") from None
