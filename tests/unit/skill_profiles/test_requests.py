"""A request is answered once, within bounds, and shows how it stands now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.skill_profiles.domain.requests import (
    PENDING_MAX,
    PURPOSE_CHARACTERS_MAX,
    TERM_MAX,
    AlreadyAnswered,
    Terms,
    TooManyRequests,
    VerificationRequest,
    approved,
    check_pending,
    check_purpose,
    check_terms,
    declined,
    find_own,
    shown_state,
)
from shared.kernel.errors import NotFound, Rejected

NOW = datetime(2026, 3, 1, tzinfo=UTC)
TERMS = Terms(("profile", "evidence"), NOW + timedelta(days=30))
PENDING = VerificationRequest("vrq_1", "org_1", "prs_1", "A position", "key_1", NOW)


def test_an_approved_request_carries_its_terms() -> None:
    request = approved(PENDING, "grt_1", TERMS, NOW)

    assert (request.state, request.grant, request.scopes) == ("approved", "grt_1", ("evidence", "profile"))
    assert request.expires_at == TERMS.expires_at


@pytest.mark.parametrize("answer", [approved(PENDING, "grt_1", TERMS, NOW), declined(PENDING, NOW)])
def test_an_answered_request_takes_no_further_answer(answer: VerificationRequest) -> None:
    with pytest.raises(AlreadyAnswered):
        approved(answer, "grt_2", TERMS, NOW)
    with pytest.raises(AlreadyAnswered):
        declined(answer, NOW)


def test_it_shows_withdrawn_and_expired_though_only_the_answer_is_kept() -> None:
    request = approved(PENDING, "grt_1", TERMS, NOW)

    assert shown_state(PENDING, is_withdrawn=False, at=NOW) == "pending"
    assert shown_state(request, is_withdrawn=False, at=NOW) == "approved"
    assert shown_state(request, is_withdrawn=False, at=TERMS.expires_at) == "expired"
    assert shown_state(request, is_withdrawn=True, at=TERMS.expires_at) == "withdrawn"
    assert shown_state(declined(PENDING, NOW), is_withdrawn=False, at=NOW) == "declined"


@pytest.mark.parametrize("purpose", ["x", "A position as deployment engineer", "ß" * PURPOSE_CHARACTERS_MAX])
def test_a_purpose_is_a_sentence(purpose: str) -> None:
    check_purpose(purpose)


@pytest.mark.parametrize("purpose", ["", " ", " x", "x ", "a\tb", "x\u202ey", "x" * (PURPOSE_CHARACTERS_MAX + 1)])
def test_a_purpose_that_cannot_be_shown_is_refused(purpose: str) -> None:
    with pytest.raises(Rejected):
        check_purpose(purpose)


def test_the_bound_on_unanswered_requests_is_kept_at_the_bound() -> None:
    check_pending(PENDING_MAX - 1)
    with pytest.raises(TooManyRequests):
        check_pending(PENDING_MAX)


def test_terms_hold_up_to_two_years() -> None:
    check_terms(Terms(("profile",), NOW + TERM_MAX), NOW)
    with pytest.raises(Rejected):
        check_terms(Terms(("profile",), NOW + TERM_MAX + timedelta(seconds=1)), NOW)


def test_every_fault_of_the_terms_is_named_at_once() -> None:
    with pytest.raises(Rejected) as refused:
        check_terms(Terms(("evidence",), NOW), NOW)

    assert [fault.pointer for fault in refused.value.faults] == ["/scopes", "/expires_at"]


def test_a_request_to_somebody_else_is_not_found() -> None:
    assert find_own(PENDING, ["prs_0", "prs_1"]) is PENDING
    for found, people in ((PENDING, ["prs_2"]), (None, ["prs_1"])):
        with pytest.raises(NotFound):
            find_own(found, people)
