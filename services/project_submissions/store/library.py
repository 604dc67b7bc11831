"""Opens transactions: as somebody, where row-level security decides what is seen, or as the service itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from services.project_submissions.handlers.actor import Actor
from services.project_submissions.store.erasing import PersonRows
from services.project_submissions.store.projects import ProjectRows
from services.project_submissions.store.reviews import ReviewRows
from services.project_submissions.store.submissions import SubmissionRows
from shared.events.fact import NewFact
from shared.kernel.ids import PersonId, SubmissionId
from shared.runtime import faults
from shared.runtime.backbone import Backbone
from shared.runtime.postgres import Transaction

# A signed-in person is seen with everybody they are one with. The setting ends with the transaction.
_SIGN_IN: Final = """
WITH own AS (SELECT $1::text AS id UNION SELECT alias FROM aliases WHERE canonical = $1)
SELECT array_agg(id), set_config('deedlog.people', array_agg(id)::text, true) FROM own
"""
_ACT_FOR: Final = "SELECT set_config('deedlog.organisation', $1, true)"
_RECEIVED: Final = "SELECT id FROM submissions WHERE state = 'received' ORDER BY submitted_at, id LIMIT $1"


class PostgresShelf:
    """The rows of one open transaction."""

    def __init__(self, backbone: Backbone, tx: Transaction, own: frozenset[PersonId] = frozenset()) -> None:
        self._backbone = backbone
        self._tx = tx
        self.own = own
        self.projects = ProjectRows(tx.connection)
        self.submissions = SubmissionRows(tx.connection)
        self.reviews = ReviewRows(tx.connection)
        self.erasing = PersonRows(backbone, tx)

    async def lock(self, person: PersonId) -> None:
        """Hold the person's stream, and with it every decision about their submissions; before the first write."""
        await self._tx.lock([person])

    async def tell(self, organisation: str, facts: Sequence[NewFact]) -> None:
        """Append facts that carry this organisation; durable with the transaction, which acts for it from here on."""
        await self._tx.connection.execute(_ACT_FOR, organisation)
        await self._backbone.store.append(self._tx, facts)
        await faults.point("project-submissions.told")


class PostgresLibrary:
    """Opens transactions on the service's own tables."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    @asynccontextmanager
    async def opened_by(self, actor: Actor) -> AsyncIterator[PostgresShelf]:
        """Open a transaction that sees what the actor may see; an operator sees everything."""
        if actor.is_operator:
            async with self.opened() as shelf:
                yield shelf
            return
        async with self._backbone.door(actor.organisation) as tx:
            own: list[str] = []
            if actor.person is not None:
                own = await tx.connection.fetchval(_SIGN_IN, actor.person)
            yield PostgresShelf(self._backbone, tx, frozenset(map(PersonId, own)))

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[PostgresShelf]:
        """Open a transaction that sees everything; for the service's own jobs."""
        async with self._backbone.backbone() as tx:
            yield PostgresShelf(self._backbone, tx)

    async def received(self, limit: int) -> list[SubmissionId]:
        """Return submissions that wait to be checked, oldest first."""
        async with self._backbone.reading() as connection:
            rows = await connection.fetch(_RECEIVED, limit)
        return [SubmissionId(row[0]) for row in rows]

    async def erasures_due(self, limit: int) -> list[PersonId]:
        """Return people who are still to be erased."""
        async with self._backbone.reading() as connection:
            rows = await connection.fetch("SELECT person FROM erasures_due ORDER BY person LIMIT $1", limit)
        return [PersonId(row[0]) for row in rows]

    async def standing(self, digests: Sequence[str]) -> set[str]:
        """Return those of the bundles' digests that a submission which was not refused refers to."""
        async with self._backbone.reading() as connection:
            return await SubmissionRows(connection).standing(digests)
