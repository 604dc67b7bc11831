"""The gRPC door: what other services ask about callers, accounts, people and consents. For services only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from deedlog.identity.v1 import identity_pb2, service_pb2_grpc
from services.identity.domain.accounts import Account
from services.identity.domain.consents import Consent, Terms
from services.identity.handlers.accounts import Accounts
from services.identity.handlers.authentication import Authentication
from services.identity.handlers.consents import Consents
from services.identity.handlers.erasure import ErasedAccounts
from services.identity.handlers.key_naming import KeyNaming
from services.identity.handlers.people import People
from shared.kernel.errors import Rejected
from shared.kernel.ids import OrganisationId

CONSENTS_MAX: Final = 100
_EPOCH_START: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_SECONDS_MAX: Final = 253_402_300_799
"""The last second of the year 9999, beyond which Python tells no time."""


class IdentityServicer(service_pb2_grpc.IdentityServiceServicer):
    """Answers `IdentityService`."""

    def __init__(
        self,
        authentication: Authentication,
        naming: KeyNaming,
        accounts: Accounts,
        people: People,
        consents: Consents,
        erased: ErasedAccounts,
    ) -> None:
        self._authentication = authentication
        self._naming = naming
        self._accounts = accounts
        self._people = people
        self._consents = consents
        self._erased = erased

    async def Authenticate(  # noqa: N802 - gRPC
        self, request: identity_pb2.AuthenticateRequest, context: Any
    ) -> identity_pb2.AuthenticateResponse:
        """Say who a secret belongs to."""
        caller = await self._authentication.authenticate(request.secret, request.key_id)
        return identity_pb2.AuthenticateResponse(
            kind=caller.kind,
            id=caller.id,
            organisation=caller.organisation or "",
            person=caller.person or "",
            scopes=caller.scopes,
            is_test=caller.is_test,
        )

    async def NameKey(  # noqa: N802 - gRPC
        self, request: identity_pb2.NameKeyRequest, context: Any
    ) -> identity_pb2.NameKeyResponse:
        """Say which key a credential that opens nothing was meant to be."""
        found = await self._naming.named(request.secret, request.key_id)
        if found is None:
            return identity_pb2.NameKeyResponse()
        return identity_pb2.NameKeyResponse(
            key=found.key.id,
            organisation=found.key.organisation,
            is_test=found.key.is_test,
            is_secret_right=found.is_secret_right,
        )

    async def ResolveAccounts(  # noqa: N802 - gRPC
        self, request: identity_pb2.ResolveAccountsRequest, context: Any
    ) -> identity_pb2.ResolveAccountsResponse:
        """Return the canonical person of each account, minting people as needed."""
        found = await self._accounts.resolve(_organisation(request.organisation), request.identifiers)
        return identity_pb2.ResolveAccountsResponse(accounts=map(_resolved, found))

    async def LookUpAccounts(  # noqa: N802 - gRPC
        self, request: identity_pb2.LookUpAccountsRequest, context: Any
    ) -> identity_pb2.LookUpAccountsResponse:
        """Return the canonical person of each account that exists."""
        found = await self._accounts.look_up(_organisation(request.organisation), request.identifiers)
        return identity_pb2.LookUpAccountsResponse(accounts=map(_resolved, found))

    async def ListAccounts(  # noqa: N802 - gRPC
        self, request: identity_pb2.ListAccountsRequest, context: Any
    ) -> identity_pb2.ListAccountsResponse:
        """Return the accounts of one person at an organisation."""
        found = await self._accounts.beside(_organisation(request.organisation), request.identifier)
        return identity_pb2.ListAccountsResponse(accounts=map(_resolved, found))

    async def LookUpPeople(  # noqa: N802 - gRPC
        self, request: identity_pb2.LookUpPeopleRequest, context: Any
    ) -> identity_pb2.LookUpPeopleResponse:
        """Return the people that exist among those named."""
        response = identity_pb2.LookUpPeopleResponse()
        for person in await self._people.look_up(request.people):
            response.people.add(person=person.id, canonical=person.canonical, name=person.name or "")
        return response

    async def GrantConsent(  # noqa: N802 - gRPC
        self, request: identity_pb2.GrantConsentRequest, context: Any
    ) -> identity_pb2.GrantConsentResponse:
        """Record a person's consent."""
        consent = await self._consents.grant(request.person, _terms(request))
        return identity_pb2.GrantConsentResponse(consent=_message(consent))

    async def WithdrawConsent(  # noqa: N802 - gRPC
        self, request: identity_pb2.WithdrawConsentRequest, context: Any
    ) -> identity_pb2.WithdrawConsentResponse:
        """End a consent at once."""
        consent = await self._consents.withdraw(request.person, request.grant)
        return identity_pb2.WithdrawConsentResponse(consent=_message(consent))

    async def CheckConsent(  # noqa: N802 - gRPC
        self, request: identity_pb2.CheckConsentRequest, context: Any
    ) -> identity_pb2.CheckConsentResponse:
        """Say whether a reader may read now."""
        organisation = OrganisationId(request.organisation)
        person, consent = await self._consents.check(request.person, organisation, request.scope)
        if consent is None:
            return identity_pb2.CheckConsentResponse(person=person)
        return identity_pb2.CheckConsentResponse(is_allowed=True, consent=_message(consent), person=person)

    async def ListConsents(  # noqa: N802 - gRPC
        self, request: identity_pb2.ListConsentsRequest, context: Any
    ) -> identity_pb2.ListConsentsResponse:
        """List a person's consents, newest first."""
        consents = await self._consents.page(request.person, None, CONSENTS_MAX)
        return identity_pb2.ListConsentsResponse(consents=[_message(consent) for consent in consents])

    async def ListErasedAccounts(  # noqa: N802 - gRPC
        self, request: identity_pb2.ListErasedAccountsRequest, context: Any
    ) -> identity_pb2.ListErasedAccountsResponse:
        """Return the accounts an erased person had, while they are to be removed elsewhere."""
        response = identity_pb2.ListErasedAccountsResponse()
        for organisation, identifier in await self._erased.of(request.person):
            response.accounts.add(organisation=organisation, identifier=identifier)
        return response

    async def ForgetErasedAccounts(  # noqa: N802 - gRPC
        self, request: identity_pb2.ForgetErasedAccountsRequest, context: Any
    ) -> identity_pb2.ForgetErasedAccountsResponse:
        """Have forgotten what nobody keeps any more."""
        await self._erased.forget(request.person)
        return identity_pb2.ForgetErasedAccountsResponse()


