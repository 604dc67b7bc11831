"""Keeps one house: holds its folder, runs it until it is asked to stop, here or in a process of its own.

`python -m infra.embedded.keeper` is that process of its own; it writes what happens to logs/house.log.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from infra.embedded.environment import ROOT
from infra.embedded.hold import HouseRuns
from infra.embedded.home import Home, make_folder
from infra.embedded.house import READY_SECONDS_MAX, House, NotReady
from infra.embedded.layout import LAYOUTS, PORT, Layout, lay_out
from infra.embedded.logs import log_tail, opened_log
from infra.embedded.obstacle import NoRoom, in_words
from infra.embedded.process import BARE_ENVIRONMENT
from infra.embedded.state import HouseState, read_state, running_state
from infra.embedded.watching import Report
from shared.kernel.clock import SystemClock, rfc3339
from shared.kernel.errors import DeedlogError, Unavailable
from shared.runtime.lifecycle import STOP_SECONDS, launch, run

DETACHED_SECONDS_MAX: Final = READY_SECONDS_MAX + STOP_SECONDS
DOWN_SECONDS_MAX: Final = STOP_SECONDS + 5.0
UNAVAILABLE: Final = 3
ROOM_BYTES_MIN: Final = 64 << 20
"""What a start needs before anything is written: a database that stops for want of room cannot even say so."""


class StillRuns(Unavailable):
    """A house that was told to stop has not ended."""

    code = "still-runs"


async def keep(home: Home, layout: Layout, report: Report, ready: Callable[[House], None]) -> None:
    """Have run the house until SIGINT, SIGTERM or SIGHUP, all stopped in order on return.

    Raises HouseRuns when the folder is held, NoRoom when its disk is full, StartFailed with the reason when the house
    does not become ready.
    """
    hold = home.hold()
    try:
        home.require_whole()
        require_room(home)
        house = House(home, layout, SystemClock(), report)
        stopping = asyncio.Event()
        # A terminal that is closed is a reason to stop in order, not to die.
        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, stopping.set)
        await run([house], ready=lambda: ready(house), stop_seconds=STOP_SECONDS, stopping=stopping)
    finally:
        hold.let_go()


def keep_detached(home: Home, layout: Layout) -> HouseState:
    """Return the state of a house that runs in the background and is ready: every consumer holds its partitions.

    Raises HouseRuns when one runs on the folder already, NoRoom when its disk is full, NotReady with the reason when
    it did not come up; nothing is left running then, nor when the wait is interrupted.
    """
    require_free(home)
    make_folder(home.path, for_servers=True)
    require_room(home)
    make_folder(home.logs)
    log_file = home.logs / "house.log"
    words = ["--home", str(home.path), "--port", str(layout.port), "--layout", layout.name]
    with opened_log(log_file) as log:
        log_began = os.fstat(log.fileno()).st_size
        keeper = subprocess.Popen(
            [sys.executable, "-P", "-m", "infra.embedded.keeper", *words, "--services", *layout.services],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env={**BARE_ENVIRONMENT, "PYTHONPATH": f"{ROOT}:{ROOT / 'proto' / 'gen'}"},
            start_new_session=True,
        )
    return _awaited(home, keeper, partial(log_tail, log_file, log_began))


def require_free(home: Home) -> None:
    """Return when no house runs on the folder, none of another user's lies there, and none that is half restored.

    Raises HouseRuns naming its process, Conflict naming its owner or the restore.
    """
    home.require_ours()
    if home.is_held():
        home.hold().let_go()  # raises, with the holder's number; or it has just ended
    home.require_whole()


def require_room(home: Home) -> None:
    """Return when the disks of the folder and of its database have ROOM_BYTES_MIN. Raises NoRoom naming the place."""
    data = home.postgres / "data"
    for place in (home.path, data.resolve()) if data.exists() else (home.path,):
        free = shutil.disk_usage(place).free
        if free < ROOM_BYTES_MIN:
            raise NoRoom(
                f"{place} has room for {free >> 20} MB, and a house is started with {ROOM_BYTES_MIN >> 20} MB or more. "
                "Make room, then start it again; what it holds is kept."
            )


def _awaited(home: Home, keeper: subprocess.Popen[bytes], last_words: Callable[[], str]) -> HouseState:
    try:
        ends_at = time.monotonic() + DETACHED_SECONDS_MAX
        while time.monotonic() < ends_at:
            state = read_state(home)
            is_its = state is not None and state.pid == keeper.pid
            if state is not None and is_its and state.phase == "ready":
                return state
            if keeper.poll() is not None:
                reason = state.reason if state is not None and is_its else ""
                raise NotReady(reason or f"the house ended at its start: {last_words()}")
            time.sleep(0.05)
    except KeyboardInterrupt:
        _stop(keeper)
        raise
    _stop(keeper)
    raise NotReady(f"the house was not ready after {DETACHED_SECONDS_MAX:g} s: {last_words()}")


def _stop(keeper: subprocess.Popen[bytes]) -> None:
    keeper.terminate()
    try:
        keeper.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        keeper.kill()
        keeper.wait()


def end(home: Home) -> HouseState | None:
    """The house of this folder has ended in order; return what it was, or None when none ran.

    Raises StillRuns when it takes longer than DOWN_SECONDS_MAX, or when what holds the folder is no house.
    """
    state = running_state(home)
    if state is None:
        if (holder := home.holder()) is not None:
            raise StillRuns(
                f"process {holder or 'unknown'} holds {home.path} and is no house that has started: a backup, a "
                "restore or a start. Wait until it ends, or end it, then do the same again."
            )
        return None
    try:
        os.kill(state.pid, signal.SIGTERM)
    except ProcessLookupError:
        return state
    ends_at = time.monotonic() + DOWN_SECONDS_MAX
    while home.is_held():
        if time.monotonic() > ends_at:
            raise StillRuns(f"process {state.pid} did not stop within {DOWN_SECONDS_MAX:g} s; look at {home.logs}")
        time.sleep(0.05)
    return state


def main(arguments: Sequence[str] | None = None) -> int:
    """Keep a house until SIGTERM, writing what happens to standard output; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m infra.embedded.keeper", description="Keep a house.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--port", type=int, default=PORT)
    parser.add_argument("--layout", choices=LAYOUTS, default="shared")
    parser.add_argument("--services", nargs="*", default=None)
    options = parser.parse_args(arguments)
    clock = SystemClock()

    def report(sentence: str) -> None:
        with contextlib.suppress(OSError):  # the disk of the log may be full: no reason to fall over
            print(f"{rfc3339(clock.now())} {sentence}", flush=True)

    def ready(house: House) -> None:
        report(f"ready after {house.seconds_to_ready:.2f} s at {house.layout.origin}")

    layout = lay_out(options.layout, options.port, options.services)
    try:
        launch(keep(Home(options.home), layout, report, ready))
    except HouseRuns as error:
        report(str(error))
        return 1
    except DeedlogError as error:
        report(str(error))
        return UNAVAILABLE
    except OSError as error:
        report(str(in_words(error)))
        return UNAVAILABLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
