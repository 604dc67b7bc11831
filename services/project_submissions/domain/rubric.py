"""A rubric: what reviewers mark, on which scale, and which skill each mark is evidence for.

A criterion shows exactly one skill: a mark that counted for two would be one judgement told twice. The marks 0 … 5 are
anchored by a sentence each, so that two reviewers mean the same by a 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.events.project_submissions import Mark
from shared.kernel.errors import Fault, Rejected

MARK_MAX: Final = 5
"""Marks are whole numbers from 0 to this."""

FAULTS_MAX: Final = 20
"""Faults told of one set of marks."""

LAYERS: Final = ("integration", "operationalization", "stakeholder-management", "scaled-deployment")
"""The four layers of bringing AI into use."""


@dataclass(frozen=True, slots=True)
class Criterion:
    """One question to a project. skill: `layer.name`. anchors: what each mark from 0 to MARK_MAX means."""

    id: str
    skill: str
    title: str
    question: str
    anchors: tuple[str, str, str, str, str, str]

    @property
    def layer(self) -> str:
        """The layer its skill belongs to."""
        return self.skill.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Rubric:
    """A named set of criteria. A change of its text is a new id: a mark means what the text said when it was given."""

    id: str
    criteria: tuple[Criterion, ...]

    def check(self, marks: Mapping[str, object]) -> dict[str, int]:
        """Return the marks by criterion, in the rubric's order.

        Raises Rejected with a fault for each criterion that is missing, unknown, or marked with anything but a whole
        number from 0 to MARK_MAX.
        """
        known = [criterion.id for criterion in self.criteria]
        mend = f"Give each criterion of {self.id} a whole number from 0 to {MARK_MAX}."
        given = {name: mark for name, mark in marks.items() if type(mark) is int and 0 <= mark <= MARK_MAX}
        wrong = [
            Fault(f"/marks/{name}", "no mark" if name not in marks else "no whole number on the scale", mend)
            for name in known
            if name not in given
        ]
        wrong += [Fault("/marks", "a mark on no criterion of the rubric", mend) for name in marks if name not in known]
        if wrong:
            raise Rejected(f"{wrong[0].pointer}: {wrong[0].rule}. {mend}", wrong[:FAULTS_MAX])
        return {name: given[name] for name in known}

    def told(self, marks: Mapping[str, int]) -> tuple[Mark, ...]:
        """Return checked marks as they are told, each with the skill it is evidence for."""
        return tuple(
            Mark(
                criterion=criterion.id,
                skill=criterion.skill,
                layer=criterion.layer,
                value=marks[criterion.id],
                scale_max=MARK_MAX,
            )
            for criterion in self.criteria
        )
