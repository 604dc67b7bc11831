"""The served prediction of a release: how likely the next outcome is a success. Never shown as skill.

The state says what a person can do; how the next try goes depends on more: on the task just before, on how the last
five went, on which tasks lead to which. The readout is a sum of all that, in a fixed order, squeezed into a chance. Its
weights are an annex of the release, fitted by calibration, which compiles the same features and sums in the same order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from services.skill_inference.domain import readout_features as features
from services.skill_inference.domain.document import Section, read_document
from services.skill_inference.domain.response import FLATTENING, sigmoid
from services.skill_inference.domain.response_fold import Trace
from shared.kernel.errors import Rejected

FORM: Final = 1
STATE_NUMBERS: Final = 10
"""Numbers of the state, before those of the features."""
NUMBERS: Final = 1 + STATE_NUMBERS + features.NUMBERS
"""And the constant before all."""
NEIGHBOURS: Final = 3
CODE_SIZES: Final = (
    features.PERSON_CODES,
    features.SKILL_CODES,
    features.TASK_CODES * NEIGHBOURS,
    features.SKILL_CODES * NEIGHBOURS,
)
WEIGHT_DIGITS: Final = 9
"""Weights are stored rounded to this many decimals."""
WEIGHT_MAX: Final = 1e3
PAUSE: Final = "pause_seconds_max"
PAUSE_MAX: Final = 1e10
"""Seconds; three centuries."""
AFTER: Final = features.LAST_CODES


class TaskWeights(NamedTuple):
    """Of one task: its own, and by how the outcome before went: none, a failure, a success."""

    own: float
    after: tuple[float, ...]


class SkillWeights(NamedTuple):
    """Of one skill: its own, of the logs of its successes and tries, and by how the outcome before went."""

    own: float
    wins: float
    tries: float
    after: tuple[float, ...]


class Shown(NamedTuple):
    """A skill that the task shows, with its share and the logs of successes and tries so far."""

    skill: str
    share: float
    wins: float
    tries: float


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known just before an outcome. numbers: of the state, then of the features. codes: columns of `Readout`.

    previous: the task before, None at a person's first. last: how it went.
    """

    numbers: Sequence[float]
    codes: Sequence[int]
    task: str
    previous: str | None
    last: int
    skills: Sequence[Shown]


@dataclass(frozen=True, slots=True)
class Readout:
    """The weights of a release. numbers: (middle, width, weight), the constant first.

    transitions: by the task before (None: none), how it went, and the task. What a release never saw weighs nothing.
    pause_seconds_max: after the last try, beyond which it was fitted to next to nothing; 0 where nobody wrote it down.
    """

    numbers: Sequence[tuple[float, float, float]]
    codes: Sequence[float]
    tasks: Mapping[str, TaskWeights]
    skills: Mapping[str, SkillWeights]
    transitions: Mapping[tuple[str | None, int, str], float]
    pause_seconds_max: float


def served_chance(readout: Readout, moment: Moment) -> float:
    """Return the chance of a success, summed in the order in which calibration sums."""
    total = 0.0
    for (middle, width, weight), value in zip(readout.numbers, (1.0, *moment.numbers), strict=True):
        total += weight * ((value - middle) / width)
    task = readout.tasks.get(moment.task)
    if task is not None:
        total += task.own
        total += task.after[moment.last]
    total += readout.transitions.get((moment.previous, moment.last, moment.task), 0.0)
    for code in moment.codes:
        total += readout.codes[code]
    for shown in moment.skills:
        skill = readout.skills.get(shown.skill)
        if skill is not None:
            total += skill.own * shown.share
            total += skill.wins * (shown.share * shown.wins)
            total += skill.tries * (shown.share * shown.tries)
            total += skill.after[moment.last] * shown.share
    return sigmoid(total)


def state_numbers(trace: Trace, e: int) -> tuple[float, ...]:
    """Return the numbers of the state before outcome `e`."""
    logit = trace.logit[e] / math.sqrt(1.0 + FLATTENING * trace.variance[e])
    parts = (trace.variance, trace.general, trace.form, trace.deviation, trace.familiar, trace.level_variance)
    bends = (logit * abs(logit), min(logit + 1.0, 0.0), max(logit - 1.0, 0.0))
    return (logit, *(part[e] for part in parts), *bends)


def codes_of(reading: features.Reading, e: int) -> tuple[int, ...]:
    """Return the four codes of outcome `e`, as places among all codes."""
    near = reading.neighbour[e]
    cell = reading.task_code[e] + features.TASK_CODES * near
    codes = (reading.person_code[e], reading.skill_code[e], cell, reading.skill_code[e] * NEIGHBOURS + near)
    return tuple(code + sum(CODE_SIZES[:place]) for place, code in enumerate(codes))


def parse_readout(raw: bytes) -> Readout:
    """Return the readout that an annex describes. Raises Rejected naming pointer, rule and mend."""
    document = read_document(raw)
    document.number("form", FORM, FORM)
    count, weights = NUMBERS, (-WEIGHT_MAX, WEIGHT_MAX)
    middles = document.numbers("middles", count, -1e9, 1e9)
    widths = document.numbers("widths", count, 1e-12, 1e9)
    readout = Readout(
        numbers=tuple(zip(middles, widths, document.numbers("numbers", count, *weights), strict=True)),
        codes=document.numbers("codes", sum(CODE_SIZES), *weights),
        tasks=_tasks(document.section("tasks")),
        skills=_skills(document.section("skills")),
        transitions=dict(_transition(one) for one in document.sections("transitions")),
        pause_seconds_max=document.number(PAUSE, 0.0, PAUSE_MAX) if PAUSE in document.names() else 0.0,
    )
    document.close()
    return readout


def _tasks(section: Section) -> dict[str, TaskWeights]:
    rows = {name: section.numbers(name, 1 + AFTER, -WEIGHT_MAX, WEIGHT_MAX) for name in section.names()}
    return {name: TaskWeights(row[0], row[1:]) for name, row in rows.items()}


def _skills(section: Section) -> dict[str, SkillWeights]:
    rows = {name: section.numbers(name, 3 + AFTER, -WEIGHT_MAX, WEIGHT_MAX) for name in section.names()}
    return {name: SkillWeights(row[0], row[1], row[2], row[3:]) for name, row in rows.items()}


def _transition(section: Section) -> tuple[tuple[str | None, int, str], float]:
    last = section.number("last", 0, AFTER - 1)
    if last != int(last):
        raise Rejected.of(section.at("last"), "this is no whole number", "Write 0, 1 or 2.")
    previous = section.text("previous") if "previous" in section.names() else None
    key = (previous, int(last), section.text("task"))
    weight = section.number("weight", -WEIGHT_MAX, WEIGHT_MAX)
    section.close()
    return key, weight
