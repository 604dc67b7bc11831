"""Which activity shows which skill: one row of a table, and what rows that stand in one table owe one another.

An activity that shows several skills takes a row for each; difficulty and assurance are the activity's, so its rows
agree on them. Good rows are kept and bad ones are answered each with place, rule and mend. How rows are written is not
decided here: `alignment_csv.py`, `alignment_json.py` and `case_associations.py` read and write them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from services.skill_inference.domain.observation import DIFFICULTY_MAX, SKILLS_MAX, TEXT_MAX, Assurance
from shared.kernel.errors import Fault, Rejected

FAULTS_MAX: Final = 1_000
"""Faulty rows answered one by one; a table with more is refused as a whole, for it is another table."""
WEIGHT_MIN: Final = 0.01
WEIGHT_MAX: Final = 100.0

ASSURANCES: Final = tuple(kind for kind in Assurance if kind is not Assurance.DEPLOYMENT)
"""What may vouch for a statement. A deployment is attested for a work, and a statement names none."""


class Alignment(NamedTuple):
    """One row: `activity` shows `skill`. difficulty: in logits. weight: its share beside the activity's others."""

    activity: str
    skill: str
    difficulty: float
    assurance: Assurance
    weight: float = 1.0


class Problem(NamedTuple):
    """Why a row cannot be used. member: the field at fault; "" where it is the row as a whole."""

    member: str
    rule: str
    mend: str


class Target(NamedTuple):
    """What an activity shows: (skill, weight) by skill, and how its results are read."""

    skills: tuple[tuple[str, float], ...]
    difficulty: float
    assurance: Assurance


@dataclass(frozen=True, slots=True)
class AlignmentTable:
    """What was sent: the rows that hold, in its order, and what is wrong with the others.

    passed_over: what was understood and says nothing of evidence.
    """

    rows: tuple[Alignment, ...]
    faults: tuple[Fault, ...]
    passed_over: int = 0

    def rejection(self) -> Rejected | None:
        """Return the rejection that names every fault, None when there is none."""
        if not self.faults:
            return None
        return Rejected(f"{len(self.faults)} lines of the alignments cannot be used", self.faults)


def checked(
    activity: str, skill: str, difficulty: float | None, assurance: str, weight: float | None, skills: Collection[str]
) -> Alignment | Problem:
    """Return the row, or why it is none. `skills` are the framework's ids; a number that could not be read is None."""
    if not 0 < len(activity) <= TEXT_MAX or ":" not in activity or "\0" in activity:
        return Problem("activity", f"expected an IRI of at most {TEXT_MAX} characters", "Write the whole IRI.")
    if skill not in skills:
        return Problem("skill", "the framework has no such skill", "Write an id that the framework lists.")
    if difficulty is None:
        rule = f"expected a number from {-DIFFICULTY_MAX} to {DIFFICULTY_MAX}"
        return Problem("difficulty", rule, "Write logits; 0 for an average task.")
    if assurance not in ASSURANCES:
        return Problem("assurance", "no such assurance is known", f"Write one of {', '.join(ASSURANCES)}.")
    if weight is None:
        rule = f"expected a number from {WEIGHT_MIN} to {WEIGHT_MAX}"
        return Problem("weight", rule, "Write the skill's share, or leave it out.")
    return Alignment(activity, skill, difficulty, Assurance(assurance), weight)


class Gathering:
    """Rows taken one after another; those of one activity agree, and show each skill once."""

    def __init__(self) -> None:
        self._rows: list[Alignment] = []
        self._faults: list[Fault] = []
        self._first: dict[str, Alignment] = {}
        self._shown: dict[str, set[str]] = {}

    def take(self, found: Alignment | Problem, at: str, names: Mapping[str, str] | None = None) -> None:
        """Have the row, or what keeps it from standing beside the earlier ones. `at`: the row's pointer.

        names: what a member is called where the table calls it otherwise. Raises Rejected beyond FAULTS_MAX faults.
        """
        if isinstance(found, Alignment):
            first = self._first.setdefault(found.activity, found)
            found = _beside(found, first, self._shown.setdefault(found.activity, set()))
        if isinstance(found, Alignment):
            self._rows.append(found)
        else:
            member = (names or {}).get(found.member, found.member)
            self.fault(Fault(f"{at}/{member}", found.rule, found.mend))

    def fault(self, fault: Fault) -> None:
        """Have the fault of a row. Raises Rejected beyond FAULTS_MAX of them."""
        self._faults.append(fault)
        if len(self._faults) > FAULTS_MAX:
            message = f"more than {FAULTS_MAX} lines cannot be used; is this the right table?"
            raise Rejected(message, tuple(self._faults))

    def table(self, passed_over: int = 0) -> AlignmentTable:
        """Return all that was taken."""
        return AlignmentTable(tuple(self._rows), tuple(self._faults), passed_over)


def targets(rows: Collection[Alignment]) -> Mapping[str, Target]:
    """Return what each activity shows. The rows are those of one table: the rows of an activity agree."""
    grouped: dict[str, list[Alignment]] = {}
    for row in rows:
        grouped.setdefault(row.activity, []).append(row)
    return {
        activity: Target(tuple(sorted((row.skill, row.weight) for row in own)), own[0].difficulty, own[0].assurance)
        for activity, own in grouped.items()
    }


def _beside(row: Alignment, first: Alignment, shown: set[str]) -> Alignment | Problem:
    """Return the row, or what keeps it from standing beside the earlier rows of its activity, which show `shown`."""
    if row.skill in shown:
        return Problem("skill", "an earlier line aligns this activity to this skill", "Keep one of them.")
    if row.difficulty != first.difficulty:
        return Problem("difficulty", f"an earlier line of this activity says {first.difficulty}", "Agree on one.")
    if row.assurance is not first.assurance:
        return Problem("assurance", f"an earlier line of this activity says {first.assurance}", "Agree on one.")
    if len(shown) == SKILLS_MAX:
        return Problem("skill", f"an activity shows at most {SKILLS_MAX} skills", "Keep those it was made for.")
    shown.add(row.skill)
    return row
