"""Child processes: started with a log, ended within a bound, never outliving us where the system can see to that.

A child gets a session of its own, so that Ctrl-C at the terminal reaches only us and we can stop things in order.
It gets a bare environment, so that no variable of the caller's shell changes what it does. Nothing here is tied to
an event loop: a server may be started under one loop and stopped under another.
"""

from __future__ import annotations

import asyncio
import functools
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Final

from infra.embedded.logs import last_lines, log_tail, opened_log
from infra.embedded.system_user import SystemUser
from shared.kernel.errors import Broken

SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BARE_ENVIRONMENT: Final[Mapping[str, str]] = {"PATH": SYSTEM_PATH, "LC_ALL": "C", "TZ": "UTC"}
POLL_SECONDS: Final = 0.01
KILLED_SECONDS_MAX: Final = 5.0


class LaunchFailed(Broken):
    """A child process did not start, did not become ready or could not be ended; the message holds its last words."""

    code = "launch-failed"


class Child:
    """One process we started. It is ours to end."""

    def __init__(self, process: subprocess.Popen[bytes], log_file: Path) -> None:
        self._process = process
        self.log_file = log_file

    @property
    def pid(self) -> int:
        """The process's number; it may belong to a stranger once `is_alive` is false."""
        return self._process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """The exit status, negative for the signal that ended it, or None while it runs."""
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        """Deliver a signal, or do nothing if the process has ended."""
        self._process.send_signal(number)

    async def exited(self, seconds_max: float) -> bool:
        """Say whether the process ended within `seconds_max`."""
        return await becomes(lambda: not self.is_alive, seconds_max)

    async def end(self, *steps: tuple[signal.Signals, float]) -> None:
        """The process has ended. Each step is a signal and the seconds it is given; SIGKILL follows the last one."""
        for number, seconds_max in (*steps, (signal.SIGKILL, KILLED_SECONDS_MAX)):
            self.send(number)
            if await self.exited(seconds_max):
                return
        raise LaunchFailed(f"process {self.pid} did not end within {KILLED_SECONDS_MAX} s of SIGKILL")

    async def end_with_descendants(self) -> None:
        """The process, if it still ran, has ended by SIGKILL, and so have those it started in its own group."""
        if not self.is_alive:
            return
        os.killpg(self.pid, signal.SIGKILL)
        await self.exited(KILLED_SECONDS_MAX)
        await becomes(lambda: not _group_exists(self.pid), KILLED_SECONDS_MAX)

    async def until(self, ready: Callable[[], Awaitable[bool]], seconds_max: float) -> None:
        """Return once `ready` says so. Raises LaunchFailed when the process ends first or the time is over."""
        try:
            async with asyncio.timeout(seconds_max):
                while not await ready():
                    if not self.is_alive:
                        raise LaunchFailed(f"ended with status {self.exit_code} at start: {log_tail(self.log_file)}")
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise LaunchFailed(f"not ready after {seconds_max:g} s: {log_tail(self.log_file)}") from None


def spawn(
    command: Sequence[str | Path],
    log_file: Path,
    *,
    user: SystemUser | None = None,
    environment: Mapping[str, str] = BARE_ENVIRONMENT,
    signal_when_we_die: signal.Signals = signal.SIGKILL,
    folder: Path | None = None,
) -> Child:
    """The command runs in a session of its own, both its outputs appended to `log_file` (0600).

    user: whom to run as, ourselves if None. signal_when_we_die: what the kernel sends the child when this process is
    killed; only on Linux with setpriv, and only from the main thread, because the kernel watches the thread.
    """
    with opened_log(log_file) as log:
        return Child(_popen([*_tied_to_us(signal_when_we_die), *command], log, user, environment, folder), log_file)


async def run(
    command: Sequence[str | Path],
    *,
    seconds_max: float,
    user: SystemUser | None = None,
    environment: Mapping[str, str] = BARE_ENVIRONMENT,
    folder: Path | None = None,
) -> str:
    """Return what the command wrote on both outputs. Raises LaunchFailed on another status than 0 or past the bound."""
    with tempfile.TemporaryFile() as output:
        child = Child(_popen(command, output, user, environment, folder), Path(os.devnull))
        try:
            in_time = await child.exited(seconds_max)
        finally:
            await child.end_with_descendants()
        output.seek(0)
        text = output.read().decode(errors="replace")
    name = Path(command[0]).name
    if not in_time:
        raise LaunchFailed(f"{name} took longer than {seconds_max:g} s and was ended: {last_lines(text)}")
    if child.exit_code != 0:
        raise LaunchFailed(f"{name} ended with status {child.exit_code}: {last_lines(text)}")
    return text


async def becomes(claim: Callable[[], bool], seconds_max: float) -> bool:
    """Say whether `claim` came true within `seconds_max`."""
    try:
        async with asyncio.timeout(seconds_max):
            while True:
                if claim():
                    return True
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        return claim()


def _group_exists(number: int) -> bool:
    try:
        os.killpg(number, 0)
    except ProcessLookupError:
        return False
    return True


def _popen(
    command: Sequence[str | Path],
    output: IO[bytes],
    user: SystemUser | None,
    environment: Mapping[str, str],
    folder: Path | None,
) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=folder or "/",  # never the caller's folder: another user may not be able to stand in it
            start_new_session=True,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
        )
    except OSError as error:
        raise LaunchFailed(f"cannot run {command[0]}: {error.strerror}") from error


def _tied_to_us(number: signal.Signals) -> list[str]:
    if threading.current_thread() is not threading.main_thread() or (setpriv := _setpriv()) is None:
        return []
    return [setpriv, "--pdeathsig", number.name.removeprefix("SIG")]


@functools.cache
def _setpriv() -> str | None:
    """BusyBox has a program of that name without the option, so it is asked."""
    setpriv = shutil.which("setpriv", path=SYSTEM_PATH)
    if setpriv is None:
        return None
    answer = subprocess.run([setpriv, "--help"], capture_output=True, text=True, check=False, timeout=5)
    return setpriv if "--pdeathsig" in answer.stdout else None
