"""How fast the backbone carries facts: committed, produced, heard, deduplicated and folded into a read model.

    python -m tests.load.backbone_bench [--facts 150000] [--batch 50] [--writers 8] [--people 10000] [--profile FILE]

Two processes, as in the house: this one tells (writers and relay), a child listens. The database and the broker are
the embedded ones. It prints, and judges nothing: facts a second from the first commit to the last effect, CPU a fact
by process class, the same for a plain asyncpg loop that inserts the same bytes in batches of the same size in the same
run, and how fast the read model is rebuilt.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import cProfile
import json
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import asyncpg

from deedlog.facts.v1 import service_pb2_grpc
from infra.embedded.process import spawn
from shared.events.fact import NewFact
from shared.events.learning_events import StatementRecorded
from shared.events.sources import LEARNING_EVENTS
from shared.kernel.clock import SystemClock
from shared.kernel.ids import system_fact_id, system_id
from shared.runtime.auth import ServiceTokenAuthenticator
from shared.runtime.backbone import Backbone
from shared.runtime.database_setup import ServiceDatabase, create_database, migrate
from shared.runtime.feed import FeedServicer, RpcFeed
from shared.runtime.grpc import RpcServer
from shared.runtime.lifecycle import launch
from shared.runtime.settings import Settings
from tests.load.backbone_listener import FOLDER, listener
from tests.load.options import load_of, parser_of
from tests.load.servers import HELD, Servers, servers
from tests.load.yardstick import Meter, Spent, at_least, at_most, cost, elsewhere, in_batches, line, machine

ROOT: Final = Path(__file__).resolve().parents[2]
TOKEN: Final = "what-services-show-one-another-32-characters"
GOAL_RATE: Final = 15_000
GOAL_CPU_US: Final = 80
GOAL_REBUILD_RATE: Final = 20_000
WARM_UP_FACTS: Final = 5_000
PLAIN_FACTS_MAX: Final = 50_000
PATIENCE_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Load:
    """What is told: how many facts, how many a transaction, by how many writers, about how many people."""

    facts: int = 150_000
    batch: int = 50
    writers: int = 8
    people: int = 10_000


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run cost, and what became of it. held: streams that are parked and facts that were set aside."""

    carried: Spent
    plain: Spent
    rebuilt: Spent
    told: int
    heard: int
    held: int
    digests: tuple[str, str]


@dataclass(slots=True)
class Bench:
    """A teller here, a listener in a child, and the servers under them."""

    load: Load
    teller: Backbone
    listener_settings: Settings
    meter: Meter
    servers: Servers
    connection: Any
    told: int = 0

    async def carry(self, facts: int) -> Spent:
        """Tell so many facts and wait until the last of them is in the read model."""
        shares = _shares(self.load, facts)
        before = self.meter.read()
        await asyncio.gather(*(self._write(share) for share in shares))
        committed = time.perf_counter() - before.at
        self.told += facts
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self.heard() < self.told:
                await asyncio.sleep(0.02)
        spent = self.meter.spent(before, facts)
        print(f"  committed after {committed:.2f} s, heard after {spent.seconds:.2f} s", flush=True)
        return spent

    async def _write(self, batches: Sequence[Sequence[NewFact]]) -> None:
        for facts in batches:
            async with self.teller.door(None) as tx:
                await tx.lock({fact.subject for fact in facts})
                await self.teller.store.append(tx, facts)

    async def heard(self) -> int:
        """Return how many facts are in the read model."""
        value: int = await self.connection.fetchval("SELECT coalesce(sum(count), 0)::bigint FROM derived.tallies")
        return value

    async def held(self) -> int:
        """Return how many streams are parked and facts were set aside."""
        value: int = await self.connection.fetchval(HELD)
        return value

    async def plain(self) -> Spent:
        """Insert facts of the same kind into one plain table, in transactions of the same size."""
        facts = min(self.load.facts, PLAIN_FACTS_MAX)
        batches = [batch for share in _shares(self.load, facts) for batch in share]
        return await self.servers.plain_facts(batches, self.load.writers)

    async def rebuild(self) -> tuple[Spent, tuple[str, str]]:
        """Rebuild the read model here, beside the live one of the child; return the digests of both too."""
        async with listener(self.listener_settings) as backbone:
            before = self.meter.read()
            last = None
            async for progress in backbone.rebuild(is_check_only=True):
                last = progress
            assert last is not None
            return self.meter.spent(before, last.facts), (last.live_digest, last.rebuilt_digest)


def _shares(load: Load, facts: int) -> list[list[Sequence[NewFact]]]:
    """Return batches of facts for each writer, made before the clock runs: making them is the door's work."""
    chance = random.Random(7)
    people = [system_id("person") for _ in range(load.people)]
    event = StatementRecorded(
        statement=system_fact_id(),
        account=system_id("account"),
        verb="http://adlnet.gov/expapi/verbs/completed",
        object="https://platform.example/courses/ai-deployment/unit-4",
        object_type="Activity",
        digest="sha256:" + "0" * 64,
    )
    data, type_, now = event.encode(), event.type, datetime.now(UTC)
    made = [
        NewFact(system_fact_id(), chance.choice(people), type_, now, None, data)  # type: ignore[arg-type]
        for _ in range(facts)
    ]
    batches = list(in_batches(made, load.batch))
    return [batches[number :: load.writers] for number in range(load.writers)]


