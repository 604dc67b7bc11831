"""Restoring a house from the file that `backup.py` writes: all of it is checked before anything is changed.

A restored house is another epoch: transaction ids begin anew there, and positions taken before are not mixed with it.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

from infra.embedded.backup import FILES, FOLDERS, FORMAT, Step, connected, digest_of, files_in
from infra.embedded.databases import databases_of
from infra.embedded.home import Home, make_folder, write_private
from infra.embedded.lending import database_dsn, started_postgres
from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.postgres_dump import pg_restore
from shared.kernel.errors import Conflict, Rejected
from shared.runtime.database_setup import create_database
from shared.runtime.stream_store import mark_restored

MANIFEST_BYTES_MAX: Final = 16 << 20
_STAGED: Final = ".restore-"


async def restore_backup(home: Home, source: Path, *, is_forced: bool, step: Step) -> tuple[str, ...]:
    """The folder holds what the backup holds, and each service enters a new epoch at its start; return the services.

    Everything in the file is checked before anything is changed. Raises HouseRuns, Conflict for a folder that holds a
    house already (unless forced, then that one is gone for ever), Rejected for a file that is no whole backup. What
    breaks off later is noted in the folder: no house starts there until the restore was done again.
    """
    hold = home.hold()
    try:
        if home.holds_anything and not is_forced and not home.restoring_file.exists():
            raise Conflict(
                f"{home.path} holds a house already; restore into an empty folder (DEEDLOG_HOME), or lose it: --force"
            )
        for left in home.path.glob(f"{_STAGED}*"):
            shutil.rmtree(left)
        with tempfile.TemporaryDirectory(prefix=_STAGED, dir=home.path) as folder:
            step("checking the file")
            staged = Path(folder)
            services = await asyncio.to_thread(_unpack, source, staged)
            write_private(home.restoring_file, f"{source}\n")
            await _clear(home)
            _place(staged, home)
            hold.let_go()  # the server takes it again
            await _load(home, staged, services, step)
        home.restoring_file.unlink()
        return services
    finally:
        hold.let_go()


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, staged: Path) -> None:
    """Lay one member below `staged`, for our eyes only. Raises TarError for what is no file or folder below it.

    By our own rules: the filters of the standard library came with Python 3.11.4.
    """
    name = PurePosixPath(member.name)
    if name.is_absolute() or ".." in name.parts or not (member.isreg() or member.isdir()):
        raise tarfile.ReadError(f"{member.name!r} is no file below it")
    target = staged / name
    if member.isdir():
        target.mkdir(mode=0o700, parents=True, exist_ok=True)
        return
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    content = archive.extractfile(member)
    if content is None:
        raise tarfile.ReadError(f"{member.name!r} cannot be read")
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        shutil.copyfileobj(content, file)


def _unpack(source: Path, staged: Path) -> tuple[str, ...]:
    """Lay the file's members into `staged`, each as its digest says; return the services. Raises Rejected otherwise."""
    try:
        with tarfile.open(source, mode="r:") as archive:
            for member in archive:
                _extract(archive, member, staged)
        manifest = _manifest(staged / "manifest.json")
    except (tarfile.TarError, ValueError, EOFError, FileExistsError, NotADirectoryError) as error:
        raise _no_backup(source, f"it cannot be read ({error})") from None
    if manifest.get("format") != FORMAT:
        raise _no_backup(source, f"its format is not {FORMAT}")
    told, services = manifest.get("sha256"), manifest.get("services")
    if not isinstance(told, dict) or not isinstance(services, list):
        raise _no_backup(source, "its manifest does not say what it holds")
    found = {str(file.relative_to(staged)): digest_of(file) for file in files_in(staged)}
    found.pop("manifest.json")
    if found != told:
        raise _no_backup(source, f"{min(found.items() ^ told.items())[0]} is not what was put in")
    needed = {"secrets.json", "admin.key", *(f"databases/{service}.dump" for service in services)}
    if missing := needed - found.keys():
        raise _no_backup(source, f"{min(missing)} is missing")
    return tuple(services)


def _manifest(file: Path) -> dict[str, Any]:
    """Return what the manifest says; nothing when there is none, or one that is longer than any."""
    if not file.is_file() or file.stat().st_size > MANIFEST_BYTES_MAX:
        return {}
    manifest = json.loads(file.read_bytes())
    return manifest if isinstance(manifest, dict) else {}


async def _clear(home: Home) -> None:
    """What an earlier house kept here is gone."""
    make_folder(home.postgres, for_servers=True)
    await EmbeddedPostgres(home.postgres, 0).wipe()
    for name in (*FILES, "house.json", "backup.json"):
        (home.path / name).unlink(missing_ok=True)
    for name in FOLDERS:
        shutil.rmtree(home.path / name, ignore_errors=True)


def _place(staged: Path, home: Home) -> None:
    for name in (*FILES, *FOLDERS):
        if (staged / name).exists():
            (staged / name).rename(home.path / name)
    make_folder(home.postgres, for_servers=True)
    for folder in (home.keys, home.files):
        make_folder(folder)
        _close(folder)
    for file in (home.secrets_file, home.admin_key_file):
        file.chmod(0o600)


async def _load(home: Home, staged: Path, services: Sequence[str], step: Step) -> None:
    async with started_postgres(home) as server:
        for one in databases_of(services, home.secrets()):
            step(f"database of {one.service}")
            await create_database(server.admin_dsn, one)
            dsn = database_dsn(server, one.database)
            await pg_restore(dsn, staged / "databases" / f"{one.service}.dump")
            async with connected(server, one.database) as connection:
                await mark_restored(connection)


def _close(folder: Path) -> None:
    """Nobody else may read what lies here: signing keys and people's work."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o700 if path.is_dir() else 0o600)


def _no_backup(source: Path, rule: str) -> Rejected:
    return Rejected.of(str(source), f"this is no whole backup of a house: {rule}", "Name a file of `deedlog backup`.")
