"""How long what platforms sent is kept: a number of days since it was stored, or for ever."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

DAYS_MAX: Final = 36_500
"""A hundred years; who wants more keeps for ever."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What an organisation has decided on its real or its test data. days: None keeps it for ever.

    has_documents: whether states and profiles go too, that long after they were last changed.
    """

    days: int | None = None
    has_documents: bool = False


FOR_EVER: Final = Policy()
"""What holds where nothing was decided."""


def kept_since(days: int, now: datetime) -> datetime:
    """Return the time from which on everything that was stored is kept."""
    return now - timedelta(days=days)
