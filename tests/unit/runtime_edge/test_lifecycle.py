"""Starting in order, stopping in reverse, and never hanging on the way out."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from shared.kernel.errors import Broken, Unavailable
from shared.runtime.lifecycle import Component, Readiness, StartFailed, launch, run, stop_all


class Part:
    """Writes down what happens to it; waits in start or stop for as long as it is told."""

    def __init__(
        self,
        name: str,
        story: list[str],
        start: Callable[[], Awaitable[None]] | None = None,
        stop: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.name = name
        self._story = story
        self._start = start
        self._stop = stop

    async def start(self) -> None:
        if self._start is not None:
            await self._start()
        self._story.append(f"{self.name} up")

    async def stop(self) -> None:
        if self._stop is not None:
            await self._stop()
        self._story.append(f"{self.name} down")

    def readiness(self) -> Readiness:
        return Readiness(self.name, True)


async def hang() -> None:
    await asyncio.sleep(30)


async def hang_stubbornly() -> None:
    try:
        await asyncio.sleep(30)
    except asyncio.CancelledError:
        await asyncio.sleep(30)


async def fail() -> None:
    raise Unavailable("the database does not answer")


async def fail_oddly() -> None:
    raise KeyError("port")


async def run_and_stop(components: list[Component], story: list[str], stop_seconds: float = 10) -> None:
    stopping = asyncio.Event()

    def ready() -> None:
        story.append("ready")
        stopping.set()

    await run(components, ready=ready, stop_seconds=stop_seconds, stopping=stopping)


async def test_components_start_in_order_and_stop_in_reverse_order() -> None:
    story: list[str] = []
    await run_and_stop([Part("a", story), Part("b", story), Part("c", story)], story)
    assert story == ["a up", "b up", "c up", "ready", "c down", "b down", "a down"]


async def test_a_failed_start_stops_what_had_started_and_says_why_in_a_sentence() -> None:
    story: list[str] = []
    parts: list[Component] = [Part("a", story), Part("b", story, start=fail), Part("c", story)]
    with pytest.raises(StartFailed) as caught:
        await run(parts)
    assert caught.value.message == "b did not start: the database does not answer"
    assert isinstance(caught.value.__cause__, Unavailable)
    assert story == ["a up", "a down"]


async def test_a_start_that_fails_oddly_is_told_with_its_kind() -> None:
    with pytest.raises(StartFailed, match="a did not start: KeyError: 'port'"):
        await run([Part("a", [], start=fail_oddly)])


async def test_a_component_that_hangs_in_stop_is_cut_and_named_and_the_others_still_stop(
    caplog: pytest.LogCaptureFixture,
) -> None:
    story: list[str] = []
    parts: list[Component] = [Part("a", story), Part("slow", story, stop=hang), Part("c", story)]
    began = asyncio.get_running_loop().time()
    await run_and_stop(parts, story, stop_seconds=0.8)
    assert asyncio.get_running_loop().time() - began < 5
    assert story[-2:] == ["c down", "a down"]
    cut = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [vars(record)["component"] for record in cut] == ["slow"]


async def test_even_components_that_resist_being_cut_leave_the_stop_bounded() -> None:
    parts = [Part(name, [], stop=hang_stubbornly) for name in "abc"]
    began = asyncio.get_running_loop().time()
    assert await stop_all(parts, 1.0) == ["c", "b", "a"]
    assert asyncio.get_running_loop().time() - began < 10


async def test_a_failing_stop_does_not_keep_the_others_from_stopping() -> None:
    story: list[str] = []
    assert await stop_all([Part("a", story), Part("b", story, stop=fail)]) == ["b"]
    assert story == ["a down"]


async def test_asked_to_stop_while_starting_gives_up_the_start_and_stops_what_stood() -> None:
    story: list[str] = []
    stopping = asyncio.Event()
    parts: list[Component] = [Part("a", story), Part("b", story, start=hang)]
    running = asyncio.create_task(run(parts, stopping=stopping, ready=lambda: story.append("ready")))
    async with asyncio.timeout(10):
        while not story:
            await asyncio.sleep(0.005)
        stopping.set()
        await running
    assert story == ["a up", "a down"]


async def test_two_components_of_one_name_are_refused_before_anything_starts() -> None:
    story: list[str] = []
    with pytest.raises(Broken, match="share a name"):
        await run([Part("a", story), Part("a", story)])
    assert story == []


def test_launch_returns_what_the_coroutine_returns() -> None:
    async def answer() -> int:
        return 7

    assert launch(answer()) == 7
