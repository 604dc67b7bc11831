"""A whole house for a journey: started by the command, in a folder of its own, on ports of its own.

Nothing is reached but what users and operators reach: the command, the public origin, process numbers in house.json
and, to count at the end, the databases.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg
import pytest

from cli.api import Api
from infra.embedded.home import Home
from infra.embedded.layout import PORTS_SPAN
from infra.embedded.ports import is_free
from infra.embedded.state import HouseState, running_state

ROOT: Final = Path(__file__).resolve().parents[2]
COMMAND_SECONDS_MAX: Final = 120


class JourneyHouse:
    """A house that runs. `path` is its data folder, `port` its origin's."""

    def __init__(self, path: Path, port: int) -> None:
        self.home = Home(path)
        self.port = port
        self.origin = f"http://127.0.0.1:{port}"

    def command(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `deedlog words…` for this house and return what it said."""
        environment = os.environ | {"DEEDLOG_HOME": str(self.home.path), "DEEDLOG_PORT": str(self.port)}
        done = subprocess.run(
            [sys.executable, "-m", "cli.main", *words],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS_MAX,
            check=False,
        )
        if check and done.returncode:
            pytest.fail(f"deedlog {' '.join(words)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done

    def answer(self, *words: str) -> Any:
        """Run a command with --json and return what it answered."""
        return json.loads(self.command(*words, "--json").stdout)

    def api(self) -> Api:
        """Return the public API as the operator."""
        return Api(self.origin, self.home.admin_key())

    def state(self) -> HouseState:
        """Return what runs now."""
        state = running_state(self.home)
        assert state is not None, "the house does not run"
        return state

    def kill(self, name: str) -> bool:
        """Kill a process of the house as a crash would; False when it is down at the moment."""
        process = self.state().process(name)
        if process is None or process.created_at == 0:
            return False
        try:
            os.kill(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True

    @asynccontextmanager
    async def database(self, service: str) -> AsyncIterator[Any]:
        """Lend a connection to a service's database that sees all of it."""
        password = self.home.secrets().passwords[service]["backbone"]
        connection = await asyncpg.connect(
            host="127.0.0.1",
            port=self.port + 1,
            user=f"{service}_backbone",
            password=password,
            database=f"deedlog_{service}",
            server_settings={"search_path": "derived,public"},
        )
        try:
            yield connection
        finally:
            await connection.close()


@contextmanager
def empty_house() -> Iterator[JourneyHouse]:
    """Yield a house that was never started; stop it, if it runs, and remove all it kept at the end."""
    with tempfile.TemporaryDirectory(prefix="deedlog-journey-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        house = JourneyHouse(Path(folder) / "home", free_span())
        try:
            yield house
        finally:
            house.command("down", check=False)


@contextmanager
def running_house(*options: str) -> Iterator[JourneyHouse]:
    """Start a house with these options of `deedlog up`, and stop it and remove all it kept at the end."""
    with empty_house() as house:
        house.command("up", "--detach", *options)
        yield house


def free_span() -> int:
    """Return a port that is free with all the ports a house takes above it."""
    start = 20_000 + (os.getpid() * PORTS_SPAN) % 8_000
    for port in range(start, 30_000 - PORTS_SPAN, PORTS_SPAN):
        if all(is_free(one) for one in range(port, port + PORTS_SPAN)):
            return port
    raise AssertionError("no free ports for a house")


async def until(what: str, condition: Any, seconds: float) -> None:
    """Wait until an async condition holds. Raises TimeoutError naming what never came."""
    try:
        async with asyncio.timeout(seconds):
            while not await condition():
                await asyncio.sleep(0.25)
    except TimeoutError:
        raise TimeoutError(f"waited {seconds:.0f} s for: {what}") from None
