"""A supervised task is started again after each failure, with growing pauses, and says how it fares."""

from __future__ import annotations

import asyncio

from shared.kernel.errors import Unavailable
from shared.runtime import telemetry
from shared.runtime.background import Task


def restarts(name: str) -> float:
    return float(telemetry.COMPONENT_RESTARTS.labels(name)._value.get())


async def until(claim: object, seconds: float = 5) -> None:
    """Wait until the callable `claim` is true."""
    async with asyncio.timeout(seconds):
        while not claim():  # type: ignore[operator]
            await asyncio.sleep(0.005)


async def test_work_that_fails_is_started_again_counted_and_not_ready_until_it_runs_well() -> None:
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs <= 3:
            raise Unavailable("the broker does not answer")
        await asyncio.Event().wait()

    before = restarts("fails-thrice")
    task = Task("fails-thrice", work, pause_seconds_min=0.01, pause_seconds_max=0.02, calm_seconds=0.1)
    await task.start()
    await until(lambda: runs == 2)
    assert task.readiness().is_ready is False
    assert task.readiness().reason == "the broker does not answer"
    await until(lambda: task.readiness().is_ready)
    assert runs == 4
    assert restarts("fails-thrice") - before == 3
    await task.stop()
    assert task.readiness().is_ready is False


async def test_pauses_double_up_to_the_bound_and_begin_anew_after_a_calm_run() -> None:
    ends: list[float] = []
    begins: list[float] = []
    clock = asyncio.get_running_loop().time

    async def work() -> None:
        begins.append(clock())
        if len(begins) == 5:
            await asyncio.sleep(0.15)
        ends.append(clock())
        raise ValueError("no")

    task = Task("paced", work, pause_seconds_min=0.05, pause_seconds_max=0.4, calm_seconds=0.1)
    await task.start()
    await until(lambda: len(begins) == 6)
    await task.stop()
    pauses = [begin - end for end, begin in zip(ends, begins[1:], strict=False)]
    expected = [0.05, 0.1, 0.2, 0.4]
    assert all(pause >= least * 0.99 for pause, least in zip(pauses, expected, strict=False)), pauses
    assert pauses[4] < 0.4, "after a calm run the next pause is a short one again"


async def test_what_the_reason_of_a_foreign_error_says_is_its_kind_and_not_its_words() -> None:
    async def work() -> None:
        raise ValueError("password=hunter2")

    task = Task("leaky", work, pause_seconds_min=1)
    await task.start()
    await until(lambda: not task.readiness().is_ready)
    assert task.readiness().reason == "it failed with ValueError"
    await task.stop()


async def test_a_cancelling_that_nobody_of_ours_asked_for_counts_as_failed() -> None:
    """A library awaits a task of its own that it has cancelled; what escapes must not end the loop in silence."""
    runs = 0

    async def work() -> None:
        nonlocal runs
        runs += 1
        if runs == 1:
            theirs = asyncio.ensure_future(asyncio.Event().wait())
            theirs.cancel()
            await theirs
        await asyncio.Event().wait()

    task = Task("cancelled-within", work, pause_seconds_min=0.01)
    await task.start()
    await until(lambda: runs == 2)
    assert task.readiness().is_ready is False
    await task.stop()


async def test_endless_work_that_ends_counts_as_failed() -> None:
    async def work() -> None:
        return

    task = Task("ends", work, pause_seconds_min=1)
    await task.start()
    await until(lambda: not task.readiness().is_ready)
    assert "ended" in task.readiness().reason
    await task.stop()


async def test_work_that_may_end_ends_well() -> None:
    async def work() -> None:
        return

    task = Task("once", work, is_endless=False)
    await task.start()
    await asyncio.sleep(0.01)
    assert task.readiness().is_ready
    await task.stop()


async def test_stop_cancels_the_work_and_waits_for_its_clean_up() -> None:
    let_go = False

    async def work() -> None:
        nonlocal let_go
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            let_go = True

    task = Task("holds", work)
    await task.start()
    await asyncio.sleep(0.01)
    await task.stop()
    assert let_go
