"""Lends the database server of a data folder: that of the house that runs there, or one started for the time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from infra.embedded.home import Home
from infra.embedded.layout import lay_out
from infra.embedded.ports import free_port
from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.state import running_state
from shared.kernel.errors import Rejected, Unavailable


class DatabaseRefused(Unavailable):
    """The lent server does not answer, or could not do what was asked of it."""

    code = "database-refused"


@asynccontextmanager
async def lent_postgres(home: Home) -> AsyncIterator[EmbeddedPostgres]:
    """Lend the server while the context lasts; one that was started for it is stopped again.

    Raises Rejected when no house was ever started in this folder, Conflict when a restore broke off there, and
    DatabaseRefused with the server's own words for whatever it refuses within the context.
    """
    if not home.is_made:
        raise Rejected.of("DEEDLOG_HOME", f"{home.path} holds no house", "Start one (deedlog up), or name its folder.")
    home.require_whole()
    state = running_state(home)
    if state is not None:
        with _refusals_told():
            yield EmbeddedPostgres(home.postgres, lay_out(state.layout, state.port, state.services).postgres_port)
        return
    async with started_postgres(home) as server:
        yield server


@asynccontextmanager
async def started_postgres(home: Home) -> AsyncIterator[EmbeddedPostgres]:
    """Hold the folder and run its server while the context lasts.

    Raises HouseRuns when a house runs there, and DatabaseRefused as `lent_postgres` does.
    """
    hold = home.hold()
    try:
        server = EmbeddedPostgres(home.postgres, free_port())
        await server.start()
        try:
            with _refusals_told():
                yield server
        finally:
            await server.stop()
    finally:
        hold.let_go()


def database_dsn(server: EmbeddedPostgres, database: str) -> str:
    """Return the address of one database for the bootstrap role, password included."""
    return urlunsplit(urlsplit(server.admin_dsn)._replace(path=f"/{database}"))


@contextmanager
def _refusals_told() -> Iterator[None]:
    try:
        yield
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ConnectionError) as error:
        raise DatabaseRefused(f"the database says: {error}. Do the same again; if it stays: deedlog doctor") from error
