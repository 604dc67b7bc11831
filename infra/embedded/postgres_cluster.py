"""The files of one PostgreSQL cluster: where they lie, how they come to be, and how they are configured.

    folder/                 the caller's; its rights are never changed
        data                the cluster, or a link to it where the system user cannot pass through `folder`
        admin-password      of the bootstrap role, 0600, ours
        postgres.log  lock

Files are written aside and renamed, and never through a link, because the data folder belongs to another user when
we are root.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from infra.embedded.postgres_binaries import make_system_folder
from infra.embedded.process import LaunchFailed, run
from infra.embedded.system_user import SYSTEM_FOLDER, SystemUser, can_enter

ADMIN_ROLE: Final = "deedlog_admin"
INITDB_SECONDS_MAX: Final = 60.0

SETTINGS: Final[Mapping[str, str]] = {
    # Reached over the loopback only: no socket file that others on the machine could find.
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "password_encryption": "scram-sha-256",
    "ssl": "off",
    # A commit that was answered is on disk.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # Sized for a laptop: about 100 MB with all services connected.
    "shared_buffers": "64MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "max_connections": "120",
    "max_locks_per_transaction": "256",  # one batch takes an advisory lock per subject
    "huge_pages": "off",
    "jit": "off",  # compiling costs more than it saves on queries of milliseconds
    "random_page_cost": "1.1",
    # No replicas and no archive: the least write-ahead log, and few idle processes.
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_replication_slots": "0",
    "max_logical_replication_workers": "0",
    "min_wal_size": "128MB",
    "max_wal_size": "1GB",
    # After a checkpoint every page is logged whole once. With keys that lie anywhere that was most of the log, and for
    # some seconds a commit waited for it.
    "wal_compression": "pglz",
    "checkpoint_timeout": "15min",
    "io_method": "sync",
    "autovacuum_max_workers": "2",
    # The log tells what happened, never a row or a statement: those hold personal data.
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
_HBA: Final = """# Written at each start. Nobody is trusted, and nothing but the loopback is heard.
host all all 127.0.0.1/32 scram-sha-256
"""
OPERATOR_FILE: Final = "operator.conf"


class Cluster:
    """The files of the cluster that belongs to `folder`, owned by `user` (ourselves if None)."""

    def __init__(self, folder: Path, user: SystemUser | None) -> None:
        self.folder = folder
        self.user = user
        self.password_file = folder / "admin-password"

    @property
    def exists(self) -> bool:
        """Whether the cluster was made before, wherever its data lie."""
        return os.path.lexists(self.folder / "data")

    @property
    def data(self) -> Path:
        """The data folder with links followed. Raises LaunchFailed when it is gone or its owner cannot reach it."""
        data = (self.folder / "data").resolve()
        if not data.is_dir():
            raise LaunchFailed(f"{self.folder / 'data'} leads to {data}, which is gone; restore it, or remove the link")
        if self.user is not None and not can_enter(data, self.user):
            raise LaunchFailed(f"the system user cannot enter {data}; look at the rights of each folder above")
        if (owner := data.stat().st_uid) != self._owner_uid:
            raise LaunchFailed(
                f"{data} belongs to user {owner}, and the server would run as user {self._owner_uid}; act as the user "
                f"who made it, or give it back: chown -R {self._owner_uid}"
            )
        return data

    @property
    def password(self) -> str:
        """The bootstrap role's password. Raises LaunchFailed when its file is gone."""
        try:
            return self.password_file.read_text().strip()
        except FileNotFoundError:
            raise LaunchFailed(
                f"{self.password_file} is gone, and the database cannot be administered; put it back, or lay "
                "a backup into another folder: deedlog restore"
            ) from None

    async def create(self, programs: Path) -> None:
        """The cluster exists, with checksums and a random admin password; or, if interrupted, nothing that counts."""
        home = self._home()
        partial, password = home / "data.partial", home / "password.partial"
        if partial.exists():
            shutil.rmtree(partial)
        partial.mkdir(0o700)
        self._give(partial)
        self._write(password, self._fresh_password())
        try:
            await self._initdb(programs, partial, password)
        finally:
            password.unlink()
        partial.rename(home / "data")
        if home != self.folder:
            (self.folder / "data").symlink_to(home / "data")

    def configure(self, port: int) -> None:
        """Both configuration files say what this version of us wants, for a server on `port`."""
        settings = {"port": str(port), **SETTINGS}
        lines = [f"{name} = '{value}'" for name, value in settings.items()]
        head = f"# Written at each start; settings of your own belong into {OPERATOR_FILE} beside it."
        body = "\n".join([head, *lines, f"include_if_exists = '{OPERATOR_FILE}'", ""])
        self._write(self.data / "postgresql.conf", body)
        self._write(self.data / "pg_hba.conf", _HBA)

    def remove(self) -> None:
        """The data and the password are gone for ever. Only for a server that does not run."""
        data = (self.folder / "data").resolve()
        shutil.rmtree(data, ignore_errors=True)
        if (self.folder / "data").is_symlink():
            (self.folder / "data").unlink()
            with contextlib.suppress(OSError):  # not empty: an operator keeps more there than we put
                data.parent.rmdir()
        self.password_file.unlink(missing_ok=True)

    @property
    def _owner_uid(self) -> int:
        return os.geteuid() if self.user is None else self.user.uid

    async def _initdb(self, programs: Path, data: Path, password: Path) -> None:
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        access = [f"--username={ADMIN_ROLE}", "--auth=scram-sha-256", f"--pwfile={password}"]
        words = [f"--pgdata={data}", "--data-checksums", *locale, *access]
        await run([programs / "initdb", *words], seconds_max=INITDB_SECONDS_MAX, user=self.user)

    def _home(self) -> Path:
        if self.user is None or can_enter(self.folder, self.user):
            return self.folder
        # Data that some earlier folder of this name left behind are kept: the next number is taken.
        make_system_folder()
        name = hashlib.sha256(str(self.folder.resolve()).encode()).hexdigest()[:12]
        homes = (SYSTEM_FOLDER / f"{name}-{number}" for number in itertools.count(1))
        home = next(home for home in homes if not (home / "data").exists())
        home.mkdir(exist_ok=True)
        home.chmod(0o711)
        return home

    def _fresh_password(self) -> str:
        password = secrets.token_urlsafe(24)
        _replace(self.password_file, f"{password}\n", None)
        return password

    def _write(self, file: Path, text: str) -> None:
        _replace(file, text, self.user)

    def _give(self, path: Path) -> None:
        if self.user is not None:
            os.chown(path, self.user.uid, self.user.gid)


def _replace(file: Path, text: str, owner: SystemUser | None) -> None:
    """The file holds `text`, is 0600 and belongs to `owner`; a link planted at its name is replaced, not followed."""
    aside = file.with_name(f"{file.name}.aside")
    aside.unlink(missing_ok=True)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as writer:
        if owner is not None:
            os.fchown(descriptor, owner.uid, owner.gid)
        writer.write(text)
    aside.rename(file)
