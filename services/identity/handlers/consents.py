"""Consents: given, withdrawn, asked about. A withdrawal holds for whoever asks after it; nothing here is cached."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from services.identity.domain.aliases import Aliases
from services.identity.domain.consents import (
    Consent,
    Terms,
    check_same_terms,
    covering,
    grant_consent,
    withdraw_consent,
)
from services.identity.handlers.minting import Mint, occasion
from shared.events.fact import NewFact
from shared.kernel.clock import Clock
from shared.kernel.errors import NotFound
from shared.kernel.ids import GrantId, OrganisationId, PersonId


class ConsentWork(Protocol):
    """An open transaction in which nobody else changes who these people are or what they consented to."""

    aliases: Aliases

    async def consents(self) -> list[Consent]:
        """Return the consents of these people that are not withdrawn."""
        ...

    async def consent(self, grant: str) -> Consent | None:
        """Return the consent when one of these people gave it."""
        ...

    async def answering(self, request: str) -> Consent | None:
        """Return the consent, whoever gave it, that answers this verification request."""
        ...

    async def save_consent(self, consent: Consent) -> None:
        """Have the consent as it is given. Raises Rejected for its organisation, RequestAnswered for its request."""
        ...

    async def tell(self, facts: Sequence[NewFact]) -> None:
        """Append facts about these people."""
        ...


class ConsentStore(Protocol):
    """Consents as they are kept."""

    def held(self, *people: str) -> AbstractAsyncContextManager[ConsentWork]:
        """Open a transaction that holds these people and everybody they are one with. Commits when it ends well."""
        ...

    async def about(self, person: str, organisation: OrganisationId) -> tuple[PersonId, list[Consent]]:
        """Return the canonical person, and the consents not withdrawn that they gave to the organisation."""
        ...

    async def page(self, person: str, before: str | None, limit: int) -> list[Consent]:
        """Return up to `limit` consents of everybody who is one with the person, newest first, below id `before`."""
        ...


class Consents:
    """The use case. Callers have authenticated the person."""

    def __init__(self, store: ConsentStore, clock: Clock, mint: Mint) -> None:
        self._store = store
        self._clock = clock
        self._mint = mint

    async def grant(self, person: str, terms: Terms) -> Consent:
        """Return the consent, recorded and told. A request that was answered by the same terms is answered again.

        Raises Rejected for the terms, NotFound for the person, RequestAnswered, or TooManyConsents.
        """
        async with self._store.held(person) as work:
            canonical = work.aliases.canonical(person)
            before = None if terms.request is None else await work.answering(terms.request)
            if before is not None:
                check_same_terms(before, canonical, terms)
                return before
            moment = occasion(self._clock, self._mint)
            live_count = sum(consent.holds(moment.at) for consent in await work.consents())
            consent, facts = grant_consent(GrantId(self._mint.id("grant")), canonical, terms, live_count, moment)
            await work.save_consent(consent)
            await work.tell(facts)
        return consent

    async def withdraw(self, person: str, grant: str) -> Consent:
        """Return the consent, which holds no longer. Again is no error. Raises NotFound for that of another person."""
        async with self._store.held(person) as work:
            consent = await work.consent(grant)
            if consent is None:
                raise NotFound("There is no such consent, or it is not yours.")
            withdrawn, facts = withdraw_consent(consent, occasion(self._clock, self._mint))
            if facts:
                await work.save_consent(withdrawn)
                await work.tell(facts)
        return withdrawn

    async def check(self, person: str, organisation: OrganisationId, scope: str) -> tuple[PersonId, Consent | None]:
        """Return the canonical person, and the consent by which the organisation may read this of them now."""
        canonical, consents = await self._store.about(person, organisation)
        return canonical, covering(consents, canonical, organisation, scope, self._clock.now())

    async def page(self, person: str, before: str | None, limit: int) -> list[Consent]:
        """Return up to `limit` consents of the person and their aliases, newest first, ended ones too."""
        return await self._store.page(person, before, limit)
