"""Imports leave nothing behind, give up where trying does not help, and never stand before the present."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from services.learning_events.domain.import_report import REPORT_AGE, UPLOAD_AGE
from services.learning_events.handlers.importing import ATTEMPTS_MAX, LAG_SECONDS_MAX, ClaimLost
from services.learning_events.store.import_queue import PostgresImportQueue
from shared.kernel.errors import Unavailable
from shared.runtime.faults import arm
from tests.suites.learning_events.house import House, Platform, learning_events_house, statement
from tests.suites.learning_events.importing import begun, ended, history, looked_at, report
from tests.suites.servers import Servers, running_servers

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]
KIND = "application/offset+octet-stream"


async def half_uploaded(platform: Platform) -> str:
    """Return an import of which one byte of two is there."""
    import_id = str((await platform.send({"bytes": 2}, "/v1/imports")).json()["id"])
    path = f"/v1/imports/{import_id}"
    assert (await platform.send(b"{", path, "PATCH", content_type=KIND, upload_offset="0")).status_code == 200
    return import_id


async def kept_rows(house: House, import_id: str) -> tuple[int, int]:
    """Return how many pieces of the upload and lines of the report are kept."""
    async with house.backbone.reading() as connection:
        pieces = await connection.fetchval("SELECT count(*) FROM import_parts WHERE import = $1", import_id)
        lines = await connection.fetchval("SELECT count(*) FROM import_faults WHERE import = $1", import_id)
    return pieces, lines


async def test_an_upload_nobody_goes_on_with_is_removed_and_says_why(house: House, platform: Platform) -> None:
    import_id = await half_uploaded(platform)
    queue, now = PostgresImportQueue(house.backbone), datetime.now(UTC)
    await queue.sweep(now + UPLOAD_AGE - timedelta(minutes=1))
    assert (await looked_at(platform, import_id))["state"] == "receiving"
    await queue.sweep(now + UPLOAD_AGE + timedelta(minutes=1))
    shown = await looked_at(platform, import_id)
    assert (shown["state"], "24 hours" in shown["refusal"]["rule"]) == ("failed", True)
    assert await kept_rows(house, import_id) == (0, 0)


async def test_a_report_is_removed_so_long_after_the_end(house: House, platform: Platform) -> None:
    shown = await ended(platform, (await begun(platform, b"{}\n[]\n"))["id"])
    assert len(await report(platform, shown["id"])) == 2
    queue, now = PostgresImportQueue(house.backbone), datetime.now(UTC)
    await queue.sweep(now + REPORT_AGE - timedelta(minutes=1))
    assert (await looked_at(platform, shown["id"]))["reported_lines"] == 2
    await queue.sweep(now + REPORT_AGE + timedelta(minutes=1))
    assert (await platform.get(f"/v1/imports/{shown['id']}")).status_code == 404
    assert await kept_rows(house, shown["id"]) == (0, 0)


async def test_an_import_that_comes_no_further_is_given_up(house: House, platform: Platform) -> None:
    import_id = await half_uploaded(platform)
    async with house.backbone.reading() as connection:
        await connection.execute("UPDATE imports SET attempts = $2 WHERE id = $1", import_id, ATTEMPTS_MAX)
    path = f"/v1/imports/{import_id}"
    await platform.send(b"}", path, "PATCH", content_type=KIND, upload_offset="1")
    shown = await ended(platform, import_id)
    assert (shown["state"], str(ATTEMPTS_MAX) in shown["refusal"]["rule"]) == ("failed", True)


@pytest.mark.parametrize("point", ["import-begun", "written", "committed", "import-recorded", "import-step"])
async def test_a_step_that_broke_off_anywhere_is_counted_as_if_it_had_not(
    house: House, platform: Platform, point: str
) -> None:
    sent = history(700, 7, seed=21)
    hits = 0

    async def break_off() -> None:
        nonlocal hits
        hits += 1
        if hits == 1:
            raise Unavailable("a test breaks off here", 0.1)

    with arm(f"learning-events.{point}", break_off):
        shown = await ended(platform, (await begun(platform, sent.content))["id"])
    assert hits > 1
    assert shown["counts"] == {"stored": sent.good, "duplicate": 0, "conflict": 0, "invalid": 7}
    assert [line["line"] for line in await report(platform, shown["id"])] == list(sent.bad)
    assert (await house.counts(platform.organisation))[0] == sent.good


async def test_a_claim_is_one_workers_until_its_time_is_past(house: House, platform: Platform) -> None:
    import_id = await half_uploaded(platform)
    queue, now = PostgresImportQueue(house.backbone), datetime.now(UTC)
    later = now + timedelta(hours=1)
    async with house.backbone.reading() as connection:
        held = "UPDATE imports SET state = 'running', worker = 'one', claimed_until = $2 WHERE id = $1"
        await connection.execute(held, import_id, later)
    assert await queue.claim("two", now, later) is None
    own = await queue.claim("one", now, later)
    assert own is not None
    assert (own.one.id, own.attempts) == (import_id, 0)
    taken = await queue.claim("two", later + timedelta(seconds=1), later)
    assert taken is not None
    assert (taken.one.id, taken.attempts) == (import_id, 1)
    with pytest.raises(ClaimLost, match="another records it"):
        await queue.renew(own, later)
    await platform.send(b"", f"/v1/imports/{import_id}:cancel")
    with pytest.raises(ClaimLost, match="was cancelled"):
        await queue.renew(taken, later)


@pytest_asyncio.fixture(loop_scope="session")
async def own_servers(tmp_path: Path) -> AsyncIterator[Servers]:
    """Servers that a test may end."""
    async with running_servers(tmp_path) as running:
        yield running


@pytest.mark.slow
async def test_an_import_waits_while_what_was_told_before_is_not_on_its_way(own_servers: Servers) -> None:
    async with learning_events_house(own_servers.postgres.admin_dsn, own_servers.broker.address) as house:
        platform, queue = house.platform(), PostgresImportQueue(house.backbone)
        await own_servers.broker.kill()
        await platform.post([statement()])
        async with asyncio.timeout(20):
            while await queue.lag_seconds(datetime.now(UTC)) <= LAG_SECONDS_MAX:
                await asyncio.sleep(0.2)
        import_id = (await begun(platform, json.dumps(statement()).encode()))["id"]
        await asyncio.sleep(1.5)
        assert (await looked_at(platform, import_id))["counts"]["stored"] == 0
        await own_servers.broker.start()
        assert (await ended(platform, import_id, seconds=40))["counts"]["stored"] == 1
