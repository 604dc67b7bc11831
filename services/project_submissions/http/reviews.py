"""/v1/submissions/{id}/reviewers and …/reviews: naming two reviewers, and their marks."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, Field, StrictInt

from services.project_submissions.domain.review import REVIEWERS, Review
from services.project_submissions.handlers.reviews import Given, ReviewDesk
from services.project_submissions.http.callers import (
    ANY,
    CALLERS,
    PEOPLE,
    PLATFORMS,
    READ,
    REVIEW,
    actor_of,
    id_in_path,
)
from shared.kernel.clock import rfc3339
from shared.kernel.errors import Rejected
from shared.kernel.ids import PersonId, SubmissionId
from shared.runtime.call import Call
from shared.runtime.http import Endpoint, endpoint
from shared.runtime.idempotency import IdempotencyStore, idempotent
from shared.runtime.pages import page
from shared.runtime.reply import Reply

MARKS_MAX: Final = 100
"""Marks read of one review; a rubric has a tenth of them."""


class NewPanel(BaseModel):
    """The body of POST /v1/submissions/{id}/reviewers."""

    reviewers: Annotated[tuple[str, ...], Field(min_length=REVIEWERS, max_length=REVIEWERS)]


class NewMark(BaseModel):
    """One mark of a review."""

    criterion: str
    value: StrictInt


class NewReview(BaseModel):
    """The body of POST /v1/submissions/{id}/reviews. note: for the author, once both reviews are in; never told."""

    marks: Annotated[tuple[NewMark, ...], Field(max_length=MARKS_MAX)]
    note: str = ""


def review_endpoints(desk: ReviewDesk, idempotency: IdempotencyStore) -> list[Endpoint]:
    """Return the operations on reviews."""
    resource = _Resource(desk)
    assign, give = idempotent(resource.assign, idempotency), idempotent(resource.give, idempotency)
    path = "/v1/submissions/{id}/reviews"
    return [
        endpoint("POST", "/v1/submissions/{id}/reviewers", assign, scopes=ANY, kinds=PLATFORMS),
        endpoint("POST", path, give, scopes=ANY, kinds=PEOPLE),
        endpoint("GET", path, resource.reviews, scopes=ANY, kinds=CALLERS),
    ]


class _Resource:
    def __init__(self, desk: ReviewDesk) -> None:
        self._desk = desk

    async def assign(self, call: Call) -> Reply:
        actor, submission = actor_of(call, REVIEW), _submission(call)
        wanted = await call.model(NewPanel)
        reviewers = await self._desk.assign(actor, submission, [PersonId(one) for one in wanted.reviewers])
        return Reply.json({"submission": submission, "reviewers": reviewers})

    async def give(self, call: Call) -> Reply:
        actor, submission = actor_of(call, REVIEW), _submission(call)
        wanted = await call.model(NewReview)
        taken, review = await self._desk.review(actor, submission, Given(_marks(wanted), wanted.note))
        return Reply.json(_review(review) | {"is_complete": taken.panel.is_complete}, 201)

    async def reviews(self, call: Call) -> Reply:
        reviews = await self._desk.reviews(actor_of(call, READ), _submission(call))
        return Reply.json(page([_review(review) for review in reviews], None))


def _submission(call: Call) -> SubmissionId:
    return SubmissionId(id_in_path(call, "sub"))


def _marks(wanted: NewReview) -> dict[str, object]:
    marks: dict[str, object] = {mark.criterion: mark.value for mark in wanted.marks}
    if len(marks) != len(wanted.marks):
        raise Rejected.of("/marks", "a criterion is marked twice", "Mark each criterion once.")
    return marks


def _review(review: Review) -> dict[str, Any]:
    return {
        "id": review.id,
        "reviewer": review.reviewer,
        "rubric": review.rubric,
        "marks": [{"criterion": name, "value": value} for name, value in review.marks.items()],
        "note": review.note,
        "submitted_at": rfc3339(review.submitted_at),
    }
