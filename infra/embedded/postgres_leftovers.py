"""What a PostgreSQL server leaves when it, or we, are killed: processes that still run, and a stale postmaster.pid.

PostgreSQL itself asks whether the number in postmaster.pid is alive, and refuses to start when a stranger has it by
now, as happens in containers, where numbers are small and repeat. We look for the processes instead: every one of
them stands in the data folder. Where there is no /proc nothing is found, and PostgreSQL's own guard decides.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Final

from infra.embedded.process import LaunchFailed, becomes

PROC: Final = Path("/proc")
FAST_STOP_SECONDS: Final = 10.0
ORPHANS_SECONDS: Final = 3.0
"""Server processes whose parent was killed end by themselves as soon as they look up."""
KILLED_SECONDS_MAX: Final = 5.0


async def end_leftovers(data: Path) -> None:
    """No PostgreSQL process stands in `data`, and no postmaster.pid is in the way. The caller holds the folder.

    Raises LaunchFailed when one survives SIGKILL.
    """
    if not PROC.joinpath("self").exists():
        return
    postmaster = _noted_postmaster(data)
    if postmaster in server_processes(data):
        _signal({postmaster}, signal.SIGINT)
        await _all_gone(data, FAST_STOP_SECONDS)
    else:
        await _all_gone(data, ORPHANS_SECONDS)
    _signal(server_processes(data), signal.SIGKILL)
    if not await _all_gone(data, KILLED_SECONDS_MAX):
        raise LaunchFailed(f"PostgreSQL processes {sorted(server_processes(data))} in {data} cannot be ended")
    # With nobody left, the file can only stand in the way.
    (data / "postmaster.pid").unlink(missing_ok=True)


def server_processes(data: Path) -> set[int]:
    """Return the processes that run a program named postgres and stand in `data`."""
    return {int(entry.name) for entry in PROC.iterdir() if entry.name.isdigit() and _serves(entry, data)}


def _serves(entry: Path, data: Path) -> bool:
    try:
        folder, program = (entry / "cwd").readlink(), (entry / "exe").readlink()
    except OSError:
        return False  # ended meanwhile, or another user's
    # A program that was replaced meanwhile reads "postgres (deleted)".
    return folder == data and program.name.startswith("postgres")


def _signal(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


async def _all_gone(data: Path, seconds_max: float) -> bool:
    return await becomes(lambda: not server_processes(data), seconds_max)


def _noted_postmaster(data: Path) -> int:
    try:
        return int((data / "postmaster.pid").read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return 0
