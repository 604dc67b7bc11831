"""Our intake beside a peer's: Ralph's API with its storage cut out, asked by the same clients in turns.

    python -m tests.load.ralph_bench [--seconds 6] [--batch 50] [--clients 8] [--rounds 3]

Ralph is installed from the package index into an environment of its own in a temporary folder, which takes a minute,
and is gone afterwards. Its storage keeps nothing and finds nothing, so that what remains is what its API costs alone:
reading, checking, answering. Ours stores durably, tells and relays meanwhile. Both run all the time and are asked in
turns, so that a moment in which the machine is busy meets both. It prints, and judges nothing.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from infra.embedded.ports import free_port
from infra.embedded.process import BARE_ENVIRONMENT, spawn
from shared.runtime.lifecycle import launch
from tests.load.http_client import RawClient
from tests.load.ingest_bench import LAG, PATH
from tests.load.intake import intake
from tests.load.options import asked_for
from tests.load.sending import Address, Sender
from tests.load.yardstick import LOAD, Meter, Spent, elsewhere, line, machine

RALPH: Final = ("ralph-malph[lrs,cli]==5.1.0", "requests")
"""What is installed; it does not start without the second."""
GOAL_SHARE: Final = 0.8
INSTALL_SECONDS_MAX: Final = 300.0
START_SECONDS_MAX: Final = 60.0
WARM_UP_SECONDS: Final = 3.0
DRAIN_SECONDS_MAX: Final = 60.0
_NAME: Final = "bench"
_CREDENTIALS: Final = """
import bcrypt, json, sys
digest = bcrypt.hashpw(sys.argv[2].encode(), bcrypt.gensalt(4)).decode()
agent = {"mbox": "mailto:bench@example.org"}
print(json.dumps([{"username": sys.argv[1], "hash": digest, "scopes": ["all"], "agent": agent}]))
"""
_WITHOUT_STORAGE: Final = """
from ralph.backends.lrs.fs import FSLRSBackend


def found_nothing(self, ids, *rest, **named):
    return []


def keep_nothing(self, data, *rest, **named):
    return len(list(data))


FSLRSBackend.query_statements_by_ids = found_nothing
FSLRSBackend.write = keep_nothing

