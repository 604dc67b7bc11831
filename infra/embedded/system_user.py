"""Whom a server runs as. PostgreSQL refuses to run as root, and it is right: so root hands it to a system user.

A person who is not root runs everything as themselves, and nothing here applies.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shared.kernel.errors import Broken

NAME: Final = "deedlog"
SYSTEM_FOLDER: Final = Path("/var/lib/deedlog")
_ADMIN_PATH: Final = "/usr/sbin:/sbin:/usr/bin:/bin"


class NoSystemUser(Broken):
    """There is no user to run a server as, and this system gives no way of adding one."""

    code = "no-system-user"


@dataclass(frozen=True, slots=True)
class SystemUser:
    """A user without login that owns the servers' processes and files."""

    uid: int
    gid: int


def user_for_servers() -> SystemUser | None:
    """Return the system user, added if it is missing, when we are root; else None: servers run as ourselves.

    Raises NoSystemUser when it cannot be added, or when we are a number without a name (initdb asks for one).
    """
    if os.geteuid() != 0:
        _require_a_name(os.geteuid())
        return None
    try:
        entry = pwd.getpwnam(NAME)
    except KeyError:
        _add_user()
        entry = pwd.getpwnam(NAME)
    return SystemUser(entry.pw_uid, entry.pw_gid)


def can_enter(folder: Path, user: SystemUser) -> bool:
    """Say whether `user` may pass through `folder` and every folder above it, by their mode bits (not by ACLs)."""
    resolved = folder.resolve()
    return all(_grants(level, user, stat.S_IXUSR) for level in (resolved, *resolved.parents))


def can_read(file: Path, user: SystemUser) -> bool:
    """Say whether `user` may read `file`, by mode bits, and reach it."""
    return can_enter(file.parent, user) and _grants(file.resolve(), user, stat.S_IRUSR)


def _grants(path: Path, user: SystemUser, owner_bit: int) -> bool:
    """The first class that fits decides, as in the kernel: an owner without the bit is refused whatever others may."""
    status = path.stat()
    if status.st_uid == user.uid:
        return bool(status.st_mode & owner_bit)
    if status.st_gid == user.gid:
        return bool(status.st_mode & owner_bit >> 3)
    return bool(status.st_mode & owner_bit >> 6)


def _require_a_name(uid: int) -> None:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        raise NoSystemUser(f"user {uid} has no name on this system, and initdb asks for one; name it") from None


def _add_user() -> None:
    command = _command_to_add()
    if command is None:
        raise NoSystemUser(
            f"we are root, and nothing here can add the system user {NAME!r}; add it, or do not run as root"
        )
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    # 9 is useradd's "exists already": another start was quicker.
    if done.returncode not in (0, 9):
        raise NoSystemUser(f"{command[0]} could not add the system user {NAME!r}: {done.stderr.strip()}")


def _command_to_add() -> list[str] | None:
    if useradd := shutil.which("useradd", path=_ADMIN_PATH):
        home = ["--no-create-home", "--home-dir", str(SYSTEM_FOLDER)]
        return [useradd, "--system", "--user-group", *home, "--shell", "/usr/sbin/nologin", NAME]
    if adduser := shutil.which("adduser", path=_ADMIN_PATH):  # BusyBox
        return [adduser, "-S", "-D", "-H", "-h", str(SYSTEM_FOLDER), "-s", "/sbin/nologin", NAME]
    return None
