"""Which activity shows which skill, read from the CSV that the owner of the activities writes.

    activity_id,skill,difficulty,assurance[,weight]
    https://lms.example/quiz/7,operationalization.drift,0.5,automated-check

An activity that shows several skills takes a line for each; difficulty and assurance are the activity's, so its lines
agree on them. Good lines are kept and bad ones are answered each with line, column, rule and mend.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import Final, NamedTuple

from services.skill_inference.domain.observation import DIFFICULTY_MAX, SKILLS_MAX, TEXT_MAX, Assurance
from shared.kernel.errors import Fault, Rejected, TooLarge

CHARACTERS_MAX: Final = 8 << 20
"""8 Mi characters: some 80,000 lines. Larger tables are sent in parts."""
FAULTS_MAX: Final = 1_000
"""Faulty lines answered one by one; a table with more is refused as a whole, for it is another table."""
WEIGHT_MIN: Final = 0.01
WEIGHT_MAX: Final = 100.0

ASSURANCES: Final = tuple(kind for kind in Assurance if kind is not Assurance.DEPLOYMENT)
"""What may vouch for a statement. A deployment is attested for a work, and a statement names none."""

_COLUMNS: Final = ("activity_id", "skill", "difficulty", "assurance")
_OPTIONAL: Final = ("weight",)
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,9}(?:\.[0-9]{0,9})?")
_BEYOND: Final = ""
"""The column of whatever stands beyond the header's last."""


class Alignment(NamedTuple):
    """One line: `activity` shows `skill`. difficulty: in logits. weight: its share beside the activity's others."""

    activity: str
    skill: str
    difficulty: float
    assurance: Assurance
    weight: float = 1.0


class LineFault(NamedTuple):
    """One thing wrong with one line. `line` counts from 1, the header being the first."""

    line: int
    column: str
    rule: str
    mend: str

    def fault(self) -> Fault:
        """Return it in the form every rejection takes."""
        return Fault(f"/{self.line}/{self.column}", self.rule, self.mend)


class Target(NamedTuple):
    """What an activity shows: (skill, weight) by skill, and how its results are read."""

    skills: tuple[tuple[str, float], ...]
    difficulty: float
    assurance: Assurance


@dataclass(frozen=True, slots=True)
class AlignmentTable:
    """What a CSV said: the lines that hold, in its order, and what is wrong with the others."""

    rows: tuple[Alignment, ...]
    faults: tuple[LineFault, ...]

    def rejection(self) -> Rejected | None:
        """Return the rejection that names every fault, None when there is none."""
        if not self.faults:
            return None
        faults = tuple(fault.fault() for fault in self.faults)
        return Rejected(f"{len(faults)} lines of the alignments cannot be used", faults)


def parse_alignments(text: str, skills: Collection[str]) -> AlignmentTable:
    """Return the alignments a CSV text (RFC 4180, with a header) names; `skills` are the framework's ids.

    Raises TooLarge over CHARACTERS_MAX; Rejected when there is no usable header, for a quote that never closes, and
    beyond FAULTS_MAX faulty lines.
    """
    if len(text) > CHARACTERS_MAX:
        rule = f"{len(text)} characters where at most {CHARACTERS_MAX} are taken"
        raise TooLarge.of("", rule, "Send the table in parts.")
    rows: list[Alignment] = []
    faults: list[LineFault] = []
    known: dict[str, Alignment] = {}
    shown: dict[str, set[str]] = {}
    for line, record in _records(text):
        found = _alignment(line, record, skills)
        if isinstance(found, Alignment):
            first = known.setdefault(found.activity, found)
            found = _beside(line, found, first, shown.setdefault(found.activity, set()))
        if isinstance(found, LineFault):
            _keep(faults, found)
        else:
            rows.append(found)
    return AlignmentTable(tuple(rows), tuple(faults))


def targets(rows: Collection[Alignment]) -> Mapping[str, Target]:
    """Return what each activity shows. The rows are those of one table: the lines of an activity agree."""
    grouped: dict[str, list[Alignment]] = {}
    for row in rows:
        grouped.setdefault(row.activity, []).append(row)
    return {
        activity: Target(tuple(sorted((row.skill, row.weight) for row in own)), own[0].difficulty, own[0].assurance)
        for activity, own in grouped.items()
    }


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


def _alignment(line: int, record: dict[str, str], skills: Collection[str]) -> Alignment | LineFault:
    if record[_BEYOND]:
        return LineFault(line, "", "the line has more cells than the header", "Quote a cell that holds a comma.")
    activity, skill, kind = (record[name].strip() for name in ("activity_id", "skill", "assurance"))
    difficulty = _number(record["difficulty"], -DIFFICULTY_MAX, DIFFICULTY_MAX)
    weight = _number(record.get("weight") or "1", WEIGHT_MIN, WEIGHT_MAX)
    if not 0 < len(activity) <= TEXT_MAX or ":" not in activity:
        return LineFault(
            line, "activity_id", f"expected an IRI of at most {TEXT_MAX} characters", "Write the whole IRI."
        )
    if skill not in skills:
        return LineFault(line, "skill", "the framework has no such skill", "Write an id that the framework lists.")
    if difficulty is None:
        rule = f"expected a number from {-DIFFICULTY_MAX} to {DIFFICULTY_MAX}"
        return LineFault(line, "difficulty", rule, "Write logits; 0 for an average task.")
    if kind not in ASSURANCES:
        return LineFault(line, "assurance", "no such assurance is known", f"Write one of {', '.join(ASSURANCES)}.")
    if weight is None:
        rule = f"expected a number from {WEIGHT_MIN} to {WEIGHT_MAX}"
        return LineFault(line, "weight", rule, "Write the skill's share, or leave the cell empty.")
    return Alignment(activity, skill, difficulty, Assurance(kind), weight)


def _beside(line: int, row: Alignment, first: Alignment, shown: set[str]) -> Alignment | LineFault:
    """Return the row, or what keeps it from standing beside the earlier lines of its activity, which show `shown`."""
    if row.skill in shown:
        return LineFault(line, "skill", "an earlier line aligns this activity to this skill", "Keep one of them.")
    if row.difficulty != first.difficulty:
        return LineFault(
            line, "difficulty", f"an earlier line of this activity says {first.difficulty}", "Agree on one."
        )
    if row.assurance is not first.assurance:
        return LineFault(line, "assurance", f"an earlier line of this activity says {first.assurance}", "Agree on one.")
    if len(shown) == SKILLS_MAX:
        return LineFault(line, "skill", f"an activity shows at most {SKILLS_MAX} skills", "Keep those it was made for.")
    shown.add(row.skill)
    return row


def _keep(faults: list[LineFault], fault: LineFault) -> None:
    faults.append(fault)
    if len(faults) > FAULTS_MAX:
        every = tuple(kept.fault() for kept in faults)
        raise Rejected(f"more than {FAULTS_MAX} lines cannot be used; is this the right table?", every)


def _number(text: str, low: float, high: float) -> float | None:
    if _NUMBER.fullmatch(text.strip()) is None:
        return None
    number = float(text)
    return number if low <= number <= high else None
