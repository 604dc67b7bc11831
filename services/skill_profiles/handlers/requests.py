"""Verification requests: an organisation asks, the person answers, once.

An approval is two steps in two services: identity grants, then the answer is kept here. Dying in between loses
nothing: the grant is told with the request's id, and hearing it settles the request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from services.skill_profiles.domain.requests import (
    ShownState,
    Terms,
    VerificationRequest,
    approved,
    check_pending_state,
    check_purpose,
    check_terms,
    declined,
    find_own,
    no_such_person,
    no_such_request,
    shown_state,
)
from services.skill_profiles.handlers.minting import Mint
from services.skill_profiles.handlers.reading import ProfileStore, Reader
from shared.events.event import Event
from shared.events.fact import NewFact
from shared.events.profiles import VerificationDeclined, VerificationRequested
from shared.kernel.clock import Clock
from shared.kernel.errors import Conflict


@dataclass(frozen=True, slots=True)
class Listed:
    """A request as it is kept, with the organisation's name, and whether the consent was withdrawn."""

    request: VerificationRequest
    organisation_name: str | None = None
    is_withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class Shown:
    """A request as it stands now."""

    request: VerificationRequest
    state: ShownState
    organisation_name: str | None


class RequestStore(Protocol):
    """Requests as they are kept; each is seen by its organisation and by its person."""

    async def add(self, request: VerificationRequest, fact: NewFact) -> None:
        """Have the request and its fact. Raises TooManyRequests, and NotFound for who was erased meanwhile."""
        ...

    async def answer(self, request: VerificationRequest, facts: Sequence[NewFact]) -> bool:
        """Have the answer and its facts, if the request is still pending; say whether it was."""
        ...

    async def of_organisation(self, organisation: str, before: str | None, limit: int) -> list[Listed]:
        """Return the organisation's requests below id `before`, newest first."""
        ...

    async def of_people(self, people: Sequence[str], before: str | None, limit: int) -> list[Listed]:
        """Return the requests put to these people below id `before`, newest first."""
        ...

    async def one(self, request: str, organisation: str | None, people: Sequence[str]) -> Listed | None:
        """Return the request when it is the organisation's or was put to one of these people."""
        ...


class Granting(Protocol):
    """What identity does with an answer. Every method raises Unavailable when it does not answer."""

    async def canonical(self, people: Sequence[str]) -> dict[str, str]:
        """Return the canonical id of those among `people` who exist."""
        ...

    async def grant(self, person: str, request: VerificationRequest, terms: Terms) -> str:
        """Return the id of the consent the person gives; the same when asked again. Raises Rejected for the terms."""
        ...

    async def withdraw(self, person: str, grant: str) -> None:
        """Have the consent ended."""
        ...


class Requests:
    """The use case. Callers were authenticated: an organisation by a key, a person by a session."""

    def __init__(
        self, store: RequestStore, profiles: ProfileStore, identity: Granting, clock: Clock, mint: Mint
    ) -> None:
        self._store = store
        self._profiles = profiles
        self._identity = identity
        self._clock = clock
        self._mint = mint

    async def ask(self, reader: Reader, person: str, purpose: str) -> Shown:
        """Return the request, which the person sees from now on, told. Raises Rejected, NotFound, TooManyRequests."""
        check_purpose(purpose)
        canonical = (await self._identity.canonical([person])).get(person)
        if canonical is None:
            raise no_such_person()
        now = self._clock.now()
        new_id = self._mint.id("request")
        request = VerificationRequest(new_id, reader.organisation, canonical, purpose, reader.key, now)
        told = VerificationRequested(request=request.id, organisation=request.organisation, purpose=purpose)
        await self._store.add(request, self._fact(told, canonical, request.organisation))
        return Shown(request, "pending", None)

    async def approve(self, person: str, request_id: str, terms: Terms) -> Shown:
        """Return the request, approved under a consent that identity has recorded.

        Raises NotFound for another's request, AlreadyAnswered, or Rejected for the terms.
        """
        request = await self._asked(person, request_id)
        check_terms(terms, self._clock.now())
        grant = await self._identity.grant(person, request, terms)
        answer = approved(request, grant, terms, self._clock.now())
        if not await self._store.answer(answer, ()):
            await self._undo_unless_approved(person, request_id, grant)
        return await self._shown_to(person, request_id)

    async def decline(self, person: str, request_id: str) -> Shown:
        """Return the request, declined and told. Raises NotFound for another's request, AlreadyAnswered."""
        request = await self._asked(person, request_id)
        told = VerificationDeclined(request=request.id, organisation=request.organisation)
        fact = self._fact(told, request.person, request.organisation)
        if not await self._store.answer(declined(request, self._clock.now()), [fact]):
            raise Conflict("The request was answered at the same moment; look again.")
        return await self._shown_to(person, request_id)

    async def page_of_organisation(self, organisation: str, before: str | None, limit: int) -> list[Shown]:
        """Return up to `limit` requests of the organisation, newest first."""
        return [self._shown(listed) for listed in await self._store.of_organisation(organisation, before, limit)]

    async def page_of_person(self, person: str, before: str | None, limit: int) -> list[Shown]:
        """Return up to `limit` requests put to the person or their aliases, newest first."""
        people = await self._people(person)
        return [self._shown(listed) for listed in await self._store.of_people(people, before, limit)]

    async def of_organisation(self, organisation: str, request_id: str) -> Shown:
        """Return the organisation's request. Raises NotFound."""
        listed = await self._store.one(request_id, organisation, ())
        if listed is None:
            raise no_such_request()
        return self._shown(listed)

    async def of_person(self, person: str, request_id: str) -> Shown:
        """Return the request that was put to the person. Raises NotFound."""
        return await self._shown_to(person, request_id)

    async def _asked(self, person: str, request_id: str) -> VerificationRequest:
        """Return the request that waits for this person's answer. Raises NotFound or AlreadyAnswered."""
        people = await self._people(person)
        listed = await self._store.one(request_id, None, people)
        request = find_own(listed.request if listed else None, people)
        check_pending_state(request)
        return request

    async def _undo_unless_approved(self, person: str, request_id: str, grant: str) -> None:
        """End a consent that was granted while the request was being declined; one that settled it meanwhile stays."""
        listed = await self._store.one(request_id, None, await self._people(person))
        if listed is None or listed.request.grant != grant:
            await self._identity.withdraw(person, grant)
            raise Conflict("The request was declined at the same moment; nothing was granted.")

    async def _shown_to(self, person: str, request_id: str) -> Shown:
        listed = await self._store.one(request_id, None, await self._people(person))
        if listed is None:
            raise no_such_request()
        return self._shown(listed)

    async def _people(self, person: str) -> list[str]:
        members = await self._profiles.members(person)
        return [members.person, *members.aliases]

    def _shown(self, listed: Listed) -> Shown:
        state = shown_state(listed.request, listed.is_withdrawn, self._clock.now())
        return Shown(listed.request, state, listed.organisation_name)

    def _fact(self, told: Event, person: str, organisation: str) -> NewFact:
        return told.fact(self._mint.fact_id(), person, self._clock.now(), organisation)
