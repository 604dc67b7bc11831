from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from services.skill_inference import parameters
from services.skill_inference.domain.claims import (
    SKILL_LEVEL,
    ClaimRule,
    claimable_level,
    parse_claim_rules,
    shortfalls,
)
from services.skill_inference.domain.estimate import Estimate, estimate
from services.skill_inference.domain.fold import fold
from services.skill_inference.domain.observation import Assurance, Observation
from services.skill_inference.domain.telling import MOVE_MIN, should_tell, telling
from shared.kernel.errors import Rejected
from tests.unit.skill_inference.people import APIS, day, outcome, release, reviewed_works, rules

RULE = rules().standard


def _of(observations: Sequence[Observation], at: float = 240) -> Estimate:
    return estimate(fold(observations, release()), APIS, release(), day(at))


def _sound() -> Estimate:
    """An estimate that may claim level 3: three works, two reviewers each of four, all marks 4."""
    return _of(reviewed_works(3, (4, 4), 4), at=90)


def test_three_works_marked_4_by_two_of_four_reviewers_may_claim_level_3() -> None:
    assert claimable_level(_sound(), RULE) == 3


@pytest.mark.parametrize(
    ("requirement", "changes"),
    [
        ("works", {"works": 2}),
        ("raters", {"raters": 1}),
        ("probability", {"reached": (1.0, 1.0, 0.899999, 0.4, 0.1)}),
        ("freshness", {"newest_evidence_at": day(90) - timedelta(days=730, seconds=1)}),
        ("freshness", {"newest_evidence_at": None}),
    ],
)
def test_each_requirement_that_is_not_met_is_named(requirement: str, changes: dict[str, object]) -> None:
    lacking = replace(_sound(), **changes)  # type: ignore[arg-type]
    assert [shortfall.requirement for shortfall in shortfalls(lacking, 3, RULE)] == [requirement]
    assert claimable_level(lacking, RULE) < 3


def test_at_exactly_the_threshold_a_claim_holds() -> None:
    edge = replace(
        _sound(),
        reached=(1.0, 1.0, 0.9, 0.89, 0.1),
        works=3,
        raters=2,
        newest_evidence_at=day(90) - timedelta(days=730),
    )
    assert claimable_level(edge, RULE) == 3


def test_an_attested_deployment_does_instead_of_reviewers_unless_the_rule_says_no() -> None:
    attested = replace(_sound(), raters=0, has_deployment_attestation=True)
    assert claimable_level(attested, RULE) == 3
    assert claimable_level(attested, replace(RULE, attestation_replaces_raters=False)) == 0


def test_successes_at_tasks_alone_claim_nothing_however_many() -> None:
    wins = _of([outcome(n, difficulty=5.0) for n in range(200)])
    assert wins.reached[3] > 0.9
    assert {shortfall.requirement for shortfall in shortfalls(wins, 4, RULE)} == {"works", "raters"}


def _fewest(marks: tuple[int, ...], reviewers: int, level: int) -> int:
    for count in range(1, 13):
        if claimable_level(_of(reviewed_works(count, marks, reviewers), at=30 * count), RULE) >= level:
            return count
    raise AssertionError(f"twelve works do not reach level {level}")


@pytest.mark.parametrize(
    ("marks", "reviewers", "level", "works"),
    [
        ((3, 3), 2, 3, 6),
        ((3, 3), 4, 3, 5),
        ((4, 4), 2, 3, 3),
        ((4, 4), 2, 4, 9),
        ((4, 4), 4, 4, 6),
        ((4, 4), 8, 4, 5),
        ((4, 5), 2, 4, 3),
        ((5, 5), 4, 5, 3),
    ],
)
def test_the_fewest_reviewed_works_that_a_claim_takes(
    marks: tuple[int, ...], reviewers: int, level: int, works: int
) -> None:
    """The table by which sample evidence is planned, for a rubric of two criteria a layer."""
    assert _fewest(marks, reviewers, level) == works


def test_an_attested_deployment_counts_as_evidence_and_opens_a_claim_without_reviewers() -> None:
    deployments = [
        outcome(n, work=f"prj-{n}", task="in use", difficulty=4.5, assurance=Assurance.DEPLOYMENT) for n in range(8)
    ]
    said = _of(deployments)
    assert said.has_deployment_attestation
    assert claimable_level(said, RULE) >= 2


def test_the_first_evidence_that_carries_weight_is_told_and_a_self_claim_is_not() -> None:
    assert should_tell(None, _of([outcome(1)]), RULE)
    assert not should_tell(None, _of([outcome(1, assurance=Assurance.SELF_CLAIM)]), RULE)


def test_a_move_is_told_from_above_a_twentieth_of_a_logit() -> None:
    before = _of([outcome(1)])
    assert not should_tell(telling(before, RULE), replace(before, mean=before.mean + MOVE_MIN * 0.99), RULE)
    assert should_tell(telling(before, RULE), replace(before, mean=before.mean + MOVE_MIN * 1.01), RULE)
    assert should_tell(telling(before, RULE), replace(before, mean=before.mean - MOVE_MIN * 1.01), RULE)


def test_a_claim_that_is_won_or_lost_is_told_without_a_move() -> None:
    holds = _sound()
    stale = replace(holds, newest_evidence_at=day(-700))
    assert should_tell(telling(holds, RULE), stale, RULE)
    assert should_tell(telling(stale, RULE), holds, RULE)


def test_the_same_estimate_is_told_anew_under_another_release() -> None:
    before = _of([outcome(1)])
    assert not should_tell(telling(before, RULE), before, RULE)
    assert should_tell(telling(before, RULE), replace(before, release="1-0123456789abcdef"), RULE)


def test_the_standard_rule_is_the_published_one() -> None:
    assert replace(RULE, id="", credential="") == ClaimRule("", "", 0.9, 3, 2, True, 1.0)
    assert (RULE.id, RULE.credential) == ("deedlog-rule-1", SKILL_LEVEL)


@pytest.mark.parametrize(
    ("pointer", "changes"),
    [
        ("/rules/0/probability_min", {"probability_min": 0.4}),
        ("/rules/0/works_min", {"works_min": 2.5}),
        ("/rules/0/raters_min", {"raters_min": 0}),
        ("/rules/0/half_lives_max", {"half_lives_max": "one"}),
        ("/rules/0/instead_of_raters", {"instead_of_raters": "a good name"}),
        ("/rules/0/id", {"id": "Rule 1"}),
        ("/rules/0/probabilty_min", {"probabilty_min": 0.9}),
        ("/rules", {"credential": "badge-of-attendance"}),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused_where_it_stands(pointer: str, changes: dict[str, object]) -> None:
    document = json.loads(parameters.claim_rules_document())
    document["rules"][0].update(changes)
    with pytest.raises(Rejected) as refused:
        parse_claim_rules(json.dumps(document).encode())
    assert [fault.pointer for fault in refused.value.faults] == [pointer]
    assert all(fault.rule and fault.mend for fault in refused.value.faults)


def test_two_rules_for_one_kind_of_credential_are_refused() -> None:
    document = json.loads(parameters.claim_rules_document())
    document["rules"].append(document["rules"][0] | {"id": "deedlog-rule-2"})
    with pytest.raises(Rejected) as refused:
        parse_claim_rules(json.dumps(document).encode())
    assert refused.value.faults[0].pointer == "/rules/1"
