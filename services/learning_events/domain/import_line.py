"""The lines of an import: cut from the bytes as they come, and read as what each says it is.

A line is an xAPI statement, a CloudEvent, or an event or entity of Caliper, told apart by what only they have. Nothing
here holds more than one line of the largest size, however the bytes arrive.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from services.learning_events.domain.any_event import read_any
from services.learning_events.domain.batch import NewStatementId, RefusedStatement, validate_item
from services.learning_events.domain.derived import Reading
from shared.kernel.errors import Fault
from shared.kernel.hashing import tagged

LINE_BYTES_MAX: Final = 8 << 20
"""Bytes of one line: a statement may have as many as a request, what comes in another form ITEM_BYTES_MAX. A longer
line is passed over and reported."""
_BOM: Final = b"\xef\xbb\xbf"
_BLANK: Final = b" \t\r"
_NEWLINES: Final = re.compile(rb"\n+").match
_MARKS: Final = (b"specversion", b"eventTime", b"imsglobal.org", b"sensor")
"""A line that holds none of these is no CloudEvent, and nothing of Caliper."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line that holds something. number: from 1; end: of the line in the inflated upload, its newline included.

    raw: None where it is longer than LINE_BYTES_MAX.
    """

    number: int
    end: int
    raw: bytes | None


class Lines:
    """Cuts lines from bytes. number, end: of the last line that was read already, to go on behind it."""

    def __init__(self, number: int = 0, end: int = 0, line_bytes_max: int = LINE_BYTES_MAX) -> None:
        self._number = number
        self._end = end
        self._line_bytes_max = line_bytes_max
        self._begun: list[bytes] = []
        self._length = 0

    @property
    def number(self) -> int:
        """How many lines were read, blank ones included."""
        return self._number

    @property
    def end(self) -> int:
        """Where the last of them ends."""
        return self._end

    def feed(self, piece: bytes) -> Iterator[Line]:
        """Yield each line that ends in `piece`, but for blank ones, which only count."""
        start = 0
        while (stop := piece.find(b"\n", start)) >= 0:
            if stop == start and not self._length:
                start = self._passed_over(piece, start)
                continue
            self._add(piece[start:stop])
            yield from self._taken(newline=1)
            start = stop + 1
        self._add(piece[start:])

    def finish(self) -> Iterator[Line]:
        """Yield the last line where no newline ends it."""
        if self._length:
            yield from self._taken(newline=0)

    def _passed_over(self, piece: bytes, start: int) -> int:
        """Count empty lines and return where they end: a file may hold millions, and none costs a turn."""
        run = _NEWLINES(piece, start)
        end = start if run is None else run.end()
        self._number += end - start
        self._end += end - start
        return end

    def _add(self, part: bytes) -> None:
        self._length += len(part)
        if self._length <= self._line_bytes_max:
            self._begun.append(part)
        else:
            self._begun.clear()

    def _taken(self, newline: int) -> Iterator[Line]:
        is_long = self._length > self._line_bytes_max
        raw = b"".join(self._begun)
        self._number += 1
        self._end += self._length + newline
        self._begun.clear()
        self._length = 0
        if self._number == 1:
            raw = raw.removeprefix(_BOM)
        if is_long:
            yield Line(self._number, self._end, None)
        elif raw.strip(_BLANK):
            yield Line(self._number, self._end, raw)


def read_line(line: Line, import_id: str, received_at: datetime) -> Reading:
    """Return what a line is, or everything wrong with it; its index is the line's number.

    One that came without an id is given one that follows from the import and the line, so that reading it again stores
    nothing twice.
    """
    if line.raw is None:
        rule = f"the line has more than {LINE_BYTES_MAX} bytes"
        return _refused(line, Fault("", rule, "Send such an event alone, or leave out what is no part of it."))
    return _reading(line.raw, line.number, received_at, lambda: line_id(import_id, line.number))


def line_id(import_id: str, number: int) -> str:
    """Return the id of a line's event that came without one, always the same; of version 5, as `derived_id` is."""
    value = int.from_bytes(tagged("import-line", import_id.encode(), str(number).encode())[:16], "big")
    value = value & ~(0xF << 76) | 0x5 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return str(UUID(int=value))


def _reading(raw: bytes, number: int, received_at: datetime, new_statement_id: NewStatementId) -> Reading:
    """Return what the line is. Nearly all are statements, which are not read twice to learn that."""
    if any(mark in raw for mark in _MARKS):
        return read_any(raw, number, received_at, new_statement_id)
    return validate_item(raw, number, received_at, new_statement_id, bytes_max=LINE_BYTES_MAX)


def _refused(line: Line, fault: Fault) -> RefusedStatement:
    return RefusedStatement(line.number, (fault,))
