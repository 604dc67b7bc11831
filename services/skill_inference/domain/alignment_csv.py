"""Alignments as CSV (RFC 4180, with a header): what the owner of the activities writes, and how every table is kept.

    activity_id,skill,difficulty,assurance[,weight]
    https://lms.example/quiz/7,operationalization.drift,0.5,automated-check

Faults are told by line and column, the header being line 1.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterable, Iterator
from io import StringIO
from typing import Final

from services.skill_inference.domain.alignment import (
    WEIGHT_MAX,
    WEIGHT_MIN,
    Alignment,
    AlignmentTable,
    Gathering,
    Problem,
    checked,
)
from services.skill_inference.domain.observation import DIFFICULTY_MAX
from shared.kernel.errors import Rejected, TooLarge

CHARACTERS_MAX: Final = 8 << 20
"""8 Mi characters: some 80,000 lines. Larger tables are sent in parts."""
DECIMALS: Final = 9
"""Decimals of a number that are written; what lies beyond changes nothing that is said of anybody."""

_COLUMNS: Final = ("activity_id", "skill", "difficulty", "assurance")
_OPTIONAL: Final = ("weight",)
_NAMES: Final = {"activity": "activity_id"}
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,9}(?:\.[0-9]{0,9})?")
_BEYOND: Final = ""
"""The column of whatever stands beyond the header's last."""


def parse_alignments(text: str, skills: Collection[str]) -> AlignmentTable:
    """Return the alignments a CSV text names; `skills` are the framework's ids.

    Raises TooLarge over CHARACTERS_MAX; Rejected when there is no usable header, for a quote that never closes, and
    beyond FAULTS_MAX faulty lines.
    """
    if len(text) > CHARACTERS_MAX:
        rule = f"{len(text)} characters where at most {CHARACTERS_MAX} are taken"
        raise TooLarge.of("", rule, "Send the table in parts.")
    gathering = Gathering()
    for line, record in _records(text):
        gathering.take(_row(record, skills), f"/{line}", _NAMES)
    return gathering.table()


def alignments_csv(rows: Iterable[Alignment]) -> str:
    """Return the rows as a table that `parse_alignments` reads as these rows, numbers to DECIMALS decimals."""
    text = StringIO(newline="")
    # RFC 4180's own line end; with another the writer leaves a carriage return inside a cell unquoted.
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow((*_COLUMNS, *_OPTIONAL))
    for row in rows:
        writer.writerow((row.activity, row.skill, _written(row.difficulty), row.assurance.value, _written(row.weight)))
    return text.getvalue()


def _records(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each line that is not blank as (line number, cell by column), a missing cell as ""."""
    reader = csv.reader(StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        header = _header(next(reader, []))
        for cells in reader:
            if any(cell.strip() for cell in cells):
                padded = [*cells, *[""] * (len(header) - len(cells))]
                yield (
                    reader.line_num,
                    {**dict(zip(header, padded, strict=False)), _BEYOND: "".join(cells[len(header) :])},
                )
    except csv.Error as error:
        rule = f"this is no CSV: {error}"
        raise Rejected.of(f"/{reader.line_num}", rule, "Close every quote, and double quotes inside.") from error


def _header(cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    missing = [name for name in _COLUMNS if name not in names]
    unknown = [name for name in names if name not in (*_COLUMNS, *_OPTIONAL)]
    if missing or unknown or len(set(names)) != len(names):
        rule = f"expected the columns {', '.join(_COLUMNS)} and perhaps weight, each once"
        raise Rejected.of("/1", rule, "Write this header as the first line.")
    return names


def _row(record: dict[str, str], skills: Collection[str]) -> Alignment | Problem:
    if record[_BEYOND]:
        return Problem("", "the line has more cells than the header", "Quote a cell that holds a comma.")
    activity, skill, kind = (record[name].strip() for name in ("activity_id", "skill", "assurance"))
    difficulty = _number(record["difficulty"], -DIFFICULTY_MAX, DIFFICULTY_MAX)
    weight = _number(record.get("weight") or "1", WEIGHT_MIN, WEIGHT_MAX)
    return checked(activity, skill, difficulty, kind, weight, skills)


def _number(text: str, low: float, high: float) -> float | None:
    if _NUMBER.fullmatch(text.strip()) is None:
        return None
    number = float(text)
    return number if low <= number <= high else None


def _written(number: float) -> str:
    # Never "1e-05", which the reader does not take, and never "-0".
    text = f"{number:.{DECIMALS}f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
