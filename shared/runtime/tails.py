"""Finds what never came: the last facts of a stream leave no gap behind them when a broker loses them.

After attaching to another broker, everything since the remembered place is read from its owner at once. At intervals,
each source is asked which streams moved. A head beyond our position counts as lost only when its fact is older than a
stated age and everything on the topic was read; then the missing facts are read from the owner.

A head that lies behind our position, or bears another id than ours, means that the owner's history changed: the stream
is parked and somebody must look. An owner that entered a new epoch was restored: every stream is compared with it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Final

from aiokafka.errors import KafkaError

from shared.events.sources import Source
from shared.kernel.clock import Clock
from shared.kernel.errors import DeedlogError, Unavailable
from shared.kernel.ids import Subject
from shared.runtime import telemetry
from shared.runtime.consumer import Consumer
from shared.runtime.positions import (
    NOWHERE,
    START,
    Park,
    StreamKey,
    Tail,
    move_tail,
    park_streams,
    read_positions,
    read_tail,
    subjects_unlike,
)
from shared.runtime.postgres import reading
from shared.runtime.settings import Settings
from shared.runtime.stream_rules import Position
from shared.runtime.stream_store import READ_MAX, SUBJECTS_MAX, Head, HeadsPage

PAGE_FACTS_MAX: Final = 2_000
"""Facts whose heads are looked at at once: some 10 ms of the owner's, the listener's and the database's time."""
PAGE_PAUSE_SECONDS: Final = 0.02
"""Between two pages, so that nobody who waits for a profile waits for this."""
STREAMS_A_QUERY: Final = SUBJECTS_MAX
CATCH_UP_SECONDS: Final = 1.0
"""How soon an owner that did not answer is asked again for what a broker may have lost."""

BEHIND: Final = "the owner's stream ends before what we have heard"
OTHER_ID: Final = "the owner has another fact under the last number we have heard"

ReadAll = Callable[[Source], Awaitable[bool]]
Parks = dict[StreamKey, Park]

_log = logging.getLogger(__name__)


