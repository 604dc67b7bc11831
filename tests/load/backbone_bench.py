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
import platform
import random
import signal
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import asyncpg
import psutil  # type: ignore[import-untyped]

from deedlog.facts.v1 import service_pb2_grpc
from infra.embedded.broker import EmbeddedBroker
from infra.embedded.ports import free_port
from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.process import Child, spawn
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

ROOT: Final = Path(__file__).resolve().parents[2]
TOKEN: Final = "what-services-show-one-another-32-characters"
GOAL_RATE: Final = 15_000
GOAL_CPU_US: Final = 80
GOAL_REBUILD_RATE: Final = 20_000
WARM_UP_FACTS: Final = 5_000
PATIENCE_SECONDS: Final = 300.0


@dataclass(frozen=True, slots=True)
class Load:
    """What is told: how many facts, how many a transaction, by how many writers, about how many people."""

    facts: int = 150_000
    batch: int = 50
    writers: int = 8
    people: int = 10_000


@dataclass(frozen=True, slots=True)
class Measure:
    """What one run cost. cpu: seconds of processor by process class."""

    facts: int
    seconds: float
    cpu: dict[str, float]

    @property
    def rate(self) -> float:
        """Facts a second."""
        return self.facts / self.seconds

    @property
    def cpu_us(self) -> float:
        """Microseconds of processor a fact, over all processes."""
        return sum(self.cpu.values()) / self.facts * 1e6


class Meter:
    """Reads the processor time of the processes of the house, by class."""

    def __init__(self, processes: dict[str, int]) -> None:
        self._roots = {name: psutil.Process(pid) for name, pid in processes.items()}

    def read(self) -> dict[str, float]:
        """Return seconds of processor, user and system, of each class and its children, dead or alive."""
        return {name: self._of(root, is_alone=name == "teller") for name, root in self._roots.items()}

    def _of(self, root: psutil.Process, *, is_alone: bool) -> float:
        times = root.cpu_times()
        total: float = times.user + times.system
        if is_alone:
            return total
        total += times.children_user + times.children_system
        for process in root.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                total += times.user + times.system
        return total


@dataclass(slots=True)
class Bench:
    """A teller here, a listener in a child, and the servers under them."""

    load: Load
    teller: Backbone
    listener_settings: Settings
    child: Child
    meter: Meter
    database: EmbeddedPostgres
    connection: Any
    told: int = 0

    async def carry(self, facts: int) -> Measure:
        """Tell so many facts and wait until the last of them is in the read model."""
        shares = _shares(self.load, facts)
        before, started = self.meter.read(), time.perf_counter()
        await asyncio.gather(*(self._write(share) for share in shares))
        committed = time.perf_counter()
        self.told += facts
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await self._heard() < self.told:
                await asyncio.sleep(0.02)
        seconds = time.perf_counter() - started
        after = self.meter.read()
        print(f"  committed after {committed - started:.2f} s, heard after {seconds:.2f} s", flush=True)
        return Measure(facts, seconds, {name: after[name] - before[name] for name in after})

    async def _write(self, batches: Sequence[Sequence[NewFact]]) -> None:
        for facts in batches:
            async with self.teller.door(None) as tx:
                await tx.lock({fact.subject for fact in facts})
                await self.teller.store.append(tx, facts)

    async def _heard(self) -> int:
        value: int = await self.connection.fetchval("SELECT coalesce(sum(count), 0)::bigint FROM derived.tallies")
        return value

    async def plain(self, facts: int) -> Measure:
        """Insert the same facts into one plain table, in transactions of the same size."""
        shares = _shares(self.load, facts)
        pool = await asyncpg.create_pool(_dsn(self.database, "teller"), min_size=self.load.writers)
        await pool.execute(
            """CREATE TABLE IF NOT EXISTS plain (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, subject text,
               fact_id uuid, type text, occurred_at timestamptz, organisation text, data bytea)"""
        )
        before, started = self.meter.read(), time.perf_counter()
        await asyncio.gather(*(_insert_plain(pool, share) for share in shares))
        seconds, after = time.perf_counter() - started, self.meter.read()
        await pool.close()
        return Measure(facts, seconds, {name: after[name] - before[name] for name in after})

    async def rebuild(self) -> Measure:
        """Rebuild the read model here, beside the live one of the child; raises when the digests differ."""
        before = self.meter.read()
        async with listener(self.listener_settings) as backbone:
            started = time.perf_counter()
            last = None
            async for progress in backbone.rebuild(is_check_only=True):
                last = progress
            seconds = time.perf_counter() - started
        after = self.meter.read()
        assert last is not None
        if last.live_digest != last.rebuilt_digest:
            raise AssertionError("the rebuilt state differs from the live one")
        return Measure(last.facts, seconds, {name: after[name] - before[name] for name in after})


def _shares(load: Load, facts: int) -> list[list[list[NewFact]]]:
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
    batches = [made[start : start + load.batch] for start in range(0, facts, load.batch)]
    return [batches[number :: load.writers] for number in range(load.writers)]


