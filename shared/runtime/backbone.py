"""What every service stands on: pools, its facts, its relay, its consumer, and the answers about them.

Composition only. `start` opens the pools under roles that cannot see other tenants, enters the epoch, and starts the
relay and the hearing as supervised tasks; `stop` ends them in the reverse order.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final

from shared.events.sources import Source
from shared.kernel.clock import Clock
from shared.kernel.errors import Broken, Rejected, Unavailable
from shared.runtime.background import Task
from shared.runtime.consumer import Consumer
from shared.runtime.dead_letters import DeadLetters
from shared.runtime.effect import Effect
from shared.runtime.feed import FactFeed
from shared.runtime.hearing import Hearing
from shared.runtime.idempotency_postgres import PostgresIdempotencyStore
from shared.runtime.lifecycle import Readiness
from shared.runtime.postgres import Pool, Transaction, open_pool, reading, transaction
from shared.runtime.rebuild import Progress, Rebuild
from shared.runtime.relay import INDEX_ORDER, Relay
from shared.runtime.settings import Settings
from shared.runtime.stream_store import StreamStore, enter_epoch

FEED_CONNECTIONS_MAX: Final = 3


async def _nothing_to_tell() -> None:
    """Tell nothing after a rebuild."""


class Backbone:
    """The backbone of one service; a component. `source` is None for one that tells nothing.

    folder: the service's own, with migrations/ and migrations/derived/ in it.
    after_rebuild: tells what differs once a rebuild has switched.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        folder: Path,
        *,
        source: Source | None,
        feed: FactFeed,
        is_rebuildable: bool = False,
    ) -> None:
        self.name = settings.service
        self.settings = settings
        self.clock = clock
        self.feed = feed
        self.source = source
        self.is_rebuildable = is_rebuildable
        self.after_rebuild: Callable[[], Awaitable[None]] = _nothing_to_tell
        self._folder = folder
        self._pools: dict[str, Pool] = {}
        self._effect: Effect | None = None
        self._tasks: list[Task] = []
        self.relay: Relay | None = None
        self.hearing: Hearing | None = None
        self.consumer: Consumer | None = None
        self._store: StreamStore | None = None
        if source is not None:
            self._store = StreamStore(source, clock, self._nudge)
            self.relay = Relay(settings, self._store, clock)

    def hear(self, effect: Effect) -> None:
        """Have `effect` applied to what the service hears; before `start`."""
        self._effect = effect

    @property
    def store(self) -> StreamStore:
        """The service's own facts. Raises Broken for a service that tells none."""
        if self._store is None:
            raise Broken(f"{self.name} tells no facts")
        return self._store

    # A component

    async def start(self) -> None:
        """Open the pools, enter the epoch, and start relay and hearing; nothing is left open when it fails.

        Raises DatabaseUnavailable, or Broken for a role that could see all tenants.
        """
        try:
            await self._open()
        except BaseException:
            await self.stop()
            raise

    async def _open(self) -> None:
        self._tasks.clear()
        settings = self.settings
        backbone_url = settings.database_backbone_url.get_secret_value()
        door_url = settings.database_door_url.get_secret_value()
        self._pools["door"] = await open_pool(door_url, settings.database_connections_max)
        self._pools["backbone"] = await open_pool(backbone_url, settings.database_connections_max)
        self._pools["feed"] = await open_pool(backbone_url, FEED_CONNECTIONS_MAX, **INDEX_ORDER)
        async with reading(self._pools["backbone"]) as connection:
            await enter_epoch(connection)
        if self.relay is not None:
            self._tasks.append(Task(f"{self.name}.relay", self.relay.run))
        if self._effect is not None:
            self.consumer = Consumer(
                self.name, self._pools["backbone"], self._effect, self.feed, self._store, self.clock
            )
            self.hearing = Hearing(settings, self.consumer, self.clock)
            self._tasks.append(Task(f"{self.name}.hearing", self.hearing.run))
        for task in self._tasks:
            await task.start()

    async def stop(self) -> None:
        """End hearing and relay, then close the pools; what was accepted stays accepted."""
        for task in reversed(self._tasks):
            await task.stop()
        for pool in self._pools.values():
            pool.terminate()
        self._pools.clear()

    def readiness(self) -> Readiness:
        """Say whether relay and hearing run."""
        for task in self._tasks:
            state = task.readiness()
            if not state.is_ready:
                return Readiness(self.name, False, f"{task.name}: {state.reason}")
        return Readiness(self.name, True)

    def dependencies(self) -> list[Readiness]:
        """Return the state of each part: relay, hearing, partitions."""
        states = [task.readiness() for task in self._tasks]
        if self.hearing is not None:
            reason = (
                "" if self.hearing.is_assigned else "no partitions are held; is the broker up and are topics there?"
            )
            states.append(Readiness(f"{self.name}.partitions", self.hearing.is_assigned, reason))
        return states

    # Transactions

    def door(self, organisation: str | None) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction that sees the rows of `organisation` only, or those of none."""
        return transaction(self._pools["door"], organisation or "")

    def backbone(self) -> AbstractAsyncContextManager[Transaction]:
        """Open a transaction that sees all tenants; for consumers, jobs and answers to services."""
        return transaction(self._pools["backbone"])

    def reading(self) -> AbstractAsyncContextManager[Any]:
        """Lend a connection that sees all tenants, for reads outside a transaction."""
        return reading(self._pools["backbone"])

    def feed_store(self) -> tuple[StreamStore, Pool]:
        """Return the store and the pool a FeedServicer reads by. Raises Unavailable before `start`."""
        if "feed" not in self._pools:
            raise Unavailable(f"{self.name} has not started yet")
        return self.store, self._pools["feed"]

    def idempotency(self) -> PostgresIdempotencyStore:
        """Return the service's idempotency keys, for `idempotent`; its migrations hold the table. Use after `start`."""
        return PostgresIdempotencyStore(_LatePool(self._pools), self.clock)

    # For operators

    def dead_letters(self) -> DeadLetters:
        """Return the dead letters of this service. Raises Rejected for one that hears nothing."""
        return DeadLetters(self._consuming())

    def rebuild(self, *, is_check_only: bool) -> AsyncGenerator[Progress, None]:
        """Rebuild the derived state. Raises Rejected for a service that has none."""
        consumer = self._consuming()
        if not self.is_rebuildable:
            raise Rejected.of(
                "/service", f"what {self.name} keeps is never rebuilt", "Back it up and restore it instead."
            )
        url = self.settings.database_backbone_url.get_secret_value()
        return Rebuild(url, self._folder, consumer, self.after_rebuild).run(is_check_only=is_check_only)

    def _consuming(self) -> Consumer:
        if self.consumer is None:
            raise Rejected.of("/service", f"{self.name} hears nothing", "Name a service that consumes facts.")
        return self.consumer

    def _nudge(self) -> None:
        if self.relay is not None:
            self.relay.nudge()


class _LatePool:
    """The door's pool under a name that can be handed out before it is open: operations are declared before `start`."""

    def __init__(self, pools: Mapping[str, Pool]) -> None:
        self._pools = pools

    def acquire(self, *, timeout: float) -> Any:
        return self._pools["door"].acquire(timeout=timeout)
