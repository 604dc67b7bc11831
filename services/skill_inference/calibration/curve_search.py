"""The calibrated numbers of the response model: found by a fixed search, judged on persons held out of it.

Coordinate by coordinate, twice up or down and on while it helps, then a smaller step: no randomness but one seeded
split of persons, no tuning by hand, no grid that a new kind of data could fall out of. Every trial learns the tasks
anew from the persons that are not held out, so ease and curve are judged together. Half-lives are tried only where
there are times.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from services.skill_inference.calibration.machine_code import Reals, Wholes
from services.skill_inference.calibration.task_ease import Spread, Workbench
from services.skill_inference.domain.response_fold import Curve

REPEAT_FACTOR: Final = 0.5
STEP_MAX: Final = 0.69
"""Not fitted: a promise (a known task moves a level by less than .7 logits in all), and it costs no log loss."""
ROUNDS: Final = 5
TOLERANCE: Final = 2e-5
STEP_LOSS_MIN: Final = 1e-7
HELD_OUT_PARTS: Final = 5
SPLIT_SEED: Final = 1
FOLDS: Final = 3
"""Folds a trial; a release is made with more."""
CHANCE_MIN: Final = 1e-6
_PUSHES: Final = 3


class Knob(NamedTuple):
    """One number's start, how it is moved, the first step, and its bounds.

    kind: add, times, gap (of 1 - x), or list.
    """

    name: str
    start: float
    kind: str
    step: float
    low: float
    high: float
    choices: tuple[float, ...] = ()


KNOBS: Final = (
    Knob("general_mean", 0.0, "add", 0.3, -4.0, 4.0),
    Knob("general_variance", 1.0, "times", 1.7, 0.02, 9.0),
    Knob("general_growth", 0.003, "times", 2.5, 0.0, 0.2),
    Knob("general_drift_per_day", 0.0, "list", 0.0, 0.0, 1.0, (0.0, 0.0003, 0.001, 0.003, 0.01, 0.03)),
    Knob("form_mean", 0.0, "add", 0.2, -2.0, 2.0),
    Knob("form_variance", 0.3, "times", 1.7, 0.0, 3.0),
    Knob("form_keep", 0.8, "gap", 0.6, 0.2, 0.995),
    Knob("form_rate", 0.0, "list", 0.0, 0.0, 50.0, (0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 40.0)),
    Knob("deviation_variance", 0.4, "times", 1.7, 0.01, 5.0),
    Knob("deviation_growth", 0.01, "times", 2.0, 0.0, 0.3),
    Knob("deviation_rate", 0.0, "list", 0.0, 0.0, 5.0, (0.0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)),
    Knob("gain_success", 0.02, "add", 0.04, -0.2, 0.3),
    Knob("gain_failure", 0.0, "add", 0.04, -0.2, 0.3),
    Knob("novelty", 0.0, "add", 0.2, -2.0, 2.0),
    Knob("novelty_keep", 0.1, "add", 0.1, 0.0, 0.95),
    Knob("familiar_variance", 0.3, "times", 2.0, 0.0, 5.0),
    Knob("familiar_success", 0.2, "add", 0.3, -3.0, 3.0),
    Knob("familiar_failure", 0.0, "add", 0.3, -3.0, 3.0),
    Knob("familiar_rate", 0.0, "list", 0.0, 0.0, 50.0, (0.0, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)),
    Knob("task", 1.0, "times", 1.5, 0.02, 9.0),
    Knob("skill", 0.5, "times", 2.0, 0.02, 9.0),
)


@dataclass(slots=True)
class Found:
    """The best numbers so far with their log loss, and the step of each knob."""

    numbers: dict[str, float]
    loss: float
    steps: dict[str, float]

    @property
    def curve(self) -> Curve:
        """The curve that the numbers stand for."""
        return curve_of(self.numbers)[0]

    @property
    def spread(self) -> Spread:
        """How far tasks and skills differ."""
        return curve_of(self.numbers)[1]


def curve_of(numbers: Mapping[str, float]) -> tuple[Curve, Spread]:
    """Return what the numbers stand for."""
    whole = {**numbers, "repeat_factor": REPEAT_FACTOR, "step_max": STEP_MAX}
    return Curve(**{name: float(whole[name]) for name in Curve._fields}), Spread(numbers["task"], numbers["skill"])


def log_loss(result: Reals, chance: Reals) -> float:
    """Return the summed log loss of outcomes in [0, 1], chances first kept off 0 and 1."""
    kept = np.clip(chance, CHANCE_MIN, 1.0 - CHANCE_MIN)
    return -float(np.sum(result * np.log(kept) + (1.0 - result) * np.log(1.0 - kept)))


def held_out(persons: Wholes) -> Wholes:
    """Return, for each of the persons, which of HELD_OUT_PARTS parts they are in."""
    parts: Wholes = np.random.default_rng(SPLIT_SEED).permutation(len(persons)) % HELD_OUT_PARTS
    return parts


class CurveSearch:
    """Finds the curve for one log from `persons`, who are all that it ever looks at."""

    def __init__(
        self,
        bench: Workbench,
        persons: Wholes,
        tried: Callable[[float], None] = lambda loss: None,
    ) -> None:
        """Hold out one part of the persons; two or four parts in turn where there are few outcomes.

        tried: told the best loss so far after each trial.
        """
        self._bench = bench
        self._tried = tried
        outcomes = bench.outcomes
        part = held_out(persons)
        count = int(np.diff(outcomes.starts)[persons].sum())
        self._turns = [
            (outcomes.outcomes_of(persons[part != k]), outcomes.outcomes_of(persons[part == k]))
            for k in range(_turns(count))
        ]
        at = bench.log.at
        self._has_time = any(at[last - 1] > at[first] for first, last in pairwise(outcomes.starts.tolist()))

    def find(self) -> Found:
        """Return the best numbers. Some 150 to 400 trials, each 4 folds of the log a turn."""
        numbers = {knob.name: knob.start for knob in KNOBS}
        rate = float(np.mean(np.asarray(self._bench.log.result)[self._turns[0][0]]))
        rate = min(max(rate, CHANCE_MIN), 1.0 - CHANCE_MIN)
        numbers["general_mean"] = min(max(float(np.log(rate / (1.0 - rate))), -4.0), 4.0)
        found = Found(numbers, self.loss(numbers), {knob.name: knob.step for knob in KNOBS})
        for turn in range(ROUNDS):
            before = found.loss
            for knob in KNOBS:
                self._turn(knob, found)
            if turn > 1 and before - found.loss < TOLERANCE:
                break
        return found

    def loss(self, numbers: Mapping[str, float]) -> float:
        """Return the log loss an outcome on the persons held out."""
        curve, spread = curve_of(numbers)
        result = np.asarray(self._bench.log.result)
        total, count = 0.0, 0
        for learned, judged in self._turns:
            tasks = self._bench.learn_tasks(learned, curve, spread, FOLDS)
            chance = np.asarray(self._bench.fold(tasks, curve).chance)[judged]
            total += log_loss(result[judged], chance)
            count += len(judged)
        return total / count

    def _turn(self, knob: Knob, found: Found) -> None:
        if knob.kind == "list":
            for choice in knob.choices if self._has_time else ():
                self._try(knob, choice, found)
            return
        for sign in (1, -1):
            pushes = 0
            while pushes < _PUSHES and self._try(knob, _moved(knob, found, sign), found):
                pushes += 1
            if pushes:
                return
        step = found.steps[knob.name]
        found.steps[knob.name] = step / 2.0 if knob.kind == "add" else step**0.5

    def _try(self, knob: Knob, value: float, found: Found) -> bool:
        if value == found.numbers[knob.name]:
            return False
        numbers = found.numbers | {knob.name: value}
        loss = self.loss(numbers)
        is_better = loss < found.loss - STEP_LOSS_MIN
        if is_better:
            found.numbers, found.loss = numbers, loss
        self._tried(found.loss)
        return is_better


def _turns(outcomes: int) -> int:
    if outcomes > 120_000:
        return 1
    return 2 if outcomes > 80_000 else 4


def _moved(knob: Knob, found: Found, sign: int) -> float:
    value, step = found.numbers[knob.name], found.steps[knob.name]
    if knob.kind == "add":
        value += sign * step
    elif knob.kind == "times":
        value = value * step if sign > 0 else value / step
    else:
        value = 1.0 - (1.0 - value) * (step if sign > 0 else 1.0 / step)
    return min(max(value, knob.low), knob.high)
