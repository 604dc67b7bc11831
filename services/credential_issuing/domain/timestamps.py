"""The one form of a time in a credential."""

from __future__ import annotations

from datetime import datetime

from shared.kernel.clock import rfc3339


def timestamp(instant: datetime) -> str:
    """Return an XML Schema dateTimeStamp in UTC and whole seconds, cut down (VCDM 2.0 §4.9)."""
    return rfc3339(instant)[:19] + "Z"
