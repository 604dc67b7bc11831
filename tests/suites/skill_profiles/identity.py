"""A small identity over real gRPC: knows secrets, people, aliases and consents, and tells what a real one tells."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from deedlog.identity.v1 import identity_pb2, service_pb2_grpc
from shared.events.fact import Fact
from shared.events.identity import ConsentGranted, ConsentWithdrawn, PersonMerged, PersonSplit
from shared.kernel.errors import Conflict, NotFound, Unauthenticated, Unavailable
from shared.kernel.ids import system_id
from tests.suites.skill_profiles.book import FactBook

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Hear = Callable[[Sequence[Fact]], Awaitable[None]]


@dataclass
class Given:
    """A consent."""

    grant: str
    person: str
    organisation: str
    purpose: str
    scopes: tuple[str, ...]
    expires_at: datetime
    request: str | None = None
    is_withdrawn: bool = False

    def message(self) -> identity_pb2.Consent:
        """As it stands in messages."""
        return identity_pb2.Consent(
            grant=self.grant,
            person=self.person,
            organisation=self.organisation,
            purpose=self.purpose,
            scopes=self.scopes,
            expires_at_us=(self.expires_at - _EPOCH) // timedelta(microseconds=1),
        )


@dataclass
class SmallIdentity(service_pb2_grpc.IdentityServiceServicer):
    """Tells through `book`; `hear` hands each fact to the service under test."""

    book: FactBook
    hear: Hear | None = None
    secrets: dict[str, identity_pb2.AuthenticateResponse] = field(default_factory=dict)
    people: set[str] = field(default_factory=set)
    aliases: dict[str, str] = field(default_factory=dict)
    consents: dict[str, Given] = field(default_factory=dict)
    is_away: bool = False
    checks: int = 0
    between: Callable[[], Awaitable[None]] | None = None

    # What tests do

    def person(self) -> str:
        """A new person."""
        person = system_id("person")
        self.people.add(person)
        return person

    def session(self, person: str) -> str:
        """A secret that speaks for the person."""
        return self._secret(kind="person", person=person)

    def key(self, organisation: str, *scopes: str, is_test: bool = False) -> str:
        """A secret that speaks for the organisation."""
        return self._secret(kind="key", organisation=organisation, scopes=scopes, is_test=is_test)

    def admin(self) -> str:
        """A secret that speaks for the operator."""
        return self._secret(kind="admin", scopes=("admin",))

    async def give(
        self, person: str, organisation: str, scopes: Sequence[str] = ("evidence", "profile"), **more: Any
    ) -> Given:
        """A consent, told."""
        expires_at = more.pop("expires_at", datetime.now(UTC) + timedelta(days=30))
        purpose = more.pop("purpose", "A position as deployment engineer")
        given = Given(system_id("grant"), person, organisation, purpose, tuple(scopes), expires_at, **more)
        self.consents[given.grant] = given
        told = ConsentGranted(
            grant=given.grant,
            organisation=organisation,
            purpose=purpose,
            scopes=given.scopes,
            expires_at=expires_at,
            request=given.request,
        )
        await self._heard(self.book.tell(person, told))
        return given

    async def take_back(self, given: Given) -> None:
        """The consent withdrawn, and told."""
        given.is_withdrawn = True
        told = ConsentWithdrawn(grant=given.grant, organisation=given.organisation)
        await self._heard(self.book.tell(given.person, told))

    async def merge(self, canonical: str, alias: str) -> None:
        """`alias` part of `canonical`, told in both streams."""
        self.aliases[alias] = canonical
        event = PersonMerged(canonical=canonical, alias=alias)
        await self._heard([*self.book.tell(canonical, event), *self.book.tell(alias, event)])

    async def split(self, canonical: str, alias: str) -> None:
        """`alias` a person of their own again, told in both streams."""
        del self.aliases[alias]
        event = PersonSplit(canonical=canonical, alias=alias)
        await self._heard([*self.book.tell(canonical, event), *self.book.tell(alias, event)])

    def canonical(self, person: str) -> str:
        return self.aliases.get(person, person)

    def _secret(self, **who: Any) -> str:
        secret = f"secret-{len(self.secrets)}-of-nobody-else"
        self.secrets[secret] = identity_pb2.AuthenticateResponse(id=f"key_{len(self.secrets)}", **who)
        return secret

    async def _heard(self, facts: Sequence[Fact]) -> None:
        if self.hear is not None:
            await self.hear(facts)

    def _be_there(self) -> None:
        if self.is_away:
            raise Unavailable("identity is away")

    # What services ask

    async def Authenticate(  # noqa: N802
        self, request: identity_pb2.AuthenticateRequest, context: Any
    ) -> identity_pb2.AuthenticateResponse:
        """As identity."""
        if request.secret not in self.secrets:
            raise Unauthenticated.of("authorization", "nobody issued this credential", "Use another.")
        return self.secrets[request.secret]

    async def ResolveAccounts(  # noqa: N802
        self, request: identity_pb2.ResolveAccountsRequest, context: Any
    ) -> identity_pb2.ResolveAccountsResponse:
        """Nobody here has accounts."""
        raise NotFound("There are no accounts here.")

    async def ListConsents(  # noqa: N802
        self, request: identity_pb2.ListConsentsRequest, context: Any
    ) -> identity_pb2.ListConsentsResponse:
        """As identity."""
        found = [one.message() for one in self.consents.values() if one.person == request.person]
        return identity_pb2.ListConsentsResponse(consents=found)

    async def LookUpPeople(  # noqa: N802
        self, request: identity_pb2.LookUpPeopleRequest, context: Any
    ) -> identity_pb2.LookUpPeopleResponse:
        """As identity."""
        self._be_there()
        response = identity_pb2.LookUpPeopleResponse()
        for person in request.people:
            if person in self.people:
                response.people.add(person=person, canonical=self.canonical(person))
        return response

    async def GrantConsent(  # noqa: N802
        self, request: identity_pb2.GrantConsentRequest, context: Any
    ) -> identity_pb2.GrantConsentResponse:
        """As identity: a request is answered once; the same terms are answered again."""
        self._be_there()
        before = next((one for one in self.consents.values() if one.request == request.request), None)
        if before is not None:
            if before.person != request.person:
                raise Conflict("answered by another consent")
            return identity_pb2.GrantConsentResponse(consent=before.message())
        given = await self.give(
            self.canonical(request.person),
            request.organisation,
            tuple(request.scopes),
            purpose=request.purpose,
            expires_at=_EPOCH + timedelta(microseconds=request.expires_at_us),
            request=request.request or None,
        )
        if self.between is not None:
            await self.between()
        return identity_pb2.GrantConsentResponse(consent=given.message())

    async def WithdrawConsent(  # noqa: N802
        self, request: identity_pb2.WithdrawConsentRequest, context: Any
    ) -> identity_pb2.WithdrawConsentResponse:
        """As identity."""
        self._be_there()
        given = self.consents.get(request.grant)
        if given is None:
            raise NotFound("There is no such consent.")
        await self.take_back(given)
        return identity_pb2.WithdrawConsentResponse(consent=given.message())

    async def CheckConsent(  # noqa: N802
        self, request: identity_pb2.CheckConsentRequest, context: Any
    ) -> identity_pb2.CheckConsentResponse:
        """As identity: the consent of the canonical person that lasts longest."""
        self._be_there()
        self.checks += 1
        if request.person not in self.people:
            raise NotFound("There is no such person.")
        canonical = self.canonical(request.person)
        fit = [
            one
            for one in self.consents.values()
            if one.person == canonical
            and one.organisation == request.organisation
            and request.scope in one.scopes
            and not one.is_withdrawn
            and one.expires_at > datetime.now(UTC)
        ]
        best = max(fit, key=lambda one: one.expires_at, default=None)
        return identity_pb2.CheckConsentResponse(
            is_allowed=best is not None, consent=best.message() if best else None, person=canonical
        )
