"""What a credential points to: the reviews that marked its skill, and the evidence in what they reviewed.

Reviewers appear nowhere: who marked is the house's to know. A review is grade B, for we saw it being given and logged
it at once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from services.credential_issuing.domain.claim import EVIDENCE_MAX, NARRATIVE_CHARACTERS_MAX, Evidence
from shared.events.project_submissions import EvidenceGraded, ReviewCompleted
from shared.kernel.errors import Rejected
from shared.kernel.hashing import parse_digest_text, sha256


@dataclass(frozen=True, slots=True)
class Testimony:
    """A fact of project_submissions that may stand behind a credential. `data` are its bytes as it was told."""

    fact: str
    event: ReviewCompleted | EvidenceGraded
    data: bytes


def evidence_for(skill: str, testimonies: Iterable[Testimony], contributed: Collection[str]) -> tuple[Evidence, ...]:
    """Return the evidence for `skill`: reviews that marked it, then what was graded in the same submissions.

    contributed: ids of facts that moved the estimate; they count whatever they reviewed. Best grades first, at most
    EVIDENCE_MAX. The digest of a review is that of its fact's data, which the holder can open from their record.
    """
    reviews: dict[str, Evidence] = {}
    graded: list[tuple[str, Testimony, EvidenceGraded]] = []
    submissions = set()
    for each in sorted(testimonies, key=lambda testimony: testimony.fact):
        event = each.event
        if isinstance(event, EvidenceGraded):
            graded.append((event.grade, each, event))
        elif any(mark.skill == skill for mark in event.marks):
            submissions.add(event.submission)
            reviews.setdefault(event.review, _review(skill, event, each.data))
    found = list(reviews.values())
    chosen: dict[str, Evidence] = {}
    for _, each, event in sorted(graded, key=lambda item: (item[0], item[1].fact)):
        if event.submission in submissions or each.fact in contributed:
            chosen.setdefault(event.evidence, _graded(event, each.data))
    return tuple((found + list(chosen.values()))[:EVIDENCE_MAX])


def _review(skill: str, event: ReviewCompleted, data: bytes) -> Evidence:
    marks = [f"{mark.criterion} {mark.value} of {mark.scale_max}" for mark in event.marks if mark.skill == skill]
    return Evidence(
        id=f"urn:deedlog:review:{event.review}",
        name="Review of a submission",
        narrative=_cut(f"A named reviewer marked {', '.join(marks)} on the rubric {event.rubric}."),
        grade="B",
        digest=sha256(data),
    )


def _graded(event: EvidenceGraded, data: bytes) -> Evidence:
    return Evidence(
        id=f"urn:deedlog:evidence:{event.evidence}",
        name=f"Evidence in a submission: {event.kind}",
        narrative=_cut(event.summary),
        grade=event.grade,
        digest=_digest(event.digest, data),
    )


def _digest(text: str, data: bytes) -> bytes:
    """Return the digest that was told; of one in a form we do not read, that of the fact which told it."""
    try:
        return parse_digest_text(text)
    except Rejected:
        return sha256(data)


def _cut(text: str) -> str:
    return text if len(text) <= NARRATIVE_CHARACTERS_MAX else text[: NARRATIVE_CHARACTERS_MAX - 1] + "…"
