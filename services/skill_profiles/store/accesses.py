"""Looks at profiles in Postgres: written as the organisation that looks, read as the person looked at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from services.skill_profiles.domain.requests import no_consent
from services.skill_profiles.handlers.accesses import AccessShown
from services.skill_profiles.handlers.reading import Access
from services.skill_profiles.store.acting import acting_for
from services.skill_profiles.store.erasures import is_erased
from shared.events.fact import NewFact
from shared.runtime.backbone import Backbone

_ADD: Final = """
INSERT INTO accesses (id, organisation, person, grant_id, purpose, scopes, read_by, manner, read_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_PAGE: Final = """
SELECT a.id, a.organisation, n.name, a.grant_id, a.purpose, a.scopes, a.read_by, a.manner, a.read_at
FROM accesses a LEFT JOIN organisation_names n ON n.id = a.organisation
WHERE a.person = ANY ($1::text[]) AND ($2::text IS NULL OR a.id < $2) ORDER BY a.id DESC LIMIT $3
"""


class PostgresAccesses:
    """An AccessLog and an AccessStore."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def record(self, access: Access, fact: NewFact) -> None:
        """Have the access and its fact, durable, in one transaction. Raises NoConsent for who was erased meanwhile."""
        permission, reader = access.permission, access.reader
        values = (permission.grant, permission.purpose, list(permission.scopes), reader.key, access.manner)
        async with self._backbone.door(reader.organisation) as tx:
            await tx.lock({access.person})
            if await is_erased(tx.connection, access.person):
                raise no_consent()
            await tx.connection.execute(_ADD, access.id, reader.organisation, access.person, *values, fact.occurred_at)
            await self._backbone.store.append(tx, [fact])

    async def page(self, people: Sequence[str], before: str | None, limit: int) -> list[AccessShown]:
        """Return up to `limit` looks at these people below id `before`, newest first."""
        async with acting_for(self._backbone, people) as tx:
            return list(map(_shown, await tx.connection.fetch(_PAGE, list(people), before, limit)))


def _shown(row: Any) -> AccessShown:
    columns = list(row)
    columns[5] = tuple(columns[5])
    return AccessShown(*columns)
