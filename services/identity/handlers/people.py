"""People whom an operator registers or somebody looks up, and their sessions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from services.identity.domain.credentials import SECRET_BYTES, SESSION_PREFIX, secret_digest, secret_text
from services.identity.domain.people import LOOK_UP_MAX, Person, no_such_person, register_person
from services.identity.domain.sessions import LIFETIME, Session
from services.identity.handlers.minting import Mint, occasion
from shared.events.fact import NewFact
from shared.kernel.clock import Clock
from shared.kernel.errors import TooLarge
from shared.kernel.ids import PersonId


class PersonStore(Protocol):
    """People and sessions as they are kept. Who was erased is not found."""

    async def add(self, person: Person, facts: Sequence[NewFact]) -> None:
        """Have the person and their facts, in one transaction."""
        ...

    async def people(self, people: Sequence[str]) -> list[Person]:
        """Return those who exist, in no order."""
        ...

    async def page(self, after: str, limit: int, name: str | None) -> list[Person]:
        """Return up to `limit` people with an id above `after`, in the order of ids, whose own name holds `name`."""
        ...

    async def add_session(self, session: Session, digest: bytes, at: datetime) -> None:
        """Have the session; the person's expired ones, and their oldest beyond the bound, are gone."""
        ...

    async def end_session(self, session: str) -> None:
        """Have the session gone, if it was there."""
        ...


class People:
    """The use case."""

    def __init__(self, store: PersonStore, clock: Clock, mint: Mint) -> None:
        self._store = store
        self._clock = clock
        self._mint = mint

    async def register(self, name: str | None) -> Person:
        """Return the person, who is known and told. Raises Rejected for the name."""
        person_id = PersonId(self._mint.id("person"))
        person, facts = register_person(person_id, name, occasion(self._clock, self._mint))
        await self._store.add(person, facts)
        return person

    async def person(self, person: str, seen_by: PersonId | None) -> Person:
        """Return the person, for themselves, whoever they are one with, or (None) an operator.

        Raises NotFound, for strangers too.
        """
        asked = [person] if seen_by is None else [person, seen_by]
        found = {one.id: one for one in await self._store.people(asked)}
        seen = found.get(PersonId(person))
        viewer = seen if seen_by is None else found.get(seen_by)
        if seen is None or viewer is None or seen.canonical != viewer.canonical:
            raise no_such_person()
        return seen

    async def page(self, after: str, limit: int, name: str | None) -> list[Person]:
        """Return up to `limit` people who come after `after`; with `name`, those whose name holds it in any case."""
        return await self._store.page(after, limit, name)

    async def look_up(self, people: Sequence[str]) -> list[Person]:
        """Return those who exist, each once, in the order first asked. Raises TooLarge for more than LOOK_UP_MAX."""
        if len(people) > LOOK_UP_MAX:
            rule = f"expected at most {LOOK_UP_MAX} people, got {len(people)}"
            raise TooLarge.of("/people", rule, "Ask in several calls.")
        asked = list(dict.fromkeys(people))
        found = {person.id: person for person in await self._store.people(asked)}
        return [found[PersonId(one)] for one in asked if one in found]

    async def sign_in(self, person: str) -> tuple[Session, str]:
        """Return a session of this person that works from now on, and its token. Proves nothing about who asks.

        Raises NotFound for a person who does not exist.
        """
        found = await self.person(person, None)
        now = self._clock.now()
        session = Session(self._mint.id("session"), found.id, found.canonical, now + LIFETIME)
        token = secret_text(SESSION_PREFIX, self._mint.random_bytes(SECRET_BYTES))
        await self._store.add_session(session, secret_digest(token), now)
        return session, token

    async def sign_out(self, session: str) -> None:
        """Have the session ended. Other processes may remember it for as long as their caches do."""
        await self._store.end_session(session)
