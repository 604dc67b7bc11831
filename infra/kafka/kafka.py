"""Apache Kafka itself as one node on 127.0.0.1, without Docker and without Kafka's shell scripts, for tests and CI.

    python -m infra.kafka.kafka fetch     gather the jars (once)
    python -m infra.kafka.kafka run       and start a broker, until Ctrl-C

One process is both broker and controller (KRaft, static quorum of one). It offers what the embedded broker offers,
and in addition keeps what it was told: over kill -9, though not over a loss of power, as Kafka does not fsync.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from infra.embedded.broker import Broker, described_cluster
from infra.embedded.memory import rss_bytes
from infra.embedded.ports import HOST, answers, free_port, require_free
from infra.embedded.process import Child, LaunchFailed, run, spawn
from infra.kafka.jars import ARCHIVE, HERE, class_path, gather, java
from shared.kernel.errors import DeedlogError

START_SECONDS_MAX: Final = 60.0
FORMAT_SECONDS_MAX: Final = 60.0
STOP_SECONDS: Final = 20.0
DEFAULT_PORT: Final = 9092
DEFAULT_FOLDER: Final = HERE.parents[1] / ".cache" / "kafka"

QUICK_START: Final = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""For tests on few cores: half the start time and half the processor time of the defaults, less throughput at peak."""

SETTINGS: Final[Mapping[str, str]] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    # Topics are made with the partitions and retention we want, or not at all.
    "auto.create.topics.enable": "false",
    "group.initial.rebalance.delay.ms": "0",
    # One node can hold one replica; few partitions, because each is files to open at start.
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "4",
    # After kill -9 the controller waits this long before it lets the broker in again; the default is 9 s.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    # Sized for two cores and one application.
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.cleaner.dedupe.buffer.size": "8388608",
}


