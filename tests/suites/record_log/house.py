"""Some tellers and some services of ours on real parts: databases, a broker, HTTP on a socket; built as in production.

A teller is a backbone that tells whatever a test has it tell, under the name of a real source. Only two things are
stand-ins: the feed, which asks the tellers in this process instead of over gRPC, and identity, which here knows
everybody by the word they show (`admin`, or a person's id).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx

import services.record_log.__main__ as record_log
from services.record_log.settings import RecordLogSettings
from shared.events.event import Event
from shared.events.fact import Fact, NewFact
from shared.events.learning_events import StatementRecorded
from shared.events.sources import Source
from shared.kernel.clock import Clock, SystemClock
from shared.kernel.ids import PersonId, system_fact_id, system_id
from shared.runtime.auth import Authenticator, Principal, nobody
from shared.runtime.backbone import Backbone
from shared.runtime.database_setup import ServiceDatabase, create_database, migrate
from shared.runtime.feed import FactFeed
from shared.runtime.http_server import HttpServer
from shared.runtime.lifecycle import Component, stop_all
from shared.runtime.service import Build, Peers, Service, components_of
from shared.runtime.settings import Settings
from tests.suites.backbone.house import StoreFeed, until

TOKEN: Final = "what-services-show-one-another-32-characters"
ORIGIN: Final = "http://127.0.0.1:8484"
LOG: Final = "127.0.0.1:8484/log"


@dataclass(frozen=True)
class Part:
    """A service of ours as the house hosts it. more: settings of its own."""

    build: Build
    kind: type[Settings]
    folder: Path
    more: dict[str, Any] = field(default_factory=dict)


RECORD_LOG: Final = Part(
    record_log.build, RecordLogSettings, Path(record_log.__file__).parent, {"checkpoint_seconds": 0.05}
)


class MovableClock(SystemClock):
    """The machine's clock, moved forward by hand."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead


class Everybody:
    """Knows an operator by the word `admin`, a person by their id, a platform by `key`, and nobody else."""

    async def authenticate(self, secret: str, key_id: str) -> Principal:
        if secret == "admin":
            return Principal("admin", "admin", scopes=frozenset({"admin"}))
        if secret == "key":
            return Principal("key", "key_1", scopes=frozenset({"read", "write"}))
        if secret.startswith("prs_"):
            return Principal("person", f"ses_{secret}", person=PersonId(secret))
        raise nobody()


class HousePeers(Peers):
    """The other services, as this house has them."""

    def __init__(self, settings: Settings, clock: Clock, feed: FactFeed) -> None:
        super().__init__(settings, clock)
        self._feed = feed

    def feed(self) -> FactFeed:
        return self._feed

    def authenticator(self) -> Authenticator:
        return Everybody()


@dataclass
class Running:
    """A process of a service, as far as it can be one in this process."""

    service: Service
    components: list[Component]
    http: httpx.AsyncClient

    @property
    def backbone(self) -> Backbone:
        assert self.service.backbone is not None
        return self.service.backbone

    async def stop(self) -> None:
        await self.http.aclose()
        await stop_all(self.components)