class TailCheck:
    """Compares the heads of every source a service hears with its positions.

    has_read_all: says whether what is on the source's topic now was applied; without it age alone decides.
    """

    def __init__(
        self, settings: Settings, consumer: Consumer, clock: Clock, has_read_all: ReadAll | None = None
    ) -> None:
        self._settings = settings
        self._consumer = consumer
        self._clock = clock
        self._has_read_all = has_read_all

    async def run(self, *, is_caught_up: bool = False) -> None:
        """Catch up with every source unless that was done, then look for lost tails at intervals, for ever."""
        sources = self._consumer.effect.hears
        behind = [] if is_caught_up else list(sources)
        while True:
            behind = [source for source in behind if not await self._tried(source, self.catch_up(source))]
            seconds = self._settings.tail_check_seconds
            seconds = min(seconds, CATCH_UP_SECONDS) if behind else seconds
            # One source after the other: all at once, the looks of all services made a burst that profiles waited for.
            for source in sources:
                await self._tried(source, self.check(source, self._settings.tail_age_seconds))
                await asyncio.sleep(seconds / len(sources))

    async def _tried(self, source: Source, work: Awaitable[object]) -> bool:
        try:
            await work
        except (DeedlogError, KafkaError, TimeoutError) as error:
            _log.info("tail check put off", extra={"source": source.name, "reason": repr(error)})
            return False
        return True

    async def catch_up(self, source: Source) -> None:
        """Apply every fact of `source` since the remembered place, read from its owner in log order.

        The broker may have lost any of them. Raises Unavailable when the owner or the database does not answer.
        """
        tail = await self._present_tail(source)
        async for facts, following in self._consumer.feed.scan(source.name, tail.position):
            if await self._consumer.apply(facts):
                raise Unavailable(f"{source.name} does not give the facts it told")
            tail = Tail(following, tail.owner_epoch)
            await self._keep(source, tail)

    async def check(self, source: Source, age_seconds: float) -> int:
        """Mend every lost tail of `source` older than `age_seconds` and return how many streams were mended.

        The remembered place moves only over heads that are settled; a young head is looked at again next time. Raises
        Unavailable when the owner or the database does not answer.
        """
        tail = await self._present_tail(source)
        mended = 0
        while True:
            page = await self._consumer.feed.heads(source.name, tail.position, PAGE_FACTS_MAX)
            is_settled, count = await self._settle(source, page, age_seconds)
            mended += count
            if not is_settled:
                return mended
            if page.next != tail.position:
                tail = Tail(page.next, tail.owner_epoch)
                await self._keep(source, tail)
            if not page.has_more:
                return mended
            await asyncio.sleep(PAGE_PAUSE_SECONDS)

    async def _present_tail(self, source: Source) -> Tail:
        """Return from where to look: from the start where the owner entered a new epoch, after comparing all."""
        async with reading(self._consumer.pool) as connection:
            tail = await read_tail(connection, source.name)
        epoch = (await self._consumer.feed.heads(source.name, tail.position, 1)).epoch
        if tail.owner_epoch == epoch:
            return tail
        if tail.owner_epoch:
            _log.warning("the owner entered a new epoch; comparing all streams", extra={"source": source.name})
            await self._compare_all(source)
        tail = Tail(START, epoch)
        await self._keep(source, tail)
        return tail

    async def _keep(self, source: Source, tail: Tail) -> None:
        async with self._consumer.transaction() as tx:
            await move_tail(tx.connection, source.name, tail)

    async def _settle(self, source: Source, page: HeadsPage, age_seconds: float) -> tuple[bool, int]:
        """Return whether every head of the page is level with ours now, and how many streams were mended."""
        heads = await self._unlike_ours(source, page.heads)
        positions = await self._positions(source, [head.subject for head in heads])
        await self._park_contradictions(source, heads, positions)
        lagging = _lagging(source, heads, positions)
        if not lagging:
            return True, 0
        oldest_us = (self._clock.now().timestamp() - age_seconds) * 1_000_000
        old = [head for head in lagging if head.recorded_at_us <= oldest_us]
        if old and self._has_read_all is not None:
            if not await self._has_read_all(source):
                return False, 0
            old = _lagging(source, old, await self._positions(source, [head.subject for head in old]))
        for head in old:
            await self._mend(source, head)
        return len(old) == len(lagging), len(old)

    async def _mend(self, source: Source, head: Head) -> None:
        """Hear the stream as far as its head. Raises Unavailable when the owner does not give what it named."""
        key = StreamKey(source.name, head.subject)
        position = (await self._positions(source, [head.subject])).get(key, NOWHERE)
        while position.number < head.number and not position.is_parked:
            facts, _ = await self._consumer.feed.read(source.name, head.subject, position.number, READ_MAX)
            if not facts or await self._consumer.apply(facts):
                raise Unavailable(f"{source.name} named a head and does not give its facts")
            position = (await self._positions(source, [head.subject])).get(key, NOWHERE)
        self._consumer.counts[source.name].lost_tails += 1
        telemetry.CONSUMER_LOST_TAILS.labels(self._consumer.service, source.name).inc()

    async def _unlike_ours(self, source: Source, heads: Sequence[Head]) -> Sequence[Head]:
        """Return the heads that our positions are not level with: nearly always few of many."""
        if not heads:
            return heads
        async with reading(self._consumer.pool) as connection:
            unlike = await subjects_unlike(connection, source.name, heads)
        return [head for head in heads if head.subject in unlike]

    async def _positions(self, source: Source, subjects: Sequence[str]) -> Mapping[StreamKey, Position]:
        keys = [StreamKey(source.name, Subject(subject)) for subject in subjects]
        async with reading(self._consumer.pool) as connection:
            return await read_positions(connection, keys, lock=False)

    # Contradictions

    async def _park_contradictions(
        self, source: Source, heads: Sequence[Head], positions: Mapping[StreamKey, Position]
    ) -> None:
        """Park each stream whose head is another fact than ours under that number, or lies behind our position.

        The positions were read after the heads, so one that is ahead may only be newer: those are asked for again.
        """
        ours = {head.subject: positions.get(StreamKey(source.name, head.subject), NOWHERE) for head in heads}
        parks = _contradicting(source, heads, ours)
        ahead = [head.subject for head in heads if head.number < ours[head.subject].number]
        for start in range(0, len(ahead), STREAMS_A_QUERY):
            asked = {subject: ours[subject] for subject in ahead[start : start + STREAMS_A_QUERY]}
            parks |= _behind(source, await self._heads_of(source, asked), asked)
        await self._park({key: park for key, park in parks.items() if not ours[key.subject].is_parked})

    async def _compare_all(self, source: Source) -> None:
        """Park every stream whose owner has another history than we heard."""
        after = ""
        while True:
            async with reading(self._consumer.pool) as connection:
                rows = await connection.fetch(
                    """SELECT subject FROM positions WHERE source = $1 AND subject > $2
                       AND parked_number IS NULL ORDER BY subject LIMIT $3""",
                    source.name,
                    after,
                    STREAMS_A_QUERY,
                )
            if not rows:
                return
            after = rows[-1][0]
            positions = await self._positions(source, [row[0] for row in rows])
            ours = {key.subject: place for key, place in positions.items() if place.number}
            heads = await self._heads_of(source, ours)
            at_ours = [await self._at(source, head, ours[head.subject].number) for head in heads]
            await self._park(_behind(source, heads, ours) | _contradicting(source, at_ours, ours))

    async def _heads_of(self, source: Source, subjects: Iterable[Subject]) -> Sequence[Head]:
        return await self._consumer.feed.heads_of(source.name, list(subjects))

    async def _at(self, source: Source, head: Head, number: int) -> Head:
        """Return what the head of a stream was when it bore `number`; the head itself where it has not come so far."""
        if head.number <= number:
            return head
        facts, _ = await self._consumer.feed.read(source.name, head.subject, number - 1, 1)
        return Head(head.subject, number, facts[0].id, head.recorded_at_us) if facts else head

    async def _park(self, parks: Parks) -> None:
        if parks:
            async with self._consumer.transaction() as tx:
                await park_streams(tx.connection, parks)
            self._consumer.count_parks(parks)


def _lagging(source: Source, heads: Sequence[Head], positions: Mapping[StreamKey, Position]) -> list[Head]:
    """Return the heads that lie beyond our positions; a parked stream does not lag, it is held."""
    found = []
    for head in heads:
        position = positions.get(StreamKey(source.name, head.subject), NOWHERE)
        if head.number > position.number and not position.is_parked:
            found.append(head)
    return found


def _behind(source: Source, heads: Sequence[Head], ours: Mapping[Subject, Position]) -> Parks:
    """Return parks for the streams of `ours` whose owner ends before our position, or does not know them."""
    numbers = {head.subject: head.number for head in heads}
    return {
        StreamKey(source.name, subject): Park(place.number, BEHIND)
        for subject, place in ours.items()
        if numbers.get(subject, 0) < place.number
    }


def _contradicting(source: Source, heads: Sequence[Head], ours: Mapping[Subject, Position]) -> Parks:
    """Return parks for the heads that are level with our position and bear another id."""
    return {
        StreamKey(source.name, head.subject): Park(head.number, OTHER_ID)
        for head in heads
        if head.number == ours[head.subject].number and ours[head.subject].fact_id not in (None, head.fact_id)
    }
