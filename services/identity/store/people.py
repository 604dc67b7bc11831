"""People and their sessions in Postgres. They belong to no tenant, so the door acts for none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from services.identity.domain.people import Person
from services.identity.domain.sessions import LIVE_MAX, Session
from shared.events.fact import NewFact
from shared.kernel.ids import PersonId
from shared.runtime.backbone import Backbone

_ADD: Final = "INSERT INTO people (id, name, origin, registered_at) VALUES ($1, $2, $3, $4)"
# Whoever has no name is called by that of the oldest person who is one with them.
PERSON: Final = """
SELECT p.id, coalesce(p.name, (SELECT k.name FROM people k WHERE k.id = ANY (others.ids || who.canonical)
                               AND k.name IS NOT NULL ORDER BY k.registered_at, k.id LIMIT 1)),
       p.origin, p.registered_at, who.canonical,
       CASE WHEN who.canonical = p.id THEN others.ids ELSE '{}' END
FROM people p LEFT JOIN aliases l ON l.alias = p.id
     CROSS JOIN LATERAL (SELECT coalesce(l.canonical, p.id) AS canonical) AS who
     CROSS JOIN LATERAL (SELECT ARRAY(SELECT alias FROM aliases WHERE canonical = who.canonical ORDER BY alias) AS ids)
                AS others
WHERE p.erased_at IS NULL
"""
_PEOPLE: Final = f"{PERSON} AND p.id = ANY ($1::text[])"
_PAGE: Final = f"""
{PERSON} AND p.id > $1 AND ($3::text IS NULL OR strpos(lower(p.name), lower($3)) > 0) ORDER BY p.id LIMIT $2
"""
_ADD_SESSION: Final = """
INSERT INTO sessions (id, digest, person, created_at, expires_at) VALUES ($1, $2, $3, $4, $5)
"""
_TRIM_SESSIONS: Final = """
DELETE FROM sessions WHERE person = $1 AND (expires_at <= $2 OR id NOT IN (
    SELECT id FROM sessions WHERE person = $1 ORDER BY created_at DESC, id DESC LIMIT $3))
"""


class PostgresPeople:
    """A PersonStore."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def add(self, person: Person, facts: Sequence[NewFact]) -> None:
        """Have the person and their facts, in one transaction."""
        async with self._backbone.door(None) as tx:
            await tx.lock({person.id})
            await tx.connection.execute(_ADD, person.id, person.name, person.origin, person.registered_at)
            await self._backbone.store.append(tx, facts)

    async def people(self, people: Sequence[str]) -> list[Person]:
        """Return those who exist, in no order."""
        async with self._backbone.reading() as connection:
            return [person_of_row(row) for row in await connection.fetch(_PEOPLE, list(people))]

    async def page(self, after: str, limit: int, name: str | None) -> list[Person]:
        """Return up to `limit` people with an id above `after`, in the order of ids, whose own name holds `name`."""
        async with self._backbone.reading() as connection:
            return [person_of_row(row) for row in await connection.fetch(_PAGE, after, limit, name)]

    async def add_session(self, session: Session, digest: bytes, at: datetime) -> None:
        """Have the session; the person's expired ones, and their oldest beyond the bound, are gone."""
        async with self._backbone.door(None) as tx:
            await tx.connection.execute(_ADD_SESSION, session.id, digest, session.person, at, session.expires_at)
            await tx.connection.execute(_TRIM_SESSIONS, session.person, at, LIVE_MAX)

    async def end_session(self, session: str) -> None:
        """Have the session gone, if it was there."""
        async with self._backbone.door(None) as tx:
            await tx.connection.execute("DELETE FROM sessions WHERE id = $1", session)


def person_of_row(row: Any) -> Person:
    """Return the person in a row of PERSON."""
    aliases = tuple(PersonId(alias) for alias in row[5])
    return Person(PersonId(row[0]), row[1], row[2], row[3], PersonId(row[4]), aliases)
