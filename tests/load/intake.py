"""The intake of an embedded house, for a bench: identity and learning_events on servers of their own."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sys
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg

from infra.embedded.ports import free_port
from infra.embedded.process import BARE_ENVIRONMENT, spawn
from shared.runtime.database_setup import ServiceDatabase, create_database, migrate
from tests.load.http_client import RawClient
from tests.load.servers import Servers, servers

ROOT: Final = Path(__file__).resolve().parents[2]
SERVICES: Final = ("identity", "learning_events")
TOKEN: Final = "what-services-show-one-another-32-characters"
ADMIN: Final = "dla-operators-own-secret"
START_SECONDS_MAX: Final = 30.0


@dataclass(frozen=True, slots=True)
class Intake:
    """It runs. processes: the services' by class. rpc_port: gRPC's. secret: of a key that writes and reads."""

    servers: Servers
    processes: dict[str, int]
    http_port: int
    rpc_port: int
    secret: str

    async def count(self, query: str) -> int:
        """Return the number that a query gives in the database of learning_events."""
        connection = await asyncpg.connect(self.servers.dsn("learning_events"))
        try:
            counted: int = await connection.fetchval(query)
            return counted
        finally:
            await connection.close()


@asynccontextmanager
async def intake(*, is_separate: bool) -> AsyncIterator[Intake]:
    """Run identity and learning_events in one process, or each alone, with a key that may write and read."""
    async with servers() as under:
        for service in SERVICES:
            wanted = ServiceDatabase(service, ROOT / "services" / service, "door", "back")
            await create_database(under.postgres.admin_dsn, wanted)
            await migrate(under.postgres.admin_dsn, wanted)
        ports = {service: (free_port(), free_port()) for service in SERVICES}
        if not is_separate:
            ports["learning_events"] = ports["identity"]
        environment = _environment(under, ports)
        async with AsyncExitStack() as stack:
            processes = {}
            for name, command in _commands(is_separate).items():
                rpc, http = ports[name if is_separate else "identity"]
                own = {"DEEDLOG_RPC_PORT": str(rpc), "DEEDLOG_HTTP_PORT": str(http)}
                log = under.folder / f"{name}.log"
                child = spawn([sys.executable, *command], log, environment=environment | own)
                stack.push_async_callback(child.end)
                processes[name] = child.pid
            secret = await _key(ports["identity"][1])
            await _answering(ports["learning_events"][1])
            rpc, http = ports["learning_events"]
            yield Intake(under, processes, http, rpc, secret)


def _commands(is_separate: bool) -> dict[str, list[str]]:
    if is_separate:
        return {service: ["-m", f"services.{service}"] for service in SERVICES}
    return {"intake": ["-m", "infra.embedded.host", "intake", *SERVICES]}


def _environment(under: Servers, ports: dict[str, tuple[int, int]]) -> dict[str, str]:
    environment = {
        **BARE_ENVIRONMENT,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'proto' / 'gen'}",
        "DEEDLOG_IS_EMBEDDED": "true",
        "DEEDLOG_KAFKA_ADDRESS": under.broker.address,
        "DEEDLOG_TOPIC_PARTITIONS": "1",
        "DEEDLOG_RPC_ADDRESSES": json.dumps({name: f"127.0.0.1:{rpc}" for name, (rpc, _) in ports.items()}),
        "DEEDLOG_SERVICE_TOKEN": TOKEN,
        "DEEDLOG_ADMIN_KEY_DIGEST": hashlib.sha256(ADMIN.encode()).hexdigest(),
        "MALLOC_ARENA_MAX": "2",
    }
    for service in ports:
        for role, password in (("door", "door"), ("backbone", "back")):
            url = f"postgresql://{service}_{role}:{password}@127.0.0.1:{under.postgres.port}/deedlog_{service}"
            environment[f"DEEDLOG_{service}_DATABASE_{role}_URL".upper()] = url
    return environment


async def _key(http_port: int) -> str:
    """Return the secret of a new organisation's key that may write and read."""
    await _answering(http_port)
    organisation = await _created(http_port, "/v1/organisations", {"name": "Bench"})
    key = await _created(http_port, "/v1/api-keys", {"organisation": organisation["id"], "scopes": ["write", "read"]})
    return str(key["secret"])


async def _created(http_port: int, path: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {
        "content-type": "application/json",
        "authorization": f"Bearer {ADMIN}",
        "idempotency-key": str(uuid.uuid4()),
    }
    async with RawClient("127.0.0.1", http_port, path, headers) as client:
        # Who listens may not be ready yet: its parts find one another within a second or two.
        async with asyncio.timeout(START_SECONDS_MAX):
            while (status := await client.post(json.dumps(body).encode())) == 503:
                await asyncio.sleep(0.1)
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
