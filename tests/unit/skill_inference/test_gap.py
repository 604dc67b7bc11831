"""What lies between a person and a role."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from services.skill_inference.domain.evidence import SkillEvidence
from services.skill_inference.domain.fold import fold
from services.skill_inference.domain.gap import Gap, SkillGap, gap
from services.skill_inference.domain.observation import Assurance, Observation
from services.skill_inference.domain.prerequisites import Deviation, at_least, inferred
from services.skill_inference.domain.readiness import Demanded, readiness
from services.skill_inference.domain.response_fold import PersonBelief
from services.skill_inference.domain.roles import Demand, Role
from services.skill_inference.domain.state import Belief, PersonState
from tests.unit.skill_inference.people import (
    APIS,
    DRIFT,
    IMPACT,
    day,
    framework,
    outcome,
    release,
    review,
    reviewed_works,
    roles,
    rules,
)

TESTING = "integration.testing"
MONITORING = "operationalization.monitoring"
EVALUATION = "operationalization.evaluation"


def _role(*demands: tuple[str, int, int]) -> Role:
    return Role("role", "role", "A role", "For a test.", tuple(Demand(*one) for one in demands), ())


def _gap(seen: Sequence[Observation], *demands: tuple[str, int, int], at: float = 200) -> Gap:
    return gap(fold(seen, release()), _role(*demands), framework(), release(), rules().standard, day(at))


def _skill(found: Gap, skill: str) -> SkillGap:
    return next(one for one in found.skills if one.demand.skill == skill)


def test_every_role_of_the_house_has_a_gap_for_a_stranger_with_everything_missing() -> None:
    for role in roles().roles.values():
        found = gap(fold([], release()), role, framework(), release(), rules().standard, day(0))
        assert [one.demand for one in found.skills] == list(role.demands)
        assert all(
            {lack.requirement for lack in one.missing} >= {"works", "raters", "freshness"} for one in found.skills
        )
        assert (found.unseen, found.experience.is_open, found.experience.covered) == (1.0, 1.0, 0.0)
        low, high = found.readiness.interval
        assert 0.0 <= low <= found.readiness.mean <= high <= 1.0


def test_the_distance_is_the_cut_point_less_the_mean_with_the_uncertainty_of_the_level() -> None:
    (one,) = _gap(reviewed_works(3, (3, 3), 4), (APIS, 4, 1)).skills
    assert one.distance == pytest.approx(release().cut_points[3] - one.said.mean)
    low, high = one.interval
    assert (high - low) / 2 == pytest.approx(1.6448536 * math.sqrt(one.said.variance), rel=1e-6)
    assert one.chance == one.said.reached[3]


def test_what_is_missing_is_what_the_rule_for_claims_says() -> None:
    found = _gap(reviewed_works(2, (4, 4), 4), (APIS, 3, 1))
    assert "works" in {lack.requirement for lack in found.skills[0].missing}
    assert found.claim_rule == rules().standard.id


def test_readiness_is_the_mean_of_the_chances_by_weight() -> None:
    found = _gap(reviewed_works(3, (3, 4), 4), (APIS, 3, 1), (DRIFT, 4, 3), (IMPACT, 5, 2))
    expected = sum(one.demand.weight * one.chance for one in found.skills) / 6
    assert found.readiness.mean == pytest.approx(expected, abs=1e-12)


def test_a_skill_that_is_guessed_from_the_general_level_alone_is_not_called_reached() -> None:
    found = _gap(reviewed_works(6, (5, 5), 4, (APIS,)), (APIS, 3, 1), (EVALUATION, 1, 3))
    unseen = _skill(found, EVALUATION)
    assert unseen.chance > 0.9
    assert not unseen.is_reached
    assert found.unseen == found.experience.is_open == 0.75


def test_operational_work_covers_a_demand_that_its_owner_cannot_claim_yet() -> None:
    works = reviewed_works(2, (4, 4), 4, (APIS, MONITORING))
    experience = _gap(works, (APIS, 3, 1), (EVALUATION, 3, 1)).experience
    assert experience.skills == (APIS,)
    assert (experience.covered, experience.works) == (0.5, 2)
    assert (experience.looks_open, experience.is_open) == (1.0, 0.5)
    assert experience.is_narrower_than_it_looks


def test_work_that_was_never_in_operation_covers_nothing() -> None:
    found = _gap(reviewed_works(2, (4, 4), 4, (APIS, IMPACT)), (APIS, 3, 1))
    assert found.skills[0].is_reached
    assert found.experience.covered == 0.0
    assert not found.experience.is_narrower_than_it_looks


def test_an_attested_deployment_makes_a_work_operational_whatever_it_shows() -> None:
    attested = outcome(90, IMPACT, work="prj-0", difficulty=2.5, assurance=Assurance.DEPLOYMENT)
    seen: list[Observation] = [*reviewed_works(2, (4, 4), 4, (APIS, IMPACT)), attested]
    assert _gap(seen, (APIS, 3, 1)).skills[0].operational_works == {"prj-0"}


def test_tasks_alone_are_no_operational_work() -> None:
    wins = [outcome(number, APIS, difficulty=4.0) for number in range(60)]
    found = _gap(wins, (APIS, 2, 1))
    assert found.skills[0].is_reached
    assert not found.skills[0].is_covered


# ── readiness ──


def test_levels_that_share_a_general_level_are_less_certain_together_than_apart() -> None:
    apart = readiness([Demanded(1, 0.0, 3.0)] * 12, 0.0)
    together = readiness([Demanded(1, 0.0, 0.4)] * 12, 2.6)
    assert apart.mean == together.mean == pytest.approx(0.5)
    assert together.interval[0] < apart.interval[0] < apart.interval[1] < together.interval[1]


def test_independent_demands_spread_as_a_binomial_does() -> None:
    found = readiness([Demanded(1, 0.0, 1.0)] * 20, 0.0)
    assert found.interval == (6 / 20, 14 / 20)  # quantiles of B(20, 1/2) at .05 and .95


def test_what_is_certain_has_no_spread() -> None:
    assert readiness([Demanded(3, -50.0, 1.0), Demanded(1, 50.0, 1.0)], 0.1).interval == (0.75, 0.75)


# ── prerequisites ──


def _deviations(**seen: float) -> dict[str, Deviation]:
    found = {skill: Deviation(0.0, 0.4, False) for skill in framework().skills}
    return found | {f"operationalization.{name}": Deviation(mean, 0.05, is_seen=True) for name, mean in seen.items()}


def test_a_skill_far_above_raises_what_it_builds_on_and_says_from_what() -> None:
    found = inferred(_deviations(drift=3.0), framework().skills)
    assert found.keys() == {MONITORING, EVALUATION}
    assert all(guess.by == (DRIFT,) and guess.mean > 0.5 and guess.variance < 0.4 for guess in found.values())


def test_a_low_skill_says_nothing_of_what_it_builds_on() -> None:
    assert inferred(_deviations(drift=-3.0), framework().skills) == {}


def test_a_skill_of_which_nothing_was_seen_raises_nothing() -> None:
    high = {skill: Deviation(5.0 * (skill == DRIFT), 0.4, False) for skill in framework().skills}
    assert inferred(high, framework().skills) == {}


def test_a_guess_carries_on_to_what_lies_deeper() -> None:
    found = inferred(_deviations(incidents=6.0), framework().skills)
    assert found["operationalization.alerting"].by == ("operationalization.incidents",)
    assert found[MONITORING].by == ("operationalization.alerting",)


def test_a_belief_held_to_a_certain_floor_is_a_truncated_gaussian() -> None:
    mean, variance = at_least(0.0, 1.0, 0.0, 1e-12)
    assert mean == pytest.approx(math.sqrt(2 / math.pi), rel=1e-6)
    assert variance == pytest.approx(1 - 2 / math.pi, rel=1e-6)


def test_a_floor_out_of_reach_stays_finite() -> None:
    mean, variance = at_least(0.0, 1.0, 60.0, 0.5)
    assert 0.0 < mean <= 60.0
    assert 0.0 < variance <= 1.0


def test_a_guess_is_told_beside_the_level_and_changes_neither_readiness_nor_what_is_missing() -> None:
    role = _role((MONITORING, 4, 1))
    seen = SkillEvidence(3, frozenset({"prj"}), frozenset(), frozenset(), frozenset(), 0, {})
    skills = {"operationalization.alerting": Belief(3.5, 0.05, 0)}
    above = PersonState(
        release().id, PersonBelief(1.0, 0.3, 0.0, 0.0, 0.0, 0), skills, {"operationalization.alerting": seen}, ()
    )
    found = gap(above, role, framework(), release(), rules().standard, day(-20_000))
    alone = gap(replace(above, evidence={}), role, framework(), release(), rules().standard, day(-20_000))
    guess = found.skills[0].guess
    assert guess is not None
    assert guess.chance > found.skills[0].chance
    assert alone.skills[0].guess is None
    assert found.readiness == alone.readiness
    assert found.skills[0].missing == alone.skills[0].missing


def test_a_gap_read_later_without_new_evidence_calls_old_evidence_stale() -> None:
    seen = [review(1, "anna", 4), review(1, "ben", 4)]
    assert "freshness" in {lack.requirement for lack in _gap(seen, (APIS, 3, 1), at=900).skills[0].missing}
    assert "freshness" not in {lack.requirement for lack in _gap(seen, (APIS, 3, 1), at=200).skills[0].missing}
