"""Making a service's database: its roles, its rights and its schema. Run by an operator's role, never by a service.

    <service>_owner      owns the tables; cannot log in
    <service>_door       logs in; sees the rows of the organisation it was told
    <service>_backbone   logs in; relay, consumers, feed, rebuild; owns the derived schemas

Neither login role is a superuser or bypasses row-level security; `check_role` makes a service refuse one that does.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

import asyncpg

from shared.kernel.errors import Broken
from shared.runtime.migrations import BACKBONE_FOLDER, DERIVED_FOLDER, LOCK_KEY, apply_migrations, read_migrations

TRANSACTION_TIMEOUT: Final = "5s"
"""No transaction lasts longer: an open one holds the snapshot horizon back for every relay on the server."""

Connection: TypeAlias = Any


@dataclass(frozen=True, slots=True)
class ServiceDatabase:
    """What is to be set up: `service` names database and roles; `folder` holds migrations/ and migrations/derived/."""

    service: str
    folder: Path
    door_password: str
    backbone_password: str

    @property
    def database(self) -> str:
        """The database's name."""
        return f"deedlog_{self.service}"

    @property
    def roles(self) -> dict[str, str]:
        """What `:door`, `:backbone` and `:owner` in the migrations stand for."""
        return {name: f"{self.service}_{name}" for name in ("door", "backbone", "owner")}


async def create_database(admin_url: str, wanted: ServiceDatabase) -> None:
    """Create roles and database when they are missing, and set the passwords. Idempotent, also when two do it."""
    async with _one_at_a_time(await asyncpg.connect(admin_url)) as connection:
        await _create_role(connection, wanted.roles["owner"], None)
        await _create_role(connection, wanted.roles["door"], wanted.door_password)
        await _create_role(connection, wanted.roles["backbone"], wanted.backbone_password)
        # How long a transaction of any role is open shows to this right only: the horizon's age is watched by it.
        await connection.execute(f'GRANT pg_read_all_stats TO "{wanted.roles["backbone"]}"')
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", wanted.database):
            await connection.execute(f'CREATE DATABASE "{wanted.database}" OWNER "{wanted.roles["owner"]}"')
        await connection.execute(f'REVOKE ALL ON DATABASE "{wanted.database}" FROM PUBLIC')
        for role in (wanted.roles["door"], wanted.roles["backbone"]):
            await connection.execute(f'GRANT CONNECT ON DATABASE "{wanted.database}" TO "{role}"')
        await connection.execute(f'GRANT CREATE ON DATABASE "{wanted.database}" TO "{wanted.roles["backbone"]}"')


async def migrate(admin_url: str, wanted: ServiceDatabase) -> int:
    """Bring the service's three sets of migrations up to date and return how many files were applied now.

    Waits while another process migrates. Raises MigrationRefused when an applied file was edited or is missing.
    """
    async with _one_at_a_time(await asyncpg.connect(admin_url, database=wanted.database)) as connection:
        await connection.execute(f'SET ROLE "{wanted.roles["owner"]}"')
        await connection.execute(
            f'GRANT USAGE ON SCHEMA public TO "{wanted.roles["door"]}", "{wanted.roles["backbone"]}"'
        )
        applied = await apply_migrations(
            connection, "backbone", "backbone", read_migrations(BACKBONE_FOLDER), wanted.roles
        )
        applied += await apply_migrations(
            connection, "public", "owned", read_migrations(wanted.folder / "migrations"), wanted.roles
        )
        await connection.execute(f'SET ROLE "{wanted.roles["backbone"]}"')
        return applied + await apply_derived(connection, "derived", wanted.folder, wanted.roles)


@asynccontextmanager
async def _one_at_a_time(connection: Connection) -> AsyncIterator[Connection]:
    """Hold the migrations' lock for as long as the connection: two grants at once fail, and so do two CREATEs."""
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", LOCK_KEY)
        yield connection
    finally:
        await connection.close()


async def apply_derived(connection: Connection, schema: str, folder: Path, roles: dict[str, str]) -> int:
    """Bring the derived schema `schema` up to date: positions first, then the service's own tables."""
    applied = await apply_migrations(connection, schema, "positions", read_migrations(DERIVED_FOLDER), roles)
    await connection.execute(f'GRANT USAGE ON SCHEMA "{schema}" TO "{roles["door"]}"')
    return applied + await apply_migrations(
        connection, schema, "derived", read_migrations(folder / "migrations" / "derived"), roles
    )


async def check_role(connection: Connection) -> None:
    """Raise Broken when the present role could see other tenants' rows."""
    row = await connection.fetchrow("SELECT rolname, rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
    if row["rolsuper"] or row["rolbypassrls"]:
        raise Broken(f"the role {row['rolname']} bypasses row-level security; give the service one that does not")


async def _create_role(connection: Connection, role: str, password: str | None) -> None:
    exists = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
    login = "NOLOGIN" if password is None else "LOGIN"
    if not exists:
        await connection.execute(f'CREATE ROLE "{role}" {login} NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE')
        await connection.execute(f"ALTER ROLE \"{role}\" SET transaction_timeout = '{TRANSACTION_TIMEOUT}'")
    if password is not None:
        quoted = await connection.fetchval("SELECT quote_literal($1::text)", password)
        await connection.execute(f'ALTER ROLE "{role}" PASSWORD {quoted}')
