"""The server is away, the sending process is killed, again and again: what `send` took is delivered, and once."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.suites.client.gate import Gate
from tests.suites.learning_events.house import House, Platform

ROOT: Final = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Sending:
    """A sending process, and the numbers it says it has sent."""

    def __init__(self, kind: str, gate: Gate, platform: Platform, spool: Path) -> None:
        self._arguments = [kind, gate.origin, platform.secret, str(spool)]
        self._process: asyncio.subprocess.Process | None = None
        self.sent = 0

    async def start(self, end: int) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "tests.suites.client.sender", *self._arguments, str(self.sent), str(end)]
        self._process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        return self._process

    async def kill_at(self, number: int, end: int) -> None:
        """Run it until it says that `number` was sent, and end it as nothing else does."""
        process = await self.start(end)
        assert process.stdout is not None
        while self.sent <= number:
            self.sent = int(await process.stdout.readline()) + 1
        process.kill()
        said = await process.stdout.read()
        whole = said[: said.rfind(b"\n") + 1].split()
        self.sent = int(whole[-1]) + 1 if whole else self.sent
        await process.wait()

    async def finish(self, end: int) -> None:
        process = await self.start(end)
        await process.communicate()
        assert process.returncode == 0
        self.sent = end


async def send_through_outages_and_deaths(
    kind: str, count: int, house: House, platform: Platform, gate: Gate, spool: Path, rng: random.Random
) -> None:
    sending = Sending(kind, gate, platform, spool)
    drawn = sorted(rng.sample(range(count // 10, count - count // 10), 4))
    await gate.shut()
    await sending.kill_at(drawn[0], count)
    assert await house.counts(platform.organisation) == (0, 0)
    await sending.kill_at(drawn[1], count)
    await gate.open()
    await sending.kill_at(drawn[2], count)
    await gate.shut()
    await sending.kill_at(drawn[3], count)
    await gate.open()
    await sending.finish(count)
    assert await house.counts(platform.organisation) == (count, count)


@pytest.mark.timeout(120)
async def test_three_thousand_calls_are_three_thousand_statements_through_outages_and_kills(
    house: House, platform: Platform, gate: Gate, spool: Path, rng: random.Random
) -> None:
    await send_through_outages_and_deaths("thread", 3_000, house, platform, gate, spool, rng)


@pytest.mark.timeout(120)
async def test_a_thousand_calls_of_an_event_loop_are_a_thousand_statements_through_outages_and_kills(
    house: House, platform: Platform, gate: Gate, spool: Path, rng: random.Random
) -> None:
    await send_through_outages_and_deaths("task", 1_000, house, platform, gate, spool, rng)


@pytest.mark.slow
@pytest.mark.bench
@pytest.mark.timeout(900)
async def test_thirty_thousand_calls_are_thirty_thousand_statements_through_outages_and_kills(
    house: House, platform: Platform, gate: Gate, spool: Path, rng: random.Random
) -> None:
    await send_through_outages_and_deaths("thread", 30_000, house, platform, gate, spool, rng)