def _settings(servers: Servers, service: str, **more: Any) -> Settings:
    url = f"postgresql://{service}_{{}}:word@127.0.0.1:{servers.postgres.port}/deedlog_{service}"
    return Settings.model_validate(
        {
            "service": service,
            "is_embedded": True,
            "database_door_url": url.format("door"),
            "database_backbone_url": url.format("backbone"),
            "kafka_address": servers.broker.address,
            "service_token": TOKEN,
            **more,
        }
    )


def _as_json(settings: Settings) -> str:
    plain = {
        name: value.get_secret_value() if hasattr(value, "get_secret_value") else value
        for name, value in settings
        if name != "rpc_addresses"
    }
    return json.dumps(plain | {"rpc_addresses": json.dumps(settings.rpc_addresses)})


@asynccontextmanager
async def bench(load: Load) -> AsyncIterator[Bench]:
    """Everything runs."""
    async with servers() as under, contextlib.AsyncExitStack() as stack:
        folder = under.folder
        for service, tables in (("teller", folder), ("listener", FOLDER)):
            wanted = ServiceDatabase(service, tables, "word", "word")
            await create_database(under.postgres.admin_dsn, wanted)
            await migrate(under.postgres.admin_dsn, wanted)
        settings = _settings(under, "teller", database_connections_max=load.writers)
        teller = Backbone(settings, SystemClock(), folder, source=LEARNING_EVENTS, feed=RpcFeed({}))
        await teller.start()
        stack.push_async_callback(teller.stop)
        server = RpcServer("127.0.0.1", 0, ServiceTokenAuthenticator(TOKEN))
        server.add(
            FeedServicer({LEARNING_EVENTS.name: teller.feed_store}),
            service_pb2_grpc.add_FactFeedServiceServicer_to_server,
        )
        await server.start()
        stack.push_async_callback(server.stop)
        addresses = json.dumps({LEARNING_EVENTS.name: f"127.0.0.1:{server.port}"})
        heard = _settings(under, "listener", rpc_addresses=addresses)
        command = [sys.executable, "-m", "tests.load.backbone_listener", _as_json(heard)]
        child = spawn(command, folder / "listener.log", environment=dict(os.environ), folder=ROOT)
        stack.push_async_callback(child.end, (signal.SIGTERM, 5.0))
        connection = await asyncpg.connect(under.dsn("listener"))
        stack.push_async_callback(connection.close)
        meter = Meter(alone={"teller": os.getpid()}, trees={"listener": child.pid, **under.pids})
        yield Bench(load, teller, heard, meter, under, connection)


async def measure(load: Load) -> Measured:
    """Return what carrying, plain inserting and rebuilding cost."""
    async with bench(load) as standing:
        await standing.carry(WARM_UP_FACTS)
        carried = await standing.carry(load.facts)
        plain = await standing.plain()
        rebuilt, digests = await standing.rebuild()
        heard, held = await standing.heard(), await standing.held()
        return Measured(carried, plain, rebuilt, standing.told, heard, held, digests)


def report(load: Load, measured: Measured) -> Iterator[str]:
    """Yield the lines that say what was measured."""
    carried, rebuilt = measured.carried, measured.rebuilt
    spread = f"{load.batch} a transaction, {load.writers} writers, {load.people:,} people"
    yield line("told", f"{carried.rows:,} facts, {spread}")
    yield line("carried", f"{carried.rate:,.0f} facts/s {at_least(GOAL_RATE, carried.rate)}")
    yield from cost(carried, measured.plain, "fact", at_most(GOAL_CPU_US, carried.cpu_us))
    yield line("rebuild", f"{rebuilt.rate:,.0f} facts/s {at_least(GOAL_REBUILD_RATE, rebuilt.rate)}")
    classes = ", ".join(f"{name} {rebuilt.cpu_us_of(name):.1f}" for name in rebuilt.cpu)
    yield line("", f"{rebuilt.cpu_us:.1f} µs CPU a fact: {classes}; {elsewhere(rebuilt)}")


def _arguments() -> argparse.Namespace:
    parser = parser_of(Load, "backbone_bench", "The backbone's speed")
    parser.add_argument("--profile", help="where to write what cProfile sees, as FILE.teller and FILE.listener")
    return parser.parse_args()


def _main(arguments: argparse.Namespace) -> None:
    load = load_of(Load, arguments)
    if arguments.profile:
        os.environ["DEEDLOG_BENCH_PROFILE"] = arguments.profile
    print(line("machine", machine()))
    with cProfile.Profile(time.process_time) if arguments.profile else contextlib.nullcontext() as profile:
        measured = launch(measure(load))
    if profile is not None:
        profile.dump_stats(f"{arguments.profile}.teller")
    print(*report(load, measured), sep="\n")


if __name__ == "__main__":
    _main(_arguments())
