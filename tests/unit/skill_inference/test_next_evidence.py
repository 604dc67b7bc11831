"""What would help most for a role, and what would be said without some evidence."""

from __future__ import annotations

import random

import pytest

from services.skill_inference.domain import next_evidence
from services.skill_inference.domain.estimate import estimate
from services.skill_inference.domain.explanation import explain
from services.skill_inference.domain.fold import fold
from services.skill_inference.domain.next_evidence import KINDS, Proposal, proposals
from services.skill_inference.domain.observation import Assurance, Observation
from services.skill_inference.domain.what_if import without
from tests.unit.skill_inference.people import (
    APIS,
    day,
    framework,
    outcome,
    release,
    review,
    reviewed_works,
    roles,
    rules,
)

ROLE = "ml-operations-engineer"


def _proposals(seen: list[Observation], role: str = ROLE) -> tuple[Proposal, ...]:
    return proposals(seen, roles().roles[role], framework(), release(), rules().standard, day(200))


def test_every_open_demand_is_tried_in_every_kind_of_evidence() -> None:
    found = _proposals([])
    assert len(found) == len(KINDS) * len(roles().roles[ROLE].demands)
    assert {one.kind for one in found} == set(KINDS)


def test_what_is_worth_most_stands_first_and_the_order_of_evidence_does_not_matter() -> None:
    seen: list[Observation] = list(reviewed_works(5, (3, 4), 4))
    first = _proposals(seen)
    assert [one.worth for one in first] == sorted((one.worth for one in first), reverse=True)
    random.Random(7).shuffle(seen)
    assert _proposals(seen) == first


def test_evidence_at_the_target_makes_the_target_likelier_than_it_was() -> None:
    for one in _proposals(list(reviewed_works(4, (3, 3), 4)))[:5]:
        assert one.gain > 0.0
        assert one.chance_after > one.chance


def test_a_reviewed_work_brings_the_works_and_reviewers_that_a_claim_lacks() -> None:
    seen: list[Observation] = list(reviewed_works(2, (4,), 1, (APIS,)))
    found = next(one for one in _proposals(seen) if one.demand.skill == APIS and one.kind == "reviewed-work")
    assert {lack.requirement for lack in found.missing}.isdisjoint({"works", "raters"})


def test_what_may_be_claimed_already_is_not_proposed() -> None:
    seen: list[Observation] = list(reviewed_works(6, (5, 5), 4, (APIS,)))
    assert APIS not in {one.demand.skill for one in _proposals(seen)}


def test_where_all_would_take_too_long_the_heaviest_and_widest_gaps_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = _proposals([outcome(1)])
    monkeypatch.setattr(next_evidence, "FOLDED_MAX", 2 * len(KINDS))
    few = _proposals([outcome(1)])
    assert len(few) == 2 * len(KINDS)
    assert set(few) < set(whole)
    assert {one.demand.weight for one in few} == {3}


def test_what_would_be_said_without_a_fact_is_the_fold_of_the_others() -> None:
    seen: list[Observation] = list(reviewed_works(4, (3, 5), 4))
    gone = seen[3].fact
    found = without(seen, {gone, "never-heard-of"}, APIS, release(), day(200))
    assert found.removed == (gone,)
    left = fold([one for one in seen if one.fact != gone], release())
    assert found.said == estimate(left, APIS, release(), day(200))


def test_a_contribution_is_not_what_would_be_missing() -> None:
    seen = [review(1, "anna", 5), review(1, "ben", 5)]
    state = fold(seen, release())
    contribution = explain(state, APIS, release(), day(200)).top[0]
    left = without(seen, {contribution.fact}, APIS, release(), day(200)).said
    assert left is not None
    lost = estimate(state, APIS, release(), day(200)).mean - left.mean
    assert 0.0 < lost < contribution.logits


def test_nothing_is_said_where_nothing_of_weight_would_be_left() -> None:
    seen = [outcome(1), outcome(2, assurance=Assurance.SELF_CLAIM)]
    assert without(seen, {seen[0].fact}, APIS, release(), day(200)).said is None
