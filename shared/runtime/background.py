"""A loop that must never silently die: the relay, a consumer, a job.

This owns retries, so this may catch every exception: it logs it, counts it, says so in its readiness, and starts the
work again after a pause that doubles from 0.1 s to 5 s and falls back once the work has run well for a while.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from shared.kernel.errors import DeedlogError
from shared.runtime import telemetry
from shared.runtime.lifecycle import Readiness

PAUSE_SECONDS_MIN: Final = 0.1
"""The first pause; a fault that heals at once costs no more."""
PAUSE_SECONDS_MAX: Final = 5.0
"""The longest pause: how late a mended dependency may be noticed."""
CALM_SECONDS: Final = 5.0
"""Work that ran this long is taken as well again: ready, and the next pause is the first."""

_log = logging.getLogger(__name__)


class Task:
    """A component that keeps a coroutine running until it is stopped.

    work: called anew for each run; a normal return ends the task well, unless `is_endless`, where it counts as a
    failure. It is cancelled on stop and should let go of what it holds within a second or two.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[None]],
        *,
        is_endless: bool = True,
        pause_seconds_min: float = PAUSE_SECONDS_MIN,
        pause_seconds_max: float = PAUSE_SECONDS_MAX,
        calm_seconds: float = CALM_SECONDS,
    ) -> None:
        self.name = name
        self._work = work
        self._is_endless = is_endless
        self._pause_seconds_min = pause_seconds_min
        self._pause_seconds_max = pause_seconds_max
        self._calm_seconds = calm_seconds
        self._runner: asyncio.Task[None] | None = None
        self._failure = "it has not started"

    async def start(self) -> None:
        """Have the work under way."""
        self._failure = ""
        self._runner = asyncio.create_task(self._supervise(), name=self.name)

    async def stop(self) -> None:
        """Have cancelled the work and waited for it."""
        self._failure = "it was stopped"
        if self._runner is not None:
            self._runner.cancel()
            await asyncio.gather(self._runner, return_exceptions=True)

    def readiness(self) -> Readiness:
        """Say whether the work runs; not while it keeps failing."""
        return Readiness(self.name, not self._failure, self._failure)

    async def _supervise(self) -> None:
        pause_seconds = self._pause_seconds_min
        while True:
            calm = asyncio.get_running_loop().call_later(self._calm_seconds, self._forgive)
            try:
                await self._work()
                if not self._is_endless:
                    return
                self._failed("it ended, though it should run for ever", None)
            except asyncio.CancelledError:
                # Cancelled by whoever stops us, or by a library that lets a cancelling of its own escape.
                if _is_being_stopped():
                    raise
                self._failed("something that it waited for was cancelled", None)
            except Exception as error:  # noqa: BLE001 - this loop owns the retries of its work
                self._failed(_reason(error), error)
            finally:
                calm.cancel()
            if calm.when() <= asyncio.get_running_loop().time():
                pause_seconds = self._pause_seconds_min
            await asyncio.sleep(pause_seconds)
            pause_seconds = min(2 * pause_seconds, self._pause_seconds_max)

    def _forgive(self) -> None:
        self._failure = ""

    def _failed(self, reason: str, error: Exception | None) -> None:
        self._failure = reason
        telemetry.COMPONENT_RESTARTS.labels(self.name).inc()
        _log.error("failed and will be started again", extra={"component": self.name, "reason": reason}, exc_info=error)


def _is_being_stopped() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _reason(error: Exception) -> str:
    """Return a text safe to show: our own errors speak for themselves, of others only the kind is told."""
    return error.message if isinstance(error, DeedlogError) else f"it failed with {type(error).__name__}"
