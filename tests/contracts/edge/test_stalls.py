"""A reply in chunks whose caller takes nothing ends, and lets go of what it holds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.runtime.reply import Reply, send_reply


@pytest.mark.parametrize("stall_seconds", [0.05, None])
async def test_a_caller_who_takes_nothing_is_left_where_a_bound_is_stated_and_waited_for_where_none_is(
    stall_seconds: float | None,
) -> None:
    closed: list[bool] = []
    sent: list[dict[str, Any]] = []

    async def chunks() -> AsyncIterator[bytes]:
        try:
            while True:
                yield b"x"
        finally:
            closed.append(True)

    async def send(message: Any) -> None:
        sent.append(message)
        if len(sent) == 3:
            await asyncio.Event().wait()

    async def receive() -> Any:
        await asyncio.Event().wait()

    replying = asyncio.create_task(
        send_reply(Reply.stream(chunks(), "text/plain", stall_seconds=stall_seconds), receive, send)
    )
    done, _ = await asyncio.wait([replying], timeout=0.5 if stall_seconds is None else 10)
    assert bool(done) is bool(closed) is (stall_seconds is not None)
    replying.cancel()
    await asyncio.gather(replying, return_exceptions=True)
    assert closed == [True]
    assert all(message.get("more_body", True) for message in sent)  # its end was never claimed
