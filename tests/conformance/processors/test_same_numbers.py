"""What is believed of drawn people is what was written down of them, and what is off by more than the bound is told."""

from __future__ import annotations

import copy
import json
import math
from functools import cache
from pathlib import Path
from typing import Any, Final

import pytest

from services.skill_inference.domain.observation import Outcome
from services.skill_inference.domain.response_fold import Tasks
from tests.conformance.processors.differences import BOUND, differences, holds, is_allowed, relative
from tests.conformance.processors.folds import Person, arithmetic, document, people
from tests.properties.skill_inference.learning_logs import as_arrays, memory_of, trace_of

GOLDEN: Final = Path(__file__).with_name("golden.json")
PLACE: Final = ("nuisances 1", "person", 0)


@cache
def golden() -> dict[str, Any]:
    """Return what was written down, to be read only."""
    found: dict[str, Any] = json.loads(GOLDEN.read_bytes())
    return found


def moved(to: float) -> dict[str, Any]:
    """Return the golden with one number of one person moved."""
    other = copy.deepcopy(golden())
    who, what, n = PLACE
    other["folds"][who][what][n] = to.hex()
    return other


def number() -> float:
    who, what, n = PLACE
    return float.fromhex(golden()["folds"][who][what][n])


def test_the_golden_is_of_some_hundred_people_and_small() -> None:
    assert len(golden()["folds"]) == 240
    assert GOLDEN.stat().st_size < 200_000


def test_this_machine_draws_the_people_of_the_golden_and_believes_of_them_what_is_written() -> None:
    found = document()
    assert found["drawn"] == golden()["drawn"]
    assert holds(golden(), found), differences(golden()["folds"], found["folds"])


@pytest.mark.timeout(180)
def test_compiled_the_same_is_believed_of_those_who_have_no_works() -> None:
    found = {person.name: believed for person in people() if (believed := compiled(person))}
    written = {
        who: {what: golden()["folds"][who][what][: len(numbers)] for what, numbers in believed.items()}
        for who, believed in found.items()
    }
    differ = differences(written, found)
    assert len(found) > 60
    assert is_allowed(differ, is_same_arithmetic=golden()["arithmetic"] == arithmetic()), differ


def compiled(person: Person) -> dict[str, list[str]]:
    """Return general level, form and deviations by the machine code of calibration; nothing where there are works."""
    np = pytest.importorskip("numpy")
    pytest.importorskip("numba")
    from services.skill_inference.calibration.compiled import compiled_fold_person
    from services.skill_inference.calibration.evidence_log import named_log

    release, seen = person.release, person.observations
    outcomes = {one.task: one for one in seen if isinstance(one, Outcome) and one.work is None}
    named = named_log({person.name: seen}, release)
    count = len(named.outcomes.log.task)
    if count == 0 or any(one.work is not None for one in seen):
        return {}
    eases = [release.tasks.ease(outcomes[task]) for task in named.tasks]
    zeros = [0.0] * len(named.skills)
    paces = [release.pace(skill) for skill in named.skills]
    columns = ([ease.mean for ease in eases], [ease.variance for ease in eases], zeros, zeros, paces)
    tasks = Tasks(*(np.array(column, np.float64) for column in columns))
    memory, trace = as_arrays(memory_of(len(named.skills), len(named.tasks))), as_arrays(trace_of(count))
    believed = compiled_fold_person()(0, count, named.outcomes.log, tasks, release.curve, memory, trace)
    deviations = {
        skill: [float(memory.skill_mean[n]).hex(), float(memory.skill_variance[n]).hex()]
        for n, skill in enumerate(named.skills)
    }
    return {"person": [float(one).hex() for one in believed[:5]], **deviations}


def test_under_the_same_arithmetic_one_bit_that_differs_is_told() -> None:
    assert holds(golden(), golden())
    assert not holds(golden(), moved(math.nextafter(number(), math.inf)))


def test_under_another_arithmetic_one_bit_more_than_the_bound_is_told_and_one_less_is_not() -> None:
    beyond = number() * (1.0 + BOUND / 2.0)
    while relative(number().hex(), beyond.hex()) <= BOUND:
        beyond = math.nextafter(beyond, math.copysign(math.inf, beyond))
    within = math.nextafter(beyond, 0.0)
    assert not holds(golden(), {**moved(beyond), "arithmetic": "another"})
    assert holds(golden(), {**moved(within), "arithmetic": "another"})


@pytest.mark.parametrize("undefined", [math.nan, math.inf])
def test_a_number_that_is_none_is_told(undefined: float) -> None:
    assert not holds(golden(), {**moved(undefined), "arithmetic": "another"})


def test_other_people_are_told() -> None:
    assert not holds(golden(), {**golden(), "drawn": "others"})
    with pytest.raises(ValueError, match="not the same people"):
        differences(golden()["folds"], {})
