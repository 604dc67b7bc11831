"""Alignments as JSON, our own form: rows with the members that the CSV has as columns.

    {"alignments": [{"activity": "https://lms.example/quiz/7", "skill": "operationalization.drift",
                     "difficulty": 0.5, "assurance": "automated-check", "weight": 1}]}

`weight` may be left out. A member that is not known is refused: a misspelt one must not be a silent default.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
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
from services.skill_inference.domain.document import Section
from services.skill_inference.domain.observation import DIFFICULTY_MAX, TEXT_MAX
from shared.kernel.canonical_json import JsonValue
from shared.kernel.errors import Rejected

MEMBER: Final = "alignments"
"""The one member of the document."""


def parse_alignments_json(document: JsonValue, skills: Collection[str]) -> AlignmentTable:
    """Return the alignments of a document of our own form; `skills` are the framework's ids.

    Raises Rejected when it has not this form, and beyond FAULTS_MAX faulty rows; faults name pointers into it.
    """
    outermost = Section(document)
    rows = outermost.items(MEMBER)
    outermost.close()
    gathering = Gathering()
    for index, value in enumerate(rows):
        at = f"/{MEMBER}/{index}"
        try:
            found = _row(Section(value, at), skills)
        except Rejected as error:
            gathering.fault(error.faults[0])
        else:
            gathering.take(found, at)
    return gathering.table()


def alignments_document(rows: Iterable[Alignment]) -> dict[str, JsonValue]:
    """Return the document that `parse_alignments_json` reads as these rows."""
    return {
        MEMBER: [
            {
                "activity": row.activity,
                "skill": row.skill,
                "difficulty": row.difficulty,
                "assurance": row.assurance.value,
                "weight": row.weight,
            }
            for row in rows
        ]
    }


def _row(section: Section, skills: Collection[str]) -> Alignment | Problem:
    activity = section.text("activity", TEXT_MAX).strip()
    skill = section.text("skill", TEXT_MAX)
    difficulty = section.number("difficulty", -DIFFICULTY_MAX, DIFFICULTY_MAX)
    assurance = section.text("assurance", 40)
    weight = section.number("weight", WEIGHT_MIN, WEIGHT_MAX) if "weight" in section.names() else 1.0
    section.close()
    return checked(activity, skill, difficulty, assurance, weight, skills)
