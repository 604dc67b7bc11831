"""What was seen of a person, checked on entry: nothing unbounded, and no NaN, ever reaches a belief.

Two forms. An `Outcome` is one task with a result in [0, 1]: a scored statement, an automated check, an attested
deployment. A `MarkSet` is one reviewer's marks on one work. Both say where they stand in the person's order, how the
result was assured, and which fact told them. A weight is not stored: a release gives it, so a new release reads the
same observations anew.

`work` names the piece of work an observation belongs to, the *project* and not one submission of it: whatever is seen
of one work shares its luck, and is learned from together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from typing import Final, Literal, NamedTuple, TypeAlias

from shared.kernel.errors import Rejected

DIFFICULTY_MAX: Final = 8.0
"""Difficulties lie within ±8 logits."""
MARK_MAX: Final = 5
"""Marks of our rubrics run from 0 to 5: mark k says "as somebody of level k would"."""
MARK_BOUND: Final = 20
"""Marks of other scales, which a release has thresholds for, run from 0 to 20 at most."""
SKILLS_MAX: Final = 16
"""Skills one task may show. A task that shows more shows none in particular."""
MARKS_MAX: Final = 64
"""Marks in one set; a rubric of more criteria is no rubric. Bounds the joint covariance of a work."""
TEXT_MAX: Final = 2_048
"""Characters in an id of a task, work, reviewer, criterion or skill; an activity id is an IRI and may be long."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


class Assurance(StrEnum):
    """Who vouches for a result; a release gives each kind its weight in [0, 1]."""

    SELF_CLAIM = "self-claim"
    SELF_ATTESTED = "self-attested"
    AUTOMATED_CHECK = "automated-check"
    NAMED_REVIEWER = "named-reviewer"
    DEPLOYMENT = "deployment"


class Place(NamedTuple):
    """Where an observation stands in its person's order. `at`: microseconds since 1970 UTC; `sequence`: in its stream.

    Time, source and sequence order a person's facts; fact id and part break ties, which a merged person can have.
    """

    at: int
    source: str
    sequence: int
    fact: str
    part: int


