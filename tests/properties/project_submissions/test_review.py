"""Whatever is tried in whatever order, no mark is told or seen before both reviewers have given theirs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.project_submissions.domain.deployment_rubric import DEPLOYMENT
from services.project_submissions.domain.review import REVIEWERS, Panel, assign, take, visible
from services.project_submissions.domain.submission import State
from shared.kernel.errors import Rejected
from shared.kernel.ids import PersonId
from tests.unit.project_submissions.samples import ADA, BEN, CLEO, DAN, FIVES, NOW, panel, review_id

PEOPLE = st.sampled_from([ADA, BEN, CLEO, DAN])
MARKS = st.fixed_dictionaries({name: st.integers(-1, 6) for name in FIVES})
STEPS = st.lists(
    st.tuples(st.just("assign"), PEOPLE, st.none()) | st.tuples(st.just("take"), PEOPLE, MARKS), max_size=12
)


def step(one: Panel, kind: str, person: PersonId, marks: dict[str, int] | None, number: int) -> tuple[Panel, int]:
    """Return the panel after one attempt, and how many reviews were told by it."""
    try:
        if marks is None:
            return assign(one, person), 0
        taken = take(one, DEPLOYMENT, review_id(number), person, marks, "", NOW)
    except Rejected:
        return one, 0
    return taken.panel, len(taken.completed)


@given(STEPS)
def test_nothing_is_told_or_seen_before_both_are_in(steps: list[tuple[str, PersonId, dict[str, int] | None]]) -> None:
    one, told = panel(), 0
    for number, (kind, person, marks) in enumerate(steps):
        one, told_now = step(one, kind, person, marks, number)
        told += told_now
        assert told == (REVIEWERS if one.is_complete else 0)
        assert one.is_complete == (one.submission.state is State.REVIEWED)
        for viewer in (ADA, BEN, CLEO, DAN):
            others = [review for review in visible(one, viewer) if review.reviewer != viewer]
            assert one.is_complete or others == []


@given(STEPS)
def test_reviewers_are_two_distinct_people_and_never_the_author(
    steps: list[tuple[str, PersonId, dict[str, int] | None]],
) -> None:
    one = panel()
    for number, (kind, person, marks) in enumerate(steps):
        one, _ = step(one, kind, person, marks, number)
        assert len(set(one.reviewers)) == len(one.reviewers) <= REVIEWERS
        assert ADA not in one.reviewers
        assert {review.reviewer for review in one.reviews} <= set(one.reviewers)
        assert len({review.reviewer for review in one.reviews}) == len(one.reviews)


@given(MARKS)
def test_marks_are_taken_as_given_or_not_at_all(marks: dict[str, int]) -> None:
    off_scale = {f"/marks/{name}" for name, mark in marks.items() if not 0 <= mark <= 5}
    if not off_scale:
        assert DEPLOYMENT.check(marks) == marks
        return
    with pytest.raises(Rejected) as caught:
        DEPLOYMENT.check(marks)
    assert {fault.pointer for fault in caught.value.faults} == off_scale