def _organisation(name: str) -> OrganisationId:
    if not name:
        raise Rejected.of("/organisation", "it is missing", "Say on whose behalf.")
    return OrganisationId(name)


def _resolved(account: Account) -> identity_pb2.ResolvedAccount:
    return identity_pb2.ResolvedAccount(identifier=account.identifier, account=account.id, person=account.canonical)


def _terms(request: identity_pb2.GrantConsentRequest) -> Terms:
    if not 0 < request.expires_at_us // 1_000_000 <= _SECONDS_MAX:
        raise Rejected.of("/expires_at_us", "it is no time in the future", "Send microseconds since 1970, UTC.")
    expires_at = _EPOCH_START + request.expires_at_us * _MICROSECOND
    organisation = OrganisationId(request.organisation)
    return Terms(organisation, request.purpose, tuple(request.scopes), expires_at, request.request or None)


def _message(consent: Consent) -> identity_pb2.Consent:
    return identity_pb2.Consent(
        grant=consent.id,
        person=consent.person,
        organisation=consent.terms.organisation,
        purpose=consent.terms.purpose,
        scopes=consent.terms.scopes,
        expires_at_us=_microseconds(consent.terms.expires_at),
        withdrawn_at_us=0 if consent.withdrawn_at is None else _microseconds(consent.withdrawn_at),
        granted_at_us=_microseconds(consent.granted_at),
    )


def _microseconds(instant: datetime) -> int:
    return (instant - _EPOCH_START) // _MICROSECOND
