"""Finds what never came: the last facts of a stream leave no gap behind them when a broker loses them.

At intervals, and at once after attaching, each source is asked which streams moved. A head beyond our position counts
as lost only when its fact is older than a stated age and everything on the topic was read; then the missing facts are
read from the owner. A head that lies behind our position, or bears another id than ours, means that the owner's
history changed: the stream is parked and somebody must look.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from aiokafka.errors import KafkaError

from shared.events.sources import Source
from shared.kernel.clock import Clock
from shared.kernel.errors import DeedlogError, Unavailable
from shared.kernel.ids import Subject
from shared.runtime import telemetry
from shared.runtime.consumer import Consumer
from shared.runtime.positions import NOWHERE, Park, StreamKey, move_tail, park_streams, read_positions, read_tail
from shared.runtime.postgres import reading, transaction
from shared.runtime.settings import Settings
from shared.runtime.stream_rules import Position
from shared.runtime.stream_store import READ_MAX, Head, HeadsPage, LogPosition

PAGE_FACTS_MAX: Final = 10_000
STREAMS_A_QUERY: Final = 1_000

ReadAll = Callable[[Source], Awaitable[bool]]

_log = logging.getLogger(__name__)


class TailCheck:
    """Compares the heads of every source a service hears with its positions."""

    def __init__(
        self, settings: Settings, consumer: Consumer, clock: Clock, has_read_all: ReadAll | None = None
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._clock = clock
        self._has_read_all = has_read_all

    async def run(self) -> None:
        """Catch up with every source at once, then look for lost tails at intervals, for ever."""
        age_seconds = 0.0
        while True:
            for source in self._consumer.effect.hears:
                try:
                    await self.check(source, age_seconds)
                except (DeedlogError, KafkaError, TimeoutError) as error:
                    _log.info("tail check put off", extra={"source": source.name, "reason": repr(error)})
            age_seconds = self._settings.tail_age_seconds
            await asyncio.sleep(self._settings.tail_check_seconds)

    async def check(self, source: Source, age_seconds: float) -> int:
        """Mend every lost tail of `source` older than `age_seconds` and return how many streams were mended.

        The remembered place moves only over heads that are settled; a young head is looked at again next time. Raises
        Unavailable when the owner or the database does not answer.
        """
        since = await self._since(source)
        mended = 0
        while True:
            page = await self._consumer.feed.heads(source.name, since, PAGE_FACTS_MAX)
            if since.epoch not in (0, page.epoch):
                since = await self._enter_epoch(source)
                continue
            settled, count = await self._settle(source, page, age_seconds)
            mended += count
            if not settled:
                return mended
            since = page.next
            async with transaction(self._consumer.pool) as tx:
                await move_tail(tx.connection, source.name, since)
            if not page.has_more:
                return mended

    async def _since(self, source: Source) -> LogPosition:
        async with reading(self._consumer.pool) as connection:
            return await read_tail(connection, source.name) or LogPosition()

    async def _enter_epoch(self, source: Source) -> LogPosition:
        """Compare every stream with its owner, who was restored, and return where to look from: the beginning."""
        _log.warning("the owner entered a new epoch; comparing all streams", extra={"source": source.name})
        await self._compare_all(source)
        return LogPosition()

    async def _settle(self, source: Source, page: HeadsPage, age_seconds: float) -> tuple[bool, int]:
        """Return whether every head of the page is level with ours now, and how many streams were mended."""
        positions = await self._positions(source, [head.subject for head in page.heads])
        await self._park_contradictions(source, page.heads, positions)
        lagging = _behind(source, page.heads, positions)
        if not lagging:
            return True, 0
        oldest_us = (self._clock.now().timestamp() - age_seconds) * 1_000_000
        old = [head for head in lagging if head.recorded_at_us <= oldest_us]
        if age_seconds and old and self._has_read_all is not None:
            if not await self._has_read_all(source):
                return False, 0
            old = _behind(source, old, await self._positions(source, [head.subject for head in old]))
        for head in old:
            await self._mend(source, head)
        return len(old) == len(lagging), len(old)

    async def _mend(self, source: Source, head: Head) -> None:
        key = StreamKey(source.name, head.subject)
        position = (await self._positions(source, [head.subject])).get(key, NOWHERE)
        while position.number < head.number and not position.is_parked:
            facts, _ = await self._consumer.feed.read(source.name, head.subject, position.number, READ_MAX)
            if not facts or await self._consumer.apply(facts):
                raise Unavailable(f"{source.name} named a head and does not give its facts")
            before, position = position, (await self._positions(source, [head.subject])).get(key, NOWHERE)
            if position.number <= before.number:
                break
        self._consumer.counts[source.name].lost_tails += 1
        telemetry.CONSUMER_LOST_TAILS.labels(self._consumer.service, source.name).inc()

    async def _positions(self, source: Source, subjects: Sequence[str]) -> Mapping[StreamKey, Position]:
        keys = [StreamKey(source.name, Subject(subject)) for subject in subjects]
        async with reading(self._consumer.pool) as connection:
            return await read_positions(connection, keys, lock=False)

    async def _park_contradictions(
        self, source: Source, heads: Sequence[Head], before: Mapping[StreamKey, Position]
    ) -> None:
        """Park each stream whose head has another id than ours under the same number."""
        parks = {}
        for head in heads:
            position = before.get(StreamKey(source.name, head.subject), NOWHERE)
            is_same_number = position.number == head.number and position.fact_id is not None
            if is_same_number and position.fact_id != head.fact_id and not position.is_parked:
                parks[StreamKey(source.name, head.subject)] = Park(
                    head.number, "the owner's head has another id than ours"
                )
        await self._park(parks)

    async def _compare_all(self, source: Source) -> None:
        """Park every stream that we heard further than its owner now remembers."""
        after = ""
        while True:
            async with reading(self._consumer.pool) as connection:
                rows = await connection.fetch(
                    """SELECT subject, number FROM positions WHERE source = $1 AND subject > $2
                       AND parked_number IS NULL ORDER BY subject LIMIT $3""",
                    source.name,
                    after,
                    STREAMS_A_QUERY,
                )
            if not rows:
                return
            after = rows[-1][0]
            heads = {h.subject: h for h in await self._consumer.feed.heads_of(source.name, [row[0] for row in rows])}
            await self._park(
                {
                    StreamKey(source.name, row[0]): Park(row[1], "the owner's stream ends before what we have heard")
                    for row in rows
                    if row[1] > (heads[row[0]].number if row[0] in heads else 0)
                }
            )

    async def _park(self, parks: Mapping[StreamKey, Park]) -> None:
        if not parks:
            return
        async with transaction(self._consumer.pool) as tx:
            await park_streams(tx.connection, parks)
        for key in parks:
            self._consumer.counts[key.source].parked += 1
            telemetry.CONSUMER_PARKED.labels(self._consumer.service, key.source).inc()
            _log.critical(
                "stream parked: the owner's history changed", extra={"source": key.source, "subject": key.subject}
            )


def _behind(source: Source, heads: Sequence[Head], positions: Mapping[StreamKey, Position]) -> list[Head]:
    """Return the heads that lie beyond our positions; a parked stream is not behind, it is held."""
    found = []
    for head in heads:
        position = positions.get(StreamKey(source.name, head.subject), NOWHERE)
        if head.number > position.number and not position.is_parked:
            found.append(head)
    return found
