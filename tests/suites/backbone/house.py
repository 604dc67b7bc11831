"""A teller and a listener on real parts: the smallest house in which the backbone's promises can be put to the test.

The teller tells as the source `learning_events`; the listener folds what it hears into one derived row a fact. Each has
a database of its own on one embedded server; the broker is handed in. Nothing of ours is replaced by a stand-in but
the wire between the two: `StoreFeed` answers as the owner would, and can be told to be away.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeAlias

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition

from infra.embedded.broker import EmbeddedBroker
from infra.kafka.kafka import ApacheKafka
from shared.events.erasure import FactsErased, facts_erased
from shared.events.fact import Fact, NewFact, from_kafka
from shared.events.learning_events import StatementRecorded
from shared.events.sources import LEARNING_EVENTS, Source
from shared.kernel.clock import SystemClock
from shared.kernel.errors import Unavailable
from shared.kernel.ids import system_fact_id
from shared.runtime.backbone import Backbone
from shared.runtime.consumer import Consumer, Counts
from shared.runtime.database_setup import ServiceDatabase, create_database, migrate
from shared.runtime.effect import Applying, Effect, FactBroken, Heard, SetAside
from shared.runtime.feed import FactFeed
from shared.runtime.hearing import Hearing
from shared.runtime.postgres import Connection
from shared.runtime.rebuild import Progress
from shared.runtime.relay import LOCK_KEY as RELAY_LOCK_KEY
from shared.runtime.relay import partition_of
from shared.runtime.settings import Settings
from shared.runtime.stream_store import Head, HeadsPage, LogPosition, StreamStore
from shared.runtime.topics import BrokerAdmin, topics_of

AnyBroker: TypeAlias = EmbeddedBroker | ApacheKafka

DOOR_WORD: Final = "door"
BACKBONE_WORD: Final = "back"
SERVICE_TOKEN: Final = "a-secret-of-this-house-32-letters"
HERE: Final = Path(__file__).parent
PATIENCE_SECONDS: Final = 45.0
"""For a condition to come true on a machine where others work too; nothing is proved by how long it takes."""


def new_fact(subject: str, verb: str = "did", at: datetime | None = None, organisation: str | None = None) -> NewFact:
    """Return a statement about `subject`."""
    event = StatementRecorded(
        statement=str(system_fact_id()), account="acc_1", verb=verb, object="urn:x", object_type="Activity", digest="d"
    )
    return event.fact(system_fact_id(), subject, at or datetime.now(UTC), organisation)


class StoreFeed:
    """The feed of a store in this process; can be told to be away, and counts how often it was asked."""

    def __init__(self) -> None:
        self.owners: dict[str, Backbone] = {}
        self.is_away = False
        self.reads = 0
        self.looks = 0
        self.comparisons = 0
        self.refusals = 0
        self.scans_ended = 0
        self.away_after_pages: int | None = None

    def _owner(self, source: str) -> tuple[StreamStore, Any]:
        if self.is_away or source not in self.owners:
            self.refusals += 1
            raise Unavailable(f"{source} does not answer")
        return self.owners[source].feed_store()

    async def read(self, source: str, subject: str, after: int, limit: int) -> tuple[list[Fact], int]:
        """As FactFeed."""
        store, pool = self._owner(source)
        self.reads += 1
        async with pool.acquire() as connection:
            return await store.read(connection, subject, after, limit)

    async def heads(self, source: str, since: LogPosition, limit: int) -> HeadsPage:
        """As FactFeed."""
        self.looks += 1
        store, pool = self._owner(source)
        async with pool.acquire() as connection:
            return await store.heads(connection, since, limit)

    async def heads_of(self, source: str, subjects: Sequence[str]) -> tuple[Head, ...]:
        """As FactFeed."""
        self.comparisons += 1
        store, pool = self._owner(source)
        async with pool.acquire() as connection:
            return await store.heads_of(connection, subjects)

    async def scan(self, source: str, since: LogPosition) -> AsyncIterator[tuple[list[Fact], LogPosition]]:
        """As FactFeed."""
        store, pool = self._owner(source)
        while True:
            async with pool.acquire() as connection:
                facts, since = await store.scan(connection, since, 1_000)
            if not facts:
                self.scans_ended += 1
                return
            yield facts, since
            self._count_page()
            self._owner(source)

    def _count_page(self) -> None:
        """Go away behind the page that `away_after_pages` says, once."""
        if self.away_after_pages is not None:
            self.away_after_pages -= 1
            if self.away_after_pages == 0:
                self.is_away, self.away_after_pages = True, None


@dataclass
class Folding:
    """Keeps a row a fact; one applied twice breaks the row's key, loudly. Can be told what to set aside or break at.

    Erased facts fold to nothing, and an erasure takes away what was folded from the facts it names.
    """

    hears: tuple[Source, ...]
    types: frozenset[str] | None = frozenset({StatementRecorded.type, facts_erased(LEARNING_EVENTS, 0).type})
    set_aside_verb: str = "unusable"
    broken_verb: str = "broken"
    broken_reason: str = "its verb is broken"
    bug_verb: str = "bug"
    away_verb: str = "away"
    is_healed: bool = False
    calls: int = 0

    async def subjects(self, connection: Connection, heard: Sequence[Heard]) -> Collection[str]:
        """Nobody else."""
        return ()

    async def apply(self, applying: Applying, heard: Sequence[Heard]) -> Sequence[SetAside]:
        """Add a row a statement, in arrays; an erasure first stores what came before it."""
        self.calls += 1
        aside: list[SetAside] = []
        rows: list[tuple[str, int, str]] = []
        for item in heard:
            if isinstance(item.event, FactsErased):
                await _insert(applying.connection, rows)
                rows.clear()
                await applying.connection.execute(
                    "DELETE FROM folded WHERE subject = $1 AND number <= $2", item.fact.subject, item.event.through
                )
            elif isinstance(item.event, StatementRecorded):
                if item.event.verb == self.set_aside_verb:
                    aside.append(SetAside(item.fact, "its verb is unusable"))
                    continue
                self._stumble(item.fact, item.event.verb)
                rows.append((item.fact.subject, item.fact.number, item.event.verb))
        await _insert(applying.connection, rows)
        return aside

    def _stumble(self, fact: Fact, verb: str) -> None:
        if self.is_healed:
            return
        if verb == self.broken_verb:
            raise FactBroken(fact, self.broken_reason)
        if verb == self.bug_verb:
            raise LookupError("a bug of ours")
        if verb == self.away_verb:
            raise Unavailable("what the effect needs is away")


async def _insert(connection: Connection, rows: Sequence[tuple[str, int, str]]) -> None:
    if rows:
        await connection.execute(
            "INSERT INTO folded (subject, number, verb) SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[])",
            [row[0] for row in rows],
            [row[1] for row in rows],
            [row[2] for row in rows],
        )


@dataclass
class Service:
    """One service of the house: its database and its backbone, which may be made anew as after a restart."""

    name: str
    admin_dsn: str
    folder: Path
    kafka: str
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def database(self) -> ServiceDatabase:
        return ServiceDatabase(self.name, self.folder, DOOR_WORD, BACKBONE_WORD)

    def dsn(self, role: str = "", word: str = "") -> str:
        """Return the address of the service's database, for a role of its own or for the operator."""
        address = self.admin_dsn.rpartition("/")[0]
        if role:
            address = f"postgresql://{self.name}_{role}:{word}@{address.rpartition('@')[2]}"
        return f"{address}/{self.database.database}"

    def settings(self, **more: Any) -> Settings:
        return Settings.model_validate(
            {
                "service": self.name,
                "database_door_url": self.dsn("door", DOOR_WORD),
                "database_backbone_url": self.dsn("backbone", BACKBONE_WORD),
                "kafka_address": self.kafka,
                "service_token": SERVICE_TOKEN,
                "topic_partitions": 4,
                "fetch_wait_ms": 10,
                "session_timeout_ms": 6_000,
                "broker_watch_seconds": 0.2,
                "tail_check_seconds": 0.4,
                "tail_age_seconds": 1.0,
            }
            | self.more
            | more
        )

    async def set_up(self) -> None:
        """The database stands and is empty, whatever a test before did to it and to the service's roles."""
        await create_database(self.admin_dsn, self.database)
        async with self.operator() as connection:
            await connection.execute(_EMPTY.format(name=self.name))
        await migrate(self.admin_dsn, self.database)

    @asynccontextmanager
    async def operator(self) -> AsyncIterator[Connection]:
        """A connection past all policies, for damage no service could do."""
        connection = await asyncpg.connect(self.dsn())
        try:
            yield connection
        finally:
            await connection.close()


