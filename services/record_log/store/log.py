"""The global log for its one writer, and the erasures it carries out beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from services.record_log.domain.global_log import Extended
from services.record_log.handlers.erasing import Erasure
from services.record_log.handlers.sequencing import LogState, WaitingHead
from services.record_log.store.kept_nodes import KEPT_LEVEL_MIN
from shared.events.fact import NewFact
from shared.kernel.ids import PersonId
from shared.kernel.merkle import Frontier
from shared.runtime import faults
from shared.runtime.backbone import Backbone
from shared.runtime.postgres import Transaction
from shared.runtime.stream_store import StreamStore

_STATE: Final = "SELECT origin, vkey, frontier, checkpoint_size FROM log"
_BEGIN: Final = "INSERT INTO log (origin, vkey, frontier) VALUES ($1, $2, $3)"
_WAITING: Final = "SELECT id, leaf FROM heads WHERE log_index IS NULL ORDER BY id LIMIT $1"
_ADD_NODES: Final = """
INSERT INTO log_nodes (level, position, hash) SELECT * FROM unnest($1::smallint[], $2::bigint[], $3::bytea[])
"""
_PLACE: Final = """
UPDATE heads AS h SET log_index = $1::bigint + new.place - 1, leaf = NULL
FROM unnest($2::bigint[]) WITH ORDINALITY AS new (id, place) WHERE h.id = new.id
"""
_PUBLISH: Final = "UPDATE log SET checkpoint_size = $1, checkpoint = $2"

_DUE: Final = """
SELECT person, source, through FROM erasures WHERE (person, source) > ($1, $2) ORDER BY person, source LIMIT 1
"""
_EMPTY_ENTRIES: Final = """
WITH due AS (
    SELECT e.stream, e.index FROM streams s JOIN entries e ON e.stream = s.id
    WHERE s.person = $1 AND e.event IS NOT NULL AND ((e.source = $2 AND e.number <= $3) OR ($4 AND e.number IS NULL))
    LIMIT $5)
UPDATE entries AS e SET kind = NULL, kind_salt = NULL, event_salt = NULL, event = NULL
FROM due WHERE (e.stream, e.index) = (due.stream, due.index)
"""
_TIED: Final = """
    SELECT h.id FROM streams s JOIN heads h ON h.stream = s.id
    WHERE s.person = $1 AND h.log_index IS NOT NULL AND h.size < s.size
      AND EXISTS (SELECT FROM entries e WHERE e.stream = h.stream AND e.index >= h.first_index AND e.index < h.size
                  AND e.event IS NULL)
"""
_UNTIE_HEADS: Final = f"DELETE FROM heads WHERE id IN ({_TIED} LIMIT $2)"  # noqa: S608 - a constant
_FORGET_BLINDS: Final = "UPDATE streams SET first_blind = NULL WHERE person = $1 AND first_blind IS NOT NULL"
_CLOSE: Final = f"""
DELETE FROM erasures WHERE person = $1 AND source = $2 AND through = $3 AND NOT EXISTS (
    SELECT FROM streams s JOIN heads h ON h.stream = s.id WHERE s.person = $1 AND h.log_index IS NULL)
AND NOT EXISTS ({_TIED})
RETURNING true
"""  # noqa: S608 - a constant
"""What another process placed since heads were untied shows here: the erasure then stays, and is looked at again."""


class PostgresGlobalLog:
    """The log of one house. Its one writer holds the lock of the log's origin, which is also its subject as a fact."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    @asynccontextmanager
    async def opened(self, origin: str) -> AsyncIterator[PostgresLogBook]:
        """Open a transaction that holds the log of this origin alone. Raises DatabaseUnavailable."""
        async with self._backbone.backbone() as tx:
            await tx.lock({origin})
            yield PostgresLogBook(tx, self._backbone.store)
            await faults.point("record-log.written")
        await faults.point("record-log.committed")


class PostgresLogBook:
    """The log in one open transaction."""

    def __init__(self, tx: Transaction, facts: StreamStore) -> None:
        self._tx = tx
        self._facts = facts

    async def state(self) -> LogState | None:
        """Return the log's state; None before it was begun."""
        row = await self._tx.connection.fetchrow(_STATE)
        return None if row is None else LogState(row[0], row[1], Frontier.from_bytes(row[2]), row[3])

    async def begin(self, state: LogState) -> None:
        """Store the state of a log that begins."""
        await self._tx.connection.execute(_BEGIN, state.origin, state.vkey, state.frontier.to_bytes())

    async def waiting(self, limit: int) -> Sequence[WaitingHead]:
        """Return the heads that wait, in the order they came.

        Who records holds the person's lock until its commit, so a head is never seen before an older one of its stream.
        """
        rows = await self._tx.connection.fetch(_WAITING, limit)
        return [WaitingHead(row[0], row[1]) for row in rows]

    async def place(self, heads: Sequence[WaitingHead], extended: Extended) -> None:
        """Store that these heads have their places, and the log that holds them."""
        connection = self._tx.connection
        leaves = [(index, head.leaf) for index, head in enumerate(heads, extended.first_index)]
        await connection.copy_records_to_table("log_leaves", records=leaves, columns=("index", "leaf"))
        nodes = [(*node, hash_) for node, hash_ in extended.nodes if node.level >= KEPT_LEVEL_MIN]
        if nodes:
            await connection.execute(_ADD_NODES, *map(list, zip(*nodes, strict=True)))
        await connection.execute(_PLACE, extended.first_index, [head.id for head in heads])
        await connection.execute("UPDATE log SET frontier = $1", extended.frontier.to_bytes())

    async def publish(self, size: int, note: str, fact: NewFact) -> None:
        """Store `note` as the log's checkpoint and tell it."""
        await self._tx.connection.execute(_PUBLISH, size, note)
        await self._facts.append(self._tx, [fact])


class PostgresErasures:
    """The erasures that were heard and are not carried out to the end. Every method is a transaction of its own."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def due(self, after: Erasure | None) -> Erasure | None:
        """Return the first that is not carried out to the end, or the next after the one given, if there is any."""
        place = ("", "") if after is None else (after.person, after.source)
        async with self._backbone.reading() as connection:
            row = await connection.fetchrow(_DUE, *place)
        return None if row is None else Erasure(PersonId(row[0]), row[1], row[2])

    async def empty_entries(self, erasure: Erasure, limit: int) -> int:
        """Destroy what opens up to `limit` entries and return how many there were."""
        async with self._backbone.backbone() as tx:
            if erasure.is_of_the_person:
                await tx.connection.execute(_FORGET_BLINDS, erasure.person)
            status = await tx.connection.execute(
                _EMPTY_ENTRIES, erasure.person, erasure.source, erasure.through, erasure.is_of_the_person, limit
            )
        return _count(status)

    async def untie_heads(self, erasure: Erasure, limit: int) -> int:
        """Forget up to `limit` heads that brought erased entries, but for the newest of a stream; return how many."""
        async with self._backbone.backbone() as tx:
            return _count(await tx.connection.execute(_UNTIE_HEADS, erasure.person, limit))

    async def close(self, erasure: Erasure) -> bool:
        """Forget the erasure unless heads of the person still wait for the log, or more is to be erased by now."""
        async with self._backbone.backbone() as tx:
            closed = await tx.connection.fetchval(_CLOSE, erasure.person, erasure.source, erasure.through)
        return closed is True


def _count(status: str) -> int:
    """Return the number of rows a command's status tells."""
    return int(status.rpartition(" ")[2])
