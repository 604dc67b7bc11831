"""How likely a person's next try of a task is a success: by their state alone, and as the release's readout serves it.

The state's chance is the very step of learning, asked and not learned from. The readout adds how the last tasks went.
It answers only of tasks that it was fitted to, for of another it would know half of what it was judged with; and only
within such a pause after the last try as it was fitted to, for beyond, a sum of what fades leads anywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import NamedTuple

from services.skill_inference.domain import readout_features as features
from services.skill_inference.domain.fold import in_order
from services.skill_inference.domain.learner import Learner
from services.skill_inference.domain.observation import Observation, Outcome
from services.skill_inference.domain.readout import Moment, Readout, Shown, codes_of, served_chance, state_numbers
from services.skill_inference.domain.readout_features import SECOND
from services.skill_inference.domain.release import Release
from services.skill_inference.domain.response_fold import Log


class Served(StrEnum):
    """Whether a chance is the readout's, or why it is the state's alone."""

    BY_READOUT = "readout"
    WITHOUT_READOUT = "without-readout"
    TASK_UNKNOWN = "task-unknown"
    PAUSE_TOO_LONG = "pause-too-long"


class OutcomePrediction(NamedTuple):
    """The chance of a success, and by the state alone. observations: those of weight that it rests on."""

    chance: float
    state_chance: float
    served: Served
    observations: int


class NamedReading(NamedTuple):
    """What was known before each of one person's tries. tasks, skills: ids by their places in `log`."""

    log: Log
    reading: features.Reading
    tasks: Sequence[str]
    skills: Sequence[str]


def predict_outcome(observations: Iterable[Observation], asked: Outcome, release: Release) -> OutcomePrediction:
    """Return how likely `asked` is a success; its result says nothing. It is not earlier than any observation.

    Folds all observations, and reads the tries among them once more where a readout is asked: linear in both.
    """
    ordered = in_order(observations)
    trace, tried = learned(ordered, release).expect(asked), tries(ordered, release)
    count = sum(release.assurance[one.assurance] > 0.0 for one in ordered)
    by_state, readout = trace.chance[0], release.readout
    served = _served(readout, tried, asked)
    if readout is None or served is not Served.BY_READOUT:
        return OutcomePrediction(by_state, by_state, served, count)
    moment = moment_of(read_tries([*tried, asked]), len(tried), state_numbers(trace, 0))
    return OutcomePrediction(served_chance(readout, moment), by_state, served, count)


def learned(ordered: Sequence[Observation], release: Release) -> Learner:
    """Return who learned from a person's observations, which are in order and each there once."""
    learner = Learner(release)
    learner.learn(ordered, learner.works_of(ordered))
    return learner


def tries(ordered: Iterable[Observation], release: Release) -> list[Outcome]:
    """Return the outcomes outside any work that carry weight, which is what a readout is fitted to and looks at."""
    return [
        one
        for one in ordered
        if isinstance(one, Outcome) and one.work is None and release.assurance[one.assurance] > 0.0
    ]


def read_tries(tried: Sequence[Outcome]) -> NamedReading:
    """Return what was known before each of these tries of one person, the state apart; there is at least one."""
    task: dict[str, int] = {}
    skill: dict[str, int] = {}
    shown, starts = [share for one in tried for share in one.shares], [0]
    for one in tried:
        starts.append(starts[-1] + len(one.shares))
    log = Log(
        [task.setdefault(one.task, len(task)) for one in tried],
        starts,
        [skill.setdefault(name, len(skill)) for name, _ in shown],
        [share for _, share in shown],
        [one.place.at for one in tried],
        [one.result for one in tried],
        [1.0] * len(tried),
    )
    reading = _blank_reading(len(tried), len(shown))
    features.read_person(0, len(tried), log, _blank_habits(len(skill), len(task)), reading)
    return NamedReading(log, reading, list(task), list(skill))


def moment_of(read: NamedReading, e: int, state: Sequence[float]) -> Moment:
    """Return what the readout looks at before try `e`. state: the numbers of the state before it."""
    log, reading = read.log, read.reading
    previous, shown = reading.previous[e], range(log.skill_from[e], log.skill_from[e + 1])
    return Moment(
        numbers=[*state, *reading.numbers[features.NUMBERS * e : features.NUMBERS * (e + 1)]],
        codes=codes_of(reading, e),
        task=read.tasks[log.task[e]],
        previous=None if previous < 0 else read.tasks[previous],
        last=reading.last[e],
        skills=[Shown(read.skills[log.skill[k]], log.share[k], reading.wins[k], reading.tries[k]) for k in shown],
    )


def _served(readout: Readout | None, tried: Sequence[Outcome], asked: Outcome) -> Served:
    if readout is None:
        return Served.WITHOUT_READOUT
    if asked.task not in readout.tasks:
        return Served.TASK_UNKNOWN
    pause = asked.place.at - tried[-1].place.at if tried else 0
    return Served.PAUSE_TOO_LONG if pause > readout.pause_seconds_max * SECOND else Served.BY_READOUT


def _blank_reading(count: int, shown: int) -> features.Reading:
    person, skill, task, neighbour, last, previous = ([0] * count for _ in range(6))
    numbers, wins, tried = [0.0] * (count * features.NUMBERS), [0.0] * shown, [0.0] * shown
    return features.Reading(numbers, person, skill, task, neighbour, last, previous, wins, tried)


def _blank_habits(skills: int, tasks: int) -> features.Habits:
    sizes = features.habit_sizes(skills, tasks)
    return features.Habits(*([0 if name in features.WHOLE else 0.0] * size for name, size in sizes.items()))  # type: ignore[arg-type]
