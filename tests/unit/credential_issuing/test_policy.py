"""A credential is issued when the rule holds, and otherwise every reason is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from services.credential_issuing.domain.policy import (
    RULE_1,
    RULES,
    Estimate,
    Held,
    Issue,
    NotYet,
    decide,
    level_reached,
)
from shared.kernel.clock import parse_rfc3339
from shared.kernel.errors import Rejected
from shared.kernel.ids import CredentialId

NOW = parse_rfc3339("2026-11-23T12:00:00Z")
ENOUGH = Estimate(
    skill="ops.recovery_test",
    as_of=NOW,
    p_levels=(0.999, 0.97, 0.9, 0.4, 0.01),
    works=3,
    raters=2,
    has_deployment_attestation=False,
    newest_evidence_at=NOW - timedelta(days=30),
    half_life_days=365.0,
)


def held(level: int, *, is_revoked: bool = False, days_left: int = 100) -> Held:
    return Held(CredentialId(f"vcr_{level}"), level, NOW + timedelta(days=days_left), is_revoked)


def reasons(estimate: Estimate, *have: Held) -> list[str]:
    decision = decide(RULE_1, estimate, have, NOW)
    assert isinstance(decision, NotYet)
    assert all(reason.text.endswith(".") for reason in decision.reasons)
    return [reason.code for reason in decision.reasons]


def issued(estimate: Estimate, *have: Held) -> Issue:
    decision = decide(RULE_1, estimate, have, NOW)
    assert isinstance(decision, Issue), decision
    return decision


def test_the_highest_level_with_probability_enough_is_issued() -> None:
    decision = issued(ENOUGH)
    assert (decision.level, decision.probability, decision.rule) == (3, 0.9, "deedlog-rule-1")
    assert decision.valid_until == NOW + timedelta(days=730)


def test_a_hair_below_the_bar_is_a_level_less() -> None:
    assert issued(replace(ENOUGH, p_levels=(0.999, 0.97, 0.8999, 0.4, 0.0))).level == 2


def test_no_level_at_all_is_told_with_the_figure_cut_down() -> None:
    decision = decide(RULE_1, replace(ENOUGH, p_levels=(0.8999, 0.1)), (), NOW)
    assert isinstance(decision, NotYet)
    assert [reason.text for reason in decision.reasons] == ["P(level >= 1) is 0.899; 0.9 is needed."]


def test_too_few_works_are_told() -> None:
    assert reasons(replace(ENOUGH, works=2)) == ["too-few-works"]


def test_one_rater_is_too_few_unless_a_deployment_was_attested() -> None:
    alone = replace(ENOUGH, raters=1)
    assert reasons(alone) == ["too-few-raters"]
    assert issued(replace(alone, raters=0, has_deployment_attestation=True)).level == 3


def test_an_attestation_counts_only_under_a_rule_that_says_so() -> None:
    strict = replace(RULE_1, version="strict", attestation_replaces_raters=False)
    decision = decide(strict, replace(ENOUGH, raters=1, has_deployment_attestation=True), (), NOW)
    assert isinstance(decision, NotYet)


def test_evidence_counts_for_one_half_life_to_the_instant() -> None:
    oldest = replace(ENOUGH, newest_evidence_at=NOW - timedelta(days=365))
    assert issued(oldest).level == 3
    assert reasons(replace(oldest, newest_evidence_at=oldest.newest_evidence_at - timedelta(seconds=1))) == [
        "evidence-too-old"
    ]


def test_the_age_of_evidence_is_that_at_the_estimate_however_late_it_is_heard() -> None:
    long_ago = NOW - timedelta(days=3_000)
    old = replace(ENOUGH, as_of=long_ago, newest_evidence_at=long_ago - timedelta(days=1))
    assert issued(old).valid_until == NOW + timedelta(days=730)


def test_every_reason_is_told_at_once() -> None:
    nothing = replace(ENOUGH, p_levels=(0.5,), works=0, raters=0, newest_evidence_at=NOW - timedelta(days=999))
    assert reasons(nothing) == ["probability-too-low", "too-few-works", "too-few-raters", "evidence-too-old"]


def test_what_is_held_at_the_level_or_above_is_not_issued_again() -> None:
    assert reasons(ENOUGH, held(3)) == ["already-held"]
    assert reasons(ENOUGH, held(4)) == ["already-held"]


def test_a_higher_level_is_issued_and_the_lower_one_stays() -> None:
    decision = issued(ENOUGH, held(2), held(1, days_left=-1))
    assert (decision.level, decision.below) == (3, (CredentialId("vcr_2"),))


def test_a_fallen_estimate_revokes_nothing_and_issues_nothing() -> None:
    fallen = replace(ENOUGH, p_levels=(0.99, 0.5, 0.1, 0.0, 0.0))
    assert reasons(fallen, held(3)) == ["already-held"]
    assert reasons(replace(ENOUGH, p_levels=(0.2,)), held(3)) == ["probability-too-low"]


def test_a_credential_that_ran_out_is_issued_again() -> None:
    assert issued(ENOUGH, held(3, days_left=0)).level == 3


def test_a_revoked_level_is_not_issued_again_by_rule_but_a_higher_one_is() -> None:
    assert reasons(ENOUGH, held(3, is_revoked=True)) == ["was-revoked"]
    assert reasons(ENOUGH, held(4, is_revoked=True)) == ["was-revoked"]
    assert issued(ENOUGH, held(2, is_revoked=True)).below == ()


@pytest.mark.parametrize("p_levels", [(1.1,), (-0.1,), (0.5, 0.6), (float("nan"),)])
def test_probabilities_that_are_none_are_refused(p_levels: tuple[float, ...]) -> None:
    with pytest.raises(Rejected):
        replace(ENOUGH, p_levels=p_levels)


def test_an_estimate_without_levels_reaches_none() -> None:
    assert level_reached(RULE_1, replace(ENOUGH, p_levels=())) == 0


def test_a_published_rule_is_found_by_its_version_and_never_changes() -> None:
    assert RULES["deedlog-rule-1"] == RULE_1
    assert (
        replace(
            RULE_1,
            probability_min=0.9,
            works_min=3,
            raters_min=2,
            attestation_replaces_raters=True,
            evidence_age_half_lives_max=1.0,
            validity_days=730,
        )
        == RULE_1
    )
