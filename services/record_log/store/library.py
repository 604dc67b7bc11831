"""The record for readers, through the role of the doors, which never sees blinds or tags to come."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from services.record_log.domain.event import RecordEvent
from services.record_log.domain.stream import Entry
from services.record_log.handlers.proving import FoundEntry, LoggedHead, Nodes, SignedLog, StreamOutline
from services.record_log.store.kept_nodes import kept, leaves_below, made
from shared.kernel.ids import FactId, PersonId
from shared.kernel.merkle import leaf_hash
from shared.kernel.tree_shape import Node
from shared.runtime.backbone import Backbone
from shared.runtime.postgres import Connection

STREAMS_MAX: Final = 1_000
"""Streams in one outline; a person with more projects sees the first of them."""

_FAMILY: Final = """
WITH RECURSIVE sure AS NOT MATERIALIZED (
    SELECT a.alias, a.canonical FROM aliases a WHERE NOT EXISTS (
        SELECT FROM positions p WHERE p.source = 'identity' AND p.subject IN (a.alias, a.canonical)
        AND p.parked_number IS NOT NULL)),
up (person) AS (
    SELECT $1::text UNION SELECT sure.canonical FROM sure JOIN up ON sure.alias = up.person),
down (person) AS (
    SELECT person FROM up UNION SELECT sure.alias FROM sure JOIN down ON sure.canonical = down.person)
SELECT person FROM down
"""
"""A merge opens nothing while a stream that may take it back is parked."""
_SIGNED: Final = "SELECT vkey, checkpoint_size, checkpoint FROM log WHERE checkpoint IS NOT NULL"
_OUTLINES: Final = """
SELECT s.id, s.person, s.name, s.size, logged.size, logged.log_index
FROM streams s LEFT JOIN LATERAL (
    SELECT h.size, h.log_index FROM heads h WHERE h.stream = s.id AND h.log_index IS NOT NULL
    ORDER BY h.size DESC LIMIT 1) AS logged ON true
WHERE s.person = ANY($1::text[]) ORDER BY s.person, s.name <> 'main', s.name LIMIT $2
"""
_KINDS: Final = "SELECT stream, kind, count(*) FROM entries WHERE stream = ANY($1::bigint[]) GROUP BY stream, kind"
_ENTRY: Final = """
SELECT e.stream, e.index, e.source, e.fact_id::text, e.kind, e.kind_salt, e.event_salt, e.event, e.leaf,
    e.event IS NULL OR EXISTS (SELECT FROM erasures x
        WHERE x.person = s.person AND x.source = e.source AND x.through >= e.number)
FROM entries e JOIN streams s ON s.id = e.stream WHERE e.fact_id = $1::uuid AND s.person = ANY($2::text[])
"""
_FIRST_HEAD: Final = """
SELECT l.leaf, h.log_index FROM heads h JOIN log_leaves l ON l.index = h.log_index
WHERE h.stream = $1 AND h.size > $2 AND h.log_index < $3 ORDER BY h.size LIMIT 1
"""
_STREAM_NODES: Final = """
SELECT n.level, n.position, n.hash FROM stream_nodes n
JOIN unnest($2::smallint[], $3::bigint[]) AS wanted (level, position) USING (level, position) WHERE n.stream = $1
"""
_STREAM_LEAVES: Final = "SELECT index, leaf FROM entries WHERE stream = $1 AND index = ANY($2::bigint[])"
_LOG_NODES: Final = """
SELECT n.level, n.position, n.hash FROM log_nodes n
JOIN unnest($1::smallint[], $2::bigint[]) AS wanted (level, position) USING (level, position)
"""
_LOG_LEAVES: Final = "SELECT index, leaf FROM log_leaves WHERE index = ANY($1::bigint[])"


class PostgresLibrary:
    """The record as readers see it."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[PostgresBook]:
        """Open a transaction that only reads. Raises DatabaseUnavailable."""
        async with self._backbone.door(None) as tx:
            yield PostgresBook(tx.connection)


class PostgresBook:
    """The record in one open transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def family(self, person: PersonId) -> frozenset[PersonId]:
        """Return everybody who is one person with `person` beyond doubt, themself included."""
        return frozenset(PersonId(row[0]) for row in await self._connection.fetch(_FAMILY, person))

    async def signed_log(self) -> SignedLog | None:
        """Return the log as it was signed last; None before the first checkpoint."""
        row = await self._connection.fetchrow(_SIGNED)
        return None if row is None else SignedLog(row[0], row[1], row[2])

    async def outlines(self, people: Iterable[PersonId]) -> Sequence[StreamOutline]:
        """Return the streams of these people, main before projects; at most STREAMS_MAX."""
        rows = await self._connection.fetch(_OUTLINES, list(people), STREAMS_MAX)
        kinds: dict[int, dict[str | None, int]] = {row[0]: {} for row in rows}
        for stream, kind, count in await self._connection.fetch(_KINDS, list(kinds)):
            kinds[stream][kind] = count
        return [_outline(row, kinds[row[0]]) for row in rows]

    async def entry(self, people: Iterable[PersonId], fact: FactId) -> FoundEntry | None:
        """Return the entry of a fact in a stream of these people; without its content once that is erased."""
        row = await self._connection.fetchrow(_ENTRY, fact, list(people))
        if row is None:
            return None
        stream, index, source, fact_id, kind, kind_salt, event_salt, event, leaf, is_erased = row
        if is_erased:
            return FoundEntry(stream, index, None)
        content = RecordEvent(source, fact_id, kind, event)
        return FoundEntry(stream, index, Entry(index, content, kind_salt, event_salt, leaf))

    async def first_head(self, stream: int, index: int, log_size: int) -> LoggedHead | None:
        """Return the oldest head that covers entry `index` among those in the log of `log_size`."""
        row = await self._connection.fetchrow(_FIRST_HEAD, stream, index, log_size)
        return None if row is None else LoggedHead(row[0], row[1])

    async def stream_nodes(self, stream: int, nodes: Iterable[Node]) -> Nodes:
        """Return these perfect nodes of a stream's tree, leaves included."""
        wanted = list(nodes)
        rows = await self._connection.fetch(_STREAM_NODES, stream, *_addresses(wanted))
        return _hashes(wanted, rows, await self._connection.fetch(_STREAM_LEAVES, stream, leaves_below(wanted)))

    async def log_nodes(self, nodes: Iterable[Node]) -> Nodes:
        """Return these perfect nodes of the log's tree, leaves included."""
        wanted = list(nodes)
        rows = await self._connection.fetch(_LOG_NODES, *_addresses(wanted))
        return _hashes(wanted, rows, await self._connection.fetch(_LOG_LEAVES, leaves_below(wanted)))


def _addresses(nodes: Iterable[Node]) -> tuple[list[int], list[int]]:
    """Return the levels and the positions of the nodes that have rows."""
    rows = kept(nodes)
    return [node.level for node in rows], [node.position for node in rows]


def _hashes(nodes: Iterable[Node], rows: Iterable[Any], leaves: Iterable[Any]) -> Nodes:
    found = {Node(level, position): hash_ for level, position, hash_ in rows}
    return found | made(nodes, {index: leaf_hash(leaf) for index, leaf in leaves})


def _outline(row: Any, kinds: dict[str | None, int]) -> StreamOutline:
    _, person, name, size, logged_size, log_index = row
    erased = kinds.pop(None, 0)
    told = {kind: count for kind, count in sorted(kinds.items(), key=str) if kind is not None}
    return StreamOutline(PersonId(person), name, size, told, erased, logged_size or 0, log_index)
