"""A teller and a listener on real parts: the smallest house in which the backbone's promises can be put to the test.

The teller is the source `learning_events`; the listener folds what it hears into one derived row a subject. Both use
a database of their own on one embedded server; the broker is handed in.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shared.events.fact import Fact, NewFact
from shared.events.learning_events import StatementRecorded
from shared.events.sources import LEARNING_EVENTS, Source
from shared.kernel.clock import SystemClock
from shared.kernel.errors import Unavailable
from shared.kernel.ids import Subject, system_fact_id
from shared.runtime.backbone import Backbone
from shared.runtime.database_setup import ServiceDatabase, create_database, migrate
from shared.runtime.effect import Applying, FactBroken, Heard, SetAside
from shared.runtime.postgres import Connection, transaction
from shared.runtime.settings import Settings
from shared.runtime.stream_store import Head, HeadsPage, LogPosition, StreamStore

PASSWORD = "the house's own secret, 32 chars."
HERE = Path(__file__).parent


def new_fact(subject: str, verb: str = "did", at: datetime | None = None) -> NewFact:
    """Return a statement about `subject`."""
    event = StatementRecorded(
        statement=str(system_fact_id()), account="acc_1", verb=verb, object="urn:x", object_type="Activity", digest="d"
    )
    return event.fact(system_fact_id(), subject, at or datetime.now(UTC))


class StoreFeed:
    """The feed of a store in this process; can be told to be down."""

    def __init__(self) -> None:
        self.owners: dict[str, Backbone] = {}
        self.is_down = False
        self.reads = 0

    def _owner(self, source: str) -> tuple[StreamStore, Any]:
        if self.is_down or source not in self.owners:
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
        store, pool = self._owner(source)
        async with pool.acquire() as connection:
            return await store.heads(connection, since, limit)

    async def heads_of(self, source: str, subjects: Sequence[str]) -> tuple[Head, ...]:
        """As FactFeed."""
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
                return
            yield facts, since


@dataclass
class Folding:
    """Counts facts a subject and remembers the verbs in order; can be told what to set aside or break at."""

    hears: tuple[Source, ...] = (LEARNING_EVENTS,)
    types: frozenset[str] | None = frozenset({StatementRecorded.type})
    set_aside_verb: str = "unusable"
    broken_verb: str = "broken"
    heals: bool = False
    applied: list[tuple[str, int]] = field(default_factory=list)

    async def subjects(self, connection: Connection, heard: Sequence[Heard]) -> Collection[str]:
        """Nobody else."""
        return ()

    async def apply(self, applying: Applying, heard: Sequence[Heard]) -> Sequence[SetAside]:
        """Add a row a fact; its key is the subject and number, so that a fact applied twice fails loudly."""
        aside = []
        for item in heard:
            event = item.event
            assert isinstance(event, StatementRecorded)
            if event.verb == self.broken_verb and not self.heals:
                raise FactBroken(item.fact, "its verb is broken")
            if event.verb == self.set_aside_verb:
                aside.append(SetAside(item.fact, "its verb is unusable"))
                continue
            await applying.connection.execute(
                "INSERT INTO folded (subject, number, verb) VALUES ($1, $2, $3)",
                item.fact.subject,
                item.fact.number,
                event.verb,
            )
        return aside


def settings(service: str, port: int, kafka: str, **more: Any) -> Settings:
    """Return the settings of one service of this house."""
    url = "postgresql://{role}:{password}@127.0.0.1:{port}/deedlog_{service}"
    return Settings.model_validate(
        {
            "service": service,
            "database_door_url": url.format(role=f"{service}_door", password="door", port=port, service=service),
            "database_backbone_url": url.format(
                role=f"{service}_backbone", password="back", port=port, service=service
            ),
            "kafka_address": kafka,
            "service_token": PASSWORD,
            "topic_partitions": 4,
            "fetch_wait_ms": 10,
            "broker_watch_seconds": 0.3,
            "tail_check_seconds": 0.5,
            "tail_age_seconds": 1.0,
        }
        | more
    )


async def set_up(admin_dsn: str, service: str, folder: Path) -> None:
    """Create the database of one service of this house."""
    wanted = ServiceDatabase(service, folder, "door", "back")
    await create_database(admin_dsn, wanted)
    await migrate(admin_dsn, wanted)


async def tell(backbone: Backbone, facts: Sequence[NewFact]) -> list[Fact]:
    """Append facts in one transaction through the door's role."""
    async with backbone.door(None) as tx:
        await tx.lock({fact.subject for fact in facts})
        return await backbone.store.append(tx, facts)


async def until(condition: Callable[[], Any], seconds: float = 30.0) -> None:
    """Wait until an awaitable condition is true. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.05)


async def folded(backbone: Backbone) -> dict[str, list[int]]:
    """Return the numbers applied, in order, by subject."""
    async with backbone.reading() as connection:
        rows = await connection.fetch("SELECT subject, number FROM folded ORDER BY subject, number")
    found: dict[str, list[int]] = {}
    for subject, number in rows:
        found.setdefault(subject, []).append(number)
    return found