_EMPTY: Final = """
DROP SCHEMA IF EXISTS backbone, derived, derived_shadow, derived_old CASCADE;
DROP TABLE IF EXISTS public.migrations, public.tallies, public.notes;
ALTER ROLE {name}_door NOSUPERUSER NOBYPASSRLS;
ALTER ROLE {name}_backbone NOSUPERUSER NOBYPASSRLS;
ALTER ROLE {name}_door SET transaction_timeout = '5s';
"""


class ShiftedClock(SystemClock):
    """The machine's clock, put forward by as much as a test says."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        """Return the shifted instant."""
        return super().now() + self.ahead


class House:
    """Teller and listener. `start` opens both; the parts may be stopped and made anew one by one.

    number: of its topic, which no other house has; name: of its databases and group, which a later house may have.
    """

    def __init__(self, admin_dsn: str, number: int, broker: AnyBroker, name: str) -> None:
        self.broker = broker
        self.name = name
        self.source = Source(LEARNING_EVENTS.name, f"deedlog.learning-events-{number}.v1", LEARNING_EVENTS.type_prefix)
        self.number = number
        self.effect = Folding((self.source,))
        self.listener_clock = ShiftedClock()
        self.feed = StoreFeed()
        self.listener_feed: FactFeed = self.feed
        more = {"is_embedded": isinstance(broker, EmbeddedBroker)}
        self.teller_service = Service(f"teller_{name}", admin_dsn, HERE / "teller", broker.address, more)
        self.listener_service = Service(f"listener_{name}", admin_dsn, HERE / "listener", broker.address, dict(more))
        self.teller = self._new_teller()
        self.listener = self._new_listener()
        self._running: list[Backbone] = []
        self._more: list[Callable[[], Awaitable[None]]] = []

    def _new_teller(self) -> Backbone:
        service = self.teller_service
        teller = Backbone(service.settings(), SystemClock(), service.folder, source=self.source, feed=self.feed)
        self.feed.owners[self.source.name] = teller
        return teller

    def _new_listener(self, effect: Effect | None = None) -> Backbone:
        service, feed = self.listener_service, self.listener_feed
        listener = Backbone(
            service.settings(), self.listener_clock, service.folder, source=None, feed=feed, is_rebuildable=True
        )
        listener.hear(effect or self.effect)
        return listener

    async def set_up(self) -> None:
        """Both databases stand."""
        await self.teller_service.set_up()
        await self.listener_service.set_up()

    async def start(self) -> None:
        """Both run."""
        await self.start_teller()
        await self.start_listener()

    async def start_teller(self, **settings: Any) -> None:
        """The teller runs, made anew from its settings."""
        self.teller_service.more |= settings
        self.teller = self._new_teller()
        await self.teller.start()
        self._running.append(self.teller)

    async def start_listener(self, **settings: Any) -> None:
        """The listener runs, made anew from its settings."""
        self.listener_service.more |= settings
        self.listener = self._new_listener()
        await self.listener.start()
        self._running.append(self.listener)

    async def second_listener(self) -> Backbone:
        """Another process of the listener runs: the same service on the same database, in the same group."""
        other = self._new_listener()
        await other.start()
        self._running.append(other)
        return other

    async def stop(self, backbone: Backbone) -> None:
        """One of the running backbones has ended in order."""
        self._running.remove(backbone)
        await backbone.stop()

    async def tear_down(self) -> None:
        """Nothing of the house runs any more."""
        for backbone in reversed(self._running):
            await backbone.stop()

    # Telling and hearing

    @property
    def consumer(self) -> Consumer:
        assert self.listener.consumer is not None
        return self.listener.consumer

    @property
    def hearing(self) -> Hearing:
        assert self.listener.hearing is not None
        return self.listener.hearing

    @property
    def counts(self) -> Counts:
        """What the listener counted of the teller's facts."""
        return self.consumer.counts[self.source.name]

    async def tell(self, *facts: NewFact) -> list[Fact]:
        """The facts are told in one transaction through the teller's door."""
        async with self.teller.door(None) as tx:
            await tx.lock({fact.subject for fact in facts})
            return await self.teller.store.append(tx, facts)

    async def tell_many(self, subjects: Sequence[str], facts_each: int) -> None:
        """Each subject gets so many facts more, in transactions of at most 100."""
        pending = [new_fact(subject) for _ in range(facts_each) for subject in subjects]
        for start in range(0, len(pending), 100):
            await self.tell(*pending[start : start + 100])

    async def told(self) -> dict[str, int]:
        """Return the number of facts told, by subject, as the teller's streams say."""
        async with self.teller_service.operator() as connection:
            rows = await connection.fetch("SELECT subject, number FROM backbone.streams")
        return {row[0]: row[1] for row in rows}

    async def folded(self) -> dict[str, list[int]]:
        """Return the numbers applied, by subject."""
        async with self.listener_service.operator() as connection:
            rows = await connection.fetch("SELECT subject, number FROM derived.folded ORDER BY subject, number")
        found: defaultdict[str, list[int]] = defaultdict(list)
        for subject, number in rows:
            found[subject].append(number)
        return dict(found)

    async def has_heard_all(self) -> bool:
        """Say whether every stream was applied to its head, once, without a gap."""
        told = await self.told()
        return await self.folded() == {subject: list(range(1, head + 1)) for subject, head in told.items()}

    async def until_looked(self, times: int) -> None:
        """Wait until the listener has asked for heads so many times more."""
        before = self.feed.looks

        async def has_looked() -> bool:
            return self.feed.looks >= before + times

        await until(has_looked)

    async def until_heard(self) -> None:
        """Wait until everything told so far was applied."""
        await until(self.has_heard_all)

    async def until_mended(self, count: int) -> None:
        """Return once so many lost tails are counted, and fail where there are more. They count a moment after."""

        async def is_counted() -> bool:
            return self.counts.lost_tails >= count

        await until(is_counted)
        assert self.counts.lost_tails == count

    async def until_caught_up(self) -> None:
        """Wait until the listener has read the owner's log once: from now on what the broker loses is a lost tail."""
        await until(lambda: asyncio.sleep(0, self.feed.scans_ended > 0))

    async def positions(self) -> dict[str, int]:
        """Return how far each stream was heard."""
        async with self.listener_service.operator() as connection:
            rows = await connection.fetch("SELECT subject, number FROM derived.positions")
        return {row[0]: row[1] for row in rows}

    async def parked(self) -> dict[str, tuple[int, str]]:
        """Return number and reason of each parked stream."""
        async with self.listener_service.operator() as connection:
            rows = await connection.fetch(
                "SELECT subject, parked_number, parked_reason FROM derived.positions WHERE parked_number IS NOT NULL"
            )
        return {row[0]: (row[1], row[2]) for row in rows}

    async def until_parked(self, subject: str) -> tuple[int, str]:
        """Wait until the stream is parked; return at which number and why."""

        async def is_parked() -> bool:
            return subject in await self.parked()

        await until(is_parked)
        return (await self.parked())[subject]

    async def rebuild(self, *, is_check_only: bool) -> Progress:
        """Rebuild the listener and return the last report."""
        last = Progress(0, 0)
        async for progress in self.listener.rebuild(is_check_only=is_check_only):
            last = progress
        return last

    @asynccontextmanager
    async def silenced(self) -> AsyncIterator[None]:
        """Facts are accepted and not relayed meanwhile: an operator holds what the relay is elected by."""
        if self.teller in self._running:
            await self.stop(self.teller)
        async with self.teller_service.operator() as connection:
            await connection.execute("SELECT pg_advisory_lock($1)", RELAY_LOCK_KEY)
            await self.start_teller()
            yield

    async def lose(self, *facts: NewFact) -> list[Fact]:
        """The facts are told, and the relay passes over them: no topic will ever have them."""
        async with self.silenced():
            told = await self.tell(*facts)
            async with self.teller_service.operator() as connection:
                await connection.execute(
                    """UPDATE backbone.relay r SET (epoch, xid, id) =
                       (SELECT f.epoch, f.xid, f.id FROM backbone.facts f ORDER BY epoch DESC, xid DESC, id DESC
                        LIMIT 1)"""
                )
                await connection.execute(
                    "UPDATE backbone.relay SET verified_epoch=epoch, verified_xid=xid, verified_id=id"
                )
        return told

    async def rewind_owner(self, subject: str, number: int) -> None:
        """The owner forgot every fact of a stream after `number`, as after a restore of an older backup."""
        async with self.teller_service.operator() as connection:
            await connection.execute("DELETE FROM backbone.facts WHERE subject = $1 AND number > $2", subject, number)
            await connection.execute(
                """UPDATE backbone.streams s SET number = $2, fact_id = f.fact_id FROM backbone.facts f
                   WHERE s.subject = $1 AND f.subject = $1 AND f.number = $2""",
                subject,
                number,
            )

    # The topic, read and written past the backbone

    async def topics(self) -> frozenset[str]:
        """Return the generations of the teller's topic that are there."""
        async with BrokerAdmin(self.broker.address) as admin:
            return topics_of([self.source], (await admin.look()).topics)

    async def delete_topics(self) -> None:
        """Every generation of the teller's topic is gone."""
        async with BrokerAdmin(self.broker.address) as admin:
            for topic in await self.topics():
                await admin.delete(topic)

    async def records(self) -> list[ConsumerRecord]:
        """Return every record on the teller's topics, partition by partition, in the order they lie there."""
        found: list[ConsumerRecord] = []
        consumer = AIOKafkaConsumer(bootstrap_servers=self.broker.address, enable_auto_commit=False)
        await consumer.start()
        try:
            for topic in sorted(await self.topics()):
                partitions = await consumer._client._wait_on_metadata(topic) and consumer.partitions_for_topic(topic)
                homes = [TopicPartition(topic, partition) for partition in sorted(partitions or ())]
                ends = await consumer.end_offsets(homes)
                for home in homes:
                    consumer.assign([home])
                    await consumer.seek_to_beginning(home)
                    while await consumer.position(home) < ends[home]:
                        found += (await consumer.getmany(home, timeout_ms=1_000)).get(home, [])
        finally:
            await consumer.stop()
        return found

    async def facts_on_topic(self) -> list[Fact]:
        """Return the facts on the teller's topics, partition by partition."""
        return [from_kafka(dict(record.headers), record.value) for record in await self.records()]

    @property
    def partitions(self) -> int:
        """How many partitions a topic of the teller has."""
        return self.teller.settings.topic_partitions

    def subjects_apart(self) -> tuple[str, str]:
        """Return two subjects whose streams lie in different partitions."""
        first = "ada"
        others = (f"bea{number}" for number in range(100))
        return first, next(
            name for name in others if partition_of(name, self.partitions) != partition_of(first, self.partitions)
        )

    def subjects_together(self) -> tuple[str, str]:
        """Return two subjects whose streams lie in one partition."""
        first = "ada"
        others = (f"bea{number}" for number in range(100))
        return first, next(
            name for name in others if partition_of(name, self.partitions) == partition_of(first, self.partitions)
        )

    async def produce_raw(self, value: bytes | None, headers: list[tuple[str, bytes]], key: bytes = b"x") -> None:
        """A record of anybody's lies on the teller's newest topic."""
        topic = max(await self.topics(), key=lambda name: (len(name), name))
        producer = AIOKafkaProducer(bootstrap_servers=self.broker.address, acks="all")
        await producer.start()
        try:
            await producer.send_and_wait(topic, value, key=key, headers=headers)
        finally:
            await producer.stop()


async def until(condition: Callable[[], Awaitable[object]], seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until an awaitable condition is true. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)
