"""Goals against pumping, on the curves of the benchmarked release."""

from __future__ import annotations

from typing import Final

import pytest

from services.skill_inference.domain.response_fold import Curve, Log, Memory, Tasks, Trace, fold_person
from tests.conformance.inference.test_response_goals import judged

pytestmark = [pytest.mark.bench, pytest.mark.slow, pytest.mark.timeout(3600)]

EASES: Final = (-6.0, -3.0, -1.0, 0.0, 1.0, 3.0)
BENCHMARKED: Final = "assist09"


def moved(curve: Curve, results: list[float], ease: float, weight: float, is_same: bool) -> tuple[float, float]:
    """Return by how much these outcomes move a stranger's level in their skill, and the variance that is left."""
    count = len(results)
    tasks = [0] * count if is_same else list(range(count))
    log = Log(tasks, list(range(count + 1)), [0] * count, [1.0] * count, [0] * count, results, [weight] * count)
    known = Tasks([ease] * count, [0.1] * count, [0.0], [0.0], [1.0])
    memory = Memory(*([0] * count for _ in Memory._fields))  # type: ignore[arg-type]  # one store for numbers of both kinds
    trace = Trace(*([0.0] * count for _ in Trace._fields))
    person = fold_person(0, count, log, known, curve, memory, trace)
    own = memory.skill_mean[0] if memory.skill_met[0] else 0.0
    variance = memory.skill_variance[0] if memory.skill_met[0] else curve.deviation_variance
    return person.general + own - curve.general_mean, person.general_variance + variance


def test_inference_goals_200_repeats_of_one_success_move_a_skill_little() -> None:
    for curve in judged(BENCHMARKED).curves:
        found = {ease: moved(curve, [1.0] * 200, ease, 1.0, is_same=True)[0] for ease in EASES}
        print(f"\n200 repeats of one success, by ease: { ({ease: round(one, 3) for ease, one in found.items()}) }")
        assert max(found.values()) <= 0.7


def test_inference_goals_50_self_claims_move_nothing() -> None:
    for curve in judged(BENCHMARKED).curves:
        assert moved(curve, [1.0] * 50, 0.0, 0.0, is_same=False)[0] == 0.0


def test_inference_goals_repeats_never_add_variance() -> None:
    for curve in judged(BENCHMARKED).curves:
        assert moved(curve, [1.0] * 200, 0.0, 1.0, True)[1] <= moved(curve, [1.0], 0.0, 1.0, True)[1]
