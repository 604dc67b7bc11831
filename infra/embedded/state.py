"""What runs in a data folder now: written by the house at each change, read by whoever looks after it.

The file alone proves nothing, for a house that was killed leaves it behind; it counts while the folder is held. What a
killed house left running is found by process number and time of creation together, so that no stranger is ended.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal, TypeAlias

import psutil  # type: ignore[import-untyped]

from infra.embedded.home import Home, write_private

Phase: TypeAlias = Literal["starting", "ready", "stopping", "stopped", "failed"]
LEFTOVER_STOP_SECONDS: Final = 4.0
LEFTOVER_KILL_SECONDS: Final = 2.0
GONE: Final = "it does not run"


@dataclass(frozen=True, slots=True)
class ProcessState:
    """One process of the house. created_at: when the system made it, seconds since 1970; tells it from a stranger."""

    name: str
    pid: int
    created_at: float
    restarts: int = 0
    reason: str = ""
    """Why it does not run now; empty while it does."""


@dataclass(frozen=True, slots=True)
class HouseState:
    """A house: where it is, what it runs, and what it has come to."""

    pid: int
    phase: Phase
    port: int
    layout: str
    services: tuple[str, ...]
    started_at: str
    seconds_to_ready: float = 0.0
    reason: str = ""
    processes: tuple[ProcessState, ...] = field(default=())

    def process(self, name: str) -> ProcessState | None:
        """Return the process of this name, or None."""
        return next((one for one in self.processes if one.name == name), None)

    def as_json(self) -> dict[str, Any]:
        """Return the content of house.json."""
        return {"format": "deedlog/house/v1", **asdict(self)}


def write_state(home: Home, state: HouseState) -> None:
    """The file says `state`."""
    write_private(home.state_file, json.dumps(state.as_json(), indent=2) + "\n")


def read_state(home: Home) -> HouseState | None:
    """Return what was written last, whether or not it still holds; None when nothing readable was."""
    try:
        kept = json.loads(home.state_file.read_text())
        kept.pop("format")
        processes = tuple(ProcessState(**one) for one in kept.pop("processes"))
        return HouseState(**{**kept, "services": tuple(kept["services"])}, processes=processes)
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return None


def running_state(home: Home) -> HouseState | None:
    """Return the state of the house that runs in this folder now, or None when none does.

    What a house wrote that has ended counts for nothing, also while a backup or another start holds the folder.
    """
    state = read_state(home)
    return state if state is not None and state.pid == home.holder() else None


def created_at(pid: int) -> float:
    """Return when the system made the process, or 0 when it is gone."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        return 0.0


async def end_leftovers(home: Home) -> Sequence[str]:
    """What a killed house of this folder left running has ended; return the names. The caller holds the folder.

    PostgreSQL is not among them: it is ended where its data lie.
    """
    state = read_state(home)
    left = [one for one in (state.processes if state else ()) if one.name != "postgres" and still_runs(one)]
    processes = []
    for one in left:
        with contextlib.suppress(psutil.NoSuchProcess):  # the system has told them by itself: they may be ending
            process = psutil.Process(one.pid)
            process.terminate()
            processes.append(process)
    _, alive = await asyncio.to_thread(psutil.wait_procs, processes, LEFTOVER_STOP_SECONDS)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    await asyncio.to_thread(psutil.wait_procs, alive, LEFTOVER_KILL_SECONDS)
    return [one.name for one in left]


def still_runs(one: ProcessState) -> bool:
    """Say whether it is there yet; what was noted of it may be old, as where the disk is full."""
    return one.created_at > 0 and abs(created_at(one.pid) - one.created_at) < 0.01
