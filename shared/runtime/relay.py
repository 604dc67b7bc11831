"""Produces a service's facts to Kafka in log order, keyed by subject, and then moves its own cursor.

One relay a service is elected by an advisory lock. It updates no fact. A fact may be produced twice, after a crash
between produce and cursor or after a change of broker; consumers count such duplicates and skip them. The relay wakes
by a nudge from the doors of its process and by a poll that backs off when idle; never by NOTIFY, which costs every
writer a global lock.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.events.fact import Fact, kafka_headers
from shared.kernel.clock import Clock
from shared.kernel.errors import Unavailable
from shared.runtime import faults, telemetry
from shared.runtime.postgres import CONNECT_TIMEOUT_SECONDS, OUTAGES, Connection, DatabaseUnavailable
from shared.runtime.settings import Settings
from shared.runtime.stream_store import SCAN, LogPosition, StreamStore, fact_of_row, position_of_row
from shared.runtime.topics import BrokerAdmin, BrokerUnavailable, BrokerView, newest_generation, topic_name

LOCK_KEY: Final = 0x6465_6564_7265_6C61
"""The advisory lock of the elected relay; "deedrela" in ASCII."""
PAGE_FACTS_MAX: Final = 2_000
BATCH_BYTES_MAX: Final = 512 * 1024
POLL_SECONDS_MIN: Final = 0.010
POLL_SECONDS_MAX: Final = 0.250
ELECTION_SECONDS: Final = 0.5
PRODUCE_TIMEOUT_SECONDS: Final = 15.0
STOP_TIMEOUT_SECONDS: Final = 2.0
ROUNDS_A_GENERATION_MAX: Final = 5_000
"""Produce rounds before rotation, where rotation is on: the embedded broker's fetch slows with batches a partition."""
GRACE_SECONDS: Final = 60.0
"""How long a generation that was left stays for slow consumers; later they are mended from the feed."""

INDEX_ORDER: Final = {"enable_sort": "off", "enable_seqscan": "off", "enable_bitmapscan": "off"}
"""A young table has no statistics; without these the planner may sort it whole for every page."""


_log = logging.getLogger(__name__)


class BrokerChanged(Unavailable):
    """The broker is another one than a moment ago, or has lost our topic."""

    code = "broker-changed"


