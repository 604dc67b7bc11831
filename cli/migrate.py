"""deedlog migrate: brings every service's database up to date. `deedlog up` does so by itself."""

from __future__ import annotations

import asyncio

import typer

from cli.answers import Json, show, table
from cli.surroundings import Surroundings
from infra.embedded.databases import databases_of, migrate_databases
from infra.embedded.layout import installed_services
from infra.embedded.lending import lent_postgres

app = typer.Typer()


@app.command()
def migrate(json: Json = False) -> None:
    """Bring every service's database up to date.

    Says how many files were applied. Safe to repeat, and done by `deedlog up` too.
    """
    applied = asyncio.run(_migrated())
    show(applied, json, lambda: table(("service", "applied now"), applied.items(), "no services"))


async def _migrated() -> dict[str, int]:
    home = Surroundings.look().home
    async with lent_postgres(home) as server:
        services = installed_services()
        return await migrate_databases(server.admin_dsn, databases_of(services, home.make(services)))
