"""Goals of uncertainty: nominal 90 % intervals hold the truth in 88 to 92 of 100, on simulated people, by the fold."""

from __future__ import annotations

import math
from functools import cache
from typing import Final, NamedTuple

import numpy as np
import pytest

from services.skill_inference.calibration.compiled import compiled_fold_person
from services.skill_inference.calibration.machine_code import Column, Reals, reals, wholes
from services.skill_inference.domain.response_fold import DAY, Curve, Log, Memory, Tasks, Trace, returned

pytestmark = [pytest.mark.bench, pytest.mark.slow, pytest.mark.timeout(3600)]

AFTER: Final = (5, 20, 60, 200)
PEOPLE: Final = 1_500
SKILLS: Final = 8
TASK_SPREAD: Final = 1.0
NINETY: Final = 1.6448536
OFF: Final = dict.fromkeys(Curve._fields, 0.0)
PLAIN: Final = Curve(
    **{**OFF, "general_variance": 0.8, "deviation_variance": 0.6, "repeat_factor": 0.5, "step_max": 0.69}
)
DRIFTING: Final = PLAIN._replace(general_drift_per_day=0.002, deviation_rate=math.log(2.0) / 365.0)
GROWING: Final = PLAIN._replace(general_growth=0.002, deviation_growth=0.01)


class World(NamedTuple):
    """How people are simulated. low: the share of outcomes of this weight, of which as much is a coin's as the
    weight says is not theirs.
    """

    curve: Curve
    days_apart: float = 0.0
    low: float = 0.0
    weight: float = 1.0


WORLDS: Final = {
    "static": World(PLAIN),
    "drift by time": World(DRIFTING, days_apart=1.0),
    "drift by new tasks": World(GROWING),
    "30 % of weight .2": World(PLAIN, low=0.3, weight=0.2),
    "30 % of weight .5": World(PLAIN, low=0.3, weight=0.5),
    "drift, 30 % of weight .2": World(DRIFTING, days_apart=1.0, low=0.3, weight=0.2),
}


@pytest.mark.parametrize("name", WORLDS)
def test_inference_goals_intervals_cover(name: str) -> None:
    found = covered(name)
    print(f"\n{name}: {' '.join(f'{one:.3f}' for one in found)} after {AFTER} outcomes, {PEOPLE} people, seed 1")
    assert all(0.88 <= one <= 0.92 for one in found)


@cache
def covered(name: str) -> list[float]:
    world, drawn = WORLDS[name], np.random.default_rng(1)
    hits = np.zeros(len(AFTER))
    for _ in range(PEOPLE):
        hits += _covered_of_one(world, drawn)
    return [float(one) / (PEOPLE * SKILLS) for one in hits]


def _covered_of_one(world: World, drawn: np.random.Generator) -> Reals:
    count, curve = AFTER[-1], world.curve
    log, ease, levels = _life(world, drawn)
    tasks = Tasks(ease, reals(count), reals(SKILLS), reals(SKILLS), reals(SKILLS, 1.0))
    trace = Trace(*(reals(count) for _ in Trace._fields))
    hits = np.zeros(len(AFTER))
    for n, last in enumerate(AFTER):
        memory = _memory(count)
        person = compiled_fold_person()(0, last, log, tasks, curve, memory, trace)
        for s in range(SKILLS):
            mean, variance = _deviation(memory, s, log.at[last - 1], curve)
            off = abs(levels[n, s] - person.general - mean)
            hits[n] += off < NINETY * math.sqrt(person.general_variance + variance)
    return hits


def _deviation(memory: Memory, s: int, now: int, curve: Curve) -> tuple[float, float]:
    if not memory.skill_met[s]:
        return 0.0, curve.deviation_variance
    elapsed = now - memory.skill_at[s]
    return returned(
        memory.skill_mean[s], memory.skill_variance[s], curve.deviation_variance, curve.deviation_rate, elapsed
    )


def _life(world: World, drawn: np.random.Generator) -> tuple[Log, Column, Reals]:
    """Return one person's outcomes, how easy their tasks were, and the true levels after AFTER of them."""
    count, curve = AFTER[-1], world.curve
    general = drawn.normal() * math.sqrt(curve.general_variance)
    own = drawn.normal(size=SKILLS) * math.sqrt(curve.deviation_variance)
    skill = drawn.integers(SKILLS, size=count)
    ease = drawn.normal(size=count) * math.sqrt(TASK_SPREAD)
    days = drawn.exponential(world.days_apart, count) if world.days_apart else np.zeros(count)
    weight = np.where(drawn.random(count) < world.low, world.weight, 1.0)
    is_coin = drawn.random(count) > weight
    result, levels = np.zeros(count), np.zeros((len(AFTER), SKILLS))
    for e in range(count):
        general += drawn.normal() * math.sqrt(curve.general_drift_per_day * days[e])
        keep = math.exp(-curve.deviation_rate * days[e])
        own = own * keep + drawn.normal(size=SKILLS) * math.sqrt(curve.deviation_variance * (1.0 - keep * keep))
        chance = 1.0 / (1.0 + math.exp(-(general + own[skill[e]] + ease[e])))
        result[e] = drawn.random() < (0.5 if is_coin[e] else chance)
        general += drawn.normal() * math.sqrt(weight[e] * curve.general_growth)
        own[skill[e]] += drawn.normal() * math.sqrt(weight[e] * curve.deviation_growth)
        if e + 1 in AFTER:
            levels[AFTER.index(e + 1)] = general + own
    at: Column = (np.cumsum(days) * DAY).astype(np.int64)
    columns: tuple[Column, ...] = (np.arange(count), np.arange(count + 1), skill, np.ones(count), at, result, weight)
    return Log(*columns), ease, levels


def _memory(tasks: int) -> Memory:
    whole = {"skill_met", "skill_at", "task_met", "task_at"}
    sizes = {name: SKILLS if name.startswith("skill") else tasks for name in Memory._fields}
    return Memory(*(wholes(n) if name in whole else reals(n) for name, n in sizes.items()))
