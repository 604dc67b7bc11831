"""Rules that hold for every estimate, whatever its figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.credential_issuing.domain.figures import ceiled, floored
from services.credential_issuing.domain.policy import RULE_1, Estimate, Held, Issue, NotYet, decide
from shared.kernel.clock import parse_rfc3339
from shared.kernel.ids import CredentialId

NOW = parse_rfc3339("2026-11-23T12:00:00Z")
P = st.floats(0.0, 1.0)

estimates = st.builds(
    Estimate,
    skill=st.just("s"),
    as_of=st.just(NOW),
    p_levels=st.lists(P, max_size=5).map(lambda levels: tuple(sorted(levels, reverse=True))),
    works=st.integers(0, 6),
    raters=st.integers(0, 4),
    has_deployment_attestation=st.booleans(),
    newest_evidence_at=st.integers(-800, 10).map(lambda days: NOW + timedelta(days=days)),
    half_life_days=st.floats(1.0, 1_000.0),
)
held = st.lists(
    st.builds(
        Held,
        credential=st.integers(0, 9).map(lambda number: CredentialId(f"vcr_{number}")),
        level=st.integers(1, 5),
        valid_until=st.integers(-10, 10).map(lambda days: NOW + timedelta(days=days)),
        is_revoked=st.booleans(),
    ),
    max_size=4,
)


@given(estimates, held)
def test_whatever_is_issued_satisfies_every_part_of_the_rule(estimate: Estimate, have: list[Held]) -> None:
    decision = decide(RULE_1, estimate, have, NOW)
    if isinstance(decision, NotYet):
        assert decision.reasons
        return
    assert estimate.p_levels[decision.level - 1] == decision.probability >= 0.9
    assert all(p < 0.9 for p in estimate.p_levels[decision.level :])
    assert estimate.works >= 3
    assert estimate.raters >= 2 or estimate.has_deployment_attestation
    assert (NOW - estimate.newest_evidence_at) / timedelta(days=1) <= estimate.half_life_days
    assert not any(other.level >= decision.level and (other.stands(NOW) or other.is_revoked) for other in have)


@given(estimates, held)
def test_the_order_of_what_is_held_changes_nothing(estimate: Estimate, have: list[Held]) -> None:
    assert decide(RULE_1, estimate, have, NOW) == decide(RULE_1, estimate, have[::-1], NOW)


@given(estimates, st.integers(0, 3), st.integers(0, 3))
def test_more_works_and_raters_never_take_a_credential_away(estimate: Estimate, works: int, raters: int) -> None:
    before = decide(RULE_1, estimate, (), NOW)
    after = decide(RULE_1, replace(estimate, works=estimate.works + works, raters=estimate.raters + raters), (), NOW)
    assert not (isinstance(before, Issue) and isinstance(after, NotYet))


@given(estimates)
def test_who_was_issued_a_credential_is_not_issued_it_again(estimate: Estimate) -> None:
    first = decide(RULE_1, estimate, (), NOW)
    if isinstance(first, Issue):
        mine = Held(CredentialId("vcr_1"), first.level, first.valid_until, is_revoked=False)
        assert isinstance(decide(RULE_1, estimate, [mine], NOW), NotYet)


@given(st.floats(-1e6, 1e6), st.integers(0, 6))
def test_rounded_figures_never_cross_the_value_and_stay_near(value: float, digits: int) -> None:
    low, high = float(floored(value, digits)), float(ceiled(value, digits))
    assert low <= value <= high
    assert high - low <= 10.0**-digits * 1.001
