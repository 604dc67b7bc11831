"""The servers under a suite, gone with all they held however it ends, also where only the first of them started."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from infra.embedded.broker import EmbeddedBroker
from infra.embedded.ports import free_port
from infra.embedded.postgres import EmbeddedPostgres


class Servers(NamedTuple):
    """A database server and a broker."""

    postgres: EmbeddedPostgres
    broker: EmbeddedBroker


@asynccontextmanager
async def running_servers(folder: Path) -> AsyncIterator[Servers]:
    """Both run in this folder until the context ends."""
    async with AsyncExitStack() as stack:
        postgres = EmbeddedPostgres(folder / "postgres", free_port())
        stack.push_async_callback(postgres.wipe)
        await postgres.start()
        broker = EmbeddedBroker(free_port(), folder / "broker.log")
        stack.push_async_callback(broker.kill)
        await broker.start()
        yield Servers(postgres, broker)
