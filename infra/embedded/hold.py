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
    try:
        if not _locked(descriptor, HOLD_SECONDS_MAX):
            raise HouseRuns(
                f"another copy runs on {lock_file.parent} (process {_named_in(descriptor) or 'unknown'}). Stop it with "
                "`deedlog down`, or choose another folder and port: DEEDLOG_HOME, DEEDLOG_PORT."
            )
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except BaseException:
        os.close(descriptor)
        raise
    return Hold(descriptor)


def holder_of(lock_file: Path) -> int | None:
    """Return the number of the process that holds the folder of this file now; 0 before it is told, None for nobody."""
    try:
        descriptor = os.open(lock_file, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _named_in(descriptor)
    finally:
        os.close(descriptor)
    return None


def _named_in(descriptor: int) -> int:
    text = os.pread(descriptor, 32, 0).strip()
    return int(text) if text.isdigit() else 0


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
