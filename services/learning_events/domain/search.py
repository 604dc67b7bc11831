"""A search for statements and where it goes on: what is asked for, in which order, from which place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

SINCE_EVER: Final = datetime(1, 1, 1, tzinfo=UTC)
FOR_EVER: Final = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
XID_MAX: Final = (1 << 64) - 1
PLACE_MAX: Final = (1 << 15) - 1


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a statement stands in the order of a search: when it was stored, by which transaction, at which place."""

    stored_at: datetime
    xid: int
    place: int


FIRST: Final = Place(SINCE_EVER, 0, 0)
"""Before every statement."""
LAST: Final = Place(FOR_EVER, XID_MAX, PLACE_MAX)
"""After every statement."""


@dataclass(frozen=True, slots=True)
class Found:
    """A statement that a search found. epoch: of its transaction."""

    at: Place
    epoch: int


@dataclass(frozen=True, slots=True)
class Search:
    """What is asked for: statements found by all of `terms`, stored after `since` and no later than `until`.

    terms: at least one. after: where the page before ended.
    """

    terms: tuple[str, ...]
    since: datetime
    until: datetime
    limit: int
    is_ascending: bool
    after: Place | None = None

    @property
    def start(self) -> Place:
        """Where to go on from; the place itself is not asked for."""
        if self.after is not None:
            return self.after
        return FIRST if self.is_ascending else LAST

    def behind(self, stored_at: datetime, xid: int) -> Place:
        """Return where to go on when all of a transaction was looked at."""
        return Place(stored_at, xid + 1, 0) if self.is_ascending else Place(stored_at, xid - 1, PLACE_MAX)
