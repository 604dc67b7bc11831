"""Personas in Postgres, seen by the organisation that declared them."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Any, Final

from services.identity.domain.personas import Persona
from services.identity.store.held_people import HeldPeople, held_people
from shared.kernel.ids import OrganisationId, PersonId
from shared.runtime.backbone import Backbone

_COLUMNS: Final = "id, organisation, key, declared_at, ended_at, ended_by"
_FIND: Final = f"SELECT {_COLUMNS} FROM personas WHERE organisation = $1 AND id = $2"  # noqa: S608 - a constant
_PAGE: Final = f"""
SELECT {_COLUMNS} FROM personas WHERE organisation = $1 AND id > $2 ORDER BY id LIMIT $3
"""  # noqa: S608 - a constant
_PEOPLE: Final = """
SELECT proposer FROM account_links WHERE persona = $1 AND state = 'linked'
UNION SELECT other FROM account_links WHERE persona = $1 AND state = 'linked'
"""


class PostgresPersonas:
    """A PersonaStore."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    def held(self, *people: str) -> AbstractAsyncContextManager[HeldPeople]:
        """Open a transaction that holds these people and everybody they are one with."""
        return held_people(self._backbone, people)

    async def find(self, organisation: OrganisationId, persona: str) -> tuple[Persona, list[PersonId]] | None:
        """Return the organisation's persona and the people of its links that hold."""
        async with self._backbone.door(organisation) as tx:
            row = await tx.connection.fetchrow(_FIND, organisation, persona)
        if row is None:
            return None
        async with self._backbone.reading() as connection:
            people = await connection.fetch(_PEOPLE, persona)
        return _persona(row), [PersonId(one[0]) for one in people]

    async def page(self, organisation: OrganisationId, after: str, limit: int) -> list[Persona]:
        """Return up to `limit` personas of the organisation with an id above `after`, in the order of ids."""
        async with self._backbone.door(organisation) as tx:
            return [_persona(row) for row in await tx.connection.fetch(_PAGE, organisation, after, limit)]


def _persona(row: Any) -> Persona:
    persona, organisation, key, declared_at, ended_at, ended_by = row
    return Persona(persona, OrganisationId(organisation), key, declared_at, ended_at, ended_by)
