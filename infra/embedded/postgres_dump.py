"""Dumping and restoring one database with PostgreSQL's own programs, for backup and for the tests of it.

Passwords travel in the environment, which only we and root can read, never on a command line, which everybody can.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit, urlunsplit

from infra.embedded.postgres_binaries import binaries
from infra.embedded.process import BARE_ENVIRONMENT, run

DUMP_SECONDS_MAX: Final = 3600.0


async def pg_dump(dsn: str, target: Path, *options: str) -> None:
    """The database at `dsn` stands in `target` (0600, custom format, replaced if it was there), as of one instant.

    options: further words for pg_dump, such as "--schema=record". Raises LaunchFailed with what pg_dump said.
    """
    address, environment = _without_password(dsn)
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    await _run(
        target, "pg_dump", "--format=custom", f"--file={target.name}", *options, address, environment=environment
    )


async def pg_restore(dsn: str, source: Path, *options: str) -> None:
    """The database at `dsn` holds what `source` holds; on failure it holds what it held: it is one transaction.

    options: further words for pg_restore, such as "--no-owner". Raises LaunchFailed with what pg_restore said.
    """
    address, environment = _without_password(dsn)
    words = ["--exit-on-error", "--single-transaction", *options, f"--dbname={address}", source.name]
    await _run(source, "pg_restore", *words, environment=environment)


async def _run(file: Path, program: str, *words: str, environment: Mapping[str, str]) -> None:
    command: list[str | Path] = [binaries() / program, *words]
    await run(command, seconds_max=DUMP_SECONDS_MAX, environment=environment, folder=file.parent)


def _without_password(dsn: str) -> tuple[str, Mapping[str, str]]:
    parts = urlsplit(dsn)
    if parts.password is None:
        return dsn, BARE_ENVIRONMENT
    user, _, place = parts.netloc.rpartition("@")
    address = urlunsplit(parts._replace(netloc=f"{user.partition(':')[0]}@{place}"))
    return address, {**BARE_ENVIRONMENT, "PGPASSWORD": unquote(parts.password)}
