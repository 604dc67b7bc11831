"""What a process and its children weigh, read from /proc, for `doctor`, the broker's bound and the tests.

Pss (proportional set size) shares each page among those that map it, so that a sum over processes counts shared
buffers once. Where there is no /proc, figures come from `ps` as resident size, which counts them several times.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")


def pss_bytes(pid: int) -> int:
    """Return the proportional memory of `pid` and all its descendants; 0 for processes that ended meanwhile."""
    return sum(_figure(member, "Pss") for member in descendants(pid))


def rss_bytes(pid: int) -> int:
    """Return the resident memory of `pid` alone, or 0 when it has ended."""
    return _figure(pid, "Rss")


def descendants(pid: int) -> list[int]:
    """Return `pid` and the processes below it, parents first; only `pid` where there is no /proc."""
    found = [pid]
    for member in found:  # grows while it is walked
        found.extend(_children(member))
    return found


def _children(pid: int) -> list[int]:
    children: list[int] = []
    for listing in PROC.glob(f"{pid}/task/*/children"):
        try:
            children.extend(int(word) for word in listing.read_text().split())
        except OSError:
            continue  # the thread ended between the listing and the reading
    return children


def _figure(pid: int, name: str) -> int:
    if not PROC.joinpath("self").exists():
        return _resident_by_ps(pid)
    try:
        lines = PROC.joinpath(str(pid), "smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    kilobytes = (line.split()[1] for line in lines if line.startswith(f"{name}:"))
    return int(next(kilobytes, "0")) * 1024


def _resident_by_ps(pid: int) -> int:
    answer = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return int(answer.stdout.strip() or "0") * 1024
