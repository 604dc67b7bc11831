"""Who asked that nothing be inferred of them: owned, never rebuilt."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from services.skill_inference.store.told import put_off
from shared.runtime.postgres import Connection, Transaction

_SINCE: Final = "SELECT person, since FROM opt_outs WHERE person = ANY($1::text[])"
_OPT_OUT: Final = """
INSERT INTO opt_outs (person, since, asked_by) SELECT person, $2, $3 FROM unnest($1::text[]) AS person
ON CONFLICT DO NOTHING
"""
_OPT_IN: Final = "DELETE FROM opt_outs WHERE person = ANY($1::text[])"


async def opted_out(connection: Connection, members: Mapping[str, Collection[str]]) -> dict[str, datetime]:
    """Return since when each of these persons has been opted out; not among them is who is not.

    members: every id of each person, by the one that stands for them. One id that opted out speaks for all.
    """
    persons = {subject: person for person, ids in members.items() for subject in ids}
    if not persons:
        return {}
    found: dict[str, datetime] = {}
    for subject, since in await connection.fetch(_SINCE, list(persons)):
        person = persons[subject]
        found[person] = min(since, found.get(person, since))
    return found


class Preferences:
    """What may be inferred of whom, as a door changes it, inside one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    async def opt_out(self, ids: Collection[str], since: datetime, asked_by: str) -> None:
        """Have opted these ids of one person out, and asked for a revision; who was opted out already stays so."""
        await self._tx.lock(ids)
        await self._tx.connection.execute(_OPT_OUT, sorted(ids), since, asked_by)
        await put_off(self._tx.connection, ids)

    async def opt_in(self, ids: Collection[str]) -> None:
        """Have opted these ids of one person in again, and asked for a revision."""
        await self._tx.lock(ids)
        await self._tx.connection.execute(_OPT_IN, sorted(ids))
        await put_off(self._tx.connection, ids)
