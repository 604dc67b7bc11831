"""Taking a person out of what skill_profiles owns: requests and looks at once, what was told of them by a job.

The id of whoever was erased is kept. An act that was under way asked identity before the erasure, so only a row of our
own, read under the person's lock, keeps it from recording something about them afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from shared.events.erasure import facts_erased
from shared.events.sources import SKILL_PROFILES
from shared.kernel.ids import FactId
from shared.runtime.backbone import Backbone
from shared.runtime.idempotency_postgres import forget_replies
from shared.runtime.postgres import Connection

EMPTIED_MAX: Final = 20
"""People whose streams are emptied in one round, a transaction each."""
_OWN_ERASURE: Final = facts_erased(SKILL_PROFILES, 0).type

_ERASED: Final = """
INSERT INTO erased_people (person) SELECT unnest($1::text[]) ON CONFLICT (person) DO UPDATE SET is_due = true
"""
_IS_ERASED: Final = "SELECT EXISTS (SELECT FROM erased_people WHERE person = $1)"
_DUE: Final = "SELECT person FROM erased_people WHERE is_due ORDER BY person LIMIT $1"
_DONE: Final = "UPDATE erased_people SET is_due = false WHERE person = $1"
_SAYS_ANYTHING: Final = """
SELECT EXISTS (SELECT FROM backbone.facts WHERE subject = $1 AND type <> $2 AND data IS NOT NULL)
"""


async def forget(connection: Connection, people: Sequence[str]) -> None:
    """Have the requests put to these people, and the looks at them, gone, and what was told of them emptied later."""
    for table in ("verification_requests", "accesses"):
        await connection.execute(f"DELETE FROM {table} WHERE person = ANY ($1::text[])", list(people))  # noqa: S608
    await connection.execute(_ERASED, sorted(people))


async def is_erased(connection: Connection, person: str) -> bool:
    """Say whether identity erased this person. Asked under the person's lock, the answer holds until its end."""
    found: bool = await connection.fetchval(_IS_ERASED, person)
    return found


class PostgresErasures:
    """Erasures that are not carried out yet."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def carry_out(self, new_fact_id: Callable[[], FactId]) -> bool:
        """Have emptied what was told of some who were erased, and kept replies gone; say whether there were any.

        Safe to repeat.
        """
        async with self._backbone.reading() as connection:
            due = [row[0] for row in await connection.fetch(_DUE, EMPTIED_MAX)]
        for person in due:
            await self._empty(person, new_fact_id)
        return bool(due)

    async def _empty(self, person: str, new_fact_id: Callable[[], FactId]) -> None:
        async with self._backbone.backbone() as tx:
            await tx.lock({person})
            if await tx.connection.fetchval(_SAYS_ANYTHING, person, _OWN_ERASURE):
                await self._backbone.store.erase(tx, person, new_fact_id())
            await forget_replies(tx.connection, [person])
            await tx.connection.execute(_DONE, person)
