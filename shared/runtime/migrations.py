"""Schema changes: ordered, checksummed SQL files, applied under one lock, each in a transaction of its own.

A service has up to three sets: `backbone` (ours, the same for all), `owned` (its tables that are never rebuilt) and
`derived` (what is folded from facts, applied to any schema so that a rebuild can make a shadow). A file that was
applied and then edited is refused: history is append-only.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from shared.kernel.errors import Broken

LOCK_KEY: Final = 0x6465_6564_6D69_6772
"""The advisory lock under which migrations run; "deedmigr" in ASCII."""

BACKBONE_FOLDER: Final = Path(__file__).parent / "schema" / "backbone"
DERIVED_FOLDER: Final = Path(__file__).parent / "schema" / "derived"

_FILE_NAME: Final = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_LEDGER: Final = """
CREATE TABLE IF NOT EXISTS {schema}.migrations (
    set_name text NOT NULL, version integer NOT NULL, name text NOT NULL, checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (set_name, version))
"""

Connection: TypeAlias = Any


class MigrationRefused(Broken):
    """The files on disk do not continue what was applied."""

    code = "migration-refused"


@dataclass(frozen=True, slots=True)
class Migration:
    """One SQL file. `checksum` is over its bytes."""

    version: int
    name: str
    checksum: str
    sql: str


def read_migrations(folder: Path) -> list[Migration]:
    """Return the migrations in `folder` by version; empty when there is no such folder.

    Raises MigrationRefused for a file that is not named 0001_name.sql and for a missing or repeated version.
    """
    if not folder.is_dir():
        return []
    migrations = []
    for expected, path in enumerate(sorted(folder.glob("*.sql")), start=1):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None or int(match.group(1)) != expected:
            raise MigrationRefused(f"{path.name}: expected a file named {expected:04d}_<name>.sql")
        text = path.read_text("utf-8")
        migrations.append(Migration(expected, path.name, hashlib.sha256(text.encode()).hexdigest(), text))
    return migrations


async def apply_migrations(
    connection: Connection, schema: str, set_name: str, migrations: Sequence[Migration], roles: dict[str, str]
) -> int:
    """Bring `schema` to the last of `migrations` and return how many were applied now.

    `roles` replaces `:door` and `:backbone` in the text. The ledger lies in `schema`. Waits for the lock when another
    process migrates. Raises MigrationRefused when an applied file was edited or is missing.
    """
    await connection.execute("SELECT pg_advisory_lock($1)", LOCK_KEY)
    try:
        await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"' if schema != "backbone" else "SELECT 1")
        ledger = "public" if schema == "backbone" else schema
        await connection.execute(_LEDGER.format(schema=f'"{ledger}"'))
        applied = await _applied(connection, ledger, set_name)
        pending = _pending(set_name, migrations, applied)
        for migration in pending:
            await _apply(connection, ledger, schema, set_name, migration, roles)
        return len(pending)
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", LOCK_KEY)


async def _applied(connection: Connection, ledger: str, set_name: str) -> dict[int, str]:
    rows = await connection.fetch(
        f'SELECT version, checksum FROM "{ledger}".migrations WHERE set_name = $1',  # noqa: S608 - our own schema names
        set_name,
    )
    return {row["version"]: row["checksum"] for row in rows}


def _pending(set_name: str, migrations: Sequence[Migration], applied: dict[int, str]) -> list[Migration]:
    known = {migration.version: migration for migration in migrations}
    for version, checksum in sorted(applied.items()):
        migration = known.get(version)
        if migration is None:
            raise MigrationRefused(
                f"{set_name} {version:04d} was applied and its file is missing; is this an older build?"
            )
        if migration.checksum != checksum:
            raise MigrationRefused(
                f"{set_name}/{migration.name} was edited after it was applied; add a new file instead"
            )
    return [migration for migration in migrations if migration.version not in applied]


async def _apply(
    connection: Connection, ledger: str, schema: str, set_name: str, migration: Migration, roles: dict[str, str]
) -> None:
    text = migration.sql
    for placeholder, role in roles.items():
        text = re.sub(rf":{placeholder}\b", f'"{role}"', text)
    async with connection.transaction():
        if schema != "backbone":
            await connection.execute(f'SET LOCAL search_path TO "{schema}", public')
        await connection.execute(text)
        await connection.execute(
            f'INSERT INTO "{ledger}".migrations (set_name, version, name, checksum) VALUES ($1, $2, $3, $4)',  # noqa: S608
            set_name,
            migration.version,
            migration.name,
            migration.checksum,
        )
