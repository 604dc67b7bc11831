"""What jobs work on: estimates that wait for evidence, and erasures that are due."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from typing import Any, Final

from services.credential_issuing.domain.earning import ToldEstimate
from services.credential_issuing.handlers.hearing import Destruction, Erasure
from services.credential_issuing.store.ledger import REGISTER_KEY, PostgresLedger, families
from shared.events.erasure import facts_erased
from shared.events.event import decode
from shared.events.skill_estimates import EstimateRevised
from shared.events.sources import CREDENTIAL_ISSUING
from shared.kernel.ids import FactId, PersonId
from shared.runtime import faults
from shared.runtime.backbone import Backbone
from shared.runtime.postgres import Transaction

_READY: Final = """
SELECT fact_id::text, person, number, at, data FROM waiting AS w
WHERE NOT EXISTS (SELECT FROM unnest(w.needed) AS fact
                  WHERE NOT EXISTS (SELECT FROM testimonies t WHERE t.fact_id = fact))
ORDER BY person, number LIMIT $1
"""
_DUE: Final = "SELECT person, source, through FROM erasures ORDER BY person, source LIMIT 1"
_DESTROY_DOCUMENTS: Final = """
UPDATE credentials SET document = NULL WHERE person = $1 AND estimate_number <= $2 AND document IS NOT NULL
"""
_DESTROY_TESTIMONIES: Final = """
UPDATE testimonies SET data = NULL WHERE person = $1 AND number <= $2 AND data IS NOT NULL
"""
_DESTROY_WAITING: Final = "DELETE FROM waiting WHERE person = $1 AND number <= $2"
_SAYS_ANYTHING: Final = """
SELECT EXISTS (SELECT FROM backbone.facts WHERE subject = $1 AND type <> $2 AND data IS NOT NULL)
"""
_CLOSE: Final = "DELETE FROM erasures WHERE person = $1 AND source = $2 AND through = $3"
_OWN_ERASURE: Final = facts_erased(CREDENTIAL_ISSUING, 0).type


class PostgresWaitingRoom:
    """Estimates that wait for evidence."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def ready(self, limit: int) -> Sequence[ToldEstimate]:
        """Return up to `limit` estimates all of whose evidence was heard by now, in the order of their numbers."""
        async with self._backbone.reading() as connection:
            rows = await connection.fetch(_READY, limit)
        return [_told(row) for row in rows]

    @asynccontextmanager
    async def opened(self, people: Collection[PersonId]) -> AsyncIterator[PostgresLedger]:
        """Open a transaction that holds the locks of these people and of all who are one person with any of them.

        They hold credentials together, as the consumer that hears an estimate knows too. Raises DatabaseUnavailable.
        """
        async with self._backbone.backbone() as tx:
            known = await families(tx.connection, people)
            await tx.lock({person for family in known.values() for person in family})
            yield PostgresLedger(tx.connection, partial(self._backbone.store.append, tx))
            await faults.point("credential-issuing.retried")

    async def register_keys(self, did: str, multikeys: Sequence[str], at: datetime) -> None:
        """Have the issuer's document list these keys from now on."""
        async with self._backbone.backbone() as tx:
            for multikey in multikeys:
                await tx.connection.execute(REGISTER_KEY, did, multikey, at)


class PostgresEraser:
    """Erasures that were heard and are not carried out yet."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def due(self) -> Erasure | None:
        """Return one that was not carried out yet, if there is any."""
        async with self._backbone.reading() as connection:
            row = await connection.fetchrow(_DUE)
        return None if row is None else Erasure(PersonId(row[0]), row[1], row[2])

    async def carry_out(self, erasure: Erasure, destruction: Destruction, new_fact_id: FactId) -> None:
        """Destroy all that in one transaction, and forget the erasure. new_fact_id: of the fact that tells ours."""
        person = erasure.person
        async with self._backbone.backbone() as tx:
            await tx.lock({person})
            await tx.connection.execute(_DESTROY_DOCUMENTS, person, destruction.documents_through)
            await tx.connection.execute(_DESTROY_TESTIMONIES, person, destruction.testimonies_through)
            await tx.connection.execute(_DESTROY_WAITING, person, destruction.waiting_through)
            await tx.connection.execute(_CLOSE, person, erasure.source, erasure.through)
            if destruction.tells_own:
                await self._erase_own(tx, person, new_fact_id)

    async def _erase_own(self, tx: Transaction, person: PersonId, new_fact_id: FactId) -> None:
        if await tx.connection.fetchval(_SAYS_ANYTHING, person, _OWN_ERASURE):
            await self._backbone.store.erase(tx, person, new_fact_id)


def _told(row: Any) -> ToldEstimate:
    fact, person, number, at, data = row
    event = decode(EstimateRevised.type, data)
    assert isinstance(event, EstimateRevised)
    return ToldEstimate(FactId(fact), PersonId(person), number, at, event)