class Mark(NamedTuple):
    """A mark on one criterion, which shows one skill. A release says how far the criterion's marks go."""

    criterion: str
    skill: str
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One result of one task. `result` in [0, 1]; `skills` are (skill, weight), weights in any one unit.

    part: tells several observations of one fact apart. difficulty: in logits; None leaves it to the release.
    shares: the skills by id with weights that sum to 1, so that a task's logit lies on the scale of levels.
    """

    occurred_at: datetime
    source: str
    sequence: int
    fact: str
    part: int = 0
    task: str
    skills: tuple[tuple[str, float], ...]
    result: float
    assurance: Assurance
    difficulty: float | None = None
    work: str | None = None
    place: Place = field(init=False, compare=False, repr=False)
    shares: tuple[tuple[str, float], ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "place", _place(self))
        object.__setattr__(self, "skills", tuple(sorted(self.skills)))
        object.__setattr__(self, "shares", _shares(self.skills))
        _check_text("/task", self.task)
        _check_range("/result", self.result, 0.0, 1.0)
        if self.difficulty is not None:
            _check_range("/difficulty", self.difficulty, -DIFFICULTY_MAX, DIFFICULTY_MAX)
        if self.work is not None:
            _check_text("/work", self.work)
        elif self.assurance is Assurance.DEPLOYMENT:
            raise Rejected.of("/work", "an attested deployment is of some work", "Name the project it deploys.")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkSet:
    """The marks one reviewer gave one work in one sitting, by criterion."""

    occurred_at: datetime
    source: str
    sequence: int
    fact: str
    part: int = 0
    work: str
    reviewer: str
    marks: tuple[Mark, ...]
    assurance: Assurance = Assurance.NAMED_REVIEWER
    place: Place = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "place", _place(self))
        object.__setattr__(self, "marks", tuple(sorted(self.marks)))
        _check_text("/work", self.work)
        _check_text("/reviewer", self.reviewer)
        _check_marks(self.marks)


Observation: TypeAlias = Outcome | MarkSet


def microseconds(instant: datetime) -> int:
    """Return microseconds since 1970 UTC, exactly. Raises Rejected for an instant without a zone."""
    if instant.tzinfo is None:
        raise Rejected.of("/occurred_at", "an instant without a zone has no place in the order", "Attach a zone.")
    return (instant - _EPOCH) // _MICROSECOND


def instant_of(at: int) -> datetime:
    """Return the instant, in UTC, that `microseconds` gave `at` for."""
    return _EPOCH + at * _MICROSECOND


def result_of(success: bool | None, scaled: float | None) -> float:
    """Return the result in [0, 1] of a scored statement (xAPI 2.0 part 2, 4.2.2.5): success if it says so, else score.

    The activity's own verdict goes first, for scales differ from activity to activity: 0.6 is a pass here and a failure
    there. A scaled score alone counts as that share of a success; one below 0 counts as 0.
    Raises Rejected when there is neither, or a score outside [-1, 1].
    """
    if scaled is not None:
        _check_range("/score/scaled", scaled, -1.0, 1.0)
    if success is not None:
        return 1.0 if success else 0.0
    if scaled is None:
        raise Rejected.of("/score", "neither success nor a scaled score", "Send success, or a score in [-1, 1].")
    return max(scaled, 0.0)


def artefact_assurance(grade: Literal["A", "B", "C"]) -> Assurance:
    """Return how an artefact of this grade is assured: self-declared (C), else observed or signed and so checked."""
    return Assurance.SELF_ATTESTED if grade == "C" else Assurance.AUTOMATED_CHECK


def _place(observation: Outcome | MarkSet) -> Place:
    _check_text("/source", observation.source)
    _check_text("/fact", observation.fact)
    if observation.sequence < 1 or observation.part < 0:
        raise Rejected.of("/sequence", "streams count from 1, parts from 0", "Send the fact's own number.")
    at = microseconds(observation.occurred_at)
    return Place(at, observation.source, observation.sequence, observation.fact, observation.part)


@lru_cache(maxsize=4_096)
def _shares(skills: tuple[tuple[str, float], ...]) -> tuple[tuple[str, float], ...]:
    if not 0 < len(skills) <= SKILLS_MAX or len({skill for skill, _ in skills}) != len(skills):
        raise Rejected.of("/skills", f"expected 1 to {SKILLS_MAX} different skills", "Name each skill once.")
    for skill, weight in skills:
        _check_text("/skills", skill)
        _check_range("/skills", weight, 1e-3, 1e3)
    total = sum(weight for _, weight in skills)
    return tuple((skill, weight / total) for skill, weight in skills)


def _check_marks(marks: tuple[Mark, ...]) -> None:
    if not 0 < len(marks) <= MARKS_MAX or len({mark.criterion for mark in marks}) != len(marks):
        raise Rejected.of("/marks", f"expected 1 to {MARKS_MAX} marks, one a criterion", "Mark each criterion once.")
    for mark in marks:
        _check_text("/marks/criterion", mark.criterion)
        _check_text("/marks/skill", mark.skill)
        if type(mark.value) is not int or not 0 <= mark.value <= MARK_BOUND:
            raise Rejected.of("/marks/value", f"a mark is a whole number from 0 to {MARK_BOUND}", "Send such a number.")


def _check_text(pointer: str, text: str) -> None:
    if not 0 < len(text) <= TEXT_MAX:
        raise Rejected.of(
            pointer, f"expected 1 to {TEXT_MAX} characters, got {len(text)}", "Send a text of such length."
        )


def _check_range(pointer: str, value: float, low: float, high: float) -> None:
    # Written so that NaN, which compares false with everything, is refused.
    if not low <= value <= high:
        raise Rejected.of(pointer, f"expected a number from {low} to {high}", "Send a number within these bounds.")
