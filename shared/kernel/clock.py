"""The only place that reads the time. Everything else is handed a `Clock`, so that tests decide what time it is."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Tells the time. `now` is wall-clock UTC for facts; `monotonic` is seconds for durations only."""

    def now(self) -> datetime:
        """Return the present instant, timezone-aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start; never goes back."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present instant, timezone-aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start; never goes back."""
        return time.monotonic()


class FixedClock:
    """A clock that stands still until it is told to move."""

    def __init__(self, instant: datetime) -> None:
        self._instant = instant
        self._elapsed = 0.0

    def now(self) -> datetime:
        """Return the instant the clock was set to."""
        return self._instant

    def monotonic(self) -> float:
        """Return the seconds the clock was advanced by."""
        return self._elapsed

    def advance(self, seconds: float) -> None:
        """Move both readings forward by `seconds`."""
        self._instant += timedelta(seconds=seconds)
        self._elapsed += seconds


def rfc3339(instant: datetime) -> str:
    """Return `instant` as RFC 3339 in UTC with microseconds and a `Z`, the one form facts and replies use.

    Raises ValueError for a naive datetime.
    """
    if instant.tzinfo is None:
        raise ValueError("a naive datetime has no place on the time line; attach a zone")
    if instant.tzinfo is not UTC:
        instant = instant.astimezone(UTC)
    # Not strftime: glibc writes the year 1 as "1", which is no RFC 3339 and which nobody could read back. Put together
    # without its zone rather than replaced: half the time, and a relay writes the times of every fact.
    return datetime.combine(instant.date(), instant.time()).isoformat("T", "microseconds") + "Z"


def parse_rfc3339(text: str) -> datetime:
    """Return the instant an RFC 3339 text names, in UTC. Raises ValueError when it has no zone or is no date-time."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError(f"a zone is missing: {text!r}")
    return instant if instant.tzinfo is UTC else instant.astimezone(UTC)
