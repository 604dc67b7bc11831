"""One week of a real platform, through the door: stored once each, told once each, without a gap, and on the topic."""

from __future__ import annotations

import asyncio
import gzip
from pathlib import Path
from typing import Any, Final

import pytest

from tests.suites.learning_events.house import House, Platform

CORPUS: Final = Path(__file__).resolve().parents[4] / "shared/data/xapi/fun-mooc-statements.json.gz"
BATCH: Final = 50
CLIENTS: Final = 8
RELAY_SECONDS_MAX: Final = 30

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(180),
    pytest.mark.skipif(not CORPUS.exists(), reason=f"the data folder beside the repository is absent: {CORPUS}"),
]


async def send_all(platform: Platform, batches: list[bytes]) -> int:
    """Send every batch by CLIENTS clients at once and return how many ids came back."""
    waiting = iter(batches)

    async def client() -> int:
        return sum([len(await platform.post(batch)) for batch in waiting])

    return sum(await asyncio.gather(*(client() for _ in range(CLIENTS))))


async def test_22000_real_statements_are_stored_and_told_once_however_often_they_come(
    house: House, platform: Platform
) -> None:
    lines = gzip.decompress(CORPUS.read_bytes()).splitlines()
    batches = [b"[" + b",".join(lines[start : start + BATCH]) + b"]" for start in range(0, len(lines), BATCH)]
    assert await send_all(platform, batches) == 22_000
    assert await house.counts(platform.organisation) == (22_000, 22_000)
    assert await send_all(platform, batches[::-1]) == 22_000
    assert await house.counts(platform.organisation) == (22_000, 22_000)
    async with house.backbone.reading() as connection:
        assert await gaps(connection, platform.organisation) == []
        people = "SELECT count(DISTINCT subject) FROM backbone.facts WHERE organisation = $1"
        assert await connection.fetchval(people, platform.organisation) == 1_452
        await relayed(connection)


async def gaps(connection: Any, organisation: str) -> list[Any]:
    """Return the streams whose numbers are not 1, 2, 3 … to their head."""
    return list(
        await connection.fetch(
            """SELECT f.subject FROM backbone.facts AS f JOIN backbone.streams AS s USING (subject)
               WHERE f.organisation = $1 GROUP BY f.subject, s.number
               HAVING count(*) <> s.number OR min(f.number) <> 1 OR max(f.number) <> s.number""",
            organisation,
        )
    )


async def relayed(connection: Any) -> None:
    """Wait until the relay has produced every fact. Raises TimeoutError."""
    lag = """SELECT count(*) FROM backbone.facts AS f, backbone.relay AS r
             WHERE (f.epoch, f.xid, f.id) > (r.epoch, r.xid, r.id)"""
    async with asyncio.timeout(RELAY_SECONDS_MAX):
        while await connection.fetchval(lag):
            await asyncio.sleep(0.05)
