"""What is kept for a time only goes in small steps: no transaction holds many rows, and few are left for long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

PURGE_ROWS_MAX: Final = 500
"""Rows deleted in one transaction."""
PURGE_INTERVAL_SECONDS: Final = 300.0
"""How long after its time a row may stay."""


async def keep_purging(purge: Callable[[], Awaitable[int]], interval_seconds: float = PURGE_INTERVAL_SECONDS) -> None:
    """Purge at intervals, for ever; the work of a `background.Task`, which tries again when a step fails.

    purge: deletes up to PURGE_ROWS_MAX rows and returns how many went. After a full step the next follows at once.
    """
    while True:
        while await purge() == PURGE_ROWS_MAX:
            continue
        await asyncio.sleep(interval_seconds)
