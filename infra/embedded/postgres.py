"""The embedded PostgreSQL server: one folder, one port, durable, closed to everybody without a password.

It runs as ourselves, or as a system user when we are root (see system_user.py). Starting it again is always safe:
what an earlier server of this folder left running is ended first, and only we may hold the folder meanwhile.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
from pathlib import Path
from typing import Final

from infra.embedded.memory import pss_bytes
from infra.embedded.ports import require_free
from infra.embedded.postgres_binaries import binaries, binaries_for
from infra.embedded.postgres_cluster import ADMIN_ROLE, Cluster
from infra.embedded.postgres_leftovers import end_leftovers
from infra.embedded.process import Child, spawn
from infra.embedded.system_user import user_for_servers
from shared.kernel.errors import Conflict

__all__ = ["ADMIN_ROLE", "EmbeddedPostgres", "FolderInUse", "binaries"]

START_SECONDS_MAX: Final = 60.0
"""Includes crash recovery: at most 512 MB of log are read again."""
FAST_STOP_SECONDS: Final = 15.0
IMMEDIATE_STOP_SECONDS: Final = 5.0
_STATUS_LINE: Final = 7
"""The line of postmaster.pid, counted from 0, that says whether the server accepts connections."""


class FolderInUse(Conflict):
    """Another process of ours runs a server on this folder."""

    code = "folder-in-use"


class EmbeddedPostgres:
    """A PostgreSQL server on 127.0.0.1, its files in `folder`, which is made if it is missing."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder.absolute()
        self.port = port
        self.log_file = self.folder / "postgres.log"
        self._child: Child | None = None
        self._lock: int | None = None

    @property
    def admin_dsn(self) -> str:
        """The address of database `postgres` for the bootstrap role, password included; known after the first start.

        For making roles, databases and extensions only: no service connects with it.
        """
        password = Cluster(self.folder, None).password
        return f"postgresql://{ADMIN_ROLE}:{password}@127.0.0.1:{self.port}/postgres"

    @property
    def data_folder(self) -> Path:
        """Where the data lie: in `folder`, or below the system folder when root was given one that only root enters."""
        return (self.folder / "data").resolve()

    @property
    def pid(self) -> int:
        """The number of the server's process, the one we started last; 0 when there is none."""
        return self._child.pid if self._child is not None else 0

    @property
    def is_alive(self) -> bool:
        """Whether the server we started still runs."""
        return self._child is not None and self._child.is_alive

    def pss_bytes(self) -> int:
        """Return the memory of the server and all its processes, shared pages counted once; 0 when stopped."""
        return pss_bytes(self._child.pid) if self._child is not None and self._child.is_alive else 0

    async def start(self) -> None:
        """The server accepts connections. Does nothing if it runs already.

        Raises PortTaken, FolderInUse, NoSystemUser, or LaunchFailed with the last lines of the log.
        """
        if self.is_alive:
            return
        async with contextlib.AsyncExitStack() as undo:
            self._hold_folder()
            undo.push_async_callback(self.kill)
            await self._launch()
            undo.pop_all()

    async def stop(self) -> None:
        """The server has ended and its files are as after a checkpoint. Open transactions are rolled back."""
        if self._child is not None:
            await self._child.end((signal.SIGINT, FAST_STOP_SECONDS), (signal.SIGQUIT, IMMEDIATE_STOP_SECONDS))
        self._let_go()

    async def kill(self) -> None:
        """The server has ended by SIGKILL, as in a crash. What was committed is found again at the next start."""
        if self._child is not None:
            await self._child.end()
        self._let_go()

    async def wipe(self) -> None:
        """The server has ended and its data are gone for ever. Raises FolderInUse when they are not ours to remove."""
        await self.kill()
        self._hold_folder()
        try:
            cluster = Cluster(self.folder, user_for_servers())
            if cluster.exists:
                await end_leftovers(self.data_folder)
                cluster.remove()
        finally:
            self._let_go()

    async def _launch(self) -> None:
        user = user_for_servers()
        cluster = Cluster(self.folder, user)
        programs = await asyncio.to_thread(binaries_for, user)
        if not cluster.exists:
            await cluster.create(programs)
        data = cluster.data
        await end_leftovers(data)
        require_free(self.port, "PostgreSQL")
        cluster.configure(self.port)
        self._child = spawn(
            [programs / "postgres", "-D", str(data)], self.log_file, user=user, signal_when_we_die=signal.SIGINT
        )
        await self._child.until(self._is_ready, START_SECONDS_MAX)

    async def _is_ready(self) -> bool:
        """Read what the server itself notes of its state, as pg_ctl does: no connection is spent on asking."""
        try:
            lines = (self.data_folder / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        is_ours = self._child is not None and lines[:1] == [str(self._child.pid)]
        return is_ours and len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready"

    def _hold_folder(self) -> None:
        """Two of us on one folder would each take the other's server for a leftover and end it."""
        if self._lock is not None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise FolderInUse(f"another process runs PostgreSQL on {self.folder}; stop it first") from None
        self._lock = lock

    def _let_go(self) -> None:
        self._child = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
