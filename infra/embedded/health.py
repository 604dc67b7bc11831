"""Asks a process of the house for its readiness. A dozen lines of HTTP, so that the supervisor carries no client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from infra.embedded.layout import Process
from infra.embedded.ports import HOST

ANSWER_SECONDS_MAX: Final = 2.0
ANSWER_BYTES_MAX: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class Dependency:
    """One line of /readyz. reason: one sentence, empty when ready."""

    name: str
    is_ready: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Health:
    """What a process says of itself. dependencies: empty when it does not answer."""

    process: str
    is_answering: bool
    dependencies: tuple[Dependency, ...] = ()

    @property
    def is_ready(self) -> bool:
        """Whether it answers and all it needs is there."""
        return self.is_answering and all(one.is_ready for one in self.dependencies)

    @property
    def reason(self) -> str:
        """Why it is not ready, in one line; empty when it is."""
        if not self.is_answering:
            return f"{self.process} does not answer"
        return "; ".join(f"{one.name}: {one.reason}" for one in self.dependencies if not one.is_ready)


async def health_of(process: Process) -> Health:
    """Return what the process says on /readyz now, within ANSWER_SECONDS_MAX."""
    try:
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            answer = await _get(process.metrics_port, "/readyz")
        lines = json.loads(answer)["dependencies"]
        return Health(process.name, True, tuple(Dependency(**line) for line in lines))
    except (OSError, ValueError, KeyError, TypeError):  # TimeoutError is an OSError
        return Health(process.name, False)


async def health_of_all(processes: Iterable[Process]) -> list[Health]:
    """Return what every process says of itself now, asked at once."""
    return list(await asyncio.gather(*(health_of(process) for process in processes)))


async def _get(port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\nAccept: application/json\r\nConnection: close\r\n\r\n".encode()
        )
        answer = await reader.read(ANSWER_BYTES_MAX)
        while chunk := await reader.read(ANSWER_BYTES_MAX):
            answer += chunk
            if len(answer) > ANSWER_BYTES_MAX:
                raise ValueError("the answer is longer than readiness ever is")
    finally:
        writer.close()
    return answer.partition(b"\r\n\r\n")[2]
