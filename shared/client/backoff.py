"""How long to wait after a failure: twice as long each time, a part of it by chance, never less than was asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Final

FIRST_SECONDS: Final = 0.25
LAST_SECONDS: Final = 60.0
"""A server that is back is found again within a minute."""
ASKED_SECONDS_MAX: Final = 3600.0
"""A Retry-After beyond an hour is taken for an hour: it may be a proxy's mistake."""


class Backoff:
    """Counts failures in a row and says how long to wait after each."""

    def __init__(self, chance: Callable[[], float]) -> None:
        self._chance = chance
        self._failures = 0

    def failed(self, asked_seconds: float | None = None) -> float:
        """Return how many seconds to wait now. Half of our own part is chance, lest all clients return at once."""
        bound = min(LAST_SECONDS, FIRST_SECONDS * 2.0 ** min(self._failures, 30))
        self._failures += 1
        own = bound / 2 + bound / 2 * self._chance()
        return own if asked_seconds is None else max(own, min(asked_seconds, ASKED_SECONDS_MAX))

    def succeeded(self) -> None:
        """Have the next failure count as the first."""
        self._failures = 0


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Return what a reply's Retry-After asks for (RFC 9110, 10.2.3); None where it asks for nothing we understand.

    A date is counted from the reply's own Date, so that the clock of this machine does not matter.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return float(text)
    until, sent = _date(text), _date(headers.get("date", ""))
    return None if until is None or sent is None else max(0.0, (until - sent).total_seconds())


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
