"""Listens to the topics of other services with FastStream, and hands what it hears to the consumer core.

FastStream gives the wiring, the rebalance listener and AsyncAPI. Decoding, applying, committing and seeking are ours:
its acknowledgements are never called, because they commit what failed or redeliver without a pause. Offsets are a hint
for the next start; positions in Postgres decide.

An attachment lasts as long as the broker and its topics stay the same. When the broker is another one (it was killed
and came back empty) or topics came and went, we attach anew, under a group whose name holds the cluster's id, from the
earliest offset, and ask the owners at once for what the old broker may have taken with it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Collection, Sequence
from contextlib import suppress
from itertools import chain, groupby
from operator import attrgetter
from typing import Any, Final

from aiokafka import ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka import TopicPartition as Home
from faststream.kafka.message import FAKE_CONSUMER

from shared.events.fact import Fact, UndecodableFact, from_kafka
from shared.events.sources import Source
from shared.kernel.clock import Clock
from shared.kernel.errors import DeedlogError, Unavailable
from shared.runtime.consumer import Consumer
from shared.runtime.positions import StreamKey
from shared.runtime.settings import Settings
from shared.runtime.tails import TailCheck
from shared.runtime.topics import BrokerAdmin, BrokerUnavailable, BrokerView, topics_of

BATCH_RECORDS_MAX: Final = 500
"""Records a batch; with it a transaction stays far below its timeout and locks few subjects."""
BATCH_WAIT_MS: Final = 500
"""How long nothing must come before a listener is idle: it then commits, and asks the broker less often."""
IDLE_FETCH_WAIT_MS: Final = 100
"""How long an idle listener lets the broker wait for data. The embedded one does not answer earlier when data come,
so this is the most that an event after a silence is late; at 20 ms a silent listener costs a tenth of a core."""
COMMIT_SECONDS: Final = 0.2
"""How often offsets are committed. They are a hint; what a crash makes us read again, positions know."""
HEARTBEAT_MS: Final = 500
REQUEST_TIMEOUT_MS: Final = 40_000
"""Above session and rebalance timeouts; below them a member can fail to rejoin for ever."""
DRAIN_TIMEOUT_SECONDS: Final = 2.0
STOP_TIMEOUT_SECONDS: Final = 5.0
"""For the batch under way and the farewell to the group together."""
COMMIT_TIMEOUT_SECONDS: Final = 2.0
HOLD_SECONDS_MIN: Final = 0.1
HOLD_SECONDS_MAX: Final = 5.0

_log = logging.getLogger(__name__)


class AttachmentEnded(Unavailable):
    """The broker or its topics are others now; attach again."""

    code = "attachment-ended"


class Hearing:
    """Keeps one service attached to the topics it hears. `run` ends only by cancellation or an error."""

    def __init__(self, settings: Settings, consumer: Consumer, clock: Clock) -> None:
        self._settings = settings
        self._consumer = consumer
        self.clock = clock
        self.fetch_wait_ms = settings.fetch_wait_ms
        self.sources = frozenset(source.name for source in consumer.effect.hears)
        self._attached = BrokerView("", frozenset())
        self.is_assigned = False
        self.undecodable = 0

    async def run(self) -> None:
        """Attach, listen until broker or topics change, attach again. Raises Unavailable when the broker is away."""
        async with BrokerAdmin(self._settings.kafka_address) as admin:
            while True:
                view = await self._topics_there(admin)
                try:
                    await self._listen(admin, view)
                except AttachmentEnded:
                    self._attached = view
                    _log.info("attaching again", extra={"consumer": self._consumer.service})

    async def _topics_there(self, admin: BrokerAdmin) -> BrokerView:
        """Return the view of the broker once it has at least one topic we hear."""
        while True:
            view = self._ours(await admin.look())
            if view.topics:
                return view
            await asyncio.sleep(self._settings.broker_watch_seconds)

    def _ours(self, view: BrokerView) -> BrokerView:
        return BrokerView(view.cluster, topics_of(self._consumer.effect.hears, view.topics))

    async def _listen(self, admin: BrokerAdmin, view: BrokerView) -> None:
        """Listen until broker or topics change. Looking for lost tails does not wait for the group to come together."""
        attachment = Attachment(self, self._consumer, view)
        broker = await self._broker(admin, attachment, view)
        tails = TailCheck(self._settings, self._consumer, self.clock, attachment.has_read_all)
        starting = asyncio.ensure_future(broker.start())
        work = (self._attend(starting), self._watch(admin, view), tails.run(is_caught_up=self._goes_on(view)))
        tasks = [asyncio.ensure_future(one) for one in work]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.is_assigned = False
            await attachment.close()
            await _stop(broker, starting, attachment.kafka)

    def _goes_on(self, view: BrokerView) -> bool:
        """Say whether this is the broker we were attached to, and it kept a topic: a rotation, not a loss."""
        return view.cluster == self._attached.cluster and not view.topics.isdisjoint(self._attached.topics)

    async def _watch(self, admin: BrokerAdmin, attached: BrokerView) -> None:
        while True:
            await asyncio.sleep(self._settings.broker_watch_seconds)
            if self._ours(await admin.look()) != attached:
                raise AttachmentEnded("the broker or its topics are others now")

    async def _attend(self, starting: asyncio.Future[None]) -> None:
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_MS / 1_000):
                await asyncio.shield(starting)
        except (KafkaError, OSError, TimeoutError) as error:
            raise BrokerUnavailable(f"{self._consumer.service} cannot listen: {type(error).__name__}") from error
        self.is_assigned = True
        await asyncio.Event().wait()

    async def _broker(self, admin: BrokerAdmin, attachment: Attachment, view: BrokerView) -> KafkaBroker:
        settings = self._settings
        broker = KafkaBroker(
            settings.kafka_address,
            apply_types=False,
            logger=None,
            graceful_timeout=DRAIN_TIMEOUT_SECONDS,
            # Else it would open two more clients, and make a topic again that was deleted a moment ago.
            consumer_only=True,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        attachment.subscriber = broker.subscriber(
            *([] if settings.is_embedded else sorted(view.topics)),
            partitions=await self._partitions(admin, view) if settings.is_embedded else (),
            listener=attachment,
            group_id=f"{self._consumer.service}.{view.cluster}",
            batch=True,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=settings.fetch_wait_ms,
            session_timeout_ms=settings.session_timeout_ms,
            heartbeat_interval_ms=HEARTBEAT_MS,
        )
        attachment.subscriber(attachment.on_batch, parser=_unparsed, decoder=_undecoded)
        attachment.subscriber.get_msg = attachment.next_records
        return broker

    async def _partitions(self, admin: BrokerAdmin, view: BrokerView) -> list[Home]:
        """Return every partition of the topics, to be read without a group: for one process on one machine.

        A group of the embedded broker takes half a session to come together, and a first member that leaves is not
        believed to have left. Were there a second process after all, both would hear everything, and apply it once.
        """
        counts = await admin.partitions(view.topics)
        return [Home(topic, number, declare=False) for topic in sorted(counts) for number in range(counts[topic])]


class Attachment(ConsumerRebalanceListener):  # type: ignore[misc]
    """One membership in the group of one broker. Batches come one after another; a hold is a paused partition."""

    def __init__(self, hearing: Hearing, consumer: Consumer, view: BrokerView) -> None:
        self.subscriber: Any = None
        self._hearing = hearing
        self._consumer = consumer
        self._view = view
        self._nexts: dict[TopicPartition, int] = {}
        self._uncommitted: dict[TopicPartition, int] = {}
        self._committed_at = 0.0
        self._under_way: frozenset[TopicPartition] = frozenset()
        self._hold_seconds: defaultdict[TopicPartition, float] = defaultdict(lambda: HOLD_SECONDS_MIN)
        self._resumptions: set[asyncio.Task[None]] = set()

    @property
    def kafka(self) -> Any:
        """The consumer of aiokafka; None before the start and after the stop."""
        return self.subscriber.consumer

    # aiokafka's listener

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Commit what was applied, for whoever gets the partitions, and note that nothing is held for the moment."""
        self._hearing.is_assigned = False
        await self._commit()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """Note that we are a member; with more members than partitions a member may rightly hold none."""
        self._hearing.is_assigned = True

    async def next_records(self, kafka: Any) -> tuple[ConsumerRecord, ...]:
        """Return the next batch; none when nothing came for a while.

        In the place of FastStream's own, which sleeps, deaf, for as long again as it waited in vain.
        """
        found = await kafka.getmany(timeout_ms=BATCH_WAIT_MS, max_records=BATCH_RECORDS_MAX)
        # aiokafka has no word for this: the wait is read anew for each fetch.
        kafka._fetcher._fetch_max_wait_ms = self._hearing.fetch_wait_ms if found else IDLE_FETCH_WAIT_MS
        if not found:
            await self._commit()
        return tuple(chain.from_iterable(found.values()))

    async def on_batch(self, message: KafkaMessage) -> None:
        """Apply a batch and commit its offsets, or seek back. Never raises but for cancellation.

        What it raised, FastStream would swallow, and the next commit would pass over this batch.
        """
        records: Sequence[ConsumerRecord] = message.raw_message
        # FastStream's message refers to itself, and would keep its records until the collector walks them all.
        message.raw_message = ()
        firsts, nexts = _bounds(records)
        facts = self._read(records)
        self._under_way = frozenset(nexts)
        try:
            held = await self._consumer.apply(facts)
        except Exception as error:  # noqa: BLE001 - this loop owns the retries of a batch
            reason = error.message if isinstance(error, DeedlogError) else repr(error)
            _log.warning("batch held", extra={"consumer": self._consumer.service, "reason": reason})
            self._hold(firsts)
            await asyncio.sleep(HOLD_SECONDS_MIN)
            return
        finally:
            self._under_way = frozenset()
        held_homes = self._homes(records, held) if held else set()
        self._hold({home: offset for home, offset in firsts.items() if home in held_homes})
        done = {home: offset for home, offset in nexts.items() if home not in held_homes}
        self._nexts |= done
        self._uncommitted |= done
        for home in done:
            self._hold_seconds.pop(home, None)
        if self._hearing.clock.monotonic() - self._committed_at > COMMIT_SECONDS:
            await self._commit()

    def _read(self, records: Sequence[ConsumerRecord]) -> list[Fact]:
        facts: list[Fact] = []
        for record in records:
            try:
                facts.append(self._fact(record))
            except UndecodableFact as error:
                self._hearing.undecodable += 1
                where = f"{record.topic}/{record.partition}/{record.offset}"
                _log.error("no fact; its stream will show a gap", extra={"at": where, "reason": error.message})
        return facts

    def _homes(self, records: Sequence[ConsumerRecord], keys: Collection[StreamKey]) -> set[TopicPartition]:
        """Return the partitions in which facts of these streams came."""
        homes = set()
        for record in records:
            with suppress(UndecodableFact):
                fact = self._fact(record)
                if StreamKey(fact.source, fact.subject) in keys:
                    homes.add(TopicPartition(record.topic, record.partition))
        return homes

    def _fact(self, record: ConsumerRecord) -> Fact:
        fact = from_kafka(dict(record.headers), record.value)
        if fact.source not in self._hearing.sources:
            raise UndecodableFact("ce_source: expected one that tells on this topic")
        return fact

    def _hold(self, firsts: dict[TopicPartition, int]) -> None:
        """Go back to the first offset of each partition and pause it, for longer each time."""
        kafka = self.kafka
        for home, offset in firsts.items():
            if kafka is None or home not in kafka.assignment():
                continue
            kafka.seek(home, offset)
            kafka.pause(home)
            seconds = self._hold_seconds[home]
            self._hold_seconds[home] = min(seconds * 2, HOLD_SECONDS_MAX)
            task = asyncio.ensure_future(self._resume(home, seconds))
            self._resumptions.add(task)
            task.add_done_callback(self._resumptions.discard)

    async def _resume(self, home: TopicPartition, seconds: float) -> None:
        await asyncio.sleep(seconds)
        kafka = self.kafka
        if kafka is not None and home in kafka.assignment():
            kafka.resume(home)

    async def _commit(self) -> None:
        """Commit as a hint. A broker that lost our group can make a commit loop for ever, so it is bounded in time."""
        kafka, offsets = self.kafka, self._uncommitted
        self._uncommitted, self._committed_at = {}, self._hearing.clock.monotonic()
        mine = {home: offset for home, offset in offsets.items() if kafka is not None and home in kafka.assignment()}
        if not mine:
            return
        try:
            async with asyncio.timeout(COMMIT_TIMEOUT_SECONDS):
                await kafka.commit(mine)
        except (KafkaError, TimeoutError) as error:
            _log.info("offsets not committed", extra={"consumer": self._consumer.service, "reason": repr(error)})

    async def has_read_all(self, source: Source) -> bool:
        """Say whether every partition we hold of the source's topics was applied to the end offset that holds now.

        False also while nothing is assigned. Raises KafkaError or TimeoutError when the broker does not answer.
        """
        kafka = self.kafka
        if kafka is None:
            return False
        topics = topics_of([source], self._view.topics)
        homes = [home for home in kafka.assignment() if home.topic in topics]
        async with asyncio.timeout(COMMIT_TIMEOUT_SECONDS):
            ends = await kafka.end_offsets(homes)
            for home in homes:
                if await self._applied_to(kafka, home) < ends[home]:
                    return False
        return bool(homes)

    async def _applied_to(self, kafka: Any, home: TopicPartition) -> int:
        """Return the offset up to which the partition was applied: behind its position while a batch is under way.

        The position is asked for only where it counts: while a group that waits for our batch is regrouping, it is not
        told.
        """
        if home in self._under_way:
            return self._nexts.get(home, 0)
        position: int = await kafka.position(home)
        return self._nexts.get(home, 0) if home in self._under_way else position

    async def close(self) -> None:
        """Cancel what waits to be resumed, and commit what was applied."""
        await self._commit()
        for task in list(self._resumptions):
            task.cancel()
        await asyncio.gather(*self._resumptions, return_exceptions=True)


