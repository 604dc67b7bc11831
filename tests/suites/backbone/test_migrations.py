"""Schema changes come in order, once, under one lock, and what was applied is never edited."""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from infra.embedded.postgres import EmbeddedPostgres
from shared.runtime.database_setup import ServiceDatabase, create_database, migrate
from shared.runtime.migrations import MigrationRefused, read_migrations

_NUMBERS = itertools.count(1)
FIRST = "CREATE TABLE things (name text PRIMARY KEY);\nGRANT SELECT ON things TO :door;\n"
SECOND = "ALTER TABLE things ADD COLUMN size integer;\n"


@pytest.fixture
async def wanted(server: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[ServiceDatabase]:
    """A database that stands, of a service with one file of owned and one of derived tables."""
    database = ServiceDatabase(f"keeper{next(_NUMBERS)}", tmp_path, "door", "back")
    write(database, "0001_things.sql", FIRST)
    write(database, "derived/0001_seen.sql", "CREATE TABLE seen (name text PRIMARY KEY);\n")
    await create_database(server.admin_dsn, database)
    yield database
    connection = await asyncpg.connect(server.admin_dsn)
    await connection.execute(f'DROP DATABASE "{database.database}" WITH (FORCE)')
    await connection.close()


def write(database: ServiceDatabase, name: str, sql: str) -> None:
    file = database.folder / "migrations" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(sql)


async def columns(server: EmbeddedPostgres, database: ServiceDatabase, table: str) -> list[str]:
    connection = await asyncpg.connect(server.admin_dsn, database=database.database)
    try:
        rows = await connection.fetch(
            "SELECT column_name FROM information_schema.columns WHERE table_name = $1 ORDER BY ordinal_position", table
        )
        return [row[0] for row in rows]
    finally:
        await connection.close()


async def test_every_file_is_applied_once(server: EmbeddedPostgres, wanted: ServiceDatabase) -> None:
    assert await migrate(server.admin_dsn, wanted) == 4
    assert await migrate(server.admin_dsn, wanted) == 0
    write(wanted, "0002_size.sql", SECOND)
    assert await migrate(server.admin_dsn, wanted) == 1
    assert await columns(server, wanted, "things") == ["name", "size"]


async def test_an_edited_file_is_refused_and_named(server: EmbeddedPostgres, wanted: ServiceDatabase) -> None:
    await migrate(server.admin_dsn, wanted)
    write(wanted, "0001_things.sql", FIRST + "-- a harmless word\n")
    with pytest.raises(MigrationRefused, match=r"owned/0001_things\.sql was edited"):
        await migrate(server.admin_dsn, wanted)


async def test_an_edited_derived_file_is_refused_too(server: EmbeddedPostgres, wanted: ServiceDatabase) -> None:
    await migrate(server.admin_dsn, wanted)
    write(wanted, "derived/0001_seen.sql", "CREATE TABLE seen (name text);\n")
    with pytest.raises(MigrationRefused, match="edited"):
        await migrate(server.admin_dsn, wanted)


async def test_a_missing_file_is_taken_for_an_older_build(server: EmbeddedPostgres, wanted: ServiceDatabase) -> None:
    write(wanted, "0002_size.sql", SECOND)
    await migrate(server.admin_dsn, wanted)
    (wanted.folder / "migrations" / "0002_size.sql").unlink()
    with pytest.raises(MigrationRefused, match="older build"):
        await migrate(server.admin_dsn, wanted)


async def test_two_migrators_at_once_apply_each_file_once(server: EmbeddedPostgres, wanted: ServiceDatabase) -> None:
    write(wanted, "0002_size.sql", "SELECT pg_sleep(0.2);\n" + SECOND)
    applied = await asyncio.gather(*(migrate(server.admin_dsn, wanted) for _ in range(4)))
    assert sorted(applied) == [0, 0, 0, 5]
    assert await columns(server, wanted, "things") == ["name", "size"]


async def test_two_that_create_the_database_at_once_create_one(server: EmbeddedPostgres, tmp_path: Path) -> None:
    database = ServiceDatabase(f"keeper{next(_NUMBERS)}", tmp_path, "door", "back")
    await asyncio.gather(*(create_database(server.admin_dsn, database) for _ in range(3)))
    assert await migrate(server.admin_dsn, database) == 2


async def test_a_file_that_fails_leaves_nothing_and_can_be_mended(
    server: EmbeddedPostgres, wanted: ServiceDatabase
) -> None:
    write(wanted, "0002_size.sql", SECOND + "SELECT 1 / 0;\n")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(server.admin_dsn, wanted)
    assert await columns(server, wanted, "things") == ["name"]
    write(wanted, "0002_size.sql", SECOND)
    await migrate(server.admin_dsn, wanted)
    assert await columns(server, wanted, "things") == ["name", "size"]


@pytest.mark.parametrize(
    ("names", "named"),
    [
        (["0001_a.sql", "0001_b.sql"], "0001_b.sql: expected a file named 0002_"),
        (["0001_a.sql", "0003_c.sql"], "0003_c.sql: expected a file named 0002_"),
        (["0002_a.sql"], "0002_a.sql: expected a file named 0001_"),
        (["1_a.sql"], "1_a.sql: expected a file named 0001_"),
        (["0001_A.sql"], "0001_A.sql: expected a file named 0001_"),
    ],
    ids=["a version twice", "a version missing", "no first", "too few digits", "capitals"],
)
def test_files_that_are_no_sequence_are_refused(tmp_path: Path, names: list[str], named: str) -> None:
    for name in names:
        (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(MigrationRefused, match=named):
        read_migrations(tmp_path)


def test_a_folder_that_is_not_there_holds_no_migrations(tmp_path: Path) -> None:
    assert read_migrations(tmp_path / "nowhere") == []
    shutil.rmtree(tmp_path)
    assert read_migrations(tmp_path) == []
