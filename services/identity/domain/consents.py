"""Consents: who may read what of whose record, for which purpose, until when.

A consent covers the person who gave it, as they stood when they gave it. If that person is canonical, it covers them
with all whom they are one with: they are the person now. If they have become somebody's alias it covers nothing while
that lasts, because nothing can be read of an alias but the canonical person's record, and that is wider than what was
consented to; after a split it covers them again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from services.identity.domain.facts import Occasion
from services.identity.domain.names import check_text
from shared.events.fact import NewFact
from shared.events.identity import ConsentGranted, ConsentWithdrawn
from shared.kernel.errors import Conflict, Fault, Rejected
from shared.kernel.ids import GrantId, OrganisationId, PersonId

SCOPES: Final = frozenset({"profile", "evidence"})
TERM_MAX: Final = timedelta(days=731)
"""Two years, with a leap day."""
LIVE_MAX: Final = 100
"""Consents of one person that hold at a time."""


class TooManyConsents(Conflict):
    """The person has as many consents that hold as one may."""

    code = "too-many-consents"


class RequestAnswered(Conflict):
    """The verification request was answered by another consent."""

    code = "request-answered"


@dataclass(frozen=True, slots=True)
class Terms:
    """What a person consents to. request: the verification request that this answers, if one."""

    organisation: OrganisationId
    purpose: str
    scopes: tuple[str, ...]
    expires_at: datetime
    request: str | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """A consent as recorded. person: as known when they gave it."""

    id: GrantId
    person: PersonId
    terms: Terms
    granted_at: datetime
    withdrawn_at: datetime | None = None

    def holds(self, at: datetime) -> bool:
        """Say whether it is neither withdrawn nor past its end."""
        return self.withdrawn_at is None and self.granted_at <= at < self.terms.expires_at

    def covers(self, canonical: PersonId, organisation: OrganisationId, scope: str, at: datetime) -> bool:
        """Say whether the organisation may read this of the canonical person now."""
        terms = self.terms
        is_meant = self.person == canonical and terms.organisation == organisation and scope in terms.scopes
        return is_meant and self.holds(at)


def grant_consent(
    grant: GrantId, person: PersonId, terms: Terms, live_count: int, occasion: Occasion
) -> tuple[Consent, list[NewFact]]:
    """Return the consent and the fact that tells it. person: canonical. Raises Rejected listing every wrong field."""
    _check_terms(terms, occasion.at)
    if live_count >= LIVE_MAX:
        rule = f"{live_count} consents hold, and at most {LIVE_MAX} may"
        raise TooManyConsents.of("", rule, "Withdraw one that is no longer needed.")
    terms = replace(terms, scopes=tuple(sorted(set(terms.scopes))))
    told = ConsentGranted(
        grant=grant,
        organisation=terms.organisation,
        purpose=terms.purpose,
        scopes=terms.scopes,
        expires_at=terms.expires_at,
        request=terms.request,
    )
    return Consent(grant, person, terms, occasion.at), [occasion.fact(told, person)]


def withdraw_consent(consent: Consent, occasion: Occasion) -> tuple[Consent, list[NewFact]]:
    """Return the consent as withdrawn and the fact that tells it; one that was withdrawn before stays as it is."""
    if consent.withdrawn_at is not None:
        return consent, []
    told = ConsentWithdrawn(grant=consent.id, organisation=consent.terms.organisation)
    return replace(consent, withdrawn_at=occasion.at), [occasion.fact(told, consent.person)]


def covering(
    consents: Iterable[Consent], canonical: PersonId, organisation: OrganisationId, scope: str, at: datetime
) -> Consent | None:
    """Return the consent that lets the organisation read this now, the one that lasts longest; None when none does."""
    fit = [consent for consent in consents if consent.covers(canonical, organisation, scope, at)]
    return max(fit, key=lambda consent: (consent.terms.expires_at, consent.id), default=None)


def check_same_terms(consent: Consent, person: PersonId, terms: Terms) -> None:
    """Raise RequestAnswered unless this consent is what the person consents to, asked a second time."""
    same = replace(terms, scopes=tuple(sorted(set(terms.scopes)))) == consent.terms and person == consent.person
    if not same:
        raise request_answered()


def request_answered() -> RequestAnswered:
    """Return the error for a request to which there is another consent."""
    return RequestAnswered.of("/request", "it was answered by another consent", "Ask for a new request.")


def _check_terms(terms: Terms, at: datetime) -> None:
    faults: list[Fault] = []
    for check in (_check_purpose, _check_scopes, _check_expiry):
        try:
            check(terms, at)
        except Rejected as error:
            faults += error.faults
    if faults:
        raise Rejected(f"{faults[0].pointer}: {faults[0].rule}. {faults[0].mend}", faults)


def _check_purpose(terms: Terms, at: datetime) -> None:
    check_text(terms.purpose, "/purpose")


def _check_scopes(terms: Terms, at: datetime) -> None:
    if not terms.scopes or not SCOPES.issuperset(terms.scopes):
        raise Rejected.of("/scopes", "expected one or both of profile and evidence", "Name what may be read.")


def _check_expiry(terms: Terms, at: datetime) -> None:
    if not at < terms.expires_at <= at + TERM_MAX:
        rule = f"it is not in the next {TERM_MAX.days} days"
        raise Rejected.of("/expires_at", rule, "Choose a time in the next two years.")
