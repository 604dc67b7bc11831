"""Named points before and after each await that crosses a process, where a test may crash or stop us.

In production no point is armed and a call costs a dictionary look-up. A test arms a point in its own process with
`arm`, or in a child through DEEDLOG_FAULT_POINT=name:hit, which exits the child hard at that hit, as kill -9 would.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

Action = Callable[[], Awaitable[None]]

EXIT_CODE: Final = 137
_armed: dict[str, Action] = {}


async def point(name: str) -> None:
    """Do what a test armed for this point; nothing when none did."""
    action = _armed.get(name)
    if action is not None:
        await action()


@contextmanager
def arm(name: str, action: Action) -> Iterator[None]:
    """Run `action` each time the point `name` is passed, while the context lasts. For tests only."""
    _armed[name] = action
    try:
        yield
    finally:
        _armed.pop(name, None)


def arm_exit(specification: str) -> None:
    """Arm `name:hit` so that the process ends without clean-up at the given hit, counted from 1. For tests only."""
    name, _, hit = specification.partition(":")
    remaining = int(hit or "1")

    async def exit_at_hit() -> None:
        nonlocal remaining
        remaining -= 1
        if remaining == 0:
            os._exit(EXIT_CODE)

    _armed[name] = exit_at_hit
