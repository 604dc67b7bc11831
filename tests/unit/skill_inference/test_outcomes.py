from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import pytest

from services.skill_inference.domain.fold import fold
from services.skill_inference.domain.observation import Assurance, Observation, microseconds
from services.skill_inference.domain.state import level_at
from tests.unit.skill_inference.people import APIS, DRIFT, day, outcome, release, release_with


def _level(observations: Iterable[Observation], skill: str = APIS, at: float = 300) -> tuple[float, float]:
    return level_at(fold(observations, release()), skill, release(), microseconds(day(at)))


def _moved(observations: Iterable[Observation], skill: str = APIS, at: float = 300) -> float:
    return _level(observations, skill, at)[0] - release().prior_mean(skill)


def test_one_success_moves_the_mean_by_the_step_of_the_published_formula() -> None:
    general, own = 3.0, 0.4
    variance = general + own + release().tasks.variance
    expected = 1 / (1 + math.exp(0.0))
    steepness = 0.25
    surprise = 0.5 * (1.0 - expected) / (1 + 0.5 * steepness * variance)
    information = 0.5 * steepness / (1 + 0.5 * steepness * variance)
    mean, spread = _level([outcome(1)], at=1)
    assert mean == pytest.approx((general + own) * surprise, abs=1e-12)
    assert spread == pytest.approx(general + own - (general**2 + own**2) * information, abs=1e-12)


def test_success_raises_and_failure_lowers_and_both_make_surer() -> None:
    stranger = release().prior_variance(APIS)
    up, down = _level([outcome(1)], at=1), _level([outcome(1, result=0.0)], at=1)
    assert down[0] < 0 < up[0]
    assert max(up[1], down[1]) < stranger


def test_a_share_of_a_success_counts_between_failure_and_success() -> None:
    results = [_moved([outcome(1, result=result)]) for result in (0.0, 0.3, 0.7, 1.0)]
    assert results == sorted(results)


def test_success_at_a_hard_task_tells_more_than_at_an_easy_one() -> None:
    assert _moved([outcome(1, difficulty=-2.0)]) < _moved([outcome(1, difficulty=0.0)])


def test_better_assured_results_move_more() -> None:
    kinds = (Assurance.SELF_ATTESTED, Assurance.AUTOMATED_CHECK, Assurance.NAMED_REVIEWER)
    moves = [_moved([outcome(1, difficulty=-1.0, assurance=kind)]) for kind in kinds]
    assert moves == sorted(moves)
    assert moves[0] < moves[-1]


def test_fifty_self_claims_move_nothing_and_are_shown() -> None:
    claims = [outcome(number, assurance=Assurance.SELF_CLAIM) for number in range(50)]
    state = fold(claims, release())
    assert (state.general, state.skills, state.steps) == (None, {}, ())
    assert state.evidence[APIS].mix == {Assurance.SELF_CLAIM: 50}
    assert state.evidence[APIS].observations == 0


def test_self_claims_among_evidence_change_no_bit_of_the_belief() -> None:
    evidence = [outcome(number, difficulty=1.0) for number in range(0, 20, 2)]
    claims = [outcome(number, task=evidence[0].task, assurance=Assurance.SELF_CLAIM) for number in range(1, 20, 2)]
    with_claims = fold([*evidence, *claims], release())
    without = fold(evidence, release())
    assert (with_claims.general, with_claims.skills, with_claims.steps) == (
        without.general,
        without.skills,
        without.steps,
    )


@pytest.mark.parametrize("difficulty", [-8.0, -2.0, 0.0, 1.5, 4.0, 8.0])
@pytest.mark.parametrize("assurance", [kind for kind in Assurance if kind is not Assurance.DEPLOYMENT])
def test_200_repeats_of_one_success_move_a_skill_by_no_more_than_0_7_logits(
    difficulty: float, assurance: Assurance
) -> None:
    repeats = [outcome(n, task="one", difficulty=difficulty, assurance=assurance) for n in range(200)]
    assert 0.0 <= _moved(repeats) <= 0.7 + 1e-12


@pytest.mark.parametrize("assurance", list(Assurance))
def test_200_repeats_of_one_success_inside_a_work_are_bounded_alike(assurance: Assurance) -> None:
    repeats = [outcome(n, task="one", difficulty=6.0, assurance=assurance, work="prj-1") for n in range(200)]
    assert 0.0 <= _moved(repeats) <= 0.7 + 1e-12


def test_200_failures_of_one_easy_task_are_bounded_alike() -> None:
    repeats = [outcome(n, task="one", difficulty=-8.0, result=0.0) for n in range(200)]
    assert -0.7 - 1e-12 <= _moved(repeats) < 0.0


def test_repeating_one_success_says_less_than_succeeding_at_different_tasks() -> None:
    repeated = _level([outcome(n, task="one") for n in range(20)], at=20)
    different = _level([outcome(n) for n in range(20)], at=20)
    assert repeated[0] < different[0] - 1.0
    assert repeated[1] > different[1]


def test_a_cut_step_does_not_make_surer_than_it_moved() -> None:
    hard = [outcome(1, difficulty=6.0)]
    free = release_with("curve", step_max=8.0)
    uncut = level_at(fold(hard, free), APIS, free, microseconds(day(1)))
    cut = _level(hard, at=1)
    assert cut[0] < uncut[0]
    assert cut[1] > uncut[1]


def test_evidence_of_one_skill_says_a_little_less_about_another() -> None:
    wins = [outcome(n) for n in range(10)]
    assert 0.0 < _moved(wins, DRIFT) < _moved(wins, APIS)


def test_a_task_of_two_skills_moves_each_by_its_share() -> None:
    both = replace(outcome(1), skills=((APIS, 3.0), (DRIFT, 1.0)))
    state = fold([both], release())
    ((apis, apis_step), (drift, drift_step)) = state.steps[0].skills
    assert (apis, drift) == (APIS, DRIFT)
    assert apis_step == pytest.approx(3 * drift_step)


def test_a_deviation_fades_to_half_in_its_half_life_and_the_general_level_stays() -> None:
    state = fold([outcome(0, difficulty=1.0)], release())
    half_life = release().skill(APIS).half_life_days
    before = level_at(state, APIS, release(), microseconds(day(0)))
    after = level_at(state, APIS, release(), microseconds(day(half_life)))
    assert state.general is not None
    deviation = before[0] - state.general.mean
    assert after[0] == pytest.approx(state.general.mean + deviation / 2, abs=1e-12)
    assert after[1] > before[1]


def test_after_a_century_nobody_is_less_known_than_a_stranger() -> None:
    mean, variance = _level([outcome(n) for n in range(30)], at=36_525)
    assert variance == pytest.approx(release().prior_variance(APIS))
    assert math.isfinite(mean)
