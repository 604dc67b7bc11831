"""Who is to be erased: kept with the fact that says so, done afterwards, however long it takes."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from shared.runtime.backbone import Backbone
from shared.runtime.postgres import Connection

_KEEP: Final = "INSERT INTO erasures_due SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"
_DUE: Final = "SELECT person FROM erasures_due ORDER BY person LIMIT $1"
_DONE: Final = "DELETE FROM erasures_due WHERE person = $1"


async def keep_due(connection: Connection, people: Collection[str]) -> None:
    """Have it kept that these people are to be erased."""
    await connection.execute(_KEEP, sorted(people))


class PostgresErasures:
    """Erasures that are due."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def due(self, limit: int) -> list[str]:
        """Return up to `limit` people who are to be erased."""
        async with self._backbone.reading() as connection:
            return [row[0] for row in await connection.fetch(_DUE, limit)]

    async def done(self, person: str) -> None:
        """Have forgotten that this person is to be erased."""
        async with self._backbone.backbone() as tx:
            await tx.connection.execute(_DONE, person)
