"""Which streams a batch of facts grows, and by what: streams are opened when a person's first fact for them comes.

A stream gets one head a batch, however many facts it grows by. The order of facts of one source is kept; across sources
it is the order in which they were heard, which is what a log records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, cast

from services.record_log.domain.event import MAIN, RecordEvent, StreamName, fact_event
from services.record_log.domain.opening import StreamState, open_stream
from services.record_log.domain.stream import ENTRY_RANDOM_SIZE, HEAD_RANDOM_SIZE, Appended, append
from shared.events.fact import Fact
from shared.kernel.errors import Broken
from shared.kernel.ids import PersonId, RandomBytes, has_prefix


class StreamId(NamedTuple):
    """Names a stream of the house: a person and one of their streams."""

    person: PersonId
    name: StreamName


class Told(NamedTuple):
    """A fact as it enters the record: the stream it belongs in, its event, and its number at its source."""

    stream: StreamId
    event: RecordEvent
    number: int


class Grown(NamedTuple):
    """One stream after a batch. `first_blind` is set when it was opened now.

    numbers: for each new entry the fact's number at its source, None for the log's own events.
    """

    stream: StreamId
    first_blind: bytes | None
    numbers: tuple[int | None, ...]
    appended: Appended


@dataclass(slots=True)
class _Growth:
    state: StreamState
    first_blind: bytes | None = None
    events: list[RecordEvent] = field(default_factory=list)
    numbers: list[int | None] = field(default_factory=list)

    def add(self, event: RecordEvent, number: int | None) -> None:
        self.events.append(event)
        self.numbers.append(number)


def is_recorded(fact: Fact) -> bool:
    """Return whether the fact is about a person, so that it belongs in a record."""
    return has_prefix(fact.subject, "prs")


def told(fact: Fact) -> Told:
    """Return a fact about a person as it enters the record; one that was erased enters without its data.

    Raises Rejected, with the pointer, for data that are no object in JSON's strict form.
    """
    name, event = fact_event(fact)
    return Told(StreamId(cast("PersonId", fact.subject), name), event, fact.number)


def streams_needed(facts: Sequence[Told]) -> frozenset[StreamId]:
    """Return the streams whose state `grow` may need: those of the facts, and the main stream of each person."""
    streams = {fact.stream for fact in facts}
    return frozenset(streams | {StreamId(person, MAIN) for person, name in streams if name != MAIN})


def grow(
    known: Mapping[StreamId, StreamState], facts: Sequence[Told], at: datetime, random_bytes: RandomBytes
) -> tuple[Grown, ...]:
    """Return every stream that these facts grow, with what it grows by.

    known: the state of each of `streams_needed` that exists; the others are opened as of `at`, main before a project,
    and a project's opening enters main too. random_bytes: a cryptographic source; all that the batch takes is drawn at
    once, but for openings.
    """
    growths = {stream: _Growth(state) for stream, state in known.items()}
    for stream, event, number in facts:
        if stream not in growths:
            _open_with_main(growths, stream, at, random_bytes)
        growths[stream].add(event, number)
    growing = [(stream, growth) for stream, growth in growths.items() if growth.events]
    entries_count = sum([len(growth.events) for _, growth in growing])
    cut = drawn_at_once(random_bytes, entries_count * ENTRY_RANDOM_SIZE + len(growing) * HEAD_RANDOM_SIZE)
    return tuple([_grown(stream, growth, cut) for stream, growth in growing])


def drawn_at_once(random_bytes: RandomBytes, size: int) -> RandomBytes:
    """Return a source that cuts `size` bytes, drawn now, from the front: each byte is given once.

    A draw is a call of the system. Raises Broken when it is asked for more than there is.
    """
    drawn, start = random_bytes(size), 0

    def cut(count: int) -> bytes:
        nonlocal start
        piece = drawn[start : start + count]
        if len(piece) != count:
            raise Broken(f"{count} random bytes were wanted where {len(piece)} were left of {size}")
        start += count
        return piece

    return cut


def _open_with_main(
    growths: dict[StreamId, _Growth], stream: StreamId, at: datetime, random_bytes: RandomBytes
) -> None:
    for missing in (StreamId(stream.person, MAIN), stream):
        if missing not in growths:
            _open(growths, missing, at, random_bytes)


def _open(growths: dict[StreamId, _Growth], stream: StreamId, at: datetime, random_bytes: RandomBytes) -> None:
    opened = open_stream(stream.person, stream.name, at, random_bytes)
    growths[stream] = _Growth(opened.state, opened.first_blind)
    growths[stream].add(opened.event, None)
    if stream.name != MAIN:
        growths[StreamId(stream.person, MAIN)].add(opened.event, None)


def _grown(stream: StreamId, growth: _Growth, random_bytes: RandomBytes) -> Grown:
    appended = append(growth.state, growth.events, random_bytes)
    return Grown(stream, growth.first_blind, tuple(growth.numbers), appended)
