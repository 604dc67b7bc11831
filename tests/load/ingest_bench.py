"""How fast statements are taken in: batches of 50 by 8 clients, durable, validated, told and relayed.

    python -m tests.load.ingest_bench [--seconds 15] [--batch 50] [--clients 8] [--separate]

Runs the intake of an embedded house (identity and learning_events in one process, or each alone with --separate) with
its database and broker, and sends the real corpus under fresh ids. It prints, and judges nothing: statements a second
until the last was relayed, latencies, CPU by process class, and the ratio to a plain asyncpg loop that inserts the same
bytes with as many connections in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import hashlib
import json
import os
import platform
import re
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg

from infra.embedded.broker import EmbeddedBroker
from infra.embedded.memory import descendants
from infra.embedded.ports import free_port
from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.process import BARE_ENVIRONMENT, Child, spawn
from shared.runtime.database_setup import ServiceDatabase, create_database, migrate
from shared.runtime.lifecycle import launch
from tests.load.http_client import RawClient

ROOT: Final = Path(__file__).resolve().parents[2]
CORPUS: Final = ROOT.parent / "shared/data/xapi/fun-mooc-statements.json.gz"
TOKEN: Final = "what-services-show-one-another-32-characters"
ADMIN: Final = "dla-operators-own-secret"
WARM_UP_SECONDS: Final = 3.0
START_SECONDS_MAX: Final = 30.0
DRAIN_SECONDS_MAX: Final = 60.0
LAG: Final = """SELECT count(*) FROM (SELECT FROM backbone.facts AS f, backbone.relay AS r
WHERE (f.epoch, f.xid, f.id) > (r.epoch, r.xid, r.id) LIMIT 1) AS waiting"""


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent: for how long, how many statements a request, by how many clients."""

    seconds: float
    batch: int
    clients: int
    is_separate: bool


@dataclass(frozen=True, slots=True)
class Result:
    """What was measured. cpu: seconds by process class over the whole of `seconds`, the drain of the relay included."""

    statements: int
    seconds: float
    drain_seconds: float
    latencies: tuple[float, ...]
    failures: int
    stored: int
    told: int
    cpu: dict[str, float]
    plain_rate: float

    @property
    def rate(self) -> float:
        """Statements a second, from the first request to the last fact on its topic."""
        return self.statements / (self.seconds + self.drain_seconds)

    def quantile(self, share: float) -> float:
        """Return the latency in milliseconds that this share of the requests kept."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1_000


class Corpus:
    """The real statements, to be sent again and again under fresh ids."""

    def __init__(self) -> None:
        lines = gzip.decompress(CORPUS.read_bytes()).splitlines()
        parts = [re.split(rb'(?<="id": ")[0-9a-f-]{36}(?=", "actor")', line) for line in lines]
        self._parts = [(part[0], part[1]) for part in parts]
        self._next = 0

    def statement(self) -> bytes:
        """Return the next statement under a fresh id."""
        before, after = self._parts[self._next % len(self._parts)]
        self._next += 1
        return before + str(uuid.uuid4()).encode() + after

    def batches(self, size: int, seconds: float) -> Iterator[bytes]:
        """Yield bodies of `size` statements until the seconds are over."""
        ends_at = time.perf_counter() + seconds
        while time.perf_counter() < ends_at:
            yield b"[" + b",".join([self.statement() for _ in range(size)]) + b"]"


async def measure(load: Load) -> Result:
    """Return what the intake does under this load on this machine, now."""
    with tempfile.TemporaryDirectory(prefix="deedlog-bench-") as name:
        folder = Path(name)
        postgres = EmbeddedPostgres(folder / "postgres", free_port())
        broker = EmbeddedBroker(free_port(), folder / "broker.log")
        await postgres.start()
        try:
            await broker.start()
            async with intake(load, folder, postgres, broker) as house:
                return await house.measured(load)
        finally:
            await broker.kill()
            await postgres.wipe()


@dataclass(frozen=True, slots=True)
class Intake:
    """The running intake."""

    postgres: EmbeddedPostgres
    broker: EmbeddedBroker
    services: dict[str, Child]
    http_port: int
    secret: str

    async def measured(self, load: Load) -> Result:
        corpus = Corpus()
        before = await self._count("SELECT count(*) FROM statements")
        await self._send(corpus, load, WARM_UP_SECONDS)
        await self._drained()
        warmed = await self._count("SELECT count(*) FROM statements")
        cpu = self._cpu()
        started = time.perf_counter()
        latencies, failures = await self._send(corpus, load, load.seconds)
        seconds = time.perf_counter() - started
        drain_seconds = await self._drained()
        spent = {name: after - cpu[name] for name, after in self._cpu().items()}
        stored = await self._count("SELECT count(*) FROM statements") - warmed
        told = await self._count("SELECT count(*) FROM backbone.facts") - warmed + before
        plain_rate = await plain_insert_rate(self.postgres.admin_dsn, corpus, load)
        statements = (len(latencies) - failures) * load.batch
        return Result(statements, seconds, drain_seconds, tuple(latencies), failures, stored, told, spent, plain_rate)

    async def _send(self, corpus: Corpus, load: Load, seconds: float) -> tuple[list[float], int]:
        """Return the seconds of each request and how many were not answered with 200."""
        bodies = corpus.batches(load.batch, seconds)
        latencies: list[float] = []
        failures = 0

        async def client() -> None:
            nonlocal failures
            headers = {"content-type": "application/json", "authorization": f"Bearer {self.secret}"}
            async with RawClient("127.0.0.1", self.http_port, "/xapi/statements", headers) as opened:
                for body in bodies:
                    asked_at = time.perf_counter()
                    status = await opened.post(body)
                    latencies.append(time.perf_counter() - asked_at)
                    failures += status != 200

        await asyncio.gather(*(client() for _ in range(load.clients)))
        return latencies, failures

    async def _drained(self) -> float:
        """Wait until every fact is on its topic and return how long that took. Raises TimeoutError."""
        started = time.perf_counter()
        async with asyncio.timeout(DRAIN_SECONDS_MAX):
            while await self._count(LAG):
                await asyncio.sleep(0.02)
        return time.perf_counter() - started

    async def _count(self, query: str) -> int:
        connection = await asyncpg.connect(self.postgres.admin_dsn, database="deedlog_learning_events")
        try:
            counted: int = await connection.fetchval(query)
            return counted
        finally:
            await connection.close()

    def _cpu(self) -> dict[str, float]:
        """Return the CPU seconds used so far, by process class."""
        pids = {name: child.pid for name, child in self.services.items()}
        pids |= {"postgres": self._pid(str(self.postgres.data_folder)), "broker": self._pid(self.broker.address)}
        return {"load": cpu_seconds(os.getpid())} | {name: tree_cpu_seconds(pid) for name, pid in pids.items()}

    def _pid(self, word: str) -> int:
        """Return the process of ours in whose command line this word stands."""
        ours = (pid for pid in descendants(os.getpid()) if pid != os.getpid())
        return next(pid for pid in ours if word in Path(f"/proc/{pid}/cmdline").read_bytes().decode())


def tree_cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of a process and its descendants; of those that ended, where they were waited for."""
    return cpu_seconds(pid, with_ended=True) + sum(cpu_seconds(child) for child in descendants(pid) if child != pid)


