"""One house a folder: a file lock that the system lets go of when its process ends, however it ends."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path
from typing import Final

from shared.kernel.errors import Conflict

HOLD_SECONDS_MAX: Final = 0.2
"""How long a hold is tried for: whoever only looks whether a folder is held has it for microseconds."""


class HouseRuns(Conflict):
    """Another process holds this data folder."""

    code = "house-runs"


class Hold:
    """The right to be the one house on a folder."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def let_go(self) -> None:
        """Another house may start here. Does nothing the second time."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.truncate(descriptor, 0)
            os.close(descriptor)


def hold(lock_file: Path) -> Hold:
    """Return the hold on the folder of this file; it ends with the process at the latest.

    Raises HouseRuns with the number of the process that has it.
    """
    descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if not _locked(descriptor, HOLD_SECONDS_MAX):
        holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise HouseRuns(
            f"another copy runs on {lock_file.parent} (process {holder}). Stop it with `deedlog down`, "
            "or choose another folder and port: DEEDLOG_HOME, DEEDLOG_PORT."
        )
    os.truncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return Hold(descriptor)


def is_held(lock_file: Path) -> bool:
    """Say whether some process holds the folder of this file now."""
    try:
        descriptor = os.open(lock_file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _locked(descriptor: int, seconds_max: float) -> bool:
    ends_at = time.monotonic() + seconds_max
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > ends_at:
                return False
            time.sleep(0.02)
        else:
            return True
