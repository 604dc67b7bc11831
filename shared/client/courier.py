"""What to do next so that everything in the spool is delivered once; the clients only carry it out.

One batch is under way at a time, the oldest items first, so that they arrive in the order of sending. A reply that is
lost is asked for again: the server knows each item by its id, and what it has already it does not take twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from .backoff import Backoff
from .exchange import BULK_PATH, Answer, Request, Verdict, judged, request_for
from .item import BATCH_BYTES_MAX
from .progress import Progress, Refusal
from .spool import Spool, Spooled

BATCH_ITEMS_MAX: Final = 500
"""What the server stores in one transaction."""
CONFLICT: Final = "conflict"
NO_SUCH_DOOR: Final = frozenset({404, 405})


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing to do for so many seconds; when it `is_idle`, until something is sent."""

    seconds: float
    is_idle: bool


IDLE: Final = Pause(60.0, is_idle=True)


class Courier:
    """Decides, from what waits and what was answered, which request is next. Not safe for two threads at once."""

    def __init__(
        self,
        spool: Spool,
        monotonic: Callable[[], float],
        chance: Callable[[], float],
        *,
        batch_items_max: int = BATCH_ITEMS_MAX,
        is_gzipped: bool = True,
    ) -> None:
        self._spool = spool
        self._monotonic = monotonic
        self._backoff = Backoff(chance)
        self._batch_items_max = batch_items_max
        self._limit = batch_items_max
        self._is_gzipped = is_gzipped
        self._is_bulk = True
        self._batch: list[Spooled] = []
        self._path = ""
        self._not_before = 0.0
        self._is_asked = False
        self._delivered = 0
        self._problem: str | None = None

    @property
    def progress(self) -> Progress:
        """How far the delivery is."""
        return Progress(self._delivered, self._spool.waiting, self._spool.refused, self._problem)

    def step(self) -> Request | Pause:
        """Return the next request, whose fate is told by `answered` or `lost`; or how long there is none."""
        left = self._not_before - self._monotonic()
        if left > 0:
            return Pause(left, is_idle=False)
        self._batch = self._spool.take(self._limit, BATCH_BYTES_MAX - 2)
        if not self._batch:
            return IDLE
        items = [one.item for one in self._batch]
        request = request_for(items, is_gzipped=self._is_gzipped, is_bulk=self._is_bulk)
        self._path = request.path
        return request

    def answered(self, answer: Answer) -> None:
        """Have durably noted what the reply to the last request means."""
        if self._path == BULK_PATH and answer.status in NO_SUCH_DOOR:
            self._is_bulk = False  # until the next start; the standard's door is everywhere
            return
        verdict = judged(answer, [one.item for one in self._batch])
        if verdict.problem is not None:
            self._wait(verdict.problem, verdict.after_seconds)
        elif verdict.is_too_much:
            self._limit = max(1, len(self._batch) // 2)
        else:
            self._settle(self._batch, verdict)

    def lost(self, problem: str, after_seconds: float | None = None) -> None:
        """Have the last request wait and be sent again: there was no reply, for this reason.

        after_seconds: how long a server asks to be left alone.
        """
        self._wait(problem, after_seconds)

    def hurry(self) -> None:
        """End a wait of our own; one that the server asked for is kept."""
        if not self._is_asked:
            self._not_before = 0.0

    def _settle(self, batch: Sequence[Spooled], verdict: Verdict) -> None:
        taken = [batch[index] for index in verdict.taken]
        refused = {batch[index]: refusal for index, refusal in verdict.refused.items()}
        unstamped = [one for one, refusal in refused.items() if _may_be_duplicate(one, refusal)]
        final = {one: refusal for one, refusal in refused.items() if one not in unstamped}
        self._spool.settle(taken, final, unstamped)
        self._delivered += len(taken)
        self._problem = None
        self._backoff.succeeded()
        if taken:
            self._limit = min(self._batch_items_max, self._limit * 2)

    def _wait(self, problem: str, asked_seconds: float | None) -> None:
        self._problem = problem
        self._is_asked = asked_seconds is not None
        self._not_before = self._monotonic() + self._backoff.failed(asked_seconds)


def _may_be_duplicate(one: Spooled, refusal: Refusal) -> bool:
    """Say whether it may differ from what the server has by nothing but the instant that was put into it here.

    It was then sent before under the same id and without an instant; sent as it came, the server can tell.
    """
    return refusal.code == CONFLICT and one.item.is_stamped
