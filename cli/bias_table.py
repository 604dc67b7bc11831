"""The table an employer brings, read: one row a person, columns named by whoever asks."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from cli.bias_audit import Person, above_median
from shared.kernel.errors import Rejected, TooLarge

ROWS_MAX: Final = 1_000_000
YES: Final = frozenset({"yes", "y", "true", "1", "selected"})
NO: Final = frozenset({"no", "n", "false", "0", "not selected"})


class Columns(NamedTuple):
    """Where to look. Either `outcome` or `score`; selected: what stands in `outcome` for yes."""

    attributes: tuple[str, ...]
    outcome: str | None = None
    score: str | None = None
    selected: str | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """Those of whom an outcome is known. without_outcome: how many others there are; median: of the scores."""

    people: tuple[Person, ...]
    without_outcome: int
    median: float | None


def read_sample(file: Path, columns: Columns) -> Sample:
    """Return the people of a CSV file in UTF-8. Blank cells are unknown; nobody without an outcome is judged.

    Raises Rejected naming line or column, rule and mend; TooLarge beyond ROWS_MAX.
    """
    _check(columns)
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.DictReader(lines, strict=True)
            _check_header(reader.fieldnames or (), columns)
            rows = list(_rows(reader, columns))
    except UnicodeDecodeError as error:
        raise Rejected.of(file.name, f"byte {error.start} is no UTF-8", "Save the table as UTF-8.") from None
    except csv.Error as error:
        raise Rejected.of(file.name, f"it is no CSV: {error}", "Save the table as CSV.") from None
    judged = [(cell, groups) for cell, groups in rows if cell is not None]
    if not judged:
        raise Rejected.of(file.name, "no row has an outcome", "Name the column that holds it.")
    without = len(rows) - len(judged)
    if columns.score is None:
        people = tuple(Person(cell > 0, groups) for cell, groups in judged)
        return Sample(people, without, None)
    median, is_above = above_median([cell for cell, _ in judged])
    people = tuple(Person(above, groups) for above, (_, groups) in zip(is_above, judged, strict=True))
    return Sample(people, without, median)


def _check(columns: Columns) -> None:
    if (columns.outcome is None) == (columns.score is None):
        raise Rejected.of("--outcome", "either an outcome or a score is audited", "Name one of --outcome and --score.")
    if columns.score is not None and columns.selected is not None:
        raise Rejected.of("--selected", "a score has no value for yes", "Leave it out, or name --outcome.")
    if not columns.attributes:
        raise Rejected.of("--attribute", "nothing says by what to divide", "Name columns such as --attribute sex.")


def _check_header(header: Sequence[str], columns: Columns) -> None:
    wanted = [*columns.attributes, columns.outcome or columns.score or ""]
    for name in wanted:
        if header.count(name) != 1:
            rule = f"the table has {header.count(name)} columns of this name"
            raise Rejected.of(name, rule, f"Name one of: {', '.join(header)}.")
    if len(set(wanted)) != len(wanted):
        raise Rejected.of("--attribute", "a column is named twice", "Name each column once.")


def _rows(reader: csv.DictReader[str], columns: Columns) -> Iterator[tuple[float | None, dict[str, str]]]:
    for number, row in enumerate(reader, start=1):
        if number > ROWS_MAX:
            raise TooLarge.of("", f"the table has more than {ROWS_MAX} rows", "Audit it in parts.")
        if None in row or None in row.values():
            rule = "it has not as many cells as the header"
            raise Rejected.of(f"line {reader.line_num}", rule, "Quote cells that hold commas.")
        groups = {name: " ".join(row[name].split()) for name in columns.attributes}
        cell = row[columns.outcome or columns.score or ""].strip()
        yield (_outcome(cell, columns, reader.line_num) if cell else None), groups


def _outcome(cell: str, columns: Columns, line: int) -> float:
    if columns.score is not None:
        return _score(cell, line)
    if columns.selected is not None:
        return float(cell == columns.selected)
    if cell.lower() not in YES | NO:
        rule = f"an outcome is one of {', '.join(sorted(YES))} or {', '.join(sorted(NO))}"
        raise Rejected.of(f"line {line}", rule, "Say by --selected which value means yes.")
    return float(cell.lower() in YES)


def _score(cell: str, line: int) -> float:
    try:
        score = float(cell)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise Rejected.of(
            f"line {line}", "a score is a finite number", "Write it with a point, or leave the cell blank."
        )
    return score
