"""The databases of a house: made, and brought up to date, each service's beside the others.

What was applied to a database is noted as its comment, a digest over every migration file and password. One query
reads all the notes, so a start that finds nothing to do costs a millisecond and not seven connections.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import asyncpg

from infra.embedded.environment import ROOT
from infra.embedded.home import Secrets
from infra.embedded.layout import WITHOUT_BACKBONE
from shared.runtime.database_setup import ServiceDatabase, create_database, migrate
from shared.runtime.migrations import BACKBONE_FOLDER, DERIVED_FOLDER

_NOTES: Final = """
SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = ANY($1::text[])
"""
_NOTE_PREFIX: Final = "deedlog schema "


def databases_of(services: Iterable[str], secrets: Secrets) -> list[ServiceDatabase]:
    """Return what is to be set up for those of `services` that keep anything."""
    return [
        ServiceDatabase(
            service,
            ROOT / "services" / service,
            secrets.passwords[service]["door"],
            secrets.passwords[service]["backbone"],
        )
        for service in services
        if service not in WITHOUT_BACKBONE
    ]


async def set_up_databases(admin_dsn: str, wanted: Sequence[ServiceDatabase]) -> int:
    """Have each database there and up to date; return how many migration files were applied now.

    Raises MigrationRefused when the files here do not continue what was applied.
    """
    notes = await _notes(admin_dsn, wanted)
    behind = [one for one in wanted if notes.get(one.database) != schema_note(one)]
    return sum(await asyncio.gather(*(_set_up(admin_dsn, one) for one in behind)))


async def migrate_databases(admin_dsn: str, wanted: Sequence[ServiceDatabase]) -> dict[str, int]:
    """Have each database there and up to date, whatever the notes say; return the files applied, by service."""
    applied = await asyncio.gather(*(_set_up(admin_dsn, one) for one in wanted))
    return {one.service: count for one, count in zip(wanted, applied, strict=True)}


def schema_note(wanted: ServiceDatabase) -> str:
    """Return what is noted once this was set up: it differs whenever a file or a password does."""
    whole = hashlib.sha256()
    for folder in (BACKBONE_FOLDER, DERIVED_FOLDER, wanted.folder / "migrations", wanted.folder / "migrations/derived"):
        for file in sorted(folder.glob("*.sql")) if folder.is_dir() else ():
            whole.update(_framed(file))
    for password in (wanted.door_password, wanted.backbone_password):
        whole.update(hashlib.sha256(password.encode()).digest())
    return _NOTE_PREFIX + whole.hexdigest()


async def _set_up(admin_dsn: str, wanted: ServiceDatabase) -> int:
    await create_database(admin_dsn, wanted)
    applied = await migrate(admin_dsn, wanted)
    connection: Any = await asyncpg.connect(admin_dsn)
    try:
        await connection.execute(f"COMMENT ON DATABASE \"{wanted.database}\" IS '{schema_note(wanted)}'")
    finally:
        await connection.close()
    return applied


async def _notes(admin_dsn: str, wanted: Sequence[ServiceDatabase]) -> dict[str, str]:
    connection: Any = await asyncpg.connect(admin_dsn)
    try:
        rows = await connection.fetch(_NOTES, [one.database for one in wanted])
    finally:
        await connection.close()
    return {row[0]: row[1] for row in rows}


def _framed(file: Path) -> bytes:
    name, content = file.name.encode(), file.read_bytes()
    return b"%d %s %d " % (len(name), name, len(content)) + content
