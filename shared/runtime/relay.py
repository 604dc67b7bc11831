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
from shared.runtime.postgres import (
    COMMAND_TIMEOUT_SECONDS,
    CONNECT_TIMEOUT_SECONDS,
    OUTAGES,
    Connection,
    DatabaseUnavailable,
)
from shared.runtime.settings import Settings
from shared.runtime.stream_store import SCAN, LogPosition, StreamStore, enter_epoch, fact_of_row, position_of_row
from shared.runtime.topics import (
    BrokerAdmin,
    BrokerUnavailable,
    BrokerView,
    newest_generation,
    topic_name,
    topics_of,
)

LOCK_KEY: Final = 0x6465_6564_7265_6C61
"""The advisory lock of the elected relay; "deedrela" in ASCII."""
PAGE_FACTS_MAX: Final = 2_000
BATCH_BYTES_MAX: Final = 512 * 1024
POLL_SECONDS_MIN: Final = 0.010
POLL_SECONDS_MAX: Final = 0.250
SMALL_PAGE_FACTS: Final = 50
LINGER_SECONDS: Final = 0.010
"""After a page of fewer facts, what comes in this time is produced together: a round for each would cost more than it.

A fact after a pause is produced at once."""
ELECTION_SECONDS: Final = 0.5
PRODUCE_TIMEOUT_SECONDS: Final = 15.0
STOP_TIMEOUT_SECONDS: Final = 2.0
ROUNDS_A_GENERATION_MAX: Final = 5_000
"""Produce rounds before rotation, where rotation is on: the embedded broker's fetch slows with batches a partition."""
GRACE_SECONDS: Final = 60.0
"""How long a generation that was left stays for slow consumers; later they are mended from the feed."""

MEASURE_SECONDS: Final = 1.0

