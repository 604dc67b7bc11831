"""Two reviewers, neither the author, neither seeing the other's marks before both are in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.project_submissions.domain.deployment_rubric import DEPLOYMENT
from services.project_submissions.domain.review import NOTE_LENGTH_MAX, Panel, assign, take, visible
from services.project_submissions.domain.submission import State
from shared.kernel.errors import Conflict, Forbidden, Rejected
from shared.kernel.ids import PersonId
from tests.unit.project_submissions.samples import ADA, BEN, CLEO, DAN, FIVES, NOW, panel, review_id, submission

THREES = dict.fromkeys(FIVES, 3)


def after(one: Panel, reviewer: PersonId, marks: dict[str, int], number: int = 1) -> Panel:
    return take(one, DEPLOYMENT, review_id(number), reviewer, marks, "", NOW).panel


def test_the_second_reviewer_opens_the_review() -> None:
    assert panel(BEN).submission.state is State.ACCEPTED
    assert panel(BEN, CLEO).submission.state is State.IN_REVIEW


def test_nobody_reviews_their_own_work() -> None:
    with pytest.raises(Forbidden):
        assign(panel(), ADA)


def test_one_person_is_not_two_reviewers() -> None:
    with pytest.raises(Conflict):
        assign(panel(BEN), BEN)


def test_there_is_no_third_reviewer() -> None:
    with pytest.raises(Conflict):
        assign(panel(BEN, CLEO), DAN)


def test_a_submission_that_was_not_accepted_has_no_reviewers() -> None:
    with pytest.raises(Conflict):
        assign(Panel(submission()), BEN)


def test_somebody_else_gives_no_marks() -> None:
    with pytest.raises(Forbidden):
        take(panel(BEN, CLEO), DEPLOYMENT, review_id(1), DAN, FIVES, "", NOW)


def test_marks_wait_until_both_reviewers_are_named() -> None:
    with pytest.raises(Conflict):
        take(panel(BEN), DEPLOYMENT, review_id(1), BEN, FIVES, "", NOW)


def test_a_reviewer_marks_once() -> None:
    with pytest.raises(Conflict):
        after(after(panel(BEN, CLEO), BEN, FIVES), BEN, THREES)


def test_a_note_up_to_the_bound_is_taken_and_one_character_more_is_not() -> None:
    take(panel(BEN, CLEO), DEPLOYMENT, review_id(1), BEN, FIVES, "x" * NOTE_LENGTH_MAX, NOW)
    with pytest.raises(Rejected) as caught:
        take(panel(BEN, CLEO), DEPLOYMENT, review_id(1), BEN, FIVES, "x" * (NOTE_LENGTH_MAX + 1), NOW)
    assert caught.value.faults[0].pointer == "/note"


def test_a_note_that_no_database_keeps_is_refused() -> None:
    with pytest.raises(Rejected) as caught:
        take(panel(BEN, CLEO), DEPLOYMENT, review_id(1), BEN, FIVES, "a\0b", NOW)
    assert caught.value.faults[0].pointer == "/note"


def test_a_reviewer_who_has_become_the_author_gives_no_marks() -> None:
    one = panel(BEN, CLEO)
    merged = replace(one, submission=replace(one.submission, author=BEN))
    with pytest.raises(Forbidden):
        take(merged, DEPLOYMENT, review_id(1), BEN, FIVES, "", NOW)


def test_the_first_review_is_told_to_nobody() -> None:
    taken = take(panel(BEN, CLEO), DEPLOYMENT, review_id(1), BEN, FIVES, "", NOW)
    assert taken.completed == ()
    assert taken.panel.submission.state is State.IN_REVIEW


def test_with_the_second_review_both_are_told_at_once() -> None:
    first = after(panel(BEN, CLEO), BEN, FIVES)
    taken = take(first, DEPLOYMENT, review_id(2), CLEO, THREES, "a word", NOW)
    told = [(event.review, event.reviewer, {mark.value for mark in event.marks}) for _, event in taken.completed]
    assert told == [("rev_1", BEN, {5}), ("rev_2", CLEO, {3})]
    assert taken.panel.submission.state is State.REVIEWED
    assert all(event.rubric == "deployment/1" and event.project == "prj_1" for _, event in taken.completed)


def test_a_note_is_kept_and_not_told() -> None:
    first = after(panel(BEN, CLEO), BEN, FIVES)
    taken = take(first, DEPLOYMENT, review_id(2), CLEO, THREES, "between us", NOW)
    assert [b"between us" in event.encode() for _, event in taken.completed] == [False, False]
    assert taken.panel.reviews[1].note == "between us"


@pytest.mark.parametrize(("viewer", "seen"), [(BEN, 1), (CLEO, 0), (ADA, 0), (DAN, 0)])
def test_before_the_second_review_only_its_author_sees_the_first(viewer: PersonId, seen: int) -> None:
    assert len(visible(after(panel(BEN, CLEO), BEN, FIVES), viewer)) == seen


@pytest.mark.parametrize("viewer", [ADA, BEN, CLEO])
def test_after_the_second_review_both_are_seen(viewer: PersonId) -> None:
    both = after(after(panel(BEN, CLEO), BEN, FIVES), CLEO, THREES, 2)
    assert len(visible(both, viewer)) == 2


def test_a_review_of_what_was_withdrawn_is_refused() -> None:
    in_review = panel(BEN, CLEO)
    withdrawn = Panel(in_review.submission.moved(State.WITHDRAWN), in_review.reviewers)
    with pytest.raises(Conflict):
        take(withdrawn, DEPLOYMENT, review_id(1), BEN, FIVES, "", NOW)
