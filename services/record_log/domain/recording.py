"""Which streams a batch of facts grows, and by what: streams are opened when a person's first fact for them comes.

A stream gets one head a batch, however many facts it grows by. The order of facts of one source is kept; across sources
it is the order in which they were heard, which is what a log records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from services.record_log.domain.event import MAIN, RecordEvent, StreamName, record_event, stream_of
from services.record_log.domain.opening import StreamState, open_stream
from services.record_log.domain.stream import Appended, append
from shared.events.fact import Fact
from shared.kernel import canonical_json
from shared.kernel.ids import PersonId, RandomBytes, has_prefix


class StreamId(NamedTuple):
    """Names a stream of the house: a person and one of their streams."""

    person: PersonId
    name: StreamName


@dataclass(frozen=True, slots=True)
class Told:
    """A fact as it enters the record: the stream it belongs in, its event, and its number at its source."""

    stream: StreamId
    event: RecordEvent
    number: int


@dataclass(frozen=True, slots=True)
class Grown:
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
    events: list[tuple[RecordEvent, int | None]] = field(default_factory=list)


def is_recorded(fact: Fact) -> bool:
    """Return whether the fact is about a person, so that it belongs in a record."""
    return has_prefix(fact.subject, "prs")


def told(fact: Fact) -> Told:
    """Return a fact about a person as it enters the record; one that was erased enters without its data.

    Raises Rejected, with the pointer, for data that are no object in JSON's strict form.
    """
    data = None if fact.data is None else canonical_json.loads(fact.data)
    stream = StreamId(PersonId(fact.subject), stream_of(data))
    return Told(stream, record_event(fact.attributes(), data), fact.number)


def streams_needed(facts: Sequence[Told]) -> frozenset[StreamId]:
    """Return the streams whose state `grow` may need: those of the facts, and the main stream of each person."""
    return frozenset(stream for fact in facts for stream in (StreamId(fact.stream.person, MAIN), fact.stream))


def grow(
    known: Mapping[StreamId, StreamState], facts: Sequence[Told], at: datetime, random_bytes: RandomBytes
) -> tuple[Grown, ...]:
    """Return every stream that these facts grow, with what it grows by.

    known: the state of each of `streams_needed` that exists; the others are opened as of `at`, main before a project,
    and a project's opening enters main too. random_bytes: a cryptographic source.
    """
    growths = {stream: _Growth(state) for stream, state in known.items()}
    for fact in facts:
        for stream in (StreamId(fact.stream.person, MAIN), fact.stream):
            if stream not in growths:
                _open(growths, stream, at, random_bytes)
        growths[fact.stream].events.append((fact.event, fact.number))
    return tuple(_grown(stream, growth, random_bytes) for stream, growth in growths.items() if growth.events)


def _open(growths: dict[StreamId, _Growth], stream: StreamId, at: datetime, random_bytes: RandomBytes) -> None:
    opened = open_stream(stream.person, stream.name, at, random_bytes)
    growths[stream] = _Growth(opened.state, opened.first_blind, [(opened.event, None)])
    if stream.name != MAIN:
        growths[StreamId(stream.person, MAIN)].events.append((opened.event, None))


def _grown(stream: StreamId, growth: _Growth, random_bytes: RandomBytes) -> Grown:
    appended = append(growth.state, [event for event, _ in growth.events], random_bytes)
    return Grown(stream, growth.first_blind, tuple(number for _, number in growth.events), appended)
