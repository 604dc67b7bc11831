"""The whole house on one machine: started in order, looked after while it runs, stopped in order.

    1. the database and the broker, at once; meanwhile the processes that host services import their code
    2. every service's database, made or brought up to date
    3. the processes; ready when each says so, which it does when every consumer holds its partitions

What dies is started again, later each time it dies soon: a process as it was, the database from its data, the broker
as a new incarnation. Stopping goes from the door inwards: the front process, the others, the broker, the database.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from infra.embedded.broker import EmbeddedBroker
from infra.embedded.databases import databases_of, set_up_databases
from infra.embedded.health import Health, health_of_all
from infra.embedded.home import Home
from infra.embedded.layout import Layout
from infra.embedded.logs import keep_short, log_tail
from infra.embedded.obstacle import in_words
from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.process import LaunchFailed
from infra.embedded.state import HouseState, Phase, end_leftovers, write_state
from infra.embedded.units import HostedProcess, Unit
from infra.embedded.watching import Report, Watched
from shared.events.sources import SOURCES
from shared.kernel.clock import Clock, rfc3339
from shared.kernel.errors import DeedlogError, Unavailable
from shared.runtime.background import Task
from shared.runtime.lifecycle import Readiness
from shared.runtime.topics import BrokerAdmin, BrokerUnavailable, topics_of

READY_SECONDS_MAX: Final = 60.0
LOOK_SECONDS: Final = 0.1
"""How often each process is looked at; what died is noticed within it."""
SETTLE_SECONDS: Final = 0.6
"""Consumers look for new topics every half second; one that is ready now may yet have to attach to a younger topic."""
STOP_SECONDS: Final = 9.5
"""What a stop may take in all. Each step takes what it needs, and leaves these to those after it:"""
LEFT_SECONDS: Final = {"front": 5.5, "others": 3.0, "broker": 2.25, "postgres": 0.0}
"""PostgreSQL, which comes last, writes out what it holds: killed it would lose nothing, and start later."""


class NotReady(Unavailable):
    """The house did not become ready in time; the message says what was missing."""

    code = "not-ready"


class House:
    """One house in one data folder, which the caller holds. A component: `lifecycle.run` starts and stops it.

    report: told in a sentence what was done, and what died.
    """

    name = "the house"

    def __init__(self, home: Home, layout: Layout, clock: Clock, report: Report) -> None:
        self.home = home
        self.layout = layout
        self._clock = clock
        self._report = _undisturbed(report)
        self._secrets = home.make(layout.services)
        self._go = home.path / "databases-are-ready"
        self.postgres = EmbeddedPostgres(home.postgres, layout.postgres_port)
        self.broker = EmbeddedBroker(layout.broker_port, home.logs / "broker.log")
        hosted = [HostedProcess(one, layout, home, self._secrets, self._go) for one in layout.processes]
        self._servers = [self._watched("postgres", self.postgres), self._watched("broker", self.broker)]
        self._hosted = [self._watched(one.process.name, one) for one in hosted]
        self._state = HouseState(
            os.getpid(), "starting", layout.port, layout.name, layout.services, rfc3339(clock.now())
        )
        self._watching = [
            Task("watch of the logs", partial(keep_short, self._logs, self._report)),
            *(Task(f"watch of {one.name}", partial(self._watch_one, one)) for one in self._all),
        ]
        self.seconds_to_ready = 0.0

    # A component

    async def start(self) -> None:
        """Every service is ready: every consumer holds its partitions. Nothing runs when this raises.

        Raises PortTaken, NotReady, LaunchFailed and what else keeps a part from starting.
        """
        began = self._clock.monotonic()
        try:
            await self._start_parts()
            await self._until_ready()
            self.seconds_to_ready = self._clock.monotonic() - began
            self._state = replace(self._state, seconds_to_ready=round(self.seconds_to_ready, 2))
            self._note("ready")
        except BaseException as error:
            await self._stop_parts()
            self._note_anyway("failed", _reason(error))
            if isinstance(error, OSError):
                raise in_words(error) from error
            raise
        for one in self._watching:
            await one.start()

    async def stop(self) -> None:
        """Every part has ended, from the door inwards, within 10 s."""
        await asyncio.gather(*(one.stop() for one in self._watching))
        self._note_anyway("stopping")
        await self._stop_parts()
        self._note_anyway("stopped")

    def readiness(self) -> Readiness:
        """Say whether all parts run."""
        missing = [one.name for one in self._all if not one.unit.is_alive]
        return Readiness(self.name, not missing, f"these do not run: {', '.join(missing)}" if missing else "")

    @property
    def _all(self) -> list[Watched]:
        return [*self._servers, *self._hosted]

    def _watched(self, name: str, unit: Unit) -> Watched:
        return Watched(name, unit, self._clock, self._report)

    # Starting

    async def _start_parts(self) -> None:
        self._note("starting")
        if left := await end_leftovers(self.home):
            self._report(f"ended what an earlier house left running: {', '.join(left)}")
        self.layout.require_free_ports()
        self._go.unlink(missing_ok=True)
        gated = [one for one in self._hosted if not one.is_alone]
        await self._start_at_once([*self._servers, *gated])
        wanted = databases_of(self.layout.services, self._secrets)
        applied = await set_up_databases(self.postgres.admin_dsn, wanted)
        if applied:
            self._report(f"applied {applied} migrations in {len(wanted)} databases")
        self._go.touch()
        await self._start_at_once([one for one in self._hosted if one.is_alone])
        self._note("starting")

    async def _start_at_once(self, watched: Sequence[Watched]) -> None:
        """Start all, and raise the first failure once each has started or failed."""
        results = await asyncio.gather(*(one.start() for one in watched), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _until_ready(self) -> None:
        """Return once every process says that it is ready, and has had the time to see every topic there is."""
        health: list[Health] = []
        seen_at: float | None = None
        try:
            async with asyncio.timeout(READY_SECONDS_MAX), BrokerAdmin(self.broker.address) as admin:
                while True:
                    self._require_alive()
                    if seen_at is None and await self._has_all_topics(admin):
                        seen_at = self._clock.monotonic()
                    health = await health_of_all(self.layout.processes)
                    is_settled = seen_at is not None and self._clock.monotonic() - seen_at > SETTLE_SECONDS
                    if is_settled and all(one.is_ready for one in health):
                        return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            missing = "; ".join(one.reason for one in health if not one.is_ready)
            raise NotReady(
                f"not ready after {READY_SECONDS_MAX:g} s: {missing}. The logs are in {self.home.logs}"
            ) from None

    async def _has_all_topics(self, admin: BrokerAdmin) -> bool:
        """Say whether each service that tells facts has its topic in this broker."""
        try:
            topics = (await admin.look()).topics
        except BrokerUnavailable:
            return False
        told = [SOURCES[service] for service in self.layout.services if service in SOURCES]
        return all(topics_of([source], topics) for source in told)

    def _require_alive(self) -> None:
        """Raise LaunchFailed, with its last words, for a process that ended while it should become ready."""
        for one in self._hosted:
            if not one.unit.is_alive:
                log_file = self.home.logs / f"{one.name}.log"
                said = log_tail(log_file).rpartition(" | ")[2].strip()
                raise LaunchFailed(f"{one.name} ended at its start: {said} (more in {log_file})")

    # Looking after

    def _logs(self) -> list[Path]:
        return [self.postgres.log_file, *self.home.logs.glob("*.log")]

    async def _watch_one(self, one: Watched) -> None:
        """Each part has a watch of its own: a database that takes its time to recover keeps nobody else waiting."""
        while True:
            if await one.tend():
                self._note_anyway(self._state.phase)
            await asyncio.sleep(LOOK_SECONDS)

    # Stopping

    async def _stop_parts(self) -> None:
        front = [one for one in self._hosted if one.is_front]
        others = [one for one in self._hosted if not one.is_front]
        postgres, broker = self._servers
        ends_at = self._clock.monotonic() + STOP_SECONDS
        for step, parts in (("front", front), ("others", others), ("broker", [broker]), ("postgres", [postgres])):
            seconds_max = ends_at - LEFT_SECONDS[step] - self._clock.monotonic()
            await asyncio.gather(*(one.stop(seconds_max) for one in parts))
        self._go.unlink(missing_ok=True)

    # Noting

    def _note(self, phase: Phase, reason: str = "") -> None:
        """The state file says what runs now; tests and `deedlog status` read it."""
        processes = tuple(one.state() for one in self._all if one.unit.pid)
        self._state = replace(self._state, phase=phase, reason=reason, processes=processes)
        write_state(self.home, self._state)

    def _note_anyway(self, phase: Phase, reason: str = "") -> None:
        """The same where it can be written. A full disk is told, and keeps nobody from looking after the parts."""
        try:
            self._note(phase, reason)
        except OSError as error:
            self._report(str(in_words(error)))


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError):
        return str(in_words(error))
    if isinstance(error, Exception):
        return str(error) if isinstance(error, DeedlogError) else f"{type(error).__name__}: {error}"
    return "it was interrupted"


def _undisturbed(report: Report) -> Report:
    """Return a report that fails in nothing when nobody listens any more, or the disk of the log is full."""

    def told(sentence: str) -> None:
        with contextlib.suppress(OSError):
            report(sentence)

    return told
