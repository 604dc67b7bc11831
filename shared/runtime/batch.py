"""A batch of facts on its way to an effect: decoded once, each stream decided by its position. Pure.

A stream is parked at the one fact that cannot be applied, whatever batch it came in: where it stands is a function of
the facts, so that a rebuild comes to the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from shared.events.erasure import erased_through, is_erasure
from shared.events.event import Event, InvalidEventData, UnknownEventType, decode
from shared.events.fact import Fact
from shared.kernel.ids import FactId
from shared.runtime.effect import Heard
from shared.runtime.positions import NOWHERE, Park, StreamKey
from shared.runtime.stream_rules import Missing, Position, step


@dataclass(slots=True)
class Batch:
    """Facts by stream; what was decoded of them; and what cannot be applied, with the reason."""

    streams: dict[StreamKey, list[Fact]] = field(default_factory=dict)
    heard: dict[FactId, Heard] = field(default_factory=dict)
    erasures: dict[FactId, int] = field(default_factory=dict)
    broken: dict[FactId, str] = field(default_factory=dict)
    parks: dict[StreamKey, Park] = field(default_factory=dict)
    size: int = 0

    def add(self, key: StreamKey, facts: Sequence[Fact], types: Collection[str] | None) -> None:
        """Take in `facts` of one stream; those of `types` are decoded, and those that cannot be are noted as broken."""
        self.streams.setdefault(key, []).extend(facts)
        self.size += len(facts)
        for fact in facts:
            event: Event | None = None
            if fact.data is not None:
                try:
                    if types is not None and fact.type in types:
                        event = decode(fact.type, fact.data)
                    if is_erasure(fact.type):
                        self.erasures[fact.id] = erased_through(fact)
                except (InvalidEventData, UnknownEventType) as error:
                    self.broken[fact.id] = _reason(error)
            self.heard[fact.id] = Heard(fact, event)

    def all_heard(self) -> list[Heard]:
        """Return every fact of the batch with its event."""
        return [self.heard[fact.id] for facts in self.streams.values() for fact in facts]

    def apart(self) -> Iterator[Batch]:
        """Yield this batch stream by stream or, where it is one stream, fact by fact in order."""
        for key, facts in self.streams.items():
            parts = [facts] if len(self.streams) > 1 else [[fact] for fact in sorted(facts, key=lambda f: f.number)]
            park = {key: self.parks[key]} if key in self.parks else {}
            for part in parts:
                yield Batch({key: part}, self.heard, self.erasures, self.broken, park, len(part))


def _reason(error: InvalidEventData | UnknownEventType) -> str:
    return "; ".join(f"{one.pointer}: {one.rule}" for one in error.faults) or error.message


@dataclass(slots=True)
class Decision:
    """What a transaction does: apply `ready`, move positions to `last`, park streams. Counts are by source.

    gaps: what must be read from the owners before more of those streams can be applied.
    """

    ready: list[Heard] = field(default_factory=list)
    last: dict[StreamKey, Fact] = field(default_factory=dict)
    parks: dict[StreamKey, Park] = field(default_factory=dict)
    gaps: dict[StreamKey, Missing] = field(default_factory=dict)
    erased: dict[StreamKey, int] = field(default_factory=dict)
    applied: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    duplicates: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))


def by_stream(facts: Iterable[Fact]) -> dict[StreamKey, list[Fact]]:
    """Return `facts` by stream, in the order they came."""
    streams: defaultdict[StreamKey, list[Fact]] = defaultdict(list)
    for fact in facts:
        streams[StreamKey(fact.source, fact.subject)].append(fact)
    return dict(streams)


def decide(batch: Batch, positions: Mapping[StreamKey, Position], types: Collection[str] | None) -> Decision:
    """Return what to do with `batch` where these are the positions."""
    decision = Decision()
    for key in sorted(batch.streams):
        position = positions.get(key, NOWHERE)
        if not position.is_parked:
            _decide_stream(batch, key, position, types, decision)
    return decision


def _decide_stream(
    batch: Batch, key: StreamKey, position: Position, types: Collection[str] | None, decision: Decision
) -> None:
    found = step(position, batch.streams[key])
    park = batch.parks.get(key)
    if park is not None and park.number <= position.number:
        park = None
    if found.contradiction is not None:
        park = Park(found.contradiction.number, "the owner tells another fact under a number we have heard")
    for fact in found.apply:
        if park is not None and fact.number >= park.number:
            break
        is_skipped = fact.number in position.skipped
        if fact.id in batch.broken and not is_skipped:
            park = Park(fact.number, batch.broken[fact.id])
            break
        decision.last[key] = fact
        if not is_skipped:
            _apply(batch, key, fact, types, decision)
    if park is not None:
        decision.parks[key] = park
    elif found.missing is not None:
        decision.gaps[key] = found.missing
    decision.applied[key.source] += decision.last[key].number - position.number if key in decision.last else 0
    decision.duplicates[key.source] += found.duplicates


def _apply(batch: Batch, key: StreamKey, fact: Fact, types: Collection[str] | None, decision: Decision) -> None:
    if fact.id in batch.erasures:
        decision.erased[key] = batch.erasures[fact.id]
    if types is None or fact.type in types:
        decision.ready.append(batch.heard[fact.id])
