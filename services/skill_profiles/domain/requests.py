"""A verification request: an organisation asks, the person answers once.

    pending ──approve──▶ approved ──▶ withdrawn (by the person) or expired
       └─────decline───▶ declined

What is kept is the answer; that a consent was withdrawn or has expired is read off the consent itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from services.skill_profiles.domain.profile import PROFILE_SCOPE, SCOPES
from shared.kernel.errors import Conflict, Fault, Forbidden, NotFound, Rejected

PURPOSE_CHARACTERS_MAX: Final = 200
PENDING_MAX: Final = 5
"""Unanswered requests of one organisation to one person; a sixth would only be pressure."""
TERM_MAX: Final = timedelta(days=731)
"""A consent lasts two years at most, as identity holds it too."""

State: TypeAlias = Literal["pending", "approved", "declined"]
ShownState: TypeAlias = Literal["pending", "approved", "declined", "withdrawn", "expired"]


class AlreadyAnswered(Conflict):
    """The person has answered this request before."""

    code = "already-answered"


class TooManyRequests(Conflict):
    """The organisation has as many unanswered requests to this person as one may."""

    code = "too-many-requests"


class NoConsent(Forbidden):
    """The person has not consented to this reading, or no longer does."""

    code = "no-consent"


@dataclass(frozen=True, slots=True)
class VerificationRequest:
    """A request and its answer. person: canonical when asked. requested_by: the key's id. Terms once approved."""

    id: str
    organisation: str
    person: str
    purpose: str
    requested_by: str
    requested_at: datetime
    state: State = "pending"
    decided_at: datetime | None = None
    grant: str | None = None
    scopes: tuple[str, ...] = ()
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Terms:
    """What a person consents to when they approve."""

    scopes: tuple[str, ...]
    expires_at: datetime


def check_purpose(purpose: str) -> None:
    """Raise Rejected unless this is 1 to 200 printable characters that do not begin or end with a space."""
    is_text = 0 < len(purpose) <= PURPOSE_CHARACTERS_MAX and purpose.isprintable() and purpose == purpose.strip()
    if not is_text:
        rule = f"it is not 1 to {PURPOSE_CHARACTERS_MAX} printable characters without spaces at the ends"
        raise Rejected.of("/purpose", rule, "Say in a sentence what the profile is wanted for.")


def check_pending(pending_count: int) -> None:
    """Raise TooManyRequests when the organisation already waits for PENDING_MAX answers of this person."""
    if pending_count >= PENDING_MAX:
        rule = f"{pending_count} requests to this person are unanswered, and at most {PENDING_MAX} may be"
        raise TooManyRequests.of("", rule, "Wait for an answer.")


def check_terms(terms: Terms, at: datetime) -> None:
    """Raise Rejected, listing every wrong field, unless these terms can be consented to now."""
    faults = []
    if not SCOPES.issuperset(terms.scopes) or PROFILE_SCOPE not in terms.scopes:
        faults.append(Fault("/scopes", "expected profile, and evidence if wished", "Name what may be read."))
    if not at < terms.expires_at <= at + TERM_MAX:
        rule = f"it is not in the next {TERM_MAX.days} days"
        faults.append(Fault("/expires_at", rule, "Choose a time in the next two years."))
    if faults:
        raise Rejected(f"{faults[0].pointer}: {faults[0].rule}. {faults[0].mend}", faults)


def check_pending_state(request: VerificationRequest) -> None:
    """Raise AlreadyAnswered unless the request still waits for its answer."""
    if request.state != "pending":
        rule = f"it was {request.state} before"
        raise AlreadyAnswered.of("", rule, "Withdraw the consent, or wait to be asked again.")


def approved(request: VerificationRequest, grant: str, terms: Terms, at: datetime) -> VerificationRequest:
    """Return the request as approved under `grant`. Raises AlreadyAnswered."""
    check_pending_state(request)
    scopes = tuple(sorted(set(terms.scopes)))
    return replace(request, state="approved", decided_at=at, grant=grant, scopes=scopes, expires_at=terms.expires_at)


def declined(request: VerificationRequest, at: datetime) -> VerificationRequest:
    """Return the request as declined. Raises AlreadyAnswered."""
    check_pending_state(request)
    return replace(request, state="declined", decided_at=at)


def shown_state(request: VerificationRequest, is_withdrawn: bool, at: datetime) -> ShownState:
    """Return how the request stands now. is_withdrawn: whether its consent was."""
    if request.state != "approved":
        return request.state
    if is_withdrawn:
        return "withdrawn"
    return "expired" if request.expires_at is not None and request.expires_at <= at else "approved"


def find_own(found: VerificationRequest | None, people: Sequence[str]) -> VerificationRequest:
    """Return the request when it was put to one of `people`. Raises NotFound, for strangers too."""
    if found is None or found.person not in people:
        raise no_such_request()
    return found


def no_such_person() -> NotFound:
    """Return the error for a person who does not exist or was erased."""
    return NotFound("There is no such person.")


def no_such_request() -> NotFound:
    """Return the error for a request that there is not, or that is somebody else's."""
    return NotFound("There is no such request, or it is not yours.")


def no_consent() -> NoConsent:
    """Return the refusal of a reading without consent. It says nothing of whether the person exists."""
    rule = "the person has not consented to this, or their consent has ended"
    return NoConsent.of("/person", rule, "Ask them by POST /v1/verification-requests; they approve or decline.")
