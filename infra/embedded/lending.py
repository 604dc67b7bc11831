"""Lends the database server of a data folder: that of the house that runs there, or one started for the time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

from infra.embedded.home import Home
from infra.embedded.layout import lay_out
from infra.embedded.ports import free_port
from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.state import running_state
from shared.kernel.errors import Rejected


@asynccontextmanager
async def lent_postgres(home: Home) -> AsyncIterator[EmbeddedPostgres]:
    """Lend the server while the context lasts; one that was started for it is stopped again.

    Raises Rejected when no house was ever started in this folder.
    """
    if not home.is_made:
        raise Rejected.of("DEEDLOG_HOME", f"{home.path} holds no house", "Start one (deedlog up), or name its folder.")
    state = running_state(home)
    if state is not None:
        yield EmbeddedPostgres(home.postgres, lay_out(state.layout, state.port, state.services).postgres_port)
        return
    async with started_postgres(home) as server:
        yield server


@asynccontextmanager
async def started_postgres(home: Home) -> AsyncIterator[EmbeddedPostgres]:
    """Hold the folder and run its server while the context lasts. Raises HouseRuns when a house runs there."""
    hold = home.hold()
    try:
        server = EmbeddedPostgres(home.postgres, free_port())
        await server.start()
        try:
            yield server
        finally:
            await server.stop()
    finally:
        hold.let_go()


def database_dsn(server: EmbeddedPostgres, database: str) -> str:
    """Return the address of one database for the bootstrap role, password included."""
    return urlunsplit(urlsplit(server.admin_dsn)._replace(path=f"/{database}"))
