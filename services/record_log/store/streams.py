"""The streams, inside the transaction in which facts are heard. Everything goes by arrays: one statement a table."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from services.record_log.domain.event import StreamName
from services.record_log.domain.opening import StreamState
from services.record_log.domain.recording import Grown, StreamId
from shared.kernel.ids import PersonId
from shared.kernel.merkle import Frontier
from shared.runtime.postgres import Connection

_LOAD: Final = """
SELECT s.person, s.name, s.frontier, s.next_tag
FROM streams s JOIN unnest($1::text[], $2::text[]) AS wanted (person, name) USING (person, name)
"""
_SAVE_STREAMS: Final = """
INSERT INTO streams AS s (person, name, size, frontier, next_tag, first_blind)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[])
ON CONFLICT (person, name) DO UPDATE
SET size = excluded.size, frontier = excluded.frontier, next_tag = excluded.next_tag
RETURNING person, name, id
"""
_ADD_ENTRIES: Final = """
INSERT INTO entries (stream, index, source, number, fact_id, kind, kind_salt, event_salt, event, leaf)
SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::uuid[], $6::text[], $7::bytea[],
    $8::bytea[], $9::bytea[], $10::bytea[])
"""
_ADD_NODES: Final = """
INSERT INTO stream_nodes (stream, level, position, hash)
SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::bytea[])
"""
_ADD_HEADS: Final = """
INSERT INTO heads (stream, first_index, size, blind, leaf)
SELECT stream, first_index, size, blind, leaf
FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[]) WITH ORDINALITY
    AS new (stream, first_index, size, blind, leaf, place) ORDER BY place
"""
_NOTE_ALIAS: Final = """
INSERT INTO aliases (alias, canonical) VALUES ($1, $2)
ON CONFLICT (alias) DO UPDATE SET canonical = excluded.canonical
"""
_NOTE_ERASURE: Final = """
INSERT INTO erasures AS e (person, source, through) VALUES ($1, $2, $3)
ON CONFLICT (person, source) DO UPDATE SET through = greatest(e.through, excluded.through)
"""


class PostgresStreams:
    """The streams as one open transaction of the consumer sees them; it holds the locks of their persons."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def load(self, streams: Collection[StreamId]) -> Mapping[StreamId, StreamState]:
        """Return the state of each of `streams` that exists."""
        rows = await self._connection.fetch(
            _LOAD, [stream.person for stream in streams], [stream.name for stream in streams]
        )
        found: dict[StreamId, StreamState] = {}
        for person, name, frontier, next_tag in rows:
            stream = StreamId(PersonId(person), StreamName(name))
            found[stream] = StreamState(stream.person, stream.name, Frontier.from_bytes(frontier), next_tag)
        return found

    async def save(self, grown: Sequence[Grown]) -> None:
        """Store what the streams grew by. A stream that moved since it was loaded fails on an entry's key."""
        ids = await self._save_streams(grown)
        by_id = [(ids[each.stream], each) for each in grown]
        await self._connection.execute(_ADD_ENTRIES, *_columns(10, _entry_rows(by_id)))
        await self._connection.execute(_ADD_NODES, *_columns(4, _node_rows(by_id)))
        await self._connection.execute(_ADD_HEADS, *_columns(5, _head_rows(by_id)))

    async def note_alias(self, alias: PersonId, canonical: PersonId | None) -> None:
        """Have `alias` known as another's id, or as nobody's but its own."""
        if canonical is None:
            await self._connection.execute("DELETE FROM aliases WHERE alias = $1", alias)
        else:
            await self._connection.execute(_NOTE_ALIAS, alias, canonical)

    async def note_erasure(self, person: PersonId, source: str, through: int) -> None:
        """Have no fact of this stream up to `through` opened any more."""
        await self._connection.execute(_NOTE_ERASURE, person, source, through)

    async def _save_streams(self, grown: Sequence[Grown]) -> dict[StreamId, int]:
        states = [each.appended.state for each in grown]
        rows = await self._connection.fetch(
            _SAVE_STREAMS,
            [state.person for state in states],
            [state.name for state in states],
            [state.frontier.size for state in states],
            [state.frontier.to_bytes() for state in states],
            [state.next_tag for state in states],
            [each.first_blind for each in grown],
        )
        return {StreamId(row[0], row[1]): row[2] for row in rows}


def _entry_rows(grown: Sequence[tuple[int, Grown]]) -> list[tuple[Any, ...]]:
    return [
        (
            stream,
            entry.index,
            entry.event.source,
            number,
            None if number is None else entry.event.id,
            entry.event.kind,
            entry.kind_salt,
            entry.event_salt,
            entry.event.canonical,
            entry.leaf,
        )
        for stream, each in grown
        for entry, number in zip(each.appended.entries, each.numbers, strict=True)
    ]


def _node_rows(grown: Sequence[tuple[int, Grown]]) -> list[tuple[Any, ...]]:
    """Return the nodes above the leaves: a leaf's hash is made of its entry whenever it is wanted."""
    return [
        (stream, node.level, node.position, hash_)
        for stream, each in grown
        for node, hash_ in each.appended.nodes
        if node.level
    ]


def _head_rows(grown: Sequence[tuple[int, Grown]]) -> list[tuple[Any, ...]]:
    return [
        (
            stream,
            each.appended.entries[0].index,
            each.appended.head.size,
            each.appended.head.blind,
            each.appended.head.leaf,
        )
        for stream, each in grown
    ]


def _columns(count: int, rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """Return `rows` turned into `count` columns."""
    return [list(column) for column in zip(*rows, strict=True)] if rows else [[] for _ in range(count)]
