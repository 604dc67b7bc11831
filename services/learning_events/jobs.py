"""Background work of learning_events: people are erased, imports recorded, and what imports leave behind removed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

from services.learning_events.handlers.barring import FailedKeyLog
from services.learning_events.handlers.delivering import DeliveryLog
from services.learning_events.handlers.erasing import ErasingPeople
from services.learning_events.handlers.importing import Importing, Queue
from services.learning_events.handlers.publishing import Publishing
from services.learning_events.store.deliveries import PostgresDeliveries
from services.learning_events.store.erasures import DueErasure, PostgresErasures
from services.learning_events.store.failed_keys import PostgresFailedKeys
from services.learning_events.store.import_queue import PostgresImportQueue
from shared.kernel.clock import Clock
from shared.kernel.errors import Unavailable
from shared.runtime import telemetry
from shared.runtime.background import Task
from shared.runtime.postgres import DatabaseUnavailable

ERASURES_AT_ONCE: Final = 100
IDLE_SECONDS: Final = 1.0
"""How late an erasure is seen that another process heard of."""
IMPORTS_AT_ONCE: Final = 2
"""Recorded at once by one process, of two organisations where two have some."""
POLL_SECONDS: Final = 0.5
"""How often it is looked whether an import waits, and at most how late one begins."""
OUTAGE_SECONDS: Final = 1.0
"""The pause when something is away; what was under way is gone on with."""
SWEEP_SECONDS: Final = 60.0

_log = logging.getLogger(__name__)


class Erasing:
    """The loop that erases here whom identity has erased: at once, and again after `again_seconds`.

    The second time is for what somebody began to write before the erasure was heard. Then identity may forget by which
    accounts these people were named.
    """

    def __init__(self, erasures: PostgresErasures, people: ErasingPeople, again_seconds: float) -> None:
        self._erasures = erasures
        self._people = people
        self._again = timedelta(seconds=again_seconds)
        self._nudged = asyncio.Event()

    def nudge(self) -> None:
        """Have it look for work at once."""
        self._nudged.set()

    async def run(self) -> None:
        """Erase whoever is due, for ever. Waits while identity is away; raises Unavailable when the database is."""
        while True:
            self._nudged.clear()
            due = await self._erasures.due(ERASURES_AT_ONCE)
            try:
                await self._erase(due)
            except DatabaseUnavailable:
                raise
            except Unavailable as error:
                telemetry.count_bound("erasure-outages")
                _log.warning("an erasure waits for what is away", extra={"reason": error.message})
                await asyncio.sleep(max(OUTAGE_SECONDS, error.retry_after_seconds))
                continue
            if not due:
                try:
                    await asyncio.wait_for(self._nudged.wait(), IDLE_SECONDS)
                except TimeoutError:
                    continue

    async def _erase(self, due: Sequence[DueErasure]) -> None:
        if due:
            await self._people.erase({one.person: one.erased_at for one in due})
        for one in due:
            if one.is_last:
                await self._people.forget(one.person)
                await self._erasures.done(one.person)
            else:
                await self._erasures.again(one.person, self._again)


class ImportWorker:
    """Records one import after the other, for ever. A run has a name of its own: what a run left is taken over."""

    def __init__(
        self, queue: Queue, publishing: Publishing, clock: Clock, new_name: Callable[[], str], lease_seconds: float
    ) -> None:
        self._queue = queue
        self._publishing = publishing
        self._clock = clock
        self._new_name = new_name
        self._lease_seconds = lease_seconds

    async def run(self) -> None:
        """Record what waits, and wait. What is away is waited for."""
        name = self._new_name()
        importing = Importing(self._queue, self._publishing, self._clock, name, self._lease_seconds)
        while True:
            try:
                had_one = await importing.once()
            except Unavailable as error:
                telemetry.count_bound("import-outages")
                _log.warning("an import waits for what is away", extra={"reason": error.message})
                await asyncio.sleep(max(OUTAGE_SECONDS, error.retry_after_seconds))
                continue
            if not had_one:
                await asyncio.sleep(POLL_SECONDS)


class ImportSweeper:
    """Removes what imports leave behind: uploads that have ended, and reports that are old."""

    def __init__(self, queue: PostgresImportQueue, clock: Clock) -> None:
        self._queue = queue
        self._clock = clock

    async def run(self) -> None:
        """Sweep at intervals, for ever."""
        while True:
            await self._queue.sweep(self._clock.now())
            await asyncio.sleep(SWEEP_SECONDS)


def import_tasks(
    queue: PostgresImportQueue, publishing: Publishing, clock: Clock, new_name: Callable[[], str], lease_seconds: float
) -> tuple[Task, ...]:
    """Return the background tasks of imports."""
    workers = [ImportWorker(queue, publishing, clock, new_name, lease_seconds) for _ in range(IMPORTS_AT_ONCE)]
    names = [f"learning_events.imports.{number}" for number in range(1, IMPORTS_AT_ONCE + 1)]
    tasks = [Task(name, worker.run) for name, worker in zip(names, workers, strict=True)]
    return (*tasks, Task("learning_events.imports.sweep", ImportSweeper(queue, clock).run))


def delivery_tasks(
    log: DeliveryLog, failed: FailedKeyLog, stores: tuple[PostgresDeliveries, PostgresFailedKeys], clock: Clock
) -> tuple[Task, ...]:
    """Return the background tasks of the delivery log: what was noted is written, and what is old removed."""

    async def sweep() -> None:
        while True:
            for store in stores:
                await store.sweep(clock.now())
            await asyncio.sleep(SWEEP_SECONDS)

    writing = (Task("learning_events.deliveries", log.run), Task("learning_events.failed-keys", failed.run))
    return (*writing, Task("learning_events.deliveries.sweep", sweep))
