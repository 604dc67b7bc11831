"""One person's evidence, read as observations: under the alignments in force, the framework, and who they are.

An activity that nobody aligned shows nothing, a mark on a skill that the framework lost is passed over, and whoever
reviewed themselves under another id has made a claim, not a review.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, TypeAlias

from services.skill_inference.domain.alignment import Target
from services.skill_inference.domain.observation import Assurance, Observation
from services.skill_inference.domain.testimony import Review, Statement, read_review, read_statement

Targets: TypeAlias = Mapping[str, Mapping[str, Target]]
"""What activities show: by organisation, then by activity."""


class Evidence(NamedTuple):
    """What is kept of one person, voided statements left out."""

    statements: tuple[Statement, ...]
    reviews: tuple[Review, ...]


def observations(
    evidence: Evidence, targets: Targets, skills: Collection[str], members: Collection[str]
) -> list[Observation]:
    """Return what the evidence shows. `members`: every id of the person."""
    seen: list[Observation] = list(_outcomes(evidence.statements, targets))
    seen.extend(_reviews(evidence.reviews, skills, members))
    return seen


def _outcomes(statements: Iterable[Statement], targets: Targets) -> Iterable[Observation]:
    for statement in statements:
        target = targets.get(statement.organisation, {}).get(statement.activity)
        if target is not None:
            yield read_statement(statement, target)


def _reviews(reviews: Iterable[Review], skills: Collection[str], members: Collection[str]) -> Iterable[Observation]:
    for review in reviews:
        known = tuple(mark for mark in review.marks if mark.skill in skills)
        if known:
            kind = Assurance.SELF_CLAIM if review.reviewer in members else Assurance.NAMED_REVIEWER
            yield read_review(review._replace(marks=known), kind)


def organisations(evidence: Iterable[Evidence]) -> set[str]:
    """Return whose alignments this evidence is read by."""
    return {statement.organisation for one in evidence for statement in one.statements}
