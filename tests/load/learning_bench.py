"""How fast is learned: one step interpreted and compiled, one person read from nothing, and everybody replayed.

    python -m tests.load.learning_bench [--observations 1000000] [--person 250] [--updates 200000]

No database and no broker: what a rebuild costs beside reading. The replay is the service's own ledger, plain Python,
and shows how far it is. It prints, and judges nothing but that both forms of the step have the same bits.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import numpy as np
from rich.progress import track

from services.skill_inference.calibration.compiled import compiled_fold
from services.skill_inference.domain.estimate import estimates
from services.skill_inference.domain.fold import Ledger, fold
from services.skill_inference.domain.observation import Observation
from services.skill_inference.domain.response_fold import Log, Tasks, fold_everybody
from tests.load.options import asked_for
from tests.load.yardstick import line, machine
from tests.properties.skill_inference.learning_logs import PLAIN, as_arrays, memory_of, trace_of
from tests.unit.skill_inference.people import RUBRIC, START, outcome, release

TASKS: Final = 500
SKILLS: Final = 30
A_PERSON: Final = 100
"""Observations of each person of a log."""
TIMES: Final = 5
"""A short thing is measured so often, and the best taken: others run on this machine."""
CURVE: Final = PLAIN._replace(
    form_mean=-0.35,
    form_variance=0.66,
    form_keep=0.667,
    deviation_growth=0.02,
    deviation_rate=0.001,
    gain_success=0.05,
    familiar_variance=0.2,
    familiar_rate=0.1,
)
"""Nothing that costs an exponential is switched off but the ageing of the form."""


@dataclass(frozen=True, slots=True)
class Load:
    """How much: updates of the bare step, observations of the one person, and observations in the replay."""

    updates: int = 200_000
    person: int = 250
    observations: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Learned:
    """Updates a second of processor time, milliseconds of a person from nothing, seconds of the replay."""

    plain: float
    compiled: float
    is_same: bool
    profile_ms: float
    replay_seconds: float


def measure(load: Load) -> Learned:
    """Return what learning costs."""
    chance = random.Random(7)
    log, tasks, starts = _log(load.updates, chance)
    memory, trace = memory_of(SKILLS, TASKS), trace_of(load.updates)
    plain = _seconds(lambda: fold_everybody(starts, log, tasks, CURVE, memory, trace), 1)
    arrays: list[Any] = [as_arrays(part) for part in (log, tasks, memory_of(SKILLS, TASKS), trace_of(load.updates))]
    begun = np.array(starts, np.int64)

    def machine_code() -> None:
        compiled_fold()(begun, arrays[0], arrays[1], CURVE, arrays[2], arrays[3])

    machine_code()
    compiled = _seconds(machine_code, TIMES)
    is_same = all(np.array_equal(ours, np.array(theirs)) for ours, theirs in zip(arrays[3], trace, strict=True))
    return Learned(
        load.updates / plain, load.updates / compiled, is_same, _profile(load, chance), _replay(load, chance)
    )


def _log(count: int, chance: random.Random) -> tuple[Log, Tasks, list[int]]:
    log = Log(
        task=[chance.randrange(TASKS) for _ in range(count)],
        skill_from=list(range(count + 1)),
        skill=[chance.randrange(SKILLS) for _ in range(count)],
        share=[1.0] * count,
        at=[number * 3_600_000_000 for number in range(count)],
        result=[float(chance.random() < 0.7) for _ in range(count)],
        weight=[1.0] * count,
    )
    tasks = Tasks([0.0] * TASKS, [0.3] * TASKS, [0.0] * SKILLS, [0.05] * SKILLS, [1.0] * SKILLS)
    return log, tasks, [*range(0, count, A_PERSON), count]


def _person(count: int, chance: random.Random) -> list[Observation]:
    return [
        outcome(
            number,
            chance.choice(RUBRIC),
            task=f"t{chance.randrange(400)}",
            result=float(chance.random() < 0.7),
            at=START + timedelta(minutes=number),
        )
        for number in range(count)
    ]


def _profile(load: Load, chance: random.Random) -> float:
    """Return milliseconds from the observations of one person to all of their estimates."""
    seen = _person(load.person, chance)
    return _seconds(lambda: estimates(fold(seen, release()), release(), START), TIMES) * 1e3


def _replay(load: Load, chance: random.Random) -> float:
    """Return seconds of processor time to learn from everybody anew; what is learned from is made before."""
    people = [_person(A_PERSON, chance) for _ in range(20)]
    spent = 0.0
    for number in track(range(load.observations // A_PERSON), "replaying", transient=True):
        begun = time.process_time()
        Ledger(people[number % len(people)], release()).state()
        spent += time.process_time() - begun
    return spent


def _seconds(work: Callable[[], object], times: int) -> float:
    best = float("inf")
    for _ in range(times):
        begun = time.process_time()
        work()
        best = min(best, time.process_time() - begun)
    return best


def report(load: Load, learned: Learned) -> Iterator[str]:
    """Yield the lines that say what was measured."""
    same = "the same bits" if learned.is_same else "OTHER BITS"
    yield line("one step", f"{learned.plain:,.0f} updates/s plain, {learned.compiled:,.0f} compiled, {same}")
    yield line("one person", f"{learned.profile_ms:.1f} ms from {load.person:,} observations to every estimate")
    yield line("everybody", f"{learned.replay_seconds:.1f} s of processor for {load.observations:,} observations")


def main() -> None:
    """Measure and print."""
    load = asked_for(Load, "learning_bench", "The speed of learning")
    print(line("machine", machine()))
    print(*report(load, measure(load)), sep="\n")


if __name__ == "__main__":
    main()
