"""One part of a house under watch: started, started again when it dies, stopped within a bound.

What dies soon after its start is started later each time, and at last every five seconds: a part that cannot run is no
reason to stop the others, and whoever looks is told why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from infra.embedded.obstacle import in_words
from infra.embedded.state import ProcessState, created_at
from infra.embedded.units import HostedProcess, Unit
from shared.kernel.clock import Clock
from shared.kernel.errors import DeedlogError

PAUSE_SECONDS_MIN: Final = 0.2
PAUSE_SECONDS_MAX: Final = 5.0
CALM_SECONDS: Final = 20.0
"""What ran this long is well again: the next pause is the shortest."""

Report = Callable[[str], None]


class Watched:
    """A part by its name. report: told in a sentence what became of it."""

    def __init__(self, name: str, unit: Unit, clock: Clock, report: Report) -> None:
        self.name = name
        self.unit = unit
        self._clock = clock
        self._report = report
        self._restarts = 0
        self._reason = ""
        self._pause_seconds = PAUSE_SECONDS_MIN
        self._started_at = 0.0
        self._due_at: float | None = None

    @property
    def is_front(self) -> bool:
        """Whether it holds the public origin."""
        return isinstance(self.unit, HostedProcess) and self.unit.process.is_front

    @property
    def is_alone(self) -> bool:
        """Whether it is a service's own process, which does not wait for the databases by itself."""
        return isinstance(self.unit, HostedProcess) and self.unit.process.is_alone

    def state(self) -> ProcessState:
        """Return how it is now."""
        return ProcessState(self.name, self.unit.pid, created_at(self.unit.pid), self._restarts, self._reason)

    async def start(self) -> None:
        """It runs. Raises the DeedlogError that says why it cannot."""
        await self.unit.start()
        self._started_at = self._clock.monotonic()
        self._reason, self._due_at = "", None

    async def tend(self) -> bool:
        """Start it again if it has died and its pause is over; say whether anything changed. Owns the retries.

        A disk that is full or a folder that is closed is waited out like anything else that keeps it from starting.
        """
        if self.unit.is_alive:
            return False
        now = self._clock.monotonic()
        if self._due_at is None:
            self._has_died(now)
            return True
        if now < self._due_at:
            return False
        self._pause_seconds = min(2 * self._pause_seconds, PAUSE_SECONDS_MAX)
        try:
            await self.start()
        except DeedlogError as error:
            self._cannot(now, error)
        except OSError as error:
            self._cannot(now, in_words(error))
        else:
            self._restarts += 1
            self._report(f"{self.name} runs again as process {self.unit.pid}")
        return True

    async def stop(self, seconds_max: float) -> None:
        """It has ended: in order, or killed when that takes longer than `seconds_max`; or it is told that it has not.

        Raises nothing of the kind, for what comes after it is to be stopped all the same.
        """
        began, was_alive = self._clock.monotonic(), self.unit.is_alive
        try:
            if not await self._stopped(seconds_max):
                self._report(f"{self.name} did not stop within {seconds_max:.1f} s and was killed")
            elif was_alive:
                self._report(f"{self.name} stopped in {self._clock.monotonic() - began:.2f} s")
        except DeedlogError as error:
            self._report(f"{self.name} was not stopped: {error}")

    async def _stopped(self, seconds_max: float) -> bool:
        try:
            async with asyncio.timeout(max(seconds_max, 0)):
                await self.unit.stop()
        except TimeoutError:
            await self.unit.kill()
            return False
        return True

    def _cannot(self, now: float, error: DeedlogError) -> None:
        self._reason, self._due_at = str(error), now + self._pause_seconds
        self._report(f"{self.name} cannot be started: {self._reason.rstrip('.')}; again in {self._pause_seconds:g} s")

    def _has_died(self, now: float) -> None:
        if now - self._started_at > CALM_SECONDS:
            self._pause_seconds = PAUSE_SECONDS_MIN
        self._due_at = now + self._pause_seconds
        self._reason = "it died"
        self._report(f"{self.name} has died; it is started again in {self._pause_seconds:g} s")
