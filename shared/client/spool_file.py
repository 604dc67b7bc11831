"""The file of a spool: made, locked for one client, and not to be harmed by a fork.

The lock is SQLite's own: in exclusive locking mode it is taken here and given back when the file is closed or the
process dies, so that nothing is left behind to be cleaned up.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sqlite3
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from .errors import ClientClosed, SpoolFailed

APPLICATION_ID: Final = 0x64_65_65_64
"""Marks the file as ours, so that no other database is written to."""
SCHEMA_VERSION: Final = 1
HEADER_BYTES: Final = 100
"""Of every SQLite file; SQLite takes a shorter one for empty and would write over it."""
WAL_BYTES_KEPT: Final = 4 << 20

_SCHEMA: Final = (
    """CREATE TABLE items (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        source TEXT NOT NULL,
        id TEXT NOT NULL,
        body BLOB NOT NULL,
        is_stamped INTEGER NOT NULL,
        refusal TEXT,
        UNIQUE (source, id)
    )""",
    "CREATE INDEX waiting ON items (number) WHERE refusal IS NULL",
    "CREATE INDEX refused ON items (number) WHERE refusal IS NOT NULL",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)


class SpoolFile:
    """An open spool file that belongs to this client alone."""

    def __init__(self, path: Path, *, is_power_safe: bool) -> None:
        """Make the file where it is missing, for this user only, and hold it.

        Raises sqlite3.OperationalError (SQLITE_BUSY) where another client holds it; SpoolFailed for what is no spool.
        """
        self._process = os.getpid()
        self._connection: sqlite3.Connection | None = _opened(path, is_power_safe)
        _LIVING.add(self)

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection. Raises ClientClosed after close() and after a fork."""
        if self._process != os.getpid():
            text = "this client was made before the process forked; make one after it, with a spool of its own"
            raise ClientClosed(text)
        if self._connection is None:
            raise ClientClosed("the client is closed; what was sent and not delivered waits in its spool")
        return self._connection

    def close(self) -> None:
        """Let the file go. Calling it again does nothing."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def leave_to_parent(self) -> None:
        """Have this copy of the connection never closed: after a fork that would remove the parent's journal."""
        connection, self._connection = self._connection, None
        if connection is not None:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(connection))


_LIVING: Final[weakref.WeakSet[SpoolFile]] = weakref.WeakSet()


def _leave_all() -> None:
    for file in list(_LIVING):
        file.leave_to_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_all)


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Have all that is written inside committed, or nothing where it raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _opened(path: Path, is_power_safe: bool) -> sqlite3.Connection:
    _make(path)
    connection = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("COMMIT")
        is_new = _is_new(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT}")
        connection.execute(f"PRAGMA synchronous = {'FULL' if is_power_safe else 'NORMAL'}")
        if is_new:
            with transaction(connection):
                for statement in _SCHEMA:
                    connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection


def _make(path: Path) -> None:
    """Have the file there, for this user only. One that is there is not opened: closing it would end SQLite's lock."""
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    if 0 < path.stat().st_size < HEADER_BYTES:
        raise SpoolFailed(f"{path} is no spool; name another file for it")


def _is_new(connection: sqlite3.Connection, path: Path) -> bool:
    """Say whether the file is still empty. Raises SpoolFailed for what is no spool, or none that this release reads."""
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables == 0:
        return True
    (mark,) = connection.execute("PRAGMA application_id").fetchone()
    if mark != APPLICATION_ID:
        raise SpoolFailed(f"{path} is a database of something else; name another file for the spool")
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version != SCHEMA_VERSION:
        text = f"the spool {path} has the form {version}, this release reads {SCHEMA_VERSION}"
        raise SpoolFailed(f"{text}; deliver it with the release that wrote it")
    return False