def cpu_seconds(pid: int, *, with_ended: bool = False) -> float:
    """Return the CPU seconds of a process, with those of children that ended if asked; 0 for one that is gone."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return 0.0
    ticks = [int(word) for word in stat.rpartition(") ")[2].split()[11:15]]
    return sum(ticks if with_ended else ticks[:2]) / os.sysconf("SC_CLK_TCK")


@asynccontextmanager
async def intake(load: Load, folder: Path, postgres: EmbeddedPostgres, broker: EmbeddedBroker) -> AsyncIterator[Intake]:
    """Run identity and learning_events with a key that may write."""
    services = ("identity", "learning_events")
    for service in services:
        wanted = ServiceDatabase(service, ROOT / "services" / service, "door", "back")
        await create_database(postgres.admin_dsn, wanted)
        await migrate(postgres.admin_dsn, wanted)
    ports = {service: (free_port(), free_port()) for service in services}
    if not load.is_separate:
        ports["learning_events"] = ports["identity"]
    environment = _environment(postgres, broker, ports)
    children: dict[str, Child] = {}
    try:
        for name, command in _commands(load.is_separate).items():
            rpc, http = ports[name if load.is_separate else "identity"]
            own = {"DEEDLOG_RPC_PORT": str(rpc), "DEEDLOG_HTTP_PORT": str(http)}
            children[name] = spawn([sys.executable, *command], folder / f"{name}.log", environment=environment | own)
        secret = await _key(ports["identity"][1])
        await _answering(ports["learning_events"][1])
        yield Intake(postgres, broker, children, ports["learning_events"][1], secret)
    finally:
        for child in children.values():
            await child.end()


def _commands(is_separate: bool) -> dict[str, list[str]]:
    if is_separate:
        return {service: ["-m", f"services.{service}"] for service in ("identity", "learning_events")}
    return {"intake": ["-m", "infra.embedded.host", "intake", "identity", "learning_events"]}


def _environment(
    postgres: EmbeddedPostgres, broker: EmbeddedBroker, ports: dict[str, tuple[int, int]]
) -> dict[str, str]:
    environment = {
        **BARE_ENVIRONMENT,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'proto' / 'gen'}",
        "DEEDLOG_IS_EMBEDDED": "true",
        "DEEDLOG_KAFKA_ADDRESS": broker.address,
        "DEEDLOG_TOPIC_PARTITIONS": "4",
        "DEEDLOG_RPC_ADDRESSES": json.dumps({name: f"127.0.0.1:{rpc}" for name, (rpc, _) in ports.items()}),
        "DEEDLOG_SERVICE_TOKEN": TOKEN,
        "DEEDLOG_ADMIN_KEY_DIGEST": hashlib.sha256(ADMIN.encode()).hexdigest(),
        "MALLOC_ARENA_MAX": "2",
    }
    for service in ports:
        for role, password in (("door", "door"), ("backbone", "back")):
            url = f"postgresql://{service}_{role}:{password}@127.0.0.1:{postgres.port}/deedlog_{service}"
            environment[f"DEEDLOG_{service}_DATABASE_{role}_URL".upper()] = url
    return environment


async def _key(http_port: int) -> str:
    """Return the secret of a new organisation's key that may write."""
    await _answering(http_port)
    organisation = await _created(http_port, "/v1/organisations", {"name": "Bench"})
    key = await _created(http_port, "/v1/api-keys", {"organisation": organisation["id"], "scopes": ["write"]})
    return str(key["secret"])


