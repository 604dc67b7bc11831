"""What a credential points to does not depend on the order or number of times it was heard, and is always bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.credential_issuing.domain import evidence
from services.credential_issuing.domain.claim import EVIDENCE_MAX
from shared.events.project_submissions import EvidenceGraded, Mark, ReviewCompleted

SKILLS = ("integration.apis", "operationalization.incidents")


def _review(number: int, submission: str, skill: str) -> evidence.Testimony:
    mark = Mark(criterion="c", skill=skill, layer=skill.partition(".")[0], value=3)
    event = ReviewCompleted(
        review=f"rev_{number}", submission=submission, project="prj_1", reviewer="prs_R", rubric="r/1", marks=(mark,)
    )
    return evidence.Testimony(f"review-{number}", event, event.encode())


def _graded(number: int, submission: str, grade: str) -> evidence.Testimony:
    event = EvidenceGraded.model_validate(
        {
            "evidence": f"evd_{number}",
            "submission": submission,
            "project": "prj_1",
            "kind": "ci",
            "grade": grade,
            "digest": "d",
            "summary": "It ran.",
        }
    )
    return evidence.Testimony(f"graded-{number}", event, event.encode())


submissions = st.sampled_from(["sub_1", "sub_2", "sub_3"])
heard = st.lists(
    st.one_of(
        st.builds(_review, st.integers(0, 90), submissions, st.sampled_from(SKILLS)),
        st.builds(_graded, st.integers(0, 90), submissions, st.sampled_from("ABC")),
    ),
    max_size=40,
    unique_by=lambda testimony: testimony.fact,
)


@given(heard, st.randoms(use_true_random=False))
def test_order_and_repetition_change_nothing(testimonies: list[evidence.Testimony], chance: object) -> None:
    again = testimonies + testimonies
    chance.shuffle(again)  # type: ignore[attr-defined]
    assert evidence.evidence_for(SKILLS[0], again, ()) == evidence.evidence_for(SKILLS[0], testimonies, ())


@given(heard)
def test_every_item_stands_once_and_there_are_not_too_many(testimonies: list[evidence.Testimony]) -> None:
    found = evidence.evidence_for(SKILLS[0], testimonies, [each.fact for each in testimonies])
    assert len({item.id for item in found}) == len(found) <= EVIDENCE_MAX
    assert all(len(item.digest) == 32 for item in found)


@given(heard)
def test_nothing_is_pointed_to_for_a_skill_that_no_review_marked(testimonies: list[evidence.Testimony]) -> None:
    assert evidence.evidence_for("scaled-deployment.release", testimonies, ()) == ()
