"""Applies facts exactly once: one transaction a batch stores the effect and, per stream, how far it was heard.

    1. decode; a fact that cannot be decoded parks its stream
    2. read positions, and read what is missing from the owner, before any transaction is open
    3. in one transaction: subject locks, position rows in key order, the rules again, the effect, the new positions
    4. only then may the caller commit offsets

Between 2 and 3 another holder of the partition may have moved a position; the rules are therefore asked again under
the locks, and what it applied is a duplicate to us.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.events.event import Event, InvalidEventData, UnknownEventType, decode
from shared.events.fact import Fact, NewFact
from shared.kernel.clock import Clock
from shared.kernel.errors import Broken, DeedlogError, Unavailable
from shared.runtime import faults, telemetry
from shared.runtime.effect import Effect, FactBroken, Heard, SetAside
from shared.runtime.feed import FactFeed
from shared.runtime.positions import (
    NOWHERE,
    Park,
    StreamKey,
    keep_set_aside,
    move_positions,
    park_streams,
    read_positions,
)
from shared.runtime.postgres import Pool, Transaction, reading, transaction
from shared.runtime.stream_rules import Missing, Position, step
from shared.runtime.stream_store import READ_MAX, StreamStore

REBUILD_LOCK_KEY: Final = 0x6465_6564_7265_6275
"""Shared by every batch, exclusive at the switch of a rebuild; "deedrebu" in ASCII."""
MISSING_FACTS_MAX: Final = 10_000
"""Facts read from an owner for one stream in one go; a longer gap is mended in several batches."""


_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Counts:
    """What this consumer saw since the process started."""

    applied: int = 0
    duplicates: int = 0
    gaps: int = 0
    lost_tails: int = 0
    parked: int = 0
    set_aside: int = 0
    lag_seconds: float = 0.0


@dataclass(slots=True)
class _Batch:
    """Facts by stream, decoded; and the streams to be parked with the reason."""

    streams: dict[StreamKey, list[Fact]]
    events: dict[str, Event | None] = field(default_factory=dict)
    parks: dict[StreamKey, Park] = field(default_factory=dict)


class _Applying:
    """The transaction as an effect sees it."""

    def __init__(self, tx: Transaction, store: StreamStore | None) -> None:
        self.connection = tx.connection
        self.is_rebuilding = store is None
        self._tx = tx
        self._store = store

    async def tell(self, facts: Sequence[NewFact]) -> None:
        if self._store is not None:
            await self._store.append(self._tx, facts)


class Consumer:
    """The consumer of one service. `store` is None while a shadow is rebuilt: nothing is told then."""

    def __init__(
        self, service: str, pool: Pool, effect: Effect, feed: FactFeed, store: StreamStore | None, clock: Clock
    ) -> None:
        self.service = service
        self.effect = effect
        self.pool = pool
        self.feed = feed
        self.counts: defaultdict[str, Counts] = defaultdict(Counts)
        self._store = store
        self.clock = clock
        self._is_held_by_rebuild = store is not None

    def without_rebuild_lock(self) -> Consumer:
        """Return this consumer as the rebuild itself uses it while it holds all others."""
        same = Consumer(self.service, self.pool, self.effect, self.feed, self._store, self.clock)
        same.counts = self.counts
        same._is_held_by_rebuild = False
        return same

    async def apply(self, facts: Iterable[Fact]) -> frozenset[StreamKey]:
        """Apply `facts`, in any order and with any repetitions, and mend gaps from their owners.

        Durable on return. Returns the streams that were held because their owner did not answer: nothing of them was
        applied, and their offsets must not be committed. Raises Unavailable when nothing at all was applied.
        """
        batch = _Batch(_by_stream(facts))
        held = await self._mend(batch)
        for key in held:
            del batch.streams[key]
        if batch.streams:
            await self._apply_whole_or_apart(batch)
        return held

    # Gaps are mended before a transaction is open: none that has written may wait on the network.

    async def _mend(self, batch: _Batch) -> frozenset[StreamKey]:
        async with reading(self.pool) as connection:
            positions = await read_positions(connection, list(batch.streams), lock=False)
        held = set()
        for key, facts in batch.streams.items():
            position = positions.get(key, NOWHERE)
            try:
                while (found := step(position, facts)).missing is not None:
                    facts.extend(await self._missing(key, found.missing))
            except Unavailable:
                held.add(key)
        return frozenset(held)

    async def _missing(self, key: StreamKey, missing: Missing) -> list[Fact]:
        """Return at least the first missing fact. Raises Unavailable when the owner is down or denies it exists."""
        wanted = min(missing.last - missing.first + 1, READ_MAX)
        facts, head = await self.feed.read(key.source, key.subject, missing.first - 1, wanted)
        if not facts or facts[0].number != missing.first:
            raise Unavailable(f"{key.source} has no fact {missing.first} of a stream whose head it says is {head}")
        self.counts[key.source].gaps += 1
        telemetry.CONSUMER_GAPS.labels(self.service, key.source).inc()
        return facts

    # A batch is applied whole; when something unforeseen fails, stream by stream, so that only the culprit is parked.

    async def _apply_whole_or_apart(self, batch: _Batch) -> None:
        self._decode(batch)
        try:
            await self._apply_parking(batch)
        except DeedlogError:
            raise
        except Exception as error:  # noqa: BLE001 - owns the retry: an effect's bug must park one stream, not stop all
            _log.error("effect failed; trying stream by stream", extra={"consumer": self.service}, exc_info=error)
            for key, facts in batch.streams.items():
                await self._apply_alone(_Batch({key: facts}, batch.events, _only(batch.parks, key)))

    async def _apply_alone(self, batch: _Batch) -> None:
        try:
            await self._apply_parking(batch)
        except DeedlogError:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            ((key, facts),) = batch.streams.items()
            _log.critical("stream parked: the effect failed", extra={"consumer": self.service, "source": key.source})
            batch.parks[key] = Park(min(fact.number for fact in facts), f"{type(error).__name__} in {self.service}")
            await self._park_only(batch)

    async def _apply_parking(self, batch: _Batch) -> None:
        for _ in range(len(batch.streams) + 1):
            try:
                return await self._transact(batch)
            except FactBroken as error:
                key = StreamKey(error.fact.source, error.fact.subject)
                if key in batch.parks or key not in batch.streams:
                    raise Broken(f"{self.service} broke twice at one stream: {error}") from error
                batch.parks[key] = Park(error.fact.number, error.reason)
        raise Broken(f"{self.service} parked more streams than there are")

    async def _park_only(self, batch: _Batch) -> None:
        async with transaction(self.pool) as tx:
            await park_streams(tx.connection, batch.parks)
        self._count_parks(batch.parks)

    def _decode(self, batch: _Batch) -> None:
        types = self.effect.types
        for key, facts in batch.streams.items():
            for fact in facts:
                if types is None or fact.is_erased or fact.type not in types:
                    batch.events[fact.id] = None
                    continue
                try:
                    batch.events[fact.id] = decode(fact.type, fact.data or b"")
                except (InvalidEventData, UnknownEventType) as error:
                    reason = "; ".join(
                        f"{fault.pointer}: {fault.rule}" for fault in getattr(error, "faults", ())
                    ) or str(error)
                    _park_at_lowest(batch.parks, key, Park(fact.number, reason))

    async def _transact(self, batch: _Batch) -> None:
        heard_before = await self._further_subjects(batch)
        async with transaction(self.pool) as tx:
            await tx.lock({key.subject for key in batch.streams} | heard_before)
            if self._is_held_by_rebuild:
                await tx.connection.execute("SELECT pg_advisory_xact_lock_shared($1)", REBUILD_LOCK_KEY)
            positions = await read_positions(tx.connection, sorted(batch.streams), lock=True)
            ready, last, parks, duplicates = self._decide(batch, positions)
            aside: Sequence[SetAside] = ()
            if ready:
                aside = await self.effect.apply(_Applying(tx, self._store), ready)
            if aside:
                await keep_set_aside(tx.connection, aside)
            if last:
                await move_positions(tx.connection, last)
            if parks:
                await park_streams(tx.connection, parks)
            await faults.point("consumer.applied")
        await faults.point("consumer.committed")
        self._count(last, positions, duplicates, aside)
        self._count_parks(parks)

    async def _further_subjects(self, batch: _Batch) -> set[str]:
        heard = [Heard(fact, batch.events.get(fact.id)) for facts in batch.streams.values() for fact in facts]
        async with reading(self.pool) as connection:
            return set(await self.effect.subjects(connection, heard))

    def _decide(
        self, batch: _Batch, positions: Mapping[StreamKey, Position]
    ) -> tuple[list[Heard], dict[StreamKey, Fact], dict[StreamKey, Park], dict[str, int]]:
        """Return what to apply, the new last fact of each stream, which streams to park and the duplicates seen."""
        ready: list[Heard] = []
        last: dict[StreamKey, Fact] = {}
        parks: dict[StreamKey, Park] = {}
        duplicates: defaultdict[str, int] = defaultdict(int)
        types = self.effect.types
        for key in sorted(batch.streams):
            found = step(positions.get(key, NOWHERE), batch.streams[key])
            duplicates[key.source] += found.duplicates
            park = batch.parks.get(key)
            if found.contradiction is not None:
                park = Park(found.contradiction.number, "the owner tells another fact under a number we have heard")
            for fact in found.apply:
                if park is not None and fact.number >= park.number:
                    break
                last[key] = fact
                if types is None or fact.type in types:
                    ready.append(Heard(fact, batch.events[fact.id]))
            if park is not None and (found.apply or found.contradiction):
                parks[key] = park
        return ready, last, parks, duplicates

    def _count(
        self,
        last: Mapping[StreamKey, Fact],
        before: Mapping[StreamKey, Position],
        duplicates: Mapping[str, int],
        aside: Sequence[SetAside],
    ) -> None:
        now = self.clock.now()
        for key, fact in last.items():
            applied = fact.number - before.get(key, NOWHERE).number
            counts = self.counts[key.source]
            counts.applied += applied
            counts.lag_seconds = (now - fact.recorded_at).total_seconds()
            telemetry.CONSUMER_APPLIED.labels(self.service, key.source).inc(applied)
        for source, number in duplicates.items():
            self.counts[source].duplicates += number
            telemetry.CONSUMER_DUPLICATES.labels(self.service, source).inc(number)
        for entry in aside:
            self.counts[entry.fact.source].set_aside += 1
            telemetry.CONSUMER_SET_ASIDE.labels(self.service, entry.fact.source).inc()

    def _count_parks(self, parks: Mapping[StreamKey, Park]) -> None:
        for key in parks:
            self.counts[key.source].parked += 1
            telemetry.CONSUMER_PARKED.labels(self.service, key.source).inc()


def _by_stream(facts: Iterable[Fact]) -> dict[StreamKey, list[Fact]]:
    streams: defaultdict[StreamKey, list[Fact]] = defaultdict(list)
    for fact in facts:
        streams[StreamKey(fact.source, fact.subject)].append(fact)
    return dict(streams)


def _park_at_lowest(parks: dict[StreamKey, Park], key: StreamKey, park: Park) -> None:
    if key not in parks or park.number < parks[key].number:
        parks[key] = park


def _only(parks: Mapping[StreamKey, Park], key: StreamKey) -> dict[StreamKey, Park]:
    return {key: parks[key]} if key in parks else {}
