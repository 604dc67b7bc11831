"""A credential points to what marked its skill and what was graded beside it, best first, and names no reviewer."""

from __future__ import annotations

from services.credential_issuing.domain import evidence
from services.credential_issuing.domain.claim import EVIDENCE_MAX, NARRATIVE_CHARACTERS_MAX
from shared.events.project_submissions import EvidenceGraded, Grade, Mark, ReviewCompleted
from shared.kernel.hashing import digest_text, sha256

SKILL = "operationalization.incidents"


def review(number: int, submission: str = "sub_1", *skills: str) -> evidence.Testimony:
    marks = tuple(
        Mark(criterion=f"criterion-{place}", skill=skill, layer="operationalization", value=place + 2)
        for place, skill in enumerate(skills or (SKILL,))
    )
    event = ReviewCompleted(
        review=f"rev_{number}",
        submission=submission,
        project="prj_1",
        reviewer="prs_R",
        rubric="deployment/1",
        marks=marks,
    )
    return evidence.Testimony(f"fact-{number:03}", event, event.encode())


def graded(number: int, submission: str = "sub_1", grade: Grade = "B", **changes: str) -> evidence.Testimony:
    event = EvidenceGraded(
        evidence=f"evd_{number}",
        submission=submission,
        project="prj_1",
        kind="ci",
        grade=grade,
        digest=digest_text(sha256(b"artefact")),
        summary="Tests ran on every change.",
    ).model_copy(update=changes)
    return evidence.Testimony(f"fact-{number:03}", event, event.encode())


def ids(*testimonies: evidence.Testimony, contributed: tuple[str, ...] = ()) -> list[str]:
    return [item.id.rpartition(":")[2] for item in evidence.evidence_for(SKILL, testimonies, contributed)]


def test_reviews_of_the_skill_come_first_then_what_was_graded_in_the_same_submissions_by_grade() -> None:
    assert ids(graded(1, grade="C"), graded(2, grade="A"), review(4), review(3)) == ["rev_3", "rev_4", "evd_2", "evd_1"]


def test_reviews_and_evidence_of_other_skills_and_submissions_are_left_out() -> None:
    assert ids(review(1, "sub_1", "integration.apis"), graded(2, "sub_2"), review(3)) == ["rev_3"]


def test_graded_evidence_that_moved_the_estimate_counts_wherever_it_lies() -> None:
    assert ids(graded(1, "sub_9"), contributed=("fact-001",)) == ["evd_1"]


def test_a_review_says_the_marks_of_the_skill_and_no_others_and_not_who_gave_them() -> None:
    (item,) = evidence.evidence_for(SKILL, [review(1, "sub_1", SKILL, "integration.apis", SKILL)], ())
    assert "criterion-0 2 of 5, criterion-2 4 of 5" in item.narrative
    assert "criterion-1" not in item.narrative
    assert "prs_R" not in repr(item)
    assert item.grade == "B"


def test_a_review_is_bound_by_the_digest_of_its_fact_and_an_artefact_by_its_own() -> None:
    testimony = review(1)
    reviewed, built = evidence.evidence_for(SKILL, [testimony, graded(2)], ())
    assert (reviewed.digest, built.digest) == (sha256(testimony.data), sha256(b"artefact"))


def test_a_digest_in_no_form_of_ours_is_replaced_by_that_of_the_fact() -> None:
    testimony = graded(1, digest="md5:1")
    (item,) = evidence.evidence_for(SKILL, [testimony], ["fact-001"])
    assert item.digest == sha256(testimony.data)


def test_what_was_told_twice_is_pointed_to_once() -> None:
    assert ids(review(1), review(1), graded(2), graded(2)) == ["rev_1", "evd_2"]


def test_no_credential_points_to_more_than_it_may_and_long_summaries_are_cut() -> None:
    many = [review(0), *(graded(number, summary="x" * 3_000) for number in range(1, 300))]
    found = evidence.evidence_for(SKILL, many, ())
    assert len(found) == EVIDENCE_MAX
    assert max(len(item.narrative) for item in found) == NARRATIVE_CHARACTERS_MAX


def test_the_order_in_which_it_was_heard_changes_nothing() -> None:
    testimonies = [review(1), graded(2, grade="A"), review(3, "sub_2"), graded(4, "sub_2", "C")]
    assert ids(*testimonies) == ids(*reversed(testimonies))
