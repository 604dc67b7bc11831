"""The parts a house starts and looks after: the database, the broker, and the processes that host services."""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import Final, Protocol

from infra.embedded.environment import environment_of
from infra.embedded.home import Home, Secrets
from infra.embedded.layout import Layout, Process
from infra.embedded.ports import require_free
from infra.embedded.process import Child, spawn

STOP_SECONDS: Final = 4.0
"""What a process may take to stop in order; then it is killed. Its streams and facts are safe either way."""


class Unit(Protocol):
    """Something with a process of its own."""

    @property
    def pid(self) -> int:
        """The number of the process we started last; 0 before the first."""
        ...

    @property
    def is_alive(self) -> bool:
        """Whether it runs."""
        ...

    async def start(self) -> None:
        """It runs. Does nothing if it does already. Raises a DeedlogError that says why it cannot."""
        ...

    async def stop(self) -> None:
        """It has ended in order."""
        ...

    async def kill(self) -> None:
        """It has ended by SIGKILL."""
        ...


class HostedProcess:
    """A process that hosts services or the gateway; see `host.py`. `go` is the file it waits for before it starts."""

    def __init__(self, process: Process, layout: Layout, home: Home, secrets: Secrets, go: Path) -> None:
        self.process = process
        self.log_file = home.logs / f"{process.name}.log"
        self._environment = environment_of(process, layout, home, secrets)
        self._command = _command(process, layout, home, go)
        self._child: Child | None = None

    @property
    def pid(self) -> int:
        """The number of the process we started last; 0 before the first."""
        return self._child.pid if self._child is not None else 0

    @property
    def is_alive(self) -> bool:
        """Whether it runs; ready it may still not be."""
        return self._child is not None and self._child.is_alive

    @property
    def exit_code(self) -> int | None:
        """How it ended, negative for the signal that ended it; None while it runs."""
        return self._child.exit_code if self._child is not None else None

    async def start(self) -> None:
        """The process runs; it becomes ready by itself. Raises PortTaken or LaunchFailed."""
        if self.is_alive:
            return
        require_free(self.process.http_port, self.process.name)
        self._child = spawn(
            self._command, self.log_file, environment=self._environment, signal_when_we_die=signal.SIGTERM
        )

    async def stop(self) -> None:
        """The process has ended; what it accepted is kept."""
        if self._child is not None:
            await self._child.end((signal.SIGTERM, STOP_SECONDS))

    async def kill(self) -> None:
        """The process has ended by SIGKILL."""
        if self._child is not None:
            await self._child.end()


def _command(process: Process, layout: Layout, home: Home, go: Path) -> list[str | Path]:
    python: list[str | Path] = [sys.executable, "-P"]
    if process.is_alone:
        return [*python, "-m", f"services.{process.name}"]
    words: list[str | Path] = [process.name, *process.services, "--home", home.path, "--after", go]
    if process.niceness:
        words += ["--nice", str(process.niceness)]
    if process.is_front:
        elsewhere = {service: url for service, url in layout.http_targets.items() if service not in process.services}
        words += ["--targets", json.dumps(elsewhere)]
    if not process.services:
        words += ["--http-port", str(process.http_port), "--metrics-port", str(process.metrics_port)]
    return [*python, "-m", "infra.embedded.host", *words]