class House:
    """Tellers by source name, and running services by name."""

    def __init__(
        self, admin_dsn: str, kafka: str, folder: Path, sources: Sequence[Source], parts: dict[str, Part]
    ) -> None:
        self.admin_dsn = admin_dsn
        self.kafka = kafka
        self.folder = folder
        self.parts = parts
        self.sources = {source.name: source for source in sources}
        self.clock = MovableClock()
        self.feed = StoreFeed()
        self.tellers: dict[str, Backbone] = {}
        self.running: dict[str, Running] = {}

    # Standing up

    def description(self) -> str:
        """Return what another process needs to host the same house."""
        return json.dumps({"admin_dsn": self.admin_dsn, "kafka": self.kafka, "folder": str(self.folder)})

    async def set_up(self) -> None:
        """Every database stands, and none holds anything."""
        connection = await asyncpg.connect(self.admin_dsn)
        try:
            for name in [*self.sources, *self.parts]:
                await connection.execute(f'DROP DATABASE IF EXISTS "deedlog_{name}" WITH (FORCE)')
        finally:
            await connection.close()
        for name in [*self.sources, *self.parts]:
            database = self._database(name)
            await create_database(self.admin_dsn, database)
            await migrate(self.admin_dsn, database)

    async def start(self) -> None:
        """Tellers and services run."""
        for name in self.sources:
            await self.start_teller(name)
        for name in self.parts:
            self.running[name] = await self.start_service(name)

    async def start_teller(self, name: str) -> None:
        """A teller runs."""
        settings = self._settings(name, Settings, {})
        teller = Backbone(settings, self.clock, self.folder / "none", source=self.sources[name], feed=self.feed)
        await teller.start()
        self.tellers[name] = self.feed.owners[name] = teller

    async def start_service(self, name: str) -> Running:
        """One more process of a service runs, with doors of its own."""
        part = self.parts[name]
        settings = self._settings(name, part.kind, part.more)
        peers = HousePeers(settings, self.clock, self.feed)
        service = part.build(settings, peers)
        components = components_of(settings, peers, [service])
        started: list[Component] = []
        for component in components:
            await component.start()
            started.append(component)
        (door,) = [one for one in components if isinstance(one, HttpServer) and one.name == "http"]
        if name not in self.running and service.backbone is not None:
            self.feed.owners[name] = service.backbone
        return Running(service, started, httpx.AsyncClient(base_url=f"http://127.0.0.1:{door.port}"))

    async def stop_service(self, name: str) -> None:
        """The service's process has ended in order; the tellers run on."""
        del self.feed.owners[name]
        await self.running.pop(name).stop()

    async def restart_service(self, name: str) -> None:
        """The service runs, made anew from its settings."""
        self.running[name] = await self.start_service(name)

    async def tear_down(self) -> None:
        """Nothing of the house runs any more."""
        for running in self.running.values():
            await running.stop()
        for teller in self.tellers.values():
            await teller.stop()

    def keys_folder(self, name: str) -> Path:
        """Return where a service's keys lie."""
        return self.folder / "keys" / name

    def _database(self, name: str) -> ServiceDatabase:
        folder = self.parts[name].folder if name in self.parts else self.folder / "none"
        return ServiceDatabase(name, folder, "door", "back")

    def _settings(self, name: str, kind: type[Settings], more: dict[str, Any]) -> Settings:
        address = self.admin_dsn.rpartition("/")[0].rpartition("@")[2]
        own = {"keys_folder": self.keys_folder(name)} if "keys_folder" in kind.model_fields else {}
        values = {
            "service": name,
            "origin": ORIGIN,
            "is_embedded": True,
            "database_door_url": f"postgresql://{name}_door:door@{address}/deedlog_{name}",
            "database_backbone_url": f"postgresql://{name}_backbone:back@{address}/deedlog_{name}",
            "database_connections_max": 4,
            "kafka_address": self.kafka,
            "service_token": TOKEN,
            "topic_partitions": 4,
            "fetch_wait_ms": 10,
            "session_timeout_ms": 6_000,
            "broker_watch_seconds": 0.3,
            "tail_check_seconds": 0.5,
            "tail_age_seconds": 1.0,
        }
        return kind.model_validate(values | own | more)

    # Telling

    async def tell(self, source: str, *facts: NewFact) -> list[Fact]:
        """The facts are told in one transaction."""
        teller = self.tellers[source]
        async with teller.door(None) as tx:
            await tx.lock({fact.subject for fact in facts})
            return await teller.store.append(tx, facts)

    async def erase(self, source: str, person: str) -> Fact:
        """The data of the person's facts at this source are gone, and it is told so."""
        teller = self.tellers.get(source) or self.running[source].backbone
        async with teller.backbone() as tx:
            await tx.lock({person})
            return await teller.store.erase(tx, person, system_fact_id())

    async def tell_again(self, source: str) -> None:
        """The relay of this source produces everything once more, as after a crash before its cursor moved."""
        await self.tellers[source].stop()
        async with self.operator(source) as connection:
            await connection.execute("UPDATE backbone.relay SET epoch = 0, xid = '0', id = 0")
        await self.start_teller(source)

    # Looking

    def operator(self, name: str) -> Any:
        """Return a connection context past all policies, for looking and for damage no service could do."""
        return _Operator(f"{self.admin_dsn.rpartition('/')[0]}/deedlog_{name}")

    async def rows(self, name: str, query: str, *values: Any) -> list[Any]:
        """Return the rows of a query in a service's database."""
        async with self.operator(name) as connection:
            return list(await connection.fetch(query, *values))

    @asynccontextmanager
    async def parked(self, name: str, source: str, subject: str) -> AsyncIterator[None]:
        """The stream is parked in this service meanwhile."""
        park = """UPDATE derived.positions SET parked_number = number + 1, parked_reason = 'a test',
                  parked_since = now() WHERE source = $1 AND subject = $2"""
        unpark = """UPDATE derived.positions SET parked_number = NULL, parked_reason = NULL, parked_since = NULL
                    WHERE source = $1 AND subject = $2"""
        await self.rows(name, park, source, subject)
        try:
            yield
        finally:
            await self.rows(name, unpark, source, subject)

    async def get(self, service: str, path: str, word: str = "admin", status: int = 200) -> Any:
        """Return the JSON a service answers to this caller."""
        response = await self.send(service, "GET", path, word)
        assert response.status_code == status, response.text
        return response.json()

    async def send(self, service: str, method: str, path: str, word: str = "admin", body: Any = None) -> httpx.Response:
        """Return what a service answers to this caller; an empty word shows none."""
        headers = {"authorization": f"Bearer {word}"} if word else {}
        return await self.running[service].http.request(method, path, headers=headers, json=body)

    async def has_heard_all(self, name: str) -> bool:
        """Say whether the service applied every fact that its sources told."""
        positions = await self.rows(name, "SELECT source, subject, number, parked_reason FROM derived.positions")
        parked = [row[3] for row in positions if row[3]]
        assert not parked, f"{name} has parked streams: {parked}"
        heard = {(row[0], row[1]): row[2] for row in positions}
        consumer = self.running[name].backbone.consumer
        assert consumer is not None
        for source in consumer.effect.hears:
            if source.name not in self.feed.owners:
                continue
            for subject, number in await self.rows(source.name, "SELECT subject, number FROM backbone.streams"):
                if heard.get((source.name, subject), 0) < number:
                    return False
        return True

    async def until_heard(self, name: str, seconds: float = 45.0) -> None:
        """Wait until the service has applied every fact that its sources told."""
        await until(lambda: self.has_heard_all(name), seconds)

    async def proof(self, person: str, fact: str, word: str = "admin", seconds: float = 20.0) -> dict[str, Any]:
        """Return the record section of a fact, asked for as long as it is not there yet."""
        async with asyncio.timeout(seconds):
            while True:
                response = await self.send("record_log", "GET", f"/v1/people/{person}/record/proofs/{fact}", word)
                if response.status_code == 200:
                    found: dict[str, Any] = response.json()
                    return found
                assert response.status_code in (404, 409), response.text
                assert response.headers["retry-after"] == "1"
                await asyncio.sleep(0.05)


class _Operator:
    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: Any = None

    async def __aenter__(self) -> Any:
        self._connection = await asyncpg.connect(self._dsn)
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()


def person() -> PersonId:
    """Return somebody nobody has heard of."""
    return PersonId(system_id("person"))


def new(event: Event, subject: str, at: datetime | None = None) -> NewFact:
    """Return a fact that says this happened to `subject`."""
    return event.fact(system_fact_id(), subject, at or datetime.now(UTC))


def statement(subject: str, verb: str = "did") -> NewFact:
    """Return a statement about `subject`."""
    event = StatementRecorded(
        statement=str(system_fact_id()), account="acc_1", verb=verb, object="urn:x", object_type="Activity", digest="d"
    )
    return new(event, subject)


async def eventually(condition: Callable[[], Awaitable[bool]], seconds: float = 20.0) -> None:
    """Wait until the condition holds."""
    await until(condition, seconds)
