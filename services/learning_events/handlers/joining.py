"""Joins requests that wait at the same time into one transaction, so that many small ones cost little more than one.

Up to RUNS_MAX transactions a group are under way; what comes meanwhile waits for the next to end, and then goes all
together, in its order, up to a bound of items. A request alone waits for nothing. Each is answered after its commit.
What is refused among others is tried again alone, so that nobody bears another one's fault.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from typing import Final, Generic, TypeVar

from shared.kernel.errors import Unavailable

RUNS_MAX: Final = 2
"""Transactions of one group under way: while the database works on one, the next is gathered and encoded."""

M = TypeVar("M")
R = TypeVar("R")
Run = Callable[[Sequence[M]], Awaitable[Sequence[R]]]


class Joiner(Generic[M, R]):
    """Hands members that wait together to `run`, and each its result or error.

    size: how many items a member counts for; items_max: how many one run takes, unless a single member has more.
    """

    def __init__(self, run: Run[M, R], size: Callable[[M], int], items_max: int) -> None:
        self._run = run
        self._size = size
        self._items_max = items_max
        self._waiting: dict[Hashable, deque[tuple[M, asyncio.Future[R]]]] = {}
        self._running: dict[Hashable, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def add(self, group: Hashable, member: M) -> R:
        """Return what `run` returned for this member. Raises what `run` raised for it alone, or Unavailable.

        A caller that goes away does not take its member back: it may be done all the same.
        """
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(group, deque()).append((member, answer))
        if self._running.get(group, 0) < RUNS_MAX:
            self._start(group)
        return await answer

    def _start(self, group: Hashable) -> None:
        self._running[group] = self._running.get(group, 0) + 1
        task = asyncio.ensure_future(self._drain(group))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self, group: Hashable) -> None:
        """Run what waits until nothing does; cancelled, as when the process stops, let nobody wait for ever."""
        waiting = self._waiting[group]
        try:
            while waiting:
                await self._answer(self._taken(waiting))
        finally:
            self._running[group] -= 1
            if not self._running[group]:
                del self._running[group]
                for _, answer in self._waiting.pop(group):
                    answer.cancel()

    def _taken(self, waiting: deque[tuple[M, asyncio.Future[R]]]) -> list[tuple[M, asyncio.Future[R]]]:
        taken = [waiting.popleft()]
        left = self._items_max - self._size(taken[0][0])
        while waiting and self._size(waiting[0][0]) <= left:
            taken.append(waiting.popleft())
            left -= self._size(taken[-1][0])
        return taken

    async def _answer(self, taken: list[tuple[M, asyncio.Future[R]]]) -> None:
        try:
            results = await self._run([member for member, _ in taken])
        except Unavailable as error:
            _fail(taken, error)
        except Exception as error:  # noqa: BLE001 - it is raised where the answer is waited for
            if len(taken) == 1:
                _fail(taken, error)
                return
            for one in taken:
                await self._answer([one])
        except asyncio.CancelledError:
            for _, answer in taken:
                answer.cancel()
            raise
        else:
            for (_, answer), result in zip(taken, results, strict=True):
                if not answer.done():
                    answer.set_result(result)


def _fail(taken: Sequence[tuple[M, asyncio.Future[R]]], error: Exception) -> None:
    for _, answer in taken:
        if not answer.done():
            answer.set_exception(error)
