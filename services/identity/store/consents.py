"""Consents in Postgres."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Final

from services.identity.domain.consents import Consent
from services.identity.store.held_people import CONSENT_COLUMNS, HeldPeople, consent_of_row, held_people
from shared.kernel.ids import OrganisationId, PersonId
from shared.runtime.backbone import Backbone

_CANONICAL: Final = "SELECT coalesce((SELECT canonical FROM aliases WHERE alias = $1), $1)"
_ABOUT: Final = f"""
SELECT who.canonical, {CONSENT_COLUMNS}
FROM ({_CANONICAL} AS canonical) AS who
     LEFT JOIN consents ON person = who.canonical AND organisation = $2 AND withdrawn_at IS NULL
"""  # noqa: S608 - a constant
_PAGE: Final = f"""
SELECT {CONSENT_COLUMNS} FROM consents
WHERE person = ANY (ARRAY(SELECT alias FROM aliases WHERE canonical = $1) || $1) AND ($2::text IS NULL OR id < $2)
ORDER BY id DESC LIMIT $3
"""  # noqa: S608 - a constant


class PostgresConsents:
    """A ConsentStore."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    def held(self, *people: str) -> AbstractAsyncContextManager[HeldPeople]:
        """Open a transaction that holds these people and everybody they are one with."""
        return held_people(self._backbone, people)

    async def about(self, person: str, organisation: OrganisationId) -> tuple[PersonId, list[Consent]]:
        """Return the canonical person, and the consents not withdrawn that they gave to the organisation."""
        async with self._backbone.reading() as connection:
            rows = await connection.fetch(_ABOUT, person, organisation)
        consents = [consent_of_row(row[1:]) for row in rows if row[1] is not None]
        return PersonId(rows[0][0]), consents

    async def page(self, person: str, before: str | None, limit: int) -> list[Consent]:
        """Return up to `limit` consents of everybody who is one with the person, newest first, below id `before`."""
        async with self._backbone.reading() as connection:
            canonical = await connection.fetchval(_CANONICAL, person)
            return [consent_of_row(row) for row in await connection.fetch(_PAGE, canonical, before, limit)]