class Relay:
    """The relay of one source. `run` ends only by cancellation or an error; its supervisor starts it again."""

    def __init__(self, settings: Settings, store: StreamStore, clock: Clock) -> None:
        self._settings = settings
        self._source = store.source
        self._clock = clock
        self._nudged = asyncio.Event()
        self._rounds = 0
        self._facts = 0
        self._generation = 0
        self._retired: dict[str, float] = {}
        self.is_leading = False

    def nudge(self) -> None:
        """Tell the relay that facts were committed; wakes it at once when it is in this process."""
        self._nudged.set()

    async def run(self) -> None:
        """Wait to be elected, then produce until something fails. Raises Unavailable then."""
        try:
            async with self._elected() as connection, BrokerAdmin(self._settings.kafka_address) as admin:
                while True:
                    await self._enter(connection, admin)
                    await self._lead(connection, admin)
        except OUTAGES as error:
            raise DatabaseUnavailable(f"the relay lost Postgres: {type(error).__name__}") from error
        finally:
            self.is_leading = False

    @asynccontextmanager
    async def _elected(self) -> AsyncIterator[Connection]:
        connection = await asyncpg.connect(
            self._settings.database_backbone_url.get_secret_value(),
            timeout=CONNECT_TIMEOUT_SECONDS,
            server_settings={"application_name": f"deedlog relay {self._source.name}", **INDEX_ORDER},
        )
        try:
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK_KEY):
                await asyncio.sleep(ELECTION_SECONDS)
            self.is_leading = True
            yield connection
        finally:
            connection.terminate()

    async def _enter(self, connection: Connection, admin: BrokerAdmin) -> None:
        """Make sure there is a topic in this broker that is ours, and rewind when it is another broker."""
        view = await admin.look()
        row = await connection.fetchrow("SELECT cluster, generation FROM backbone.relay")
        generation: int = row["generation"]
        if view.cluster == row["cluster"] and topic_name(self._source, generation) in view.topics:
            self._generation = generation
            return
        generation = max(generation, newest_generation(self._source, view.topics)) + 1
        await self._start_generation(connection, admin, view, generation)
        await connection.execute(
            "UPDATE backbone.relay SET epoch = verified_epoch, xid = verified_xid, id = verified_id"
        )

    async def _start_generation(
        self, connection: Connection, admin: BrokerAdmin, view: BrokerView, generation: int
    ) -> None:
        settings = self._settings
        await admin.create(topic_name(self._source, generation), settings.topic_partitions, settings.topic_replicas)
        await connection.execute("UPDATE backbone.relay SET cluster = $1, generation = $2", view.cluster, generation)
        self._generation = generation
        self._rounds = self._facts = 0

    async def _lead(self, connection: Connection, admin: BrokerAdmin) -> None:
        """Produce into the present generation until the broker changes or the topic is to be rotated."""
        async with self._producer() as producer:
            producing = asyncio.ensure_future(self._produce_pages(connection, producer))
            watching = asyncio.ensure_future(self._watch(admin))
            try:
                done, _ = await asyncio.wait({producing, watching}, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    task.result()
            except BrokerChanged:
                return
            finally:
                for task in (producing, watching):
                    task.cancel()
                await asyncio.gather(producing, watching, return_exceptions=True)
        await self._rotate(connection, admin)

    async def _watch(self, admin: BrokerAdmin) -> None:
        """End with BrokerChanged when the broker changes. Deletes generations that were left long enough ago."""
        settings = self._settings
        expected: str | None = None
        while True:
            view = await admin.look()
            expected = expected or view.cluster
            if view.cluster != expected or topic_name(self._source, self._generation) not in view.topics:
                raise BrokerChanged("the broker is another one or lost the topic")
            self._looked_at = self._clock.monotonic()
            for topic, left_at in list(self._retired.items()):
                if self._clock.monotonic() - left_at > GRACE_SECONDS:
                    del self._retired[topic]
                    await admin.delete(topic)
            await asyncio.sleep(settings.broker_watch_seconds)

    @asynccontextmanager
    async def _producer(self) -> AsyncIterator[AIOKafkaProducer]:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._settings.kafka_address,
            acks="all",
            max_batch_size=BATCH_BYTES_MAX,
            max_request_size=2 * BATCH_BYTES_MAX,
            request_timeout_ms=int(PRODUCE_TIMEOUT_SECONDS * 1000),
            retry_backoff_ms=100,
        )
        try:
            async with asyncio.timeout(PRODUCE_TIMEOUT_SECONDS):
                await producer.start()
            yield producer
        except (KafkaError, TimeoutError) as error:
            raise BrokerUnavailable(
                f"the relay of {self._source.name} cannot produce: {type(error).__name__}"
            ) from error
        finally:
            try:
                async with asyncio.timeout(STOP_TIMEOUT_SECONDS):
                    await producer.stop()
            except (KafkaError, TimeoutError):
                _log.info("producer left without a farewell", extra={"source": self._source.name})

    async def _produce_pages(self, connection: Connection, producer: AIOKafkaProducer) -> None:
        """Produce page after page until the generation is full."""
        cursor, verified = await _load(connection)
        topic = topic_name(self._source, self._generation)
        self._looked_at = self._clock.monotonic()
        sent_before: list[tuple[float, LogPosition]] = []
        idle = POLL_SECONDS_MIN
        while not self._is_full():
            self._nudged.clear()
            rows = await connection.fetch(SCAN, cursor.epoch, str(cursor.xid), cursor.id, PAGE_FACTS_MAX)
            if rows:
                await self._produce(producer, topic, [fact_of_row(self._source.name, row) for row in rows])
                await faults.point("relay.produced")
                cursor = position_of_row(rows[-1])
                sent_before.append((self._clock.monotonic(), cursor))
                idle = POLL_SECONDS_MIN
            verified, sent_before, moved = self._verify(verified, sent_before)
            if rows or moved:
                await _save(connection, cursor, verified)
            if not rows:
                await self._wait(idle)
                idle = min(idle * 2, POLL_SECONDS_MAX)

    def _verify(
        self, verified: LogPosition, sent: list[tuple[float, LogPosition]]
    ) -> tuple[LogPosition, list[tuple[float, LogPosition]], bool]:
        """Return the last position that was produced before the broker was last seen unchanged."""
        seen = [position for at, position in sent if at < self._looked_at - self._settings.broker_watch_seconds]
        if not seen:
            return verified, sent, False
        return seen[-1], sent[len(seen) :], True

    async def _wait(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._nudged.wait()
        except TimeoutError:
            return

    async def _produce(self, producer: AIOKafkaProducer, topic: str, facts: Sequence[Fact]) -> None:
        """Return once every fact is acknowledged. One batch a partition is in flight, so order holds."""
        partitions = sorted(await producer.partitions_for(topic))
        grouped: defaultdict[int, list[Fact]] = defaultdict(list)
        for fact in facts:
            grouped[partition_of(fact.subject, len(partitions))].append(fact)
        sends = (self._send(producer, topic, partition, group) for partition, group in grouped.items())
        async with asyncio.timeout(PRODUCE_TIMEOUT_SECONDS):
            await asyncio.gather(*sends)
        self._rounds += 1
        self._facts += len(facts)
        telemetry.RELAY_PRODUCED.labels(self._source.name).inc(len(facts))

    async def _send(self, producer: AIOKafkaProducer, topic: str, partition: int, facts: Sequence[Fact]) -> None:
        batch: Any = producer.create_batch()
        for fact in facts:
            record = {
                "key": fact.subject.encode(),
                "value": fact.data,
                "timestamp": None,
                "headers": kafka_headers(fact),
            }
            if batch.append(**record) is None:
                await (await producer.send_batch(batch, topic, partition=partition))
                batch = producer.create_batch()
                batch.append(**record)
        await (await producer.send_batch(batch, topic, partition=partition))

    def _is_full(self) -> bool:
        limit = self._settings.topic_facts_max
        return limit > 0 and (self._facts >= limit or self._rounds >= ROUNDS_A_GENERATION_MAX)

    async def _rotate(self, connection: Connection, admin: BrokerAdmin) -> None:
        self._retired[topic_name(self._source, self._generation)] = self._clock.monotonic()
        await self._start_generation(connection, admin, await admin.look(), self._generation + 1)


def partition_of(subject: str, partitions: int) -> int:
    """Return the partition of a subject: CRC-32 of its UTF-8 bytes, modulo. Numbers repair the order if it changes."""
    return zlib.crc32(subject.encode()) % partitions


async def _load(connection: Connection) -> tuple[LogPosition, LogPosition]:
    row = await connection.fetchrow(
        """SELECT epoch, xid::text::bigint, id, verified_epoch, verified_xid::text::bigint, verified_id
           FROM backbone.relay"""
    )
    return LogPosition(*row[:3]), LogPosition(*row[3:])


async def _save(connection: Connection, cursor: LogPosition, verified: LogPosition) -> None:
    await connection.execute(
        """UPDATE backbone.relay SET epoch = $1, xid = $2::text::xid8, id = $3,
           verified_epoch = $4, verified_xid = $5::text::xid8, verified_id = $6""",
        cursor.epoch,
        str(cursor.xid),
        cursor.id,
        verified.epoch,
        str(verified.xid),
        verified.id,
    )
