"""What the service does by itself: it checks received bundles, one after the other, erases and clears up.

A submission is `received` until everything that follows is committed, so a check that was killed is begun again.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from services.project_submissions.clients.bundle_folder import BundleFolder
from services.project_submissions.handlers.checking import CheckDesk
from services.project_submissions.handlers.erasure import ErasureDesk
from services.project_submissions.store.library import PostgresLibrary
from shared.kernel.errors import Conflict

POLL_SECONDS: Final = 1.0
"""How late a submission that another process received is noticed."""
PAGE_MAX: Final = 20
ERASURE_SECONDS: Final = 2.0
"""How late an erasure is noticed that identity told."""
TIDY_SECONDS: Final = 600.0
"""Between two rounds of clearing up."""
LEFTOVERS_MAX: Final = 500
"""Bundles asked about at once."""

_log = logging.getLogger(__name__)


class Checking:
    """The loop that checks bundles. nudged: set when one was received."""

    def __init__(self, library: PostgresLibrary, desk: CheckDesk, nudged: asyncio.Event) -> None:
        self._library = library
        self._desk = desk
        self._nudged = nudged

    async def run(self) -> None:
        """Check whatever waits, for ever. Raises Unavailable when git or the database is away."""
        while True:
            self._nudged.clear()
            if not await self.check_waiting():
                await self._rest()

    async def check_waiting(self) -> int:
        """Have checked up to PAGE_MAX submissions, oldest first, and return how many there were."""
        waiting = await self._library.received(PAGE_MAX)
        for submission in waiting:
            try:
                state = await self._desk.check(submission)
            except Conflict:
                continue
            _log.info("bundle checked", extra={"submission": submission, "state": state})
        return len(waiting)

    async def _rest(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._nudged.wait()
        except TimeoutError:
            return


class Erasing:
    """The loop that erases whom identity has erased."""

    def __init__(self, library: PostgresLibrary, desk: ErasureDesk) -> None:
        self._library = library
        self._desk = desk

    async def run(self) -> None:
        """Erase whoever is due, for ever. Raises Unavailable when the database is away."""
        while True:
            due = await self._library.erasures_due(PAGE_MAX)
            for person in due:
                await self._desk.erase_person(person)
            if not due:
                await asyncio.sleep(ERASURE_SECONDS)


class Tidying:
    """The loop that clears up."""

    def __init__(self, library: PostgresLibrary, folder: BundleFolder) -> None:
        self._library = library
        self._folder = folder

    async def run(self) -> None:
        """Tidy at intervals, for ever."""
        while True:
            await self.tidy()
            await asyncio.sleep(TIDY_SECONDS)

    async def tidy(self) -> int:
        """Have cleared up what nothing refers to any more, and return how many files and folders went."""
        gone = await asyncio.to_thread(self._folder.clear_scratch)
        old = await asyncio.to_thread(self._folder.leftovers)
        for start in range(0, len(old), LEFTOVERS_MAX):
            some = old[start : start + LEFTOVERS_MAX]
            standing = await self._library.standing(some)
            for digest in set(some) - standing:
                self._folder.discard_leftover(digest)  # in the loop: no upload of this process names a file in between
                gone += 1
        return gone
