"""The one place of the client that reads the machine's clock and chance; everything else is handed what it needs."""

from __future__ import annotations

import os
import time
import uuid
from datetime import UTC, datetime


def new_id() -> str:
    """Return a fresh UUID that begins with the time, so that ids sort roughly by when they were given.

    It calls itself version 4: xAPI 1.0.3 goes by RFC 4122, which ends at version 5, and readers in use refuse a 7.
    """
    value = (time.time_ns() // 1_000_000 & (1 << 48) - 1) << 80 | int.from_bytes(os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x4 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(uuid.UUID(int=value))


def timestamp() -> str:
    """Return the present instant as RFC 3339 in UTC, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def chance() -> float:
    """Return a number from 0 up to but not including 1."""
    return int.from_bytes(os.urandom(6), "big") / (1 << 48)
