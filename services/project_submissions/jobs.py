"""Checks received bundles, one after the other, for as long as the service runs.

A submission is `received` until everything that follows is committed, so a job that was killed starts it again.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from services.project_submissions.handlers import Reader, Submissions
from services.project_submissions.store import PostgresLibrary
from shared.kernel.errors import Conflict

POLL_SECONDS: Final = 1.0
"""How late a submission that another process received is noticed."""
PAGE_MAX: Final = 20

_log = logging.getLogger(__name__)


class Checking:
    """The loop that checks bundles."""

    def __init__(
        self, library: PostgresLibrary, reader: Reader, path: Callable[[str], Path], nudged: asyncio.Event
    ) -> None:
        self._library = library
        self._reader = reader
        self._path = path
        self._nudged = nudged

    async def run(self, submissions: Submissions) -> None:
        """Check whatever waits, for ever. Raises Unavailable when git or the database is away."""
        while True:
            self._nudged.clear()
            waiting = await self._library.received(PAGE_MAX)
            for submission in waiting:
                try:
                    state = await submissions.check(submission, self._reader, self._path)
                except Conflict:
                    continue
                _log.info("bundle checked", extra={"submission": submission, "state": state.value})
            if not waiting:
                await self._rest()

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._nudged.wait()
        except TimeoutError:
            return
