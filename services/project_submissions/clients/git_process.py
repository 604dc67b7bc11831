"""Runs git on what a stranger sent: without its many features, and under limits that hold when it is attacked.

git sees an environment of our own making and no configuration but ours; no hooks, no protocol but file, no prompt, no
replacement objects, no mail map. Each command has a deadline, a limit of processor time, memory and written bytes
(set by the shell that becomes git, so that they hold before its first instruction), and a bound on its output.

Processes are started by `subprocess`, not by the event loop. uvloop forks, gRPC has handlers for a fork, and beside
its threads one child in twenty died of a segmentation fault before it was git (8 of 150 with uvloop 0.23 and grpcio
1.85 under traffic; by `subprocess` none). `subprocess` uses vfork, which runs no handlers.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

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

    @property
    def is_crash(self) -> bool:
        """Whether it died of a signal that no limit sends: that says nothing about what it read."""
        return self.code < 0 and not self.is_over_limit


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
        with self._room() as said, self._room() as fed:
            if isinstance(stdin, bytes):
                fed.write(stdin)
                fed.seek(0)
                stdin = fed.fileno()
            process = self._start(arguments, stdin, said, seconds)
            try:
                async with asyncio.timeout(seconds):
                    output = await _read(process, bytes_max)
                    code = await asyncio.to_thread(process.wait)
            except TimeoutError as late:
                raise GitFailed(-signal.SIGKILL, f"not done after {seconds} s") from late
            finally:
                if process.poll() is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)  # a session of its own: nothing else is in that group
                    await asyncio.to_thread(process.wait)
            if code:
                raise GitFailed(code, _last(said))
        return output

    def _start(
        self, arguments: tuple[str, ...], stdin: int, said: IO[bytes], seconds: float
    ) -> subprocess.Popen[bytes]:
        limits = (
            max(1, round(seconds)),
            self.limits.written_bytes_max // _BLOCK,
            self.limits.memory_bytes_max >> 10,
        )
        settings = [part for setting in _CONFIGURATION for part in ("-c", setting)]
        command = ["/bin/sh", "-c", _LIMITED, "sh", *map(str, limits), "git", *settings, *arguments]
        return subprocess.Popen(
            command,
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=said,
            cwd=self.folder.parent,
            env=self._environment,
            start_new_session=True,
        )

    def _room(self) -> IO[bytes]:
        """Return an empty file without a name: what is fed and complained waits on no other side."""
        return tempfile.TemporaryFile(dir=self.folder.parent)


async def _read(process: subprocess.Popen[bytes], bytes_max: int) -> bytes:
    """Return what the process prints, once it has closed its end. Raises TooMuchOutput."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), process.stdout)
    try:
        parts: list[bytes] = []
        size = 0
        while part := await reader.read(_CHUNK):
            size += len(part)
            if size > bytes_max:
                raise TooMuchOutput(f"more than {bytes_max} bytes")
            parts.append(part)
    finally:
        transport.close()
    return b"".join(parts)


def _last(said: IO[bytes]) -> str:
    """Return the end of what was written to a file."""
    size = said.seek(0, os.SEEK_END)
    said.seek(max(0, size - STDERR_BYTES_MAX))
    return said.read().decode("utf-8", "replace")