HORIZON_AGE: Final = """
SELECT coalesce(extract(epoch FROM clock_timestamp() - min(xact_start)), 0)::float8 FROM pg_stat_activity
WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
"""
"""Seconds for which the oldest transaction that has written, in any database of the server, is open."""

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
        self._cluster = ""
        self._seen_at = 0.0
        self._measured_at = 0.0
        self._retired: dict[str, float] = {}
        self.is_leading = False

    def nudge(self) -> None:
        """Tell the relay that facts were committed; wakes it at once when it is in this process."""
        self._nudged.set()

    async def run(self) -> None:
        """Wait to be elected, then produce until something fails. Raises Unavailable then."""
        try:
            async with self._elected() as connection, BrokerAdmin(self._settings.kafka_address) as admin:
                await enter_epoch(connection)
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
            command_timeout=COMMAND_TIMEOUT_SECONDS,
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
        """Make sure there is a topic in this broker that is ours, and rewind when it is another broker.

        The generation is noted together with the rewound cursor: a crash between the two would leave a new broker
        without what the old one had. The topic is made first, because a producer's first send would make a ghost.
        """
        settings, source = self._settings, self._source
        view = await admin.look()
        row = await connection.fetchrow("SELECT cluster, generation FROM backbone.relay")
        generation: int = row["generation"]
        if view.cluster != row["cluster"] or topic_name(source, generation) not in view.topics:
            generation = max(generation, newest_generation(source, view.topics)) + 1
            await admin.create(topic_name(source, generation), settings.topic_partitions, settings.topic_replicas)
            await connection.execute(_REWIND, view.cluster, generation)
        self._begin(view.cluster, generation)
        self._retire(view)

    def _begin(self, cluster: str, generation: int) -> None:
        self._cluster = cluster
        self._generation = generation
        self._rounds = self._facts = 0

    def _retire(self, view: BrokerView) -> None:
        """Have every other generation that is there deleted after the grace.

        Also those an earlier relay left, and ghosts: some brokers make a deleted topic anew for a listener that asks.
        """
        now = self._clock.monotonic()
        for topic in topics_of([self._source], view.topics) - {topic_name(self._source, self._generation)}:
            self._retired.setdefault(topic, now)

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
        while True:
            asked_at = self._clock.monotonic()
            view = await admin.look()
            if not self._is_ours(view):
                raise BrokerChanged("the broker is another one or lost the topic")
            self._seen_at = asked_at
            self._retire(view)
            for topic, left_at in list(self._retired.items()):
                if asked_at - left_at > GRACE_SECONDS:
                    await admin.delete(topic)
                    del self._retired[topic]
            await asyncio.sleep(self._settings.broker_watch_seconds)

    def _is_ours(self, view: BrokerView) -> bool:
        return view.cluster == self._cluster and topic_name(self._source, self._generation) in view.topics

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
        unverified: list[tuple[float, LogPosition]] = []
        idle_seconds = POLL_SECONDS_MIN
        while not self._is_full():
            self._nudged.clear()
            rows = await connection.fetch(SCAN, cursor.epoch, str(cursor.xid), cursor.id, PAGE_FACTS_MAX)
            if rows:
                await self._produce(producer, topic, [fact_of_row(self._source.name, row) for row in rows])
                await faults.point("relay.produced")
                cursor = position_of_row(rows[-1])
                unverified.append((self._clock.monotonic(), cursor))
            safe = self._take_verified(unverified)
            if rows or safe is not None:
                verified = safe or verified
                await _save(connection, cursor, verified)
            await self._measure(connection, rows)
            if len(rows) == PAGE_FACTS_MAX:
                continue
            if 0 < len(rows) < SMALL_PAGE_FACTS:
                await asyncio.sleep(LINGER_SECONDS)
                idle_seconds = POLL_SECONDS_MIN
                continue
            # A nudge without rows means that facts were committed and lie behind the horizon still.
            was_nudged = await self._wait(POLL_SECONDS_MIN if rows else idle_seconds)
            idle_seconds = POLL_SECONDS_MIN if rows or was_nudged else min(idle_seconds * 2, POLL_SECONDS_MAX)

    async def _measure(self, connection: Connection, rows: Sequence[Any]) -> None:
        """Set the gauges of lag and, now and then, of the horizon's age."""
        is_behind = len(rows) == PAGE_FACTS_MAX
        lag_seconds = (self._clock.now() - fact_of_row("", rows[0]).recorded_at).total_seconds() if is_behind else 0
        telemetry.RELAY_LAG_SECONDS.labels(self._source.name).set(lag_seconds)
        if self._clock.monotonic() - self._measured_at > MEASURE_SECONDS:
            self._measured_at = self._clock.monotonic()
            age_seconds = await connection.fetchval(HORIZON_AGE)
            telemetry.RELAY_HORIZON_AGE_SECONDS.labels(self._source.name).set(age_seconds)

    def _take_verified(self, unverified: list[tuple[float, LogPosition]]) -> LogPosition | None:
        """Return the last position acknowledged before the broker was last asked who it is, and forget up to there.

        An answer that names our cluster vouches for what was acknowledged before the question: ids never come back.
        """
        seen = sum(acknowledged_at <= self._seen_at for acknowledged_at, _ in unverified)
        if not seen:
            return None
        position = unverified[seen - 1][1]
        del unverified[:seen]
        return position

    async def _wait(self, seconds: float) -> bool:
        """Wait for a nudge at most so long; say whether one came."""
        try:
            async with asyncio.timeout(seconds):
                await self._nudged.wait()
        except TimeoutError:
            return False
        return True

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
        telemetry.RELAY_BATCH_FACTS.labels(self._source.name).observe(len(facts))

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
        """Go on in a new topic of the same broker; when it is another one now, leave it to `_enter` to rewind."""
        view = await admin.look()
        if not self._is_ours(view):
            return
        generation = max(self._generation, newest_generation(self._source, view.topics)) + 1
        await admin.create(
            topic_name(self._source, generation), self._settings.topic_partitions, self._settings.topic_replicas
        )
        await connection.execute("UPDATE backbone.relay SET generation = $1", generation)
        self._begin(self._cluster, generation)
        self._retire(view)


_REWIND: Final = """
UPDATE backbone.relay
SET cluster = $1, generation = $2, epoch = verified_epoch, xid = verified_xid, id = verified_id
"""


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
