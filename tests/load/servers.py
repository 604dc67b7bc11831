"""The servers under a bench: an embedded database and an embedded broker, gone with everything they held at its end."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from infra.embedded.broker import EmbeddedBroker
from infra.embedded.ports import free_port
from infra.embedded.postgres import EmbeddedPostgres


@dataclass(frozen=True, slots=True)
class Servers:
    """Both run. folder: for whatever else the bench keeps."""

    folder: Path
    postgres: EmbeddedPostgres
    broker: EmbeddedBroker

    @property
    def pids(self) -> dict[str, int]:
        """The two processes by class, for a Meter."""
        return {"postgres": self.postgres.pid, "broker": self.broker.pid}

    def dsn(self, service: str) -> str:
        """Return the address of a service's database for the bootstrap role."""
        return f"{self.postgres.admin_dsn.rpartition('/')[0]}/deedlog_{service}"


@asynccontextmanager
async def servers() -> AsyncIterator[Servers]:
    """Both run until the context ends."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="deedlog-bench-")))
        postgres = EmbeddedPostgres(folder / "postgres", free_port())
        await postgres.start()
        stack.push_async_callback(postgres.wipe)
        broker = EmbeddedBroker(free_port(), folder / "broker.log")
        await broker.start()
        stack.push_async_callback(broker.kill)
        yield Servers(folder, postgres, broker)