async def _created(http_port: int, path: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {
        "content-type": "application/json",
        "authorization": f"Bearer {ADMIN}",
        "idempotency-key": str(uuid.uuid4()),
    }
    async with RawClient("127.0.0.1", http_port, path, headers) as client:
        status = await client.post(json.dumps(body).encode())
        if status != 201:
            raise RuntimeError(f"{path} answered {status}: {client.content.decode()}")
        made: dict[str, Any] = json.loads(client.content)
        return made


async def _answering(port: int) -> None:
    """Wait until something listens there. Raises TimeoutError."""
    async with asyncio.timeout(START_SECONDS_MAX):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            return


async def plain_insert_rate(admin_dsn: str, corpus: Corpus, load: Load) -> float:
    """Return the rows a second of a plain loop: the same bytes, batches and connections, one table with a key."""
    connections = [await asyncpg.connect(admin_dsn) for _ in range(load.clients)]
    try:
        await connections[0].execute("CREATE TABLE plain (id uuid PRIMARY KEY, body bytea NOT NULL)")
        rows = 0
        ends_at = time.perf_counter() + min(load.seconds, 8.0)

        async def insert(connection: Any) -> None:
            nonlocal rows
            while time.perf_counter() < ends_at:
                bodies = [corpus.statement() for _ in range(load.batch)]
                ids = [uuid.uuid4() for _ in bodies]
                await connection.execute(
                    "INSERT INTO plain SELECT * FROM unnest($1::uuid[], $2::bytea[]) ON CONFLICT DO NOTHING",
                    ids,
                    bodies,
                )
                rows += len(bodies)

        started = time.perf_counter()
        await asyncio.gather(*(insert(connection) for connection in connections))
        return rows / (time.perf_counter() - started)
    finally:
        for connection in connections:
            await connection.close()


def report(load: Load, result: Result) -> Iterator[str]:
    """Yield the lines that say what was measured."""
    layout = "each service alone" if load.is_separate else "identity and learning_events in one process"
    yield f"machine      {machine()}"
    yield f"load         {load.clients} clients, {load.batch} statements a request, {load.seconds:g} s; {layout}"
    yield f"statements   {result.statements:,} acknowledged, {result.stored:,} stored, {result.told:,} told and relayed"
    yield f"rate         {result.rate:,.0f} statements/s until relayed (drain {result.drain_seconds * 1_000:.0f} ms)"
    yield f"latency      p50 {result.quantile(0.5):.1f} ms, p99 {result.quantile(0.99):.1f} ms a request"
    yield f"not 200      {result.failures}"
    for name, seconds in result.cpu.items():
        yield f"cpu {name:<16} {seconds / result.statements * 1e6:6.1f} µs a statement"
    house = sum(seconds for name, seconds in result.cpu.items() if name != "load")
    yield f"cpu all but load     {house / result.statements * 1e6:6.1f} µs a statement"
    yield f"plain loop   {result.plain_rate:,.0f} rows/s; ours is {result.rate / result.plain_rate:.2f} of it"


def machine() -> str:
    """Return what this ran on, without naming it."""
    cores = len(os.sched_getaffinity(0))
    model = next((line.partition(":")[2].strip() for line in _cpu_lines() if line.startswith("model name")), "unknown")
    return f"{cores} cores ({model}), Python {platform.python_version()}, load before {os.getloadavg()[0]:.2f}"


def _cpu_lines() -> Sequence[str]:
    return Path("/proc/cpuinfo").read_text().splitlines()


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.load.ingest_bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--separate", action="store_true")
    options = parser.parse_args(arguments)
    load = Load(options.seconds, options.batch, options.clients, options.separate)
    result = launch(measure(load))
    for line in report(load, result):
        print(line)


if __name__ == "__main__":
    main()
