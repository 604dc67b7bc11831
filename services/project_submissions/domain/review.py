"""Two reviews of one submission, blind to each other.

Two people other than the author mark it on the same rubric. Until both are done neither sees the other's marks, and
nobody else sees any: the first mark on the table would draw the second. Nothing is told before that moment either, so
that no feed, log or profile can tell what this service keeps quiet. With the second review both are told at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from services.project_submissions.domain.rubric import Rubric
from services.project_submissions.domain.submission import State, Submission
from shared.events.project_submissions import ReviewCompleted
from shared.kernel.errors import Conflict, Forbidden, Rejected
from shared.kernel.ids import PersonId, ReviewId

REVIEWERS: Final = 2
"""Reviews that a submission needs and may have."""
NOTE_LENGTH_MAX: Final = 4_000
"""Characters a reviewer may write to the author; kept here, never told."""


@dataclass(frozen=True, slots=True)
class Review:
    """What one reviewer found. marks: by criterion, checked against the rubric."""

    id: ReviewId
    reviewer: PersonId
    rubric: str
    marks: Mapping[str, int]
    note: str
    submitted_at: datetime


@dataclass(frozen=True, slots=True)
class Panel:
    """The reviewers of a submission and their reviews so far."""

    submission: Submission
    reviewers: tuple[PersonId, ...] = ()
    reviews: tuple[Review, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether both reviews are in."""
        return len(self.reviews) == REVIEWERS


@dataclass(frozen=True, slots=True)
class ReviewTaken:
    """What follows from a review: the panel, and what is told: nothing after the first, both after the second."""

    panel: Panel
    completed: tuple[tuple[Review, ReviewCompleted], ...]


def assign(panel: Panel, reviewer: PersonId) -> Panel:
    """Return the panel with one more reviewer; with the second the submission is in review.

    Raises Forbidden for the author, Conflict for somebody who is on it, for a third, and for a submission that is not
    waiting for reviewers. That two ids are two people is for identity to know: ids are canonical when they come here.
    """
    if reviewer == panel.submission.author:
        raise Forbidden.of("/reviewer", "nobody reviews their own work", "Ask somebody else.")
    if panel.submission.state is not State.ACCEPTED or len(panel.reviewers) >= REVIEWERS:
        rule = f"a submission that is {panel.submission.state} with {len(panel.reviewers)} reviewers takes no more"
        raise Conflict.of("/reviewer", rule, f"A submission has {REVIEWERS} reviewers, named once it is accepted.")
    if reviewer in panel.reviewers:
        raise Conflict.of("/reviewer", "already a reviewer of this submission", "Name another person.")
    reviewers = (*panel.reviewers, reviewer)
    is_full = len(reviewers) == REVIEWERS
    submission = panel.submission.moved(State.IN_REVIEW) if is_full else panel.submission
    return replace(panel, submission=submission, reviewers=reviewers)


def take(
    panel: Panel,
    rubric: Rubric,
    review_id: ReviewId,
    reviewer: PersonId,
    marks: Mapping[str, object],
    note: str,
    at: datetime,
) -> ReviewTaken:
    """Return the panel with the review in it, and both reviews as told once they are in.

    Raises Forbidden for somebody who is not on the panel or has become one with the author since, Conflict for a second
    review of one reviewer or outside the time of review, Rejected for marks the rubric does not know and for a note
    that is too long or no text.
    """
    if reviewer not in panel.reviewers:
        raise Forbidden.of("/reviewer", "not a reviewer of this submission", "Ask to be named.")
    if reviewer == panel.submission.author:
        raise Forbidden.of("/reviewer", "nobody reviews their own work", "Ask the platform for another reviewer.")
    if any(review.reviewer == reviewer for review in panel.reviews):
        raise Conflict.of("/reviewer", "this reviewer's marks are in", "A review is given once.")
    if panel.submission.state is not State.IN_REVIEW:
        rule = f"a submission that is {panel.submission.state} takes no review"
        raise Conflict.of("/submission", rule, f"Reviews come in once {REVIEWERS} reviewers are named.")
    if len(note) > NOTE_LENGTH_MAX:
        raise Rejected.of("/note", f"at most {NOTE_LENGTH_MAX} characters, got {len(note)}", "Shorten it.")
    if "\0" in note:
        raise Rejected.of("/note", "it holds the character U+0000, which no text has", "Leave it out.")
    review = Review(review_id, reviewer, rubric.id, rubric.check(marks), note, at)
    taken = replace(panel, reviews=(*panel.reviews, review))
    if not taken.is_complete:
        return ReviewTaken(taken, ())
    submission = panel.submission.moved(State.REVIEWED)
    told = tuple((one, _told(one, submission, rubric)) for one in taken.reviews)
    return ReviewTaken(replace(taken, submission=submission), told)


def visible(panel: Panel, viewer: PersonId) -> tuple[Review, ...]:
    """Return the reviews that `viewer` may see: all once both are in, before that a reviewer's own.

    Whether the viewer may see the submission at all is asked before.
    """
    return tuple(review for review in panel.reviews if panel.is_complete or review.reviewer == viewer)


def _told(review: Review, submission: Submission, rubric: Rubric) -> ReviewCompleted:
    return ReviewCompleted(
        review=review.id,
        submission=submission.id,
        project=submission.project,
        reviewer=review.reviewer,
        rubric=review.rubric,
        marks=rubric.told(review.marks),
    )
