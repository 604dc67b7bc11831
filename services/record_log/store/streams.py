"""The streams, inside the transaction in which facts are heard: one statement a table.

Entries and heads are copied, a third of an insert's price in this process; what is looked up or told back goes by
arrays.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from services.record_log.domain.opening import StreamState
from services.record_log.domain.recording import Grown, StreamId
from services.record_log.store.kept_nodes import KEPT_LEVEL_MIN
from shared.kernel.ids import PersonId
from shared.kernel.merkle import Frontier
from shared.runtime.postgres import Connection

_LOAD: Final = """
SELECT s.id, s.person, s.name, s.frontier, s.next_tag
FROM streams s JOIN unnest($1::text[], $2::text[]) AS wanted (person, name) USING (person, name)
"""
_OPEN_STREAMS: Final = """
INSERT INTO streams (person, name, size, frontier, next_tag, first_blind)
SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[])
RETURNING person, name, id
"""
_MOVE_STREAMS: Final = """
UPDATE streams AS s SET size = moved.size, frontier = moved.frontier, next_tag = moved.next_tag
FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[]) AS moved (id, size, frontier, next_tag)
WHERE s.id = moved.id
"""
_ENTRY_COLUMNS: Final = (
    "stream",
    "index",
    "source",
    "number",
    "fact_id",
    "kind",
    "kind_salt",
    "event_salt",
    "event",
    "leaf",
)
_ADD_NODES: Final = """
INSERT INTO stream_nodes (stream, level, position, hash)
SELECT * FROM unnest($1::bigint[], $2::smallint[], $3::bigint[], $4::bytea[])
"""
_HEAD_COLUMNS: Final = ("stream", "first_index", "size", "blind", "leaf")
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
        self._ids: dict[tuple[str, str], int] = {}

    async def load(self, streams: Collection[StreamId]) -> Mapping[StreamId, StreamState]:
        """Return the state of each of `streams` that exists."""
        rows = await self._connection.fetch(
            _LOAD, [stream.person for stream in streams], [stream.name for stream in streams]
        )
        found: dict[StreamId, StreamState] = {}
        for id_, person, name, frontier, next_tag in rows:
            stream = StreamId(person, name)
            self._ids[stream] = id_
            found[stream] = StreamState(person, name, Frontier.from_bytes(frontier), next_tag)
        return found

    async def save(self, grown: Sequence[Grown]) -> None:
        """Store what the streams grew by; those that were not loaded are opened.

        A stream that moved since it was loaded, or was opened by another, fails on a key.
        """
        await self._move([each for each in grown if each.stream in self._ids])
        await self._open([each for each in grown if each.stream not in self._ids])
        by_id = [(self._ids[each.stream], each) for each in grown]
        await self._connection.copy_records_to_table("entries", records=_entry_rows(by_id), columns=_ENTRY_COLUMNS)
        if nodes := _node_rows(by_id):
            await self._connection.execute(_ADD_NODES, *map(list, zip(*nodes, strict=True)))
        await self._connection.copy_records_to_table("heads", records=_head_rows(by_id), columns=_HEAD_COLUMNS)

    async def note_alias(self, alias: PersonId, canonical: PersonId | None) -> None:
        """Have `alias` known as another's id, or as nobody's but its own."""
        if canonical is None:
            await self._connection.execute("DELETE FROM aliases WHERE alias = $1", alias)
        else:
            await self._connection.execute(_NOTE_ALIAS, alias, canonical)

    async def note_erasure(self, person: PersonId, source: str, through: int) -> None:
        """Have no fact of this stream up to `through` opened any more."""
        await self._connection.execute(_NOTE_ERASURE, person, source, through)

    async def _move(self, grown: Sequence[Grown]) -> None:
        if grown:
            states = [(self._ids[each.stream], each.appended.state) for each in grown]
            await self._connection.execute(
                _MOVE_STREAMS,
                [id_ for id_, _ in states],
                [state.frontier.size for _, state in states],
                [state.frontier.to_bytes() for _, state in states],
                [state.next_tag for _, state in states],
            )

    async def _open(self, grown: Sequence[Grown]) -> None:
        if grown:
            states = [each.appended.state for each in grown]
            rows = await self._connection.fetch(
                _OPEN_STREAMS,
                [state.person for state in states],
                [state.name for state in states],
                [state.frontier.size for state in states],
                [state.frontier.to_bytes() for state in states],
                [state.next_tag for state in states],
                [each.first_blind for each in grown],
            )
            self._ids |= {(person, name): id_ for person, name, id_ in rows}


def _entry_rows(grown: Sequence[tuple[int, Grown]]) -> list[tuple[Any, ...]]:
    return [
        (
            stream,
            index,
            source,
            number,
            None if number is None else id_,
            kind,
            kind_salt,
            event_salt,
            canonical,
            leaf,
        )
        for stream, each in grown
        for (index, (source, id_, kind, canonical), kind_salt, event_salt, leaf), number in zip(
            each.appended.entries, each.numbers, strict=True
        )
    ]


def _node_rows(grown: Sequence[tuple[int, Grown]]) -> list[tuple[Any, ...]]:
    """Return the nodes that are kept; what is below is made of entries whenever it is wanted."""
    return [
        (stream, node.level, node.position, hash_)
        for stream, each in grown
        for node, hash_ in each.appended.nodes
        if node.level >= KEPT_LEVEL_MIN
    ]


def _head_rows(grown: Sequence[tuple[int, Grown]]) -> list[tuple[Any, ...]]:
    return [
        (stream, appended.entries[0].index, appended.head.size, appended.head.blind, appended.head.leaf)
        for stream, (_, _, _, appended) in grown
    ]
