"""A consent covers exactly what it says, of exactly whom it says, for exactly as long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from services.identity.domain.consents import (
    LIVE_MAX,
    SCOPES,
    TERM_MAX,
    Consent,
    Terms,
    TooManyConsents,
    covering,
    grant_consent,
    withdraw_consent,
)
from services.identity.domain.facts import Occasion
from shared.events.event import decode
from shared.events.identity import ConsentGranted, ConsentWithdrawn
from shared.kernel.errors import Rejected
from shared.kernel.ids import FactId, GrantId, OrganisationId, PersonId

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OCCASION = Occasion(NOW, lambda: FactId("fact"))
people = st.sampled_from([PersonId("prs_a"), PersonId("prs_b")])
organisations = st.sampled_from([OrganisationId("org_a"), OrganisationId("org_b")])
moments = st.timedeltas(-timedelta(days=900), timedelta(days=900)).map(lambda elapsed: NOW + elapsed)
good_terms = st.builds(
    Terms,
    organisations,
    st.sampled_from(["A job", "p" * 200]),
    st.lists(st.sampled_from(sorted(SCOPES)), min_size=1, max_size=3).map(tuple),
    st.timedeltas(timedelta(microseconds=1), TERM_MAX).map(lambda elapsed: NOW + elapsed),
)
consents = st.builds(
    Consent, st.integers(0, 99).map(lambda n: GrantId(f"grt_{n:02}")), people, good_terms, moments, st.none() | moments
)


@given(st.lists(consents, max_size=6), people, organisations, st.sampled_from([*sorted(SCOPES), "salary"]), moments)
def test_reading_is_allowed_by_a_consent_that_says_so_and_by_no_other(
    given_: list[Consent], person: PersonId, organisation: OrganisationId, scope: str, at: datetime
) -> None:
    found = covering(given_, person, organisation, scope, at)
    fit = [
        one
        for one in given_
        if one.person == person
        and one.terms.organisation == organisation
        and scope in one.terms.scopes
        and one.withdrawn_at is None
        and one.granted_at <= at < one.terms.expires_at
    ]
    assert (found is not None) == bool(fit)
    assert found is None or found.terms.expires_at == max(one.terms.expires_at for one in fit)


@given(consents, people, organisations, st.sampled_from(sorted(SCOPES)), moments)
def test_nothing_is_covered_once_it_is_withdrawn(
    consent: Consent, person: PersonId, organisation: OrganisationId, scope: str, at: datetime
) -> None:
    withdrawn, _ = withdraw_consent(consent, OCCASION)
    assert covering([withdrawn], person, organisation, scope, at) is None


@given(consents)
def test_a_withdrawal_is_told_once(consent: Consent) -> None:
    withdrawn, facts = withdraw_consent(consent, OCCASION)
    again, none = withdraw_consent(withdrawn, OCCASION)
    assert (again, none) == (withdrawn, [])
    assert len(facts) == (consent.withdrawn_at is None)
    assert all(isinstance(decode(fact.type, fact.data), ConsentWithdrawn) for fact in facts)


@given(good_terms, st.integers(0, LIVE_MAX + 1))
def test_good_terms_are_granted_below_the_bound_and_told_as_they_are(terms: Terms, live_count: int) -> None:
    try:
        consent, (fact,) = grant_consent(GrantId("grt_1"), PersonId("prs_a"), terms, live_count, OCCASION)
    except TooManyConsents:
        assert live_count >= LIVE_MAX
        return
    assert live_count < LIVE_MAX
    told = decode(fact.type, fact.data)
    assert isinstance(told, ConsentGranted)
    assert (told.grant, told.purpose, told.expires_at) == (consent.id, terms.purpose, terms.expires_at)
    assert set(told.scopes) == set(terms.scopes)
    assert covering([consent], PersonId("prs_a"), terms.organisation, terms.scopes[0], NOW) == consent


@given(
    st.text(max_size=220),
    st.lists(st.sampled_from(["profile", "evidence", "salary"]), max_size=3),
    st.timedeltas(-TERM_MAX, 2 * TERM_MAX),
)
def test_terms_are_refused_exactly_for_the_fields_that_break_a_rule(
    purpose: str, scopes: list[str], elapsed: timedelta
) -> None:
    terms = Terms(OrganisationId("org_a"), purpose, tuple(scopes), NOW + elapsed)
    wrong = []
    if not purpose.strip() or len(purpose) > 200:
        wrong.append("/purpose")
    if not scopes or "salary" in scopes:
        wrong.append("/scopes")
    if not timedelta() < elapsed <= TERM_MAX:
        wrong.append("/expires_at")
    try:
        grant_consent(GrantId("grt_1"), PersonId("prs_a"), terms, 0, OCCASION)
    except Rejected as refusal:
        pointers = [fault.pointer for fault in refusal.faults]
        # A control character is a further reason to refuse a purpose, checked by its own test.
        assert [one for one in pointers if one != "/purpose"] == [one for one in wrong if one != "/purpose"]
        assert set(wrong) <= set(pointers)
    else:
        assert not wrong
