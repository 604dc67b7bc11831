"""One part under watch: whatever keeps it from starting is waited out, and whatever keeps it from ending is told."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime

import pytest

from infra.embedded.process import LaunchFailed
from infra.embedded.watching import PAUSE_SECONDS_MAX, Watched
from shared.kernel.clock import FixedClock


class Part:
    """A part that is dead until a start goes well; `hindrance` is what keeps it from starting or ending."""

    pid = 0

    def __init__(self, hindrance: Exception | None) -> None:
        self.hindrance = hindrance
        self.is_alive = False

    async def start(self) -> None:
        if self.hindrance is not None:
            raise self.hindrance
        self.is_alive = True

    async def stop(self) -> None:
        if self.hindrance is not None:
            raise self.hindrance
        self.is_alive = False

    kill = stop


@pytest.mark.parametrize("hindrance", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), LaunchFailed("no such disk")])
async def test_what_cannot_be_started_is_tried_again_until_it_can(hindrance: Exception) -> None:
    clock, said = FixedClock(datetime(2026, 11, 23, tzinfo=UTC)), list[str]()
    part = Part(hindrance)
    watched = Watched("part", part, clock, said.append)
    for _ in range(5):
        clock.advance(PAUSE_SECONDS_MAX + 1)
        await watched.tend()
    assert watched.state().reason != ""
    assert any("cannot be started" in sentence for sentence in said)
    part.hindrance = None
    clock.advance(PAUSE_SECONDS_MAX + 1)
    await watched.tend()
    assert part.is_alive
    assert watched.state().reason == ""


async def test_what_cannot_be_ended_is_told_and_keeps_nobody_else_from_stopping() -> None:
    said: list[str] = []
    part = Part(LaunchFailed("process 7 did not end"))
    await Watched("part", part, FixedClock(datetime(2026, 11, 23, tzinfo=UTC)), said.append).stop(1.0)
    assert said == ["part was not stopped: process 7 did not end"]
