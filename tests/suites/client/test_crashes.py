"""The server is away, the sending process is killed, again and again: what `send` took is delivered, and once."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path
from typing import Final

import pytest

from shared.events.learning_events import StatementRecorded
from tests.suites.client.gate import Gate
from tests.suites.client.sender import LEARNERS
from tests.suites.learning_events.house import House, Platform

ROOT: Final = Path(__file__).resolve().parents[3]

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Sending:
    """A sending process, and the numbers it says it has sent."""

    def __init__(self, kind: str, gate: Gate, platform: Platform, spool: Path) -> None:
        self._arguments = [kind, gate.origin, platform.secret, str(spool)]
        self._process: asyncio.subprocess.Process | None = None
        self.sent = 0
        self.stderr = asyncio.subprocess.PIPE if kind == "cramped" else None

    async def start(self, end: int) -> asyncio.subprocess.Process:
        command = [sys.executable, "-m", "tests.suites.client.sender", *self._arguments, str(self.sent), str(end)]
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=pipe, stderr=self.stderr)
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


async def send_while_all_is_away(
    count: int, house: House, platform: Platform, gate: Gate, spool: Path, rng: random.Random
) -> None:
    """Every call is made while nobody answers, by processes that are killed; the last of them once it has sent all."""
    sending = Sending("thread", gate, platform, spool)
    await gate.shut()
    for number in sorted(rng.sample(range(count // 10, count - count // 10), 3)):
        await sending.kill_at(number, count)
    await sending.kill_at(count - 1, count)
    assert sending.sent == count
    assert await house.counts(platform.organisation) == (0, 0)
    await gate.open()
    await sending.finish(count)
    assert await house.counts(platform.organisation) == (count, count)
    await in_order_for_each_person(count, house, platform)


async def in_order_for_each_person(count: int, house: House, platform: Platform) -> None:
    """Each person's stream tells of the questions in the order in which the calls were made."""
    for learner in range(LEARNERS):
        told = await house.told(platform.person(f"learner-{learner}"))
        asked = [int(event.object.rpartition("/")[2]) for event in told if isinstance(event, StatementRecorded)]
        assert asked == list(range(learner, count, LEARNERS))


async def test_on_a_full_disk_send_says_so_and_what_it_had_returned_for_is_delivered(
    house: House, platform: Platform, gate: Gate, spool: Path
) -> None:
    await gate.shut()
    sending = Sending("cramped", gate, platform, spool)
    process = await sending.start(10_000)
    said, complaint = await asyncio.wait_for(process.communicate(), 60)
    told = said.split()
    assert 0 < len(told) < 10_000
    assert b"SpoolFailed" in complaint
    assert b"Make room on its disk" in complaint
    await gate.open()
    later = Sending("thread", gate, platform, spool)
    later.sent = len(told)
    await later.finish(len(told))
    assert await house.counts(platform.organisation) == (len(told), len(told))


@pytest.mark.timeout(300)
async def test_thirty_thousand_calls_while_the_server_is_down_are_stored_once_and_in_order_when_it_is_back(
    house: House, platform: Platform, gate: Gate, spool: Path, rng: random.Random
) -> None:
    await send_while_all_is_away(30_000, house, platform, gate, spool, rng)


@pytest.mark.slow
@pytest.mark.bench
@pytest.mark.timeout(900)
async def test_thirty_thousand_calls_are_thirty_thousand_statements_through_outages_and_kills(
    house: House, platform: Platform, gate: Gate, spool: Path, rng: random.Random
) -> None:
    await send_through_outages_and_deaths("thread", 30_000, house, platform, gate, spool, rng)
