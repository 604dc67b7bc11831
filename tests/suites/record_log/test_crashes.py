"""record_log ends by kill -9 at the worst moments: nothing is lost or entered twice, and the log has one history."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.kernel.record_leaf import HeadLeaf
from shared.runtime import faults
from tests.suites.record_log.child import start_child
from tests.suites.record_log.house import House, person, statement
from tests.suites.record_log.test_log import checkpoints
from tests.suites.record_log.test_recording import check

pytestmark = pytest.mark.asyncio(loop_scope="session")

POINTS = (
    "consumer.applied:1",
    "consumer.applied:4",
    "consumer.committed:2",
    "record-log.written:1",
    "record-log.written:5",
    "record-log.committed:2",
    "relay.produced:2",
)


@pytest.mark.parametrize("point", POINTS)
async def test_a_process_that_ends_there_loses_nothing(house: House, tmp_path: Path, point: str) -> None:
    await house.until_heard("record_log")
    before = await checkpoints(house)
    await house.stop_service("record_log")
    people = [person() for _ in range(6)]
    child = start_child(house, point, tmp_path / "child.log")
    try:
        for _ in range(40):
            await house.tell("learning_events", *(statement(one) for one in people))
            if await child.exited(0.25):
                break
        assert await child.exited(30), (tmp_path / "child.log").read_text()
        assert child.exit_code == faults.EXIT_CODE, (tmp_path / "child.log").read_text()
    finally:
        await child.end()
        await house.restart_service("record_log")
    last = await house.tell("learning_events", *(statement(one) for one in people))
    for one, fact in zip(people, last, strict=True):
        await check(house, await house.proof(one, fact.id))
        rows = await house.rows(
            "record_log",
            """SELECT e.number FROM entries e JOIN streams s ON s.id = e.stream
               WHERE s.person = $1 AND e.number IS NOT NULL ORDER BY e.index""",
            one,
        )
        assert [row[0] for row in rows] == list(range(1, fact.number + 1))
        await has_one_chain_of_heads(house, one)
    history = await checkpoints(house)
    assert history[: len(before)] == before
    sizes = [checkpoint.size for checkpoint in history]
    assert sizes == sorted(set(sizes))


async def has_one_chain_of_heads(house: House, subject: str) -> None:
    """Every head is in the log once, in the order of its sizes, and covers what came since the one before."""
    rows = await house.rows(
        "record_log",
        """SELECT h.first_index, h.size, h.log_index, l.leaf FROM heads h JOIN streams s ON s.id = h.stream
           LEFT JOIN log_leaves l ON l.index = h.log_index WHERE s.person = $1 ORDER BY h.size""",
        subject,
    )
    assert [row["first_index"] for row in rows] == [0, *(row["size"] for row in rows[:-1])]
    places = [row["log_index"] for row in rows]
    assert places == sorted(set(places))
    assert [HeadLeaf.decode(row["leaf"]).size for row in rows] == [row["size"] for row in rows]
