"""The process dies wherever it likes while a history is uploaded and recorded; each line becomes what it would have."""

from __future__ import annotations

import asyncio
import gzip
import os
import random
import secrets
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
import pytest
import pytest_asyncio

from infra.embedded.broker import EmbeddedBroker
from infra.embedded.ports import free_port
from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.process import BARE_ENVIRONMENT, Child, LaunchFailed, spawn
from shared.kernel.ids import OrganisationId, system_id, system_uuid7
from shared.runtime.auth import Principal
from shared.runtime.faults import EXIT_CODE
from tests.suites.learning_events.house import TOKEN, identity_door, set_up, settings_for
from tests.suites.learning_events.identity_double import IdentityDouble
from tests.suites.learning_events.importing import NDJSON, history

ROOT: Final = Path(__file__).resolve().parents[3]
START_SECONDS_MAX: Final = 30.0
POINTS: Final = (
    "learning-events.import-begun",
    "learning-events.written",
    "learning-events.committed",
    "learning-events.import-recorded",
    "learning-events.import-step",
)

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Alone:
    """Servers on which nobody runs but the processes of one test, and a platform's key."""

    environment: dict[str, str]
    organisation: str
    secret: str
    statements_url: str

    @asynccontextmanager
    async def process(self, log_file: Path, fault_point: str = "") -> AsyncIterator[tuple[Child, httpx.AsyncClient]]:
        """Run learning_events until the context ends or it dies at `fault_point`, which may be before it answers.

        An import that an earlier process left goes on while the process starts, so the fault can come first.
        """
        port = free_port()
        environment = self.environment | {"DEEDLOG_HTTP_PORT": str(port), "DEEDLOG_FAULT_POINT": fault_point}
        child = spawn([sys.executable, "-m", "services.learning_events"], log_file, environment=environment)
        headers = {"authorization": f"Bearer {self.secret}"}
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=30) as client:
            try:
                await self._answers_or_died(child, client, fault_point)
                yield child, client
            finally:
                await child.end()

    @staticmethod
    async def _answers_or_died(child: Child, client: httpx.AsyncClient, fault_point: str) -> None:
        try:
            await child.until(lambda: answers(client), START_SECONDS_MAX)
        except LaunchFailed:
            if not fault_point or child.exit_code != EXIT_CODE:
                raise

    async def counted(self) -> tuple[int, int, int]:
        """Return how many statements, distinct ids and facts there are."""
        connection = await asyncpg.connect(self.statements_url)
        try:
            row = await connection.fetchrow(
                "SELECT count(*), count(DISTINCT id), (SELECT count(*) FROM backbone.facts) FROM statements"
            )
        finally:
            await connection.close()
        return row[0], row[1], row[2]


@pytest_asyncio.fixture(loop_scope="session")
async def alone(tmp_path: Path) -> AsyncIterator[Alone]:
    """Servers of their own: on those of the other tests a living house would take the imports over."""
    postgres = EmbeddedPostgres(tmp_path / "postgres", free_port())
    broker = EmbeddedBroker(free_port(), tmp_path / "broker.log")
    await postgres.start()
    await broker.start()
    double = IdentityDouble()  # type: ignore[abstract]  # it is asked nothing else
    organisation, secret = system_id("organisation"), secrets.token_urlsafe(24)
    scopes = frozenset({"read", "write"})
    double.keys[secret] = Principal("key", system_id("key"), OrganisationId(organisation), None, scopes)
    try:
        await set_up(postgres.admin_dsn)
        async with identity_door(double) as identity_port:
            told = settings_for(postgres.admin_dsn, broker.address, identity_port)
            url = told.database_backbone_url.get_secret_value()
            environment = {
                **BARE_ENVIRONMENT,
                "PATH": os.environ["PATH"],
                "PYTHONPATH": f"{ROOT}:{ROOT / 'proto' / 'gen'}",
                "DEEDLOG_DATABASE_DOOR_URL": told.database_door_url.get_secret_value(),
                "DEEDLOG_DATABASE_BACKBONE_URL": url,
                "DEEDLOG_KAFKA_ADDRESS": broker.address,
                "DEEDLOG_RPC_ADDRESSES": f'{{"identity": "127.0.0.1:{identity_port}"}}',
                "DEEDLOG_SERVICE_TOKEN": TOKEN,
                "DEEDLOG_IMPORT_LEASE_SECONDS": "1",
            }
            yield Alone(environment, organisation, secret, url)
    finally:
        await broker.kill()
        await postgres.wipe()


async def answers(client: httpx.AsyncClient) -> bool:
    try:
        return (await client.get("/xapi/about")).status_code == 200
    except httpx.TransportError:
        return False


async def has_ended(child: Child, client: httpx.AsyncClient, import_id: str, seconds: float) -> dict[str, Any] | None:
    """Return the import once it has ended, or None once the process has died."""
    async with asyncio.timeout(seconds):
        while child.is_alive:
            try:
                shown: dict[str, Any] = (await client.get(f"/v1/imports/{import_id}")).json()
            except httpx.TransportError:
                await child.exited(5)
                return None
            if shown["ended_at"] is not None:
                return shown
            await asyncio.sleep(0.05)
    return None


@pytest.mark.parametrize(
    ("lines", "deaths"),
    [
        (3_000, 3),
        pytest.param(100_000, 4, marks=[pytest.mark.slow, pytest.mark.bench, pytest.mark.timeout(600)]),
    ],
)
async def test_an_import_killed_anywhere_stores_every_good_line_once_and_reports_every_bad_one(
    alone: Alone, tmp_path: Path, seed: int, lines: int, deaths: int
) -> None:
    drawn = random.Random(seed)
    sent = history(lines, lines // 100, seed)
    packed = gzip.compress(sent.content, 1)
    headers = {"content-type": NDJSON, "idempotency-key": str(system_uuid7())}
    async with alone.process(tmp_path / "log", "learning-events.import-part:1") as (child, client):
        with pytest.raises(httpx.TransportError):
            await client.post("/v1/imports", content=packed, headers=headers)
        assert await child.exited(5)
    import_id, shown = "", None
    for _ in range(deaths):
        point = f"{drawn.choice(POINTS)}:{drawn.randint(1, max(2, lines // 2_000))}"
        async with alone.process(tmp_path / "log", point) as (child, client):
            try:
                import_id = (await client.post("/v1/imports", content=packed, headers=headers)).json()["id"]
            except httpx.TransportError:
                continue
            shown = await has_ended(child, client, import_id, 120)
    async with alone.process(tmp_path / "log") as (child, client):
        import_id = (await client.post("/v1/imports", content=packed, headers=headers)).json()["id"]
        await asyncio.sleep(drawn.uniform(0, 2))
        child.send(signal.SIGKILL)
        assert await child.exited(5)
    async with alone.process(tmp_path / "log") as (child, client):
        shown = await has_ended(child, client, import_id, 300)
        report = (await client.get(f"/v1/imports/{import_id}/report")).text.splitlines()
    assert shown is not None
    assert shown["state"] == "done"
    assert shown["counts"] == {"stored": sent.good, "duplicate": 0, "conflict": 0, "invalid": len(sent.bad)}
    assert [int(line.partition('"line":')[2].partition(",")[0]) for line in report] == list(sent.bad)
    assert await alone.counted() == (sent.good, sent.good, sent.good)
