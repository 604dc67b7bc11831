"""Joins requests that wait at the same time into one transaction, so that many small ones cost little more than one.

Up to RUNS_MAX transactions a group are under way; what comes meanwhile waits for the next to end, and then goes all
together, in its order, up to a bound of items. A request alone waits for nothing. Each is answered after its commit.
What is refused among others is tried again alone, so that nobody bears another one's fault.

A transaction costs as much as many items. So few items wait for a small one that is under way, and at its end for a
moment more, in which those come that it has just answered: eight senders of single items share one, not eight.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from shared.kernel.errors import Unavailable

RUNS_MAX: Final = 2
"""Transactions of one group under way: while the database works on one, the next is gathered and encoded."""
PAUSE_SECONDS: Final = 0.001
"""How long a few items wait, after those before them were answered, for others to go with them."""

M = TypeVar("M")
R = TypeVar("R")
Run = Callable[[Sequence[M]], Awaitable[Sequence[R]]]


@dataclass(slots=True)
class _Group(Generic[M, R]):
    """What waits, how many runs are under way, and of how many items."""

    waiting: deque[tuple[M, asyncio.Future[R]]] = field(default_factory=deque)
    runs: int = 0
    items: int = 0


class Joiner(Generic[M, R]):
    """Hands members that wait together to `run`, and each its result or error.

    size: how many items a member counts for; items_max: how many one run takes, unless a single member has more;
    few: fewer items than these are not worth a run of their own beside another such.
    """

    def __init__(self, run: Run[M, R], size: Callable[[M], int], items_max: int, few: int = 0) -> None:
        self._run = run
        self._size = size
        self._items_max = items_max
        self._few = few
        self._groups: dict[Hashable, _Group[M, R]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def add(self, group: Hashable, member: M) -> R:
        """Return what `run` returned for this member. Raises what `run` raised for it alone, or Unavailable.

        A caller that goes away does not take its member back: it may be done all the same.
        """
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        state = self._groups.setdefault(group, _Group())
        state.waiting.append((member, answer))
        is_worth_it = state.items >= self._few or not self._are_few(state)
        if not state.runs or (state.runs < RUNS_MAX and is_worth_it):
            self._start(group, state)
        return await answer

    def _start(self, group: Hashable, state: _Group[M, R]) -> None:
        state.runs += 1
        task = asyncio.ensure_future(self._drain(group, state))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self, group: Hashable, state: _Group[M, R]) -> None:
        """Run what waits until nothing does; cancelled, as when the process stops, let nobody wait for ever."""
        try:
            while state.waiting:
                was_shared = await self._run_next(state)
                if (was_shared or state.waiting) and self._are_few(state):
                    await asyncio.sleep(PAUSE_SECONDS)
        finally:
            state.runs -= 1
            if not state.runs:
                del self._groups[group]
                for _, answer in state.waiting:
                    answer.cancel()

    async def _run_next(self, state: _Group[M, R]) -> bool:
        """Run the next of what waits, and say whether they were several."""
        taken, items = self._taken(state.waiting)
        state.items += items
        try:
            await self._answer(taken)
        finally:
            state.items -= items
        return len(taken) > 1

    def _are_few(self, state: _Group[M, R]) -> bool:
        """Say whether few items wait."""
        items = 0
        for member, _ in state.waiting:
            items += self._size(member)
            if items >= self._few:
                return False
        return items < self._few

    def _taken(self, waiting: deque[tuple[M, asyncio.Future[R]]]) -> tuple[list[tuple[M, asyncio.Future[R]]], int]:
        """Take the next off what waits, and return them and how many items they are."""
        taken = [waiting.popleft()]
        items = self._size(taken[0][0])
        while waiting and items + self._size(waiting[0][0]) <= self._items_max:
            taken.append(waiting.popleft())
            items += self._size(taken[-1][0])
        return taken, items

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
