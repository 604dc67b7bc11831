from __future__ import annotations

from dataclasses import replace

import pytest

from services.skill_inference.domain.explanation import TOP_MAX, Explanation, explain
from services.skill_inference.domain.fold import fold
from services.skill_inference.domain.observation import Assurance, Observation
from tests.unit.skill_inference.people import APIS, DRIFT, day, outcome, release, review, reviewed_works


def _explained(*observations: Observation, at: float = 500) -> Explanation:
    return explain(fold(observations, release()), APIS, release(), day(at))


def _sum(explanation: Explanation) -> float:
    return explanation.prior + sum(contribution.logits for contribution in explanation.top) + explanation.rest


def test_contributions_sum_to_the_mean_years_later_too() -> None:
    evidence: list[Observation] = [*reviewed_works(4, (4, 3), 3)]
    evidence += [outcome(n, result=float(n % 3 > 0)) for n in range(60)]
    for at in (0, 120, 2_000):
        explanation = _explained(*evidence, at=at)
        assert _sum(explanation) == pytest.approx(explanation.mean, abs=1e-9)


def test_the_largest_twenty_stand_first_and_the_rest_is_one_sum() -> None:
    explanation = _explained(*(outcome(n) for n in range(50)))
    sizes = [abs(contribution.logits) for contribution in explanation.top]
    assert len(sizes) == TOP_MAX
    assert sizes == sorted(sizes, reverse=True)
    assert explanation.rest_count == 30


def test_a_contribution_names_its_fact_source_and_time() -> None:
    (contribution,) = _explained(review(1, "anna", 4)).top
    assert (contribution.fact, contribution.source) == ("review-1-anna-0", "project_submissions")
    assert contribution.occurred_at == day(30)


def test_evidence_of_another_skill_contributes_what_it_says_in_general() -> None:
    explanation = _explained(outcome(1, DRIFT))
    assert explanation.top[0].logits == pytest.approx(explanation.mean)
    assert explanation.mean > 0


def test_the_parts_of_one_fact_are_one_contribution() -> None:
    first = outcome(1)
    second = replace(first, part=1, task="https://lms.example/other")
    explanation = _explained(first, second)
    assert len(explanation.top) == 1
    assert _sum(explanation) == pytest.approx(explanation.mean, abs=1e-12)


def test_a_self_claim_contributes_nothing_and_is_not_listed() -> None:
    assert _explained(outcome(1, assurance=Assurance.SELF_CLAIM)).top == ()


def test_failure_stands_in_the_explanation_with_its_sign() -> None:
    explanation = _explained(outcome(1, result=0.0), outcome(2))
    assert sorted(contribution.logits > 0 for contribution in explanation.top) == [False, True]


def test_old_evidence_contributes_less_than_the_same_evidence_when_new() -> None:
    fresh, old = _explained(outcome(1), at=1), _explained(outcome(1), at=2_000)
    assert 0 < old.top[0].logits < fresh.top[0].logits
