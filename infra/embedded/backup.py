"""Backup of a whole house into one file: databases, signing keys, secrets, and services' files.

    manifest.json                      format, version, when, and the SHA-256 of every other member
    databases/<service>.dump           pg_dump, custom format
    secrets.json  admin.key  trust.json
    keys/…  files/…

All databases are of one instant, though each has a snapshot of its own: while every service's facts are locked for
writing, which takes milliseconds, all snapshots are taken. So no service has heard a fact that its owner does not hold.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg

from infra.embedded.databases import databases_of
from infra.embedded.home import Home, write_private
from infra.embedded.lending import database_dsn, lent_postgres
from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.postgres_dump import pg_dump
from shared.kernel.clock import Clock, rfc3339
from shared.kernel.errors import Rejected
from shared.runtime.database_setup import ServiceDatabase

FORMAT: Final = "deedlog/backup/v1"
LOCK_SECONDS_MAX: Final = 10
"""How long running transactions are waited for; none of a service lasts longer than 5 s."""
FILES: Final = ("secrets.json", "admin.key", "trust.json")
FOLDERS: Final = ("keys", "files")
Step = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Kept:
    """What a backup holds. size: of the file, bytes."""

    made_at: str
    services: tuple[str, ...]
    members: int
    size: int


async def make_backup(home: Home, target: Path, clock: Clock, step: Step) -> Kept:
    """The file `target` (0600) holds the house as of one instant, whether or not it runs; replaced if it was there.

    step: told what is being done. Raises Rejected when there is no house or no such folder, DatabaseRefused, and
    LaunchFailed with what pg_dump said; the file is as it was then.
    """
    if not target.parent.is_dir():
        raise Rejected.of(str(target.parent), "there is no such folder", "Make it, or name another.")
    async with lent_postgres(home) as server:
        with tempfile.TemporaryDirectory(prefix=".deedlog-backup-", dir=target.parent) as folder:
            staged = Path(folder)
            databases = databases_of(await _services(server), home.secrets())
            await _dump(server, databases, staged, step)
            step("keys and files")
            await asyncio.to_thread(_copy, home, staged)
            services = [one.service for one in databases]
            manifest = {"format": FORMAT, "made_at": rfc3339(clock.now()), "services": services}
            step("one file of all")
            members = await asyncio.to_thread(_pack, staged, manifest, target)
    return _noted(home, target, manifest, members)


async def _services(server: EmbeddedPostgres) -> list[str]:
    """Return the services that have a database here, those of an older build too."""
    connection: Any = await asyncpg.connect(server.admin_dsn)
    try:
        rows = await connection.fetch(r"SELECT datname FROM pg_database WHERE datname LIKE 'deedlog\_%' ORDER BY 1")
    finally:
        await connection.close()
    return [row[0].removeprefix("deedlog_") for row in rows]


async def _dump(server: EmbeddedPostgres, databases: Sequence[ServiceDatabase], staged: Path, step: Step) -> None:
    folder = staged / "databases"
    folder.mkdir()
    async with _snapshots(server, databases) as snapshots:
        for one in databases:
            step(f"database of {one.service}")
            dsn = database_dsn(server, one.database)
            await pg_dump(dsn, folder / f"{one.service}.dump", f"--snapshot={snapshots[one.service]}")


@asynccontextmanager
async def _snapshots(server: EmbeddedPostgres, databases: Sequence[ServiceDatabase]) -> AsyncIterator[dict[str, str]]:
    """Lend a snapshot of each database, all of one instant: nobody can tell a fact anywhere while they are taken."""
    async with AsyncExitStack() as exporting:
        snapshots = {}
        async with AsyncExitStack() as locking:
            for one in databases:
                locker = await locking.enter_async_context(connected(server, one.database))
                await locker.execute(f"SET lock_timeout = '{LOCK_SECONDS_MAX}s'")
                await locker.execute("BEGIN; LOCK TABLE backbone.facts IN EXCLUSIVE MODE")
            for one in databases:
                exporter = await exporting.enter_async_context(connected(server, one.database))
                await exporter.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                snapshots[one.service] = await exporter.fetchval("SELECT pg_export_snapshot()")
        yield snapshots


@asynccontextmanager
async def connected(server: EmbeddedPostgres, database: str) -> AsyncIterator[Any]:
    """Lend a connection to one database, as the bootstrap role."""
    connection: Any = await asyncpg.connect(database_dsn(server, database))
    try:
        yield connection
    finally:
        connection.terminate()


def _copy(home: Home, staged: Path) -> None:
    for name in FILES:
        if (home.path / name).exists():
            shutil.copy2(home.path / name, staged / name)
    for name in FOLDERS:
        if (home.path / name).is_dir():
            copy_living(home.path / name, staged / name)


def copy_living(source: Path, target: Path) -> None:
    """`target` holds what `source` does. What goes away meanwhile, as the scratch of a check does, is left out.

    Raises OSError for whatever is there and cannot be read.
    """
    for folder, _, names in os.walk(source, onerror=_unless_gone):
        place = target / Path(folder).relative_to(source)
        place.mkdir(parents=True, exist_ok=True)
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                shutil.copy2(Path(folder) / name, place / name, follow_symlinks=False)


def _unless_gone(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _noted(home: Home, target: Path, manifest: Mapping[str, Any], members: int) -> Kept:
    """Note in the data folder when the last backup was made, for the doctor."""
    note = {"made_at": manifest["made_at"], "file": str(target.absolute())}
    write_private(home.backup_file, json.dumps(note) + "\n")
    return Kept(manifest["made_at"], tuple(manifest["services"]), members, target.stat().st_size)


def _pack(staged: Path, manifest: Mapping[str, Any], target: Path) -> int:
    """Write the file aside and rename it, so that it is whole or absent; return the number of members."""
    digests = {str(file.relative_to(staged)): digest_of(file) for file in files_in(staged)}
    (staged / "manifest.json").write_text(json.dumps({**manifest, "sha256": digests}, indent=2) + "\n")
    aside = target.with_name(f".{target.name}.aside")
    aside.unlink(missing_ok=True)
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as raw, tarfile.open(fileobj=raw, mode="w") as archive:
            for name in ("manifest.json", *sorted(digests)):
                archive.add(staged / name, arcname=name, recursive=False)
            archive.close()
            raw.flush()
            os.fsync(raw.fileno())
        aside.replace(target)
    finally:
        aside.unlink(missing_ok=True)  # of a disk that was full half way
    return len(digests)


def files_in(folder: Path) -> Iterator[Path]:
    """Yield every file below a folder, in one order; no links."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def digest_of(file: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with file.open("rb") as reader:
        return hashlib.file_digest(reader, "sha256").hexdigest()
