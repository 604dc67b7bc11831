"""The logs of the processes: each 0600 and bounded, and quoted where one of them fails.

A house that runs for months fills no disk with its logs.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Final

from infra.embedded.obstacle import in_words

LOG_BYTES_MAX: Final = 16 * 1024 * 1024
"""A log larger than this is set aside as `….1`: at a start, and by `keep_short` while its process runs."""
LOG_TAIL_LINES: Final = 8
LOOK_SECONDS: Final = 10.0
"""How often the logs of a house are measured."""


def opened_log(log_file: Path) -> IO[bytes]:
    """Return the log, 0600, open for appending; one that grew beyond LOG_BYTES_MAX is set aside first."""
    if log_file.exists() and log_file.stat().st_size > LOG_BYTES_MAX:
        log_file.replace(log_file.with_name(f"{log_file.name}.1"))
    return os.fdopen(os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def log_tail(log_file: Path, began: int = 0) -> str:
    """Return the log's last lines in one, or a note that there are none; nothing from before the byte `began`."""
    try:
        with log_file.open("rb") as log:
            log.seek(max(began, log.seek(0, os.SEEK_END) - 4096))
            return last_lines(log.read().decode(errors="replace"))
    except OSError:
        return "it left no log"


def last_lines(text: str) -> str:
    """Return the end of what a process said, in one line."""
    return " | ".join(text.strip().splitlines()[-LOG_TAIL_LINES:]) or "it said nothing"


async def keep_short(
    log_files: Callable[[], Iterable[Path]], report: Callable[[str], None], look_seconds: float = LOOK_SECONDS
) -> None:
    """Shorten those of the logs that grew too long, for ever. What cannot be shortened is told once and tried again."""
    in_the_way: dict[Path, str] = {}
    while True:
        await asyncio.sleep(look_seconds)
        for log_file in log_files():
            try:
                if shorten_log(log_file):
                    report(f"{log_file.name} was too long; its lines are in {log_file.name}.1")
                in_the_way.pop(log_file, None)
            except OSError as error:
                reason = str(in_words(error))
                if in_the_way.get(log_file) != reason:
                    report(reason)
                in_the_way[log_file] = reason


def shorten_log(log_file: Path) -> bool:
    """Say whether the log was too large; its lines stand in `….1` then, in the place of older ones, and it is empty.

    Its process writes on where the file now ends, at its beginning; what it writes in that moment may be lost. On a
    full disk the older lines go, because room is worth more.
    """
    if not log_file.exists() or log_file.stat().st_size <= LOG_BYTES_MAX:
        return False
    aside = log_file.with_name(f"{log_file.name}.1")
    try:
        shutil.copyfile(log_file, aside)
        aside.chmod(0o600)
    except OSError:
        aside.unlink(missing_ok=True)
    os.truncate(log_file, 0)
    return True
