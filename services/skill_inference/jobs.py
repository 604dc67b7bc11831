"""What inference does by itself: sweeps after an adoption or a rebuild, whoever was put off, and what must be emptied.

All are rows, so a process that is killed loses nothing, and several processes may do this at once: a person who is
revised twice is told once.
"""

from __future__ import annotations

import asyncio
from typing import Final

from services.skill_inference.handlers.revising import revise
from services.skill_inference.store import people, told
from services.skill_inference.store.alignments import AlignmentBook, sweep_everybody
from services.skill_inference.store.desk import ConnectedDesk
from services.skill_inference.store.releases import ReleaseBook
from services.skill_inference.store.sweeps import sweep
from shared.kernel.errors import Broken, Unavailable
from shared.runtime.backbone import Backbone
from shared.runtime.background import Task
from shared.runtime.consumer import Consumer
from shared.runtime.lifecycle import Readiness

PERSONS_MAX: Final = 100
"""People revised in one transaction."""
EMPTIED_MAX: Final = 20
"""People whose streams are emptied before others are revised, a transaction each."""
IDLE_SECONDS: Final = 1.0
"""How late work is noticed that another process left."""


class Reviser:
    """A component: does what was put off, and sweeps, for as long as it runs."""

    name = "skill_inference.reviser"

    def __init__(self, backbone: Backbone, releases: ReleaseBook, book: AlignmentBook) -> None:
        self._backbone = backbone
        self._releases = releases
        self._book = book
        self._nudged = asyncio.Event()
        self._task = Task(self.name, self._run)

    async def start(self) -> None:
        """Be at work on return."""
        await self._task.start()

    async def stop(self) -> None:
        """Have ended; what is left stands in the tables."""
        await self._task.stop()

    def readiness(self) -> Readiness:
        """Say whether it works."""
        return self._task.readiness()

    def nudge(self) -> None:
        """Have it look for work at once."""
        self._nudged.set()

    async def after_rebuild(self) -> None:
        """Have asked for everybody to be looked at, because what evidence is read from was just made anew."""
        async with self._backbone.backbone() as tx:
            await sweep_everybody(tx.connection, self._releases.base.clock.now())
        self.nudge()

    async def step(self) -> bool:
        """Do some work, a transaction or a few; False when there is none."""
        return await self._erase() or await self._revise() or await self._sweep()

    async def _run(self) -> None:
        while True:
            self._nudged.clear()
            if not await self.step():
                try:
                    await asyncio.wait_for(self._nudged.wait(), IDLE_SECONDS)
                except TimeoutError:
                    continue

    async def _erase(self) -> bool:
        async with self._backbone.reading() as connection:
            due = await told.to_be_emptied(connection, EMPTIED_MAX)
        for person in due:
            await self._empty(person)
        return bool(due)

    async def _empty(self, person: str) -> None:
        """Have emptied all that was told under this id; what evidence is left is told anew afterwards."""
        async with self._consumer().transaction() as tx:
            await tx.lock([person])
            if await told.says_anything(tx.connection, person):
                await self._backbone.store.erase(tx, person, self._releases.base.fact_id())
                await told.forget(tx.connection, person)
                await told.put_off(tx.connection, [person])
            await told.is_emptied(tx.connection, person)

    async def _sweep(self) -> bool:
        async with self._backbone.backbone() as tx:
            return await sweep(tx.connection, self._book)

    def _consumer(self) -> Consumer:
        if self._backbone.consumer is None:
            raise Broken("skill_inference revises people once its backbone has started")
        return self._backbone.consumer

    async def _revise(self) -> bool:
        async with self._backbone.reading() as connection:
            waiting = await told.waiting(connection, PERSONS_MAX)
            if not waiting:
                return False
            around = await people.people(connection, waiting)
            # Read now and kept, so that nobody waits behind our locks until a large release is parsed.
            await self._releases.now(connection)
        locked = {*waiting, *around.canonicals(waiting)}
        # The consumer's, so that no rebuild switches tables under us: who is called done was read from the new ones.
        async with self._consumer().transaction() as tx:
            await tx.lock(locked)
            desk = ConnectedDesk(tx.connection, self._book, lambda facts: self._backbone.store.append(tx, facts))
            basis = await desk.hold_basis()
            inference = await self._releases.inference(tx.connection, basis.calibration)
            left = await revise(desk, inference, locked, await desk.people(locked), locked, basis)
            done = [person for person in waiting if person not in left and around.canonical(person) not in left]
            await told.is_done(tx.connection, done)
        if not done:
            raise Unavailable("nobody who waits could be revised")
        return True