class ApacheKafka:
    """A single Kafka node with its files in `folder`, which is made if it is missing.

    controller_port: a second port, for Kafka's talk with itself; the next one if not given.
    """

    def __init__(
        self, folder: Path, port: int, controller_port: int | None = None, jvm_options: Sequence[str] = QUICK_START
    ) -> None:
        self.folder = folder.absolute()
        self.port = port
        self.controller_port = port + 1 if controller_port is None else controller_port
        self.jvm_options = tuple(jvm_options)
        self.log_file = self.folder / "kafka.log"
        self._child: Child | None = None

    @property
    def address(self) -> str:
        """`host:port`, for clients."""
        return f"{HOST}:{self.port}"

    @property
    def cluster_id(self) -> str:
        """The id the folder was formatted with; empty before the first start and after a wipe."""
        with contextlib.suppress(FileNotFoundError):
            for line in (self._storage / "meta.properties").read_text().splitlines():
                if line.startswith("cluster.id="):
                    return line.removeprefix("cluster.id=")
        return ""

    @property
    def is_alive(self) -> bool:
        """Whether the process we started still runs."""
        return self._child is not None and self._child.is_alive

    def rss_bytes(self) -> int:
        """Return the resident memory of the broker, 0 when it is stopped."""
        return rss_bytes(self._child.pid) if self._child is not None and self._child.is_alive else 0

    async def start(self) -> None:
        """Clients are served; topics and messages of earlier starts are there. Does nothing if it runs already.

        Raises PortTaken, or LaunchFailed: without jars, or with the last lines of the log.
        """
        if self.is_alive:
            return
        for port in (self.port, self.controller_port):
            require_free(port, "Apache Kafka")
        self._make_folder()
        if not self._storage.exists():
            await self._format()
        await self._launch(self._archive_options())

    async def stop(self) -> None:
        """The broker has ended in order; its files are closed."""
        if self._child is not None:
            await self._child.end((signal.SIGTERM, STOP_SECONDS))
        self._child = None

    async def kill(self) -> None:
        """The broker has ended by SIGKILL, as in a crash. What it answered for is found again at the next start."""
        if self._child is not None:
            await self._child.end()
        self._child = None

    async def wipe(self) -> None:
        """The broker has ended and forgot everything; the next start is a new cluster."""
        await self.kill()
        for folder in (self._storage, self._half_formatted, self.folder / "tmp"):
            shutil.rmtree(folder, ignore_errors=True)

    async def make_archive(self) -> None:
        """ARCHIVE holds the classes that one start and an orderly stop load. For a folder that is thrown away."""
        aside = ARCHIVE.with_suffix(".aside")
        self._make_folder()
        await self._format()
        await self._launch([f"-XX:ArchiveClassesAtExit={aside}"])
        await self.stop()
        aside.replace(ARCHIVE)

    @property
    def _storage(self) -> Path:
        return self.folder / "storage"

    @property
    def _half_formatted(self) -> Path:
        return self.folder / "storage.partial"

    def _make_folder(self) -> None:
        (self.folder / "tmp").mkdir(parents=True, exist_ok=True)

    async def _format(self) -> None:
        """Formatted aside and renamed, so that storage is whole or absent."""
        shutil.rmtree(self._half_formatted, ignore_errors=True)
        settings = self._write_settings(self._half_formatted)
        words = ["kafka.tools.StorageTool", "format", f"--cluster-id={_fresh_cluster_id()}", f"--config={settings}"]
        await run([*self._java(self._archive_options()), *words], seconds_max=FORMAT_SECONDS_MAX)
        self._half_formatted.rename(self._storage)

    async def _launch(self, options: Sequence[str]) -> None:
        settings = self._write_settings(self._storage)
        command = [*self._java(options), "kafka.Kafka", str(settings)]
        self._child = spawn(command, self.log_file)
        try:
            await self._child.until(self._is_ready, START_SECONDS_MAX)
        except BaseException:
            await self.kill()
            raise

    def _java(self, options: Sequence[str]) -> list[str]:
        # Nothing of ours in the machine's /tmp: neither unpacked libraries nor performance counters.
        places = [f"-Djava.io.tmpdir={self.folder / 'tmp'}", "-XX:-UsePerfData"]
        log = {"defaultLogLevel": "warn", "showDateTime": "true", "dateTimeFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSXXX"}
        logging = [f"-Dorg.slf4j.simpleLogger.{name}={value}" for name, value in log.items()]
        return [java(), *self.jvm_options, *options, *places, *logging, "-cp", class_path()]

    def _archive_options(self) -> list[str]:
        # An archive of another Java or other jars is passed over by the JVM, silently with this.
        return (
            [f"-XX:SharedArchiveFile={ARCHIVE}", "-Xlog:cds=off", "-Xlog:cds+dynamic=off"] if ARCHIVE.exists() else []
        )

    def _write_settings(self, storage: Path) -> Path:
        listeners = f"PLAINTEXT://{self.address},CONTROLLER://{HOST}:{self.controller_port}"
        ours = {
            "listeners": listeners,
            "advertised.listeners": f"PLAINTEXT://{self.address}",
            "controller.quorum.voters": f"1@{HOST}:{self.controller_port}",
            "log.dirs": str(storage),
        }
        file = self.folder / "kafka.properties"
        file.write_text("".join(f"{name}={value}\n" for name, value in {**SETTINGS, **ours}.items()))
        return file

    async def _is_ready(self) -> bool:
        return await answers(self.port) and await described_cluster(self.address) == self.cluster_id


async def fetch() -> None:
    """Jars and archive are in lib/; nothing is done if they are."""
    await gather()
    if not ARCHIVE.exists():
        with tempfile.TemporaryDirectory(prefix="deedlog-kafka-") as folder:
            await ApacheKafka(Path(folder), free_port(), free_port()).make_archive()


async def serve(broker: Broker) -> None:
    """The broker ran until a signal asked us to stop. Raises LaunchFailed when it ended by itself."""
    asked = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    await broker.start()
    print(f"Apache Kafka listens on {broker.address}; Ctrl-C stops it", flush=True)
    try:
        while broker.is_alive and not asked.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asked.wait(), timeout=1)
    finally:
        await broker.stop()
    if not asked.is_set():
        raise LaunchFailed("the broker ended by itself; its log says why")


async def _main(arguments: argparse.Namespace) -> None:
    await fetch()
    if arguments.command == "run":
        await serve(ApacheKafka(arguments.folder, arguments.port))


def _fresh_cluster_id() -> str:
    """Return 16 random bytes as Kafka writes them; the first one so that no dash leads, which reads as an option."""
    number = bytes([secrets.randbelow(0xF8)]) + secrets.token_bytes(15)
    return base64.urlsafe_b64encode(number).decode().rstrip("=")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.kafka.kafka", description="Apache Kafka on this machine")
    parser.add_argument("command", choices=["fetch", "run"], help="gather the jars; or also start a broker")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="of the broker; the controller takes the next")
    parser.add_argument("--folder", type=Path, default=DEFAULT_FOLDER, help="keeps topics and messages between runs")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        asyncio.run(_main(_arguments()))
    except DeedlogError as error:
        sys.exit(f"kafka: {error}")