async def _insert_plain(pool: Any, batches: Sequence[Sequence[NewFact]]) -> None:
    for facts in batches:
        async with pool.acquire() as connection:
            await connection.execute(
                """INSERT INTO plain (subject, fact_id, type, occurred_at, organisation, data) SELECT *
                   FROM unnest($1::text[], $2::uuid[], $3::text[], $4::timestamptz[], $5::text[], $6::bytea[])""",
                [fact.subject for fact in facts],
                [fact.id for fact in facts],
                [fact.type for fact in facts],
                [fact.occurred_at for fact in facts],
                [fact.organisation for fact in facts],
                [fact.data for fact in facts],
            )


def _dsn(database: EmbeddedPostgres, service: str) -> str:
    return f"{database.admin_dsn.rpartition('/')[0]}/deedlog_{service}"


def _settings(database: EmbeddedPostgres, broker: EmbeddedBroker, service: str, **more: Any) -> Settings:
    url = f"postgresql://{service}_{{}}:word@127.0.0.1:{database.port}/deedlog_{service}"
    return Settings.model_validate(
        {
            "service": service,
            "is_embedded": True,
            "database_door_url": url.format("door"),
            "database_backbone_url": url.format("backbone"),
            "kafka_address": broker.address,
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
async def bench(load: Load, folder: Path) -> AsyncIterator[Bench]:
    """Everything runs."""
    database = EmbeddedPostgres(folder / "postgres", free_port())
    broker = EmbeddedBroker(free_port(), folder / "broker.log")
    async with contextlib.AsyncExitStack() as stack:
        await database.start()
        stack.push_async_callback(database.wipe)
        await broker.start()
        stack.push_async_callback(broker.kill)
        for service, tables in (("teller", folder), ("listener", FOLDER)):
            wanted = ServiceDatabase(service, tables, "word", "word")
            await create_database(database.admin_dsn, wanted)
            await migrate(database.admin_dsn, wanted)
        settings = _settings(database, broker, "teller", database_connections_max=load.writers)
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
        heard = _settings(database, broker, "listener", rpc_addresses=addresses)
        command = [sys.executable, "-m", "tests.load.backbone_listener", _as_json(heard)]
        child = spawn(command, folder / "listener.log", environment=dict(os.environ), folder=ROOT)
        stack.push_async_callback(child.end, (signal.SIGTERM, 5.0))
        pids = {"teller": os.getpid(), "listener": child.pid, "postgres": _pid(database), "broker": _pid(broker)}
        connection = await asyncpg.connect(_dsn(database, "listener"))
        stack.push_async_callback(connection.close)
        yield Bench(load, teller, heard, child, Meter(pids), database, connection)


def _pid(server: EmbeddedPostgres | EmbeddedBroker) -> int:
    child = server._child
    assert child is not None
    return child.pid


def report(load: Load, carried: Measure, plain: Measure, rebuilt: Measure) -> list[str]:
    """Return what was measured, in lines to print."""
    classes = ", ".join(f"{name} {seconds / carried.facts * 1e6:.1f}" for name, seconds in carried.cpu.items())
    return [
        f"machine: {_cpu_model()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        f"load: {carried.facts:,} facts, {load.batch} a transaction, {load.writers} writers, {load.people:,} people",
        f"carried: {carried.rate:,.0f} facts/s (goal {GOAL_RATE:,})",
        f"CPU: {carried.cpu_us:.1f} µs a fact over all processes (goal {GOAL_CPU_US}): {classes}",
        f"plain asyncpg inserts: {plain.rate:,.0f} facts/s at {plain.cpu_us:.1f} µs a fact",
        f"ratio: the backbone costs {carried.cpu_us / plain.cpu_us:.1f} times the processor time of plain inserts",
        f"rebuild: {rebuilt.rate:,.0f} facts/s (goal {GOAL_REBUILD_RATE:,}) at {rebuilt.cpu_us:.1f} µs a fact",
    ]


def _cpu_model() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


async def measure(load: Load) -> tuple[Measure, Measure, Measure]:
    """Return what carrying, plain inserting and rebuilding cost."""
    with tempfile.TemporaryDirectory(prefix="deedlog-bench-") as folder:
        async with bench(load, Path(folder)) as standing:
            await standing.carry(WARM_UP_FACTS)
            carried = await standing.carry(load.facts)
            plain = await standing.plain(load.facts)
            rebuilt = await standing.rebuild()
            return carried, plain, rebuilt


def _arguments() -> argparse.Namespace:
    usual = Load()
    parser = argparse.ArgumentParser(prog="python -m tests.load.backbone_bench", description="The backbone's speed")
    parser.add_argument("--facts", type=int, default=usual.facts)
    parser.add_argument("--batch", type=int, default=usual.batch)
    parser.add_argument("--writers", type=int, default=usual.writers)
    parser.add_argument("--people", type=int, default=usual.people)
    parser.add_argument("--profile", help="where to write what cProfile sees, as FILE.teller and FILE.listener")
    return parser.parse_args()


def _main(arguments: argparse.Namespace) -> None:
    load = Load(arguments.facts, arguments.batch, arguments.writers, arguments.people)
    if arguments.profile:
        os.environ["DEEDLOG_BENCH_PROFILE"] = arguments.profile
    with cProfile.Profile(time.process_time) if arguments.profile else contextlib.nullcontext() as profile:
        measured = launch(measure(load))
    if profile is not None:
        profile.dump_stats(f"{arguments.profile}.teller")
    print(*report(load, *measured), sep="\n")


if __name__ == "__main__":
    _main(_arguments())