from ralph.api import app  # noqa: E402
"""


class PeerMissing(Exception):
    """Ralph is not to be had here; the message says why."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent in each turn, and how often each is asked."""

    seconds: float = 6.0
    batch: int = 50
    clients: int = 8
    rounds: int = 3


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured, a turn each. failures: requests that either did not answer with 200."""

    ours: Sequence[Spent]
    peers: Sequence[Spent]
    failures: int

    @property
    def share(self) -> float:
        """The median of our rates, in those of the peer."""
        return median(one.rate for one in self.ours) / median(one.rate for one in self.peers)


async def measure(load: Load) -> Measured:
    """Return how both do under this load on this machine, now. Raises PeerMissing."""
    with tempfile.TemporaryDirectory(prefix="deedlog-peer-") as folder:
        python = await _installed(Path(folder))
        async with _peer(Path(folder), python) as (pid, address), intake(is_separate=False) as house:
            own = Address(house.http_port, PATH, {"authorization": f"Bearer {house.secret}"})
            meters = {LOAD: os.getpid()}
            turns = [
                (
                    Sender(own, load.batch, load.clients),
                    Meter(alone=meters, trees=house.processes | house.servers.pids),
                ),
                (Sender(address, load.batch, load.clients), Meter(alone=meters, trees={"peer": pid})),
            ]
            spent: list[list[Spent]] = [[], []]
            failures = 0
            for seconds in (WARM_UP_SECONDS, *[load.seconds] * load.rounds):
                for (sender, meter), kept in zip(turns, spent, strict=True):
                    before = meter.read()
                    await sender.send(seconds)
                    async with asyncio.timeout(DRAIN_SECONDS_MAX):
                        while await house.count(LAG):
                            await asyncio.sleep(0.02)
                    kept.append(meter.spent(before, sender.acknowledged))
                    failures += sender.failures
            return Measured(spent[0][1:], spent[1][1:], failures)


def report(load: Load, measured: Measured) -> Iterator[str]:
    """Yield the lines that say what was measured."""
    yield line("sent", f"{load.batch} a request by {load.clients} clients for {load.seconds:g} s to each, in turns")
    for own, peer in zip(measured.ours, measured.peers, strict=True):
        yield line("ours", _turn(own))
        yield line("Ralph's API", _turn(peer))
    yield line("not taken", f"{measured.failures} requests")
    yield line("ours, of Ralph", f"{measured.share:.2f} of its rate (goal: at least {GOAL_SHARE}), by the medians")


def _turn(spent: Spent) -> str:
    return f"{spent.rate:8,.0f} statements/s at {spent.cpu_us:.1f} µs CPU each; {elsewhere(spent)}"


async def _installed(folder: Path) -> Path:
    """Return the interpreter of a new environment that has Ralph. Raises PeerMissing."""
    environment = folder / "environment"
    python = environment / "bin" / "python"
    await _done("no environment could be made", sys.executable, "-m", "venv", str(environment))
    await _done("it could not be installed", str(python), "-m", "pip", "install", "-q", *RALPH)
    return python


async def _done(otherwise: str, *command: str) -> bytes:
    """Return what a command printed. Raises PeerMissing when it fails or takes too long."""
    piped = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(*command, stdout=piped, stderr=piped)
    try:
        async with asyncio.timeout(INSTALL_SECONDS_MAX):
            printed, complained = await child.communicate()
    except TimeoutError:
        child.kill()
        await child.wait()
        raise PeerMissing(f"{otherwise} within {INSTALL_SECONDS_MAX:.0f} s") from None
    if child.returncode:
        last = complained.decode(errors="replace").strip().splitlines()[-1:]
        raise PeerMissing(f"{otherwise}: {' '.join(last)[:200]}")
    return printed


@asynccontextmanager
async def _peer(folder: Path, python: Path) -> AsyncIterator[tuple[int, Address]]:
    """Run Ralph's API, and yield its process and where statements go. Raises PeerMissing when it does not answer."""
    secret = base64.b16encode(os.urandom(8)).decode()
    credentials = await _done("it has no credentials", str(python), "-c", _CREDENTIALS, _NAME, secret)
    (folder / "auth.json").write_bytes(credentials)
    (folder / "data").mkdir()
    (folder / "without_storage.py").write_text(_WITHOUT_STORAGE)
    port = free_port()
    own = {
        "RALPH_AUTH_FILE": str(folder / "auth.json"),
        "RALPH_RUNSERVER_BACKEND": "fs",
        "RALPH_BACKENDS__LRS__FS__DEFAULT_DIRECTORY_PATH": str(folder / "data"),
        "RALPH_EXECUTION_ENVIRONMENT": "production",
        "PYTHONPATH": str(folder),
        "HOME": str(folder),
    }
    server = ["-m", "uvicorn", "without_storage:app", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command = [str(python), *server, "--no-access-log", "--log-level", "warning"]
    child = spawn(command, folder / "peer.log", environment={**BARE_ENVIRONMENT, **own})
    address = Address(
        port,
        "/xAPI/statements",
        {
            "authorization": "Basic " + base64.b64encode(f"{_NAME}:{secret}".encode()).decode(),
            "x-experience-api-version": "1.0.3",
        },
    )
    try:
        await _answering(address)
        yield child.pid, address
    finally:
        await child.end()


async def _answering(address: Address) -> None:
    """Wait until statements are taken there. Raises PeerMissing."""
    sender = Sender(address, batch=1, clients=1)
    body = json.dumps([json.loads(next(sender.corpus.batches(1))[0][1])]).encode()
    headers = {"content-type": "application/json", **address.headers}
    said = "nothing listens"
    try:
        async with asyncio.timeout(START_SECONDS_MAX):
            while True:
                try:
                    async with RawClient("127.0.0.1", address.port, address.path, headers) as client:
                        status = await client.post(body)
                        if status == 200:
                            return
                        said = f"it answers {status}: {client.content.decode(errors='replace')[:200]}"
                except OSError:
                    pass
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise PeerMissing(f"it took no statement within {START_SECONDS_MAX:.0f} s: {said}") from None


def main() -> None:
    """Measure and print."""
    load = asked_for(Load, "ralph_bench", "Our intake beside Ralph's API")
    print(line("machine", machine()))
    print(*report(load, launch(measure(load))), sep="\n")


if __name__ == "__main__":
    main()
