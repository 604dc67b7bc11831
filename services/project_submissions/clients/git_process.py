"""Runs git on what a stranger sent: without its many features, and under limits that hold when it is attacked.

git sees an environment of our own making and no configuration but ours; no hooks, no protocol but file, no prompt, no
replacement objects, no mail map. Each command has a deadline, a limit of processor time, memory and written bytes
(set by the shell that becomes git, so that they hold before its first instruction), and a bound on its output.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

OUTPUT_BYTES_MAX: Final = 64 << 10
"""Bytes of output unless a caller takes more."""
STDERR_BYTES_MAX: Final = 16 << 10
"""Bytes of complaint that are kept, the last ones."""
_CHUNK: Final = 64 << 10

_CONFIGURATION: Final = (
    "core.hooksPath=/dev/null",
    "core.attributesFile=/dev/null",
    "core.fsmonitor=false",
    "core.symlinks=false",
    "core.useReplaceRefs=false",
    "core.commitGraph=false",
    "core.bigFileThreshold=8m",  # larger blobs are streamed, not held in memory
    "core.quotePath=false",
    "mailmap.file=/dev/null",
    "log.mailmap=false",
    "log.showSignature=false",
    "diff.renames=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "pack.threads=1",
    "protocol.allow=never",
    "protocol.file.allow=always",
    "submodule.recurse=false",
    "transfer.fsckObjects=true",
)
# POSIX sh: -t seconds, -f blocks of 512 bytes, -v KiB. Some systems have no -v; the others hold there.
_LIMITED: Final = 'ulimit -t "$1" && ulimit -f "$2" && { ulimit -v "$3" 2>/dev/null || :; } && shift 3 && exec "$@"'
_BLOCK: Final = 512


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """What one git command may take."""

    seconds_max: float
    """Time on the clock, and as much of a processor."""
    memory_bytes_max: int
    """Address space."""
    written_bytes_max: int
    """Size of each file it writes."""


class TooMuchOutput(Exception):
    """A command printed more than its caller takes; it was ended."""


class GitFailed(Exception):
    """A command ended otherwise than well. `said` is the end of its stderr: for our eyes, it may quote the stranger."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(f"git ended with {code}")
        self.code = code
        self.said = said

    @property
    def is_over_limit(self) -> bool:
        """Whether a limit of time, processor or written bytes ended it."""
        return self.code in (-signal.SIGKILL, -signal.SIGXCPU, -signal.SIGXFSZ)


class GitProcess:
    """git, to be run in one repository. folder: where its repository is or will be, in a folder of its own."""

    def __init__(self, folder: Path, limits: ProcessLimits, search_path: str) -> None:
        self.folder = folder
        self.limits = limits
        self._environment = {
            "PATH": search_path,
            "HOME": str(folder.parent),
            "XDG_CONFIG_HOME": str(folder.parent),
            "LC_ALL": "C",
            "TZ": "UTC",
            "GIT_DIR": str(folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_SYSTEM": os.devnull,
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "/bin/false",
            "GIT_ALLOW_PROTOCOL": "file",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_LITERAL_PATHSPECS": "1",
        }

    async def run(
        self,
        *arguments: str,
        stdin: bytes | int = b"",
        bytes_max: int = OUTPUT_BYTES_MAX,
        seconds_max: float | None = None,
    ) -> bytes:
        """Return what `git *arguments` prints. When this returns or raises, the process is over.

        stdin: bytes to be fed, or the descriptor of a file to be read from where it stands.
        Raises GitFailed, also at the deadline, and TooMuchOutput over `bytes_max`.
        """
        seconds = min(seconds_max or self.limits.seconds_max, self.limits.seconds_max)
        process = await self._start(arguments, _source(stdin), seconds)
        try:
            async with asyncio.timeout(seconds):
                return await _converse(process, stdin if isinstance(stdin, bytes) else b"", bytes_max)
        except TimeoutError as late:
            raise GitFailed(-signal.SIGKILL, f"not done after {seconds} s") from late
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # a session of its own: nothing else is in that group
            # What nobody read keeps the pipes open; it is no more than they hold.
            await asyncio.gather(_discard(process.stdout), _discard(process.stderr), process.wait())

    async def _start(self, arguments: tuple[str, ...], stdin: int, seconds: float) -> asyncio.subprocess.Process:
        limits = (
            max(1, round(seconds)),
            self.limits.written_bytes_max // _BLOCK,
            self.limits.memory_bytes_max >> 10,
        )
        settings = [part for setting in _CONFIGURATION for part in ("-c", setting)]
        command = ["/bin/sh", "-c", _LIMITED, "sh", *map(str, limits), "git", *settings, *arguments]
        return await asyncio.create_subprocess_exec(
            *command,
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=self.folder.parent,
            env=self._environment,
            start_new_session=True,
        )


def _source(stdin: bytes | int) -> int:
    """Return what the process reads from: a descriptor, a pipe for bytes, and nothing at all where there are none."""
    if isinstance(stdin, int):
        return stdin
    return asyncio.subprocess.PIPE if stdin else asyncio.subprocess.DEVNULL


async def _converse(process: asyncio.subprocess.Process, stdin: bytes, bytes_max: int) -> bytes:
    """Feed stdin and read both outputs at once, so that no side waits for the other; then judge how it ended."""
    output = asyncio.ensure_future(_read(process.stdout, bytes_max))
    said = asyncio.ensure_future(_read_last(process.stderr))
    fed = asyncio.ensure_future(_feed(process.stdin, stdin))
    try:
        await asyncio.gather(output, said, fed)
        code = await process.wait()
    finally:
        await _end(output, said, fed)
    if code:
        raise GitFailed(code, said.result().decode("utf-8", "replace"))
    return output.result()


async def _end(*tasks: asyncio.Future[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _read(stream: asyncio.StreamReader | None, bytes_max: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    while stream is not None and (part := await stream.read(_CHUNK)):
        size += len(part)
        if size > bytes_max:
            raise TooMuchOutput(f"more than {bytes_max} bytes")
        parts.append(part)
    return b"".join(parts)


async def _read_last(stream: asyncio.StreamReader | None) -> bytes:
    parts: deque[bytes] = deque(maxlen=4)
    while stream is not None and (part := await stream.read(STDERR_BYTES_MAX // 4)):
        parts.append(part)
    return b"".join(parts)


async def _discard(stream: asyncio.StreamReader | None) -> None:
    while stream is not None and await stream.read(_CHUNK):
        pass


async def _feed(stream: asyncio.StreamWriter | None, content: bytes) -> None:
    if stream is None:
        return
    # A process that ends before it has read all says why by its code, not by a broken pipe. uvloop raises RuntimeError
    # for a pipe that it has closed already, where asyncio's own loop says nothing.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError, RuntimeError):
        stream.write(content)
        await stream.drain()
    with contextlib.suppress(BrokenPipeError, ConnectionResetError, RuntimeError):
        stream.close()
        await stream.wait_closed()
