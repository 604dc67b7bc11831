"""Backup of a whole house into one file, and restoring it: databases, signing keys, secrets, and services' files.

    manifest.json                      format, version, when, and the SHA-256 of every other member
    databases/<service>.dump           pg_dump, custom format
    secrets.json  admin.key  trust.json
    keys/…  files/…

All databases are of one instant, though each has a snapshot of its own: while every service's facts are locked for
writing, which takes milliseconds, all snapshots are taken. So no service has heard a fact that its owner does not hold.
A restored house is another epoch: transaction ids begin anew there, and positions taken before are not mixed with it.
"""

from __future__ import annotations

import asyncio
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
from infra.embedded.home import Home, make_folder, write_private
from infra.embedded.lending import database_dsn, lent_postgres, started_postgres
from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.postgres_dump import pg_dump, pg_restore
from shared.kernel.clock import Clock, rfc3339
from shared.kernel.errors import Conflict, Rejected
from shared.runtime.database_setup import ServiceDatabase, create_database
from shared.runtime.stream_store import mark_restored

FORMAT: Final = "deedlog/backup/v1"
LOCK_SECONDS_MAX: Final = 10
"""How long running transactions are waited for; none of a service lasts longer than 5 s."""
MANIFEST_BYTES_MAX: Final = 16 << 20
_FILES: Final = ("secrets.json", "admin.key", "trust.json")
_FOLDERS: Final = ("keys", "files")
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

    step: told what is being done. Raises Rejected when there is no house, LaunchFailed with what pg_dump said.
    """
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


async def restore_backup(home: Home, source: Path, *, is_forced: bool, step: Step) -> tuple[str, ...]:
    """The folder holds what the backup holds, and each service enters a new epoch at its start; return the services.

    Everything in the file is checked before anything is changed. Raises HouseRuns, Conflict for a folder that holds a
    house already (unless forced, then that one is gone for ever), Rejected for a file that is no whole backup.
    """
    hold = home.hold()
    try:
        if home.is_made and not is_forced:
            raise Conflict(
                f"{home.path} holds a house already; restore into an empty folder (DEEDLOG_HOME), or lose it: --force"
            )
        with tempfile.TemporaryDirectory(prefix=".restore-", dir=home.path) as folder:
            step("checking the file")
            staged = Path(folder)
            manifest = await asyncio.to_thread(_unpack, source, staged)
            await _clear(home)
            _place(staged, home)
            hold.let_go()  # the server takes it again
            return await _load(home, staged, manifest["services"], step)
    finally:
        hold.let_go()


# Making


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
                locker = await locking.enter_async_context(_connected(server, one.database))
                await locker.execute(f"SET lock_timeout = '{LOCK_SECONDS_MAX}s'")
                await locker.execute("BEGIN; LOCK TABLE backbone.facts IN EXCLUSIVE MODE")
            for one in databases:
                exporter = await exporting.enter_async_context(_connected(server, one.database))
                await exporter.execute("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                snapshots[one.service] = await exporter.fetchval("SELECT pg_export_snapshot()")
        yield snapshots


@asynccontextmanager
async def _connected(server: EmbeddedPostgres, database: str) -> AsyncIterator[Any]:
    connection: Any = await asyncpg.connect(database_dsn(server, database))
    try:
        yield connection
    finally:
        connection.terminate()


def _copy(home: Home, staged: Path) -> None:
    for name in _FILES:
        if (home.path / name).exists():
            shutil.copy2(home.path / name, staged / name)
    for name in _FOLDERS:
        if (home.path / name).is_dir():
            shutil.copytree(home.path / name, staged / name)


def _noted(home: Home, target: Path, manifest: Mapping[str, Any], members: int) -> Kept:
    """Note in the data folder when the last backup was made, for the doctor."""
    note = {"made_at": manifest["made_at"], "file": str(target.absolute())}
    write_private(home.backup_file, json.dumps(note) + "\n")
    return Kept(manifest["made_at"], tuple(manifest["services"]), members, target.stat().st_size)


def _pack(staged: Path, manifest: Mapping[str, Any], target: Path) -> int:
    """Write the file aside and rename it, so that it is whole or absent; return the number of members."""
    digests = {str(file.relative_to(staged)): _digest(file) for file in _files(staged)}
    (staged / "manifest.json").write_text(json.dumps({**manifest, "sha256": digests}, indent=2) + "\n")
    aside = target.with_name(f".{target.name}.aside")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as raw, tarfile.open(fileobj=raw, mode="w") as archive:
        for name in ("manifest.json", *sorted(digests)):
            archive.add(staged / name, arcname=name, recursive=False)
        archive.close()
        raw.flush()
        os.fsync(raw.fileno())
    aside.replace(target)
    return len(digests)


# Restoring


def _unpack(source: Path, staged: Path) -> dict[str, Any]:
    """Lay the file's members into `staged`, each as its digest says. Raises Rejected otherwise."""
    try:
        with tarfile.open(source, mode="r:") as archive:
            archive.extractall(staged, filter="data")
        text = (staged / "manifest.json").read_bytes()
        manifest = json.loads(text) if len(text) <= MANIFEST_BYTES_MAX else {}
    except (OSError, tarfile.TarError, ValueError) as error:
        raise _no_backup(source, f"it cannot be read ({error})") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise _no_backup(source, f"its format is not {FORMAT}")
    found = {str(file.relative_to(staged)): _digest(file) for file in _files(staged)}
    found.pop("manifest.json")
    if found != manifest.get("sha256"):
        wrong = sorted(found.items() ^ dict(manifest.get("sha256", {})).items())
        raise _no_backup(source, f"{wrong[0][0] if wrong else 'a member'} is not what was put in")
    return manifest


async def _clear(home: Home) -> None:
    """What an earlier house kept here is gone."""
    make_folder(home.postgres, for_servers=True)
    await EmbeddedPostgres(home.postgres, 0).wipe()
    for name in (*_FILES, "house.json", "backup.json"):
        (home.path / name).unlink(missing_ok=True)
    for name in _FOLDERS:
        shutil.rmtree(home.path / name, ignore_errors=True)


def _place(staged: Path, home: Home) -> None:
    for name in (*_FILES, *_FOLDERS):
        if (staged / name).exists():
            (staged / name).rename(home.path / name)
    make_folder(home.postgres, for_servers=True)
    for folder in (home.keys, home.files):
        make_folder(folder)
        _close(folder)
    for file in (home.secrets_file, home.admin_key_file):
        file.chmod(0o600)


async def _load(home: Home, staged: Path, services: Sequence[str], step: Step) -> tuple[str, ...]:
    async with started_postgres(home) as server:
        for one in databases_of(services, home.secrets()):
            step(f"database of {one.service}")
            await create_database(server.admin_dsn, one)
            dsn = database_dsn(server, one.database)
            await pg_restore(dsn, staged / "databases" / f"{one.service}.dump")
            async with _connected(server, one.database) as connection:
                await mark_restored(connection)
    return tuple(services)


def _close(folder: Path) -> None:
    """Nobody else may read what lies here: signing keys and people's work."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())


def _digest(file: Path) -> str:
    with file.open("rb") as reader:
        return hashlib.file_digest(reader, "sha256").hexdigest()


def _no_backup(source: Path, rule: str) -> Rejected:
    return Rejected.of(str(source), f"this is no whole backup of a house: {rule}", "Name a file of `deedlog backup`.")
