"""Applies facts exactly once: one transaction a batch stores the effect and, per stream, how far it was heard.

    1. decode; a fact that cannot be decoded will park its stream
    2. in one transaction: subject locks, position rows in key order, the rules, the effect, the new positions
    3. where the rules found a gap: read what is missing from the owner, and the same again for that stream
    4. only then may the caller commit offsets

The rules are asked under the locks, so what another holder of the partition applied is a duplicate to us.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from shared.events.fact import Fact, NewFact
from shared.kernel.clock import Clock
from shared.kernel.errors import DeedlogError, Unavailable
from shared.runtime import faults, telemetry
from shared.runtime.batch import Batch, Decision, by_stream, decide
from shared.runtime.effect import Effect, FactBroken, SetAside
from shared.runtime.feed import FactFeed
from shared.runtime.positions import (
    Park,
    StreamKey,
    forget_set_aside,
    keep_set_aside,
    move_positions,
    park_streams,
    read_positions,
)
from shared.runtime.postgres import Pool, Transaction, reading, transaction
from shared.runtime.stream_rules import Missing
from shared.runtime.stream_store import READ_MAX, StreamStore

REBUILD_LOCK_KEY: Final = 0x6465_6564_7265_6275
"""Shared by every batch, exclusive at the switch of a rebuild; "deedrebu" in ASCII."""
TRANSACTION_FACTS_MAX: Final = 500
"""Facts a transaction, give or take a page read from an owner: it must end far below its timeout."""
ALONE_PAUSES_SECONDS: Final = (0.05, 0.2)
"""Before a fact that failed by itself is tried again; after the last its stream is parked."""
BREAKS_MAX: Final = 3
"""Facts an effect may call broken in one batch before the batch is tried stream by stream."""


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


class _Applying:
    """The transaction as an effect sees it."""

    def __init__(self, tx: Transaction, store: StreamStore | None, *, is_rebuilding: bool) -> None:
        self.connection = tx.connection
        self.is_rebuilding = is_rebuilding
        self._tx = tx
        self._store = store

    async def tell(self, facts: Sequence[NewFact]) -> None:
        if self._store is not None and not self.is_rebuilding:
            await self._store.append(self._tx, facts)

    def after_commit(self, action: Callable[[], None]) -> None:
        self._tx.after_commit(action)


class Consumer:
    """The consumer of one service. `store` is None for a service that tells nothing.

    is_shadow: it builds a shadow beside the live state: nothing is told, nothing is counted, and no rebuild holds it.
    """

    def __init__(
        self,
        service: str,
        pool: Pool,
        effect: Effect,
        feed: FactFeed,
        store: StreamStore | None,
        clock: Clock,
        *,
        is_shadow: bool = False,
    ) -> None:
        self.service = service
        self.effect = effect
        self.pool = pool
        self.feed = feed
        self.counts: defaultdict[str, Counts] = defaultdict(Counts)
        self._store = store
        self.clock = clock
        self._is_shadow = is_shadow
        self._is_held_by_rebuild = not is_shadow

    def without_rebuild_lock(self) -> Consumer:
        """Return this consumer as the rebuild itself uses it while it holds all others."""
        same = Consumer(self.service, self.pool, self.effect, self.feed, self._store, self.clock)
        same.counts = self.counts
        same._is_held_by_rebuild = False
        return same

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Open a transaction on the derived state that no rebuild switches under.

        The rebuild's lock comes before the subjects': who waits for a rebuild keeps no door waiting.
        """
        async with transaction(self.pool, shared_lock=REBUILD_LOCK_KEY if self._is_held_by_rebuild else None) as tx:
            yield tx

    async def apply(self, facts: Iterable[Fact]) -> frozenset[StreamKey]:
        """Apply `facts`, in any order and with any repetitions, and mend gaps from their owners.

        Durable on return. Returns the streams that were held because their owner did not answer: their offsets must
        not be committed. Raises Unavailable when the database does not answer; what was applied until then is a
        duplicate the next time.
        """
        held: set[StreamKey] = set()
        for batch in self._batches(by_stream(facts)):
            gaps = await self._apply_whole_or_apart(batch)
            if gaps:
                held |= await self._mend(batch, gaps)
        return frozenset(held)

    def _batches(self, streams: Mapping[StreamKey, list[Fact]]) -> Iterator[Batch]:
        """Yield the facts in batches that fit a transaction; of a stream too long for one, in its order."""
        batch = Batch()
        for key, facts in streams.items():
            ordered = facts if len(facts) <= TRANSACTION_FACTS_MAX else sorted(facts, key=lambda fact: fact.number)
            for start in range(0, len(ordered), TRANSACTION_FACTS_MAX):
                batch.add(key, ordered[start : start + TRANSACTION_FACTS_MAX], self.effect.types)
                if batch.size >= TRANSACTION_FACTS_MAX:
                    yield batch
                    batch = Batch()
        if batch.size:
            yield batch

    # Gaps are mended between transactions: none that has written may wait on the network.

    async def _mend(self, arrived: Batch, gaps: dict[StreamKey, Missing]) -> set[StreamKey]:
        """Read what is missing from the owners and apply it with what came after it; return whose owner is away.

        An owner that has no such fact, though it told a later one, has another history than we heard: the stream is
        parked there. To wait for the fact would hold back every stream beside it.
        """
        held: set[StreamKey] = set()
        while gaps:
            batch = Batch()
            while gaps and batch.size < TRANSACTION_FACTS_MAX:
                key, missing = gaps.popitem()
                try:
                    page = await self._missing(key, missing)
                except Unavailable as error:
                    _log.warning("stream held", extra={"consumer": self.service, "reason": error.message})
                    held.add(key)
                    continue
                later = [fact for fact in arrived.streams[key] if fact.number > missing.last] if page else []
                batch.add(key, [*page, *later], self.effect.types)
                if not page:
                    batch.parks[key] = Park(missing.first, "the owner has no such fact, though it told a later one")
            gaps |= await self._apply_whole_or_apart(batch)
        return held

    async def _missing(self, key: StreamKey, missing: Missing) -> list[Fact]:
        """Return the first of the missing facts, at most a page; none when the owner denies that they exist."""
        wanted = min(missing.last - missing.first + 1, READ_MAX)
        facts, _ = await self.feed.read(key.source, key.subject, missing.first - 1, wanted)
        self.counts[key.source].gaps += 1
        telemetry.CONSUMER_GAPS.labels(self.service, key.source).inc()
        return [fact for number, fact in enumerate(facts, missing.first) if fact.number == number]

    # A batch is applied whole; when something unforeseen fails, stream by stream and then fact by fact, so that only
    # the culprit is parked, and at the same number however the facts came in batches.

    async def _apply_whole_or_apart(self, batch: Batch) -> dict[StreamKey, Missing]:
        """Apply the batch as far as there are no gaps, and return these."""
        try:
            return await self._apply_marking(batch)
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001 - an effect's bug must park one stream, not stop them all
            if batch.size == 1:
                return await self._apply_alone(batch, error)
            _log.error("effect failed; trying apart", extra={"consumer": self.service}, exc_info=error)
        gaps: dict[StreamKey, Missing] = {}
        for part in batch.apart():
            gaps = await self._apply_whole_or_apart(part) | gaps
        return gaps

    async def _apply_alone(self, batch: Batch, error: Exception) -> dict[StreamKey, Missing]:
        """Try a fact by itself again, because what failed may have been the moment; then park its stream at it."""
        for seconds in ALONE_PAUSES_SECONDS:
            await asyncio.sleep(seconds)
            try:
                return await self._apply_marking(batch)
            except Unavailable:
                raise
            except Exception as again:  # noqa: BLE001 - as above
                error = again
        ((fact,),) = batch.streams.values()
        _log.error("fact failed by itself", extra={"consumer": self.service}, exc_info=error)
        batch.broken[fact.id] = _reason(error, self.service)
        return await self._transact(batch)

    async def _apply_marking(self, batch: Batch) -> dict[StreamKey, Missing]:
        """Apply the batch; where the effect calls a fact broken, once more without it. Raises what else fails."""
        for _ in range(BREAKS_MAX):
            try:
                return await self._transact(batch)
            except FactBroken as error:
                if error.fact.id not in batch.heard or error.fact.id in batch.broken:
                    raise
                batch.broken[error.fact.id] = error.reason
        return await self._transact(batch)

    async def _transact(self, batch: Batch) -> dict[StreamKey, Missing]:
        further = await self._further_subjects(batch)
        await faults.point("consumer.ready")
        async with self.transaction() as tx:
            await tx.lock({key.subject for key in batch.streams} | further)
            positions = await read_positions(tx.connection, batch.streams, lock=True)
            decision = decide(batch, positions, self.effect.types)
            aside = await self._store_effect(tx, decision)
            await faults.point("consumer.applied")
        await faults.point("consumer.committed")
        self._count(decision, aside)
        return decision.gaps

    async def _further_subjects(self, batch: Batch) -> set[str]:
        async with reading(self.pool) as connection:
            return set(await self.effect.subjects(connection, batch.all_heard()))

    async def _store_effect(self, tx: Transaction, decision: Decision) -> Sequence[SetAside]:
        aside: Sequence[SetAside] = ()
        if decision.ready:
            applying = _Applying(tx, self._store, is_rebuilding=self._is_shadow)
            aside = await self.effect.apply(applying, decision.ready)
        if aside:
            await keep_set_aside(tx.connection, aside)
        for key, through in decision.erased.items():
            await forget_set_aside(tx.connection, key, through)
        if decision.last:
            await move_positions(tx.connection, decision.last)
        if decision.parks:
            await park_streams(tx.connection, decision.parks)
        return aside

    def _count(self, decision: Decision, aside: Sequence[SetAside]) -> None:
        if self._is_shadow:
            return
        for source, number in decision.applied.items():
            self.counts[source].applied += number
            telemetry.CONSUMER_APPLIED.labels(self.service, source).inc(number)
            telemetry.CONSUMER_BATCH_FACTS.labels(self.service, source).observe(number)
        for source, number in decision.duplicates.items():
            self.counts[source].duplicates += number
            telemetry.CONSUMER_DUPLICATES.labels(self.service, source).inc(number)
        for entry in aside:
            self.counts[entry.fact.source].set_aside += 1
            telemetry.CONSUMER_SET_ASIDE.labels(self.service, entry.fact.source).inc()
        self._count_lag(decision.last)
        self.count_parks(decision.parks)

    def _count_lag(self, last: Mapping[StreamKey, Fact]) -> None:
        now = self.clock.now()
        newest = {fact.source: fact.recorded_at for fact in last.values()}
        for source, recorded_at in newest.items():
            self.counts[source].lag_seconds = (now - recorded_at).total_seconds()
            telemetry.CONSUMER_LAG_SECONDS.labels(self.service, source).set(self.counts[source].lag_seconds)

    def count_parks(self, parks: Mapping[StreamKey, Park]) -> None:
        """Count streams that were parked, and say so to whoever is paged."""
        for key, park in parks.items():
            self.counts[key.source].parked += 1
            telemetry.CONSUMER_PARKED.labels(self.service, key.source).inc()
            where = {"consumer": self.service, "source": key.source, "number": park.number, "reason": park.reason}
            _log.critical("stream parked", extra=where)


def _reason(error: Exception, service: str) -> str:
    """Return why a fact is parked, safe to show: our own errors speak for themselves, of others the kind is told."""
    if isinstance(error, FactBroken):
        return error.reason
    return error.message if isinstance(error, DeedlogError) else f"{type(error).__name__} in {service}"