async def _unparsed(records: Any) -> KafkaMessage:
    """Hand the records on as they are. FastStream's parser fails the whole batch at one header that is not UTF-8."""
    return KafkaMessage(body=b"", raw_message=records, consumer=FAKE_CONSUMER)


async def _undecoded(message: Any) -> Any:
    """Hand the message on as it is: the core decodes."""
    return message


async def _stop(broker: KafkaBroker, starting: asyncio.Future[None], kafka: Any) -> None:
    """Leave the group and close. A start that is cut short leaves connections open, so it is given a moment."""
    await asyncio.wait([starting], timeout=DRAIN_TIMEOUT_SECONDS)
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    try:
        async with asyncio.timeout(STOP_TIMEOUT_SECONDS):
            await broker.stop()
    except (KafkaError, OSError, TimeoutError, ExceptionGroup) as error:
        _log.info("left the broker without a farewell", extra={"reason": repr(error)})
    finally:
        await _let_go(kafka)


async def _let_go(kafka: Any) -> None:
    """Close the client that aiokafka leaves open when its fetcher trips over its own cancelling; it would ask on."""
    if kafka is None:
        return
    try:
        async with asyncio.timeout(STOP_TIMEOUT_SECONDS):
            await kafka._client.close()
    except (KafkaError, OSError, TimeoutError) as error:
        _log.warning("a connection to the broker was left open", extra={"reason": repr(error)})


def _bounds(records: Sequence[ConsumerRecord]) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
    """Return the first offset and the next offset of each partition in a batch."""
    firsts: dict[TopicPartition, int] = {}
    nexts: dict[TopicPartition, int] = {}
    for (topic, partition), run in groupby(records, key=_place):
        home = TopicPartition(topic, partition)
        offsets = [record.offset for record in run]
        firsts.setdefault(home, offsets[0])
        nexts[home] = offsets[-1] + 1
    return firsts, nexts


_place = attrgetter("topic", "partition")
