"""One event, one JSON line on stderr, so that a machine can read what happened and a person can grep it.

A line holds `at`, `level`, `service`, `logger`, `event` and what the caller gave as `extra`. It never holds personal
data: callers log ids, counts and codes; nothing here prints a request. Values given as `extra` under a name that is
likely to carry a secret or a person's words are masked, as a second fence behind the first.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import orjson

from shared.kernel.clock import rfc3339

LINE_BYTES_MAX: Final = 16 * 1024
"""A longer line is cut; what reads logs often refuses more."""
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_MASKED: Final = frozenset({"authorization", "secret", "token", "password", "cookie", "body", "name", "email"})
_QUIET: Final = {"aiokafka": logging.WARNING, "faststream": logging.WARNING, "uvicorn": logging.WARNING,
                 "httpx": logging.WARNING, "asyncio": logging.WARNING}  # fmt: skip


def configure_logging(service: str, level: str = "info", stream: TextIO | None = None) -> None:
    """Make the root logger write one JSON line an event to `stream` (stderr unless given), replacing what it had.

    level: "debug", "info", "warning" or "error"; raises ValueError for another.
    """
    number = logging.getLevelNamesMapping().get(level.upper())
    if number is None:
        raise ValueError(f"a log level is debug, info, warning or error, got {level!r}")
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(LineFormatter(service))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name, quiet in _QUIET.items():
        logging.getLogger(name).setLevel(max(quiet, number))


class LineFormatter(logging.Formatter):
    """Formats a record as one JSON line."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line of JSON without a line end, at most LINE_BYTES_MAX bytes."""
        line: dict[str, Any] = {
            "at": rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "event": record.getMessage(),
        }
        for name, value in vars(record).items():
            if name not in _OWN:
                line[f"{name}_" if name in line else name] = "…" if name in _MASKED else value
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return _encoded(line)


def _encoded(line: dict[str, Any]) -> str:
    text = _text(line)
    if len(text.encode()) > LINE_BYTES_MAX:
        kept = {name: line[name] for name in ("at", "level", "service", "logger")}
        kept |= {"event": str(line["event"])[:500], "trace": str(line.get("trace", ""))[-2000:], "is_cut": True}
        return _text(kept)
    return text


def _text(line: dict[str, Any]) -> str:
    """Return the line whatever was put into it: a log call must not be what fails."""
    try:
        return orjson.dumps(line, default=repr, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        return json.dumps({str(name): repr(value) for name, value in line.items()})
