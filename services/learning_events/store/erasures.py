"""Who is to be erased: kept with the fact that says so, done afterwards, however long it takes, and done twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from shared.runtime.backbone import Backbone
from shared.runtime.postgres import Connection

_KEEP: Final = """
INSERT INTO erasures_due (person, erased_at) SELECT * FROM unnest($1::text[], $2::timestamptz[]) ON CONFLICT DO NOTHING
"""
_DUE: Final = """
SELECT person, erased_at, is_last FROM erasures_due WHERE due_at <= now() ORDER BY due_at, person LIMIT $1
"""
_AGAIN: Final = "UPDATE erasures_due SET due_at = now() + $2, is_last = true WHERE person = $1"
_DONE: Final = "DELETE FROM erasures_due WHERE person = $1"


@dataclass(frozen=True, slots=True)
class DueErasure:
    """Somebody who is to be erased now. is_last: for the second time, after which nobody can come from before it."""

    person: str
    erased_at: datetime
    is_last: bool


async def keep_due(connection: Connection, people: Mapping[str, datetime]) -> None:
    """Have it kept that these people are to be erased, and when identity erased them."""
    erased = sorted(people.items())
    await connection.execute(_KEEP, [person for person, _ in erased], [at for _, at in erased])


class PostgresErasures:
    """Erasures that are due."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def due(self, limit: int) -> list[DueErasure]:
        """Return up to `limit` people who are to be erased by now."""
        async with self._backbone.reading() as connection:
            return [DueErasure(*row) for row in await connection.fetch(_DUE, limit)]

    async def again(self, person: str, after: timedelta) -> None:
        """Have this person erased once more, after this time."""
        async with self._backbone.backbone() as tx:
            await tx.connection.execute(_AGAIN, person, after)

    async def done(self, person: str) -> None:
        """Have forgotten that this person is to be erased."""
        async with self._backbone.backbone() as tx:
            await tx.connection.execute(_DONE, person)
