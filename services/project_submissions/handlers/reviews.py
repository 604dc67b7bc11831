"""Naming two reviewers, taking their marks, and showing them once both are in.

That two ids are two people, and neither the author, is asked of identity when reviewers are named and again with every
review: people who have become one in between do not get to count as two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from services.project_submissions.domain.review import Panel, Review, ReviewTaken, assign, take, visible
from services.project_submissions.domain.rubric import Rubric
from services.project_submissions.handlers.actor import Actor
from services.project_submissions.handlers.canonical import canonical
from services.project_submissions.handlers.filed import Filed, no_such_submission
from services.project_submissions.handlers.ports import Library, Mint, People, Shelf
from shared.kernel.clock import Clock
from shared.kernel.errors import Forbidden
from shared.kernel.ids import PersonId, SubmissionId


@dataclass(frozen=True, slots=True)
class Given:
    """What a reviewer gives: marks by criterion, and a note to the author."""

    marks: Mapping[str, object]
    note: str = ""


class ReviewDesk:
    """The use cases."""

    def __init__(self, library: Library, people: People, rubric: Rubric, clock: Clock, mint: Mint) -> None:
        self._library = library
        self._people = people
        self._rubric = rubric
        self._clock = clock
        self._mint = mint

    async def assign(
        self, actor: Actor, submission: SubmissionId, reviewers: Sequence[PersonId]
    ) -> tuple[PersonId, ...]:
        """Return the reviewers, by their canonical ids; the submission is in review.

        Raises Forbidden for a signed-in person and for an author among the reviewers, NotFound for somebody unknown,
        Conflict for one person named twice and for a submission that is not waiting for reviewers.
        """
        if actor.person is not None:
            raise Forbidden.of("/reviewers", "reviewers are named by the platform", "Ask the platform.")
        known = await canonical(self._people, reviewers, "/reviewers")
        author = (await self._filed(actor, submission)).submission.author
        known = {author: author, **await self._people.canonical([author]), **known}
        async with self._library.opened_by(actor) as shelf:
            filed = await _filed(shelf, submission)
            panel = _panel(filed, (), known)
            for reviewer in reviewers:
                panel = assign(panel, known[reviewer])
            await shelf.submissions.move(filed, replace(panel.submission, author=author), panel.reviewers)
        return panel.reviewers

    async def review(self, actor: Actor, submission: SubmissionId, given: Given) -> tuple[ReviewTaken, Review]:
        """Return the review that was taken and what followed; with the second, both are told in one transaction.

        Raises Forbidden for whoever is no reviewer of it, Conflict for a second review and outside the time of review,
        Rejected for marks the rubric does not know.
        """
        if actor.person is None:
            raise Forbidden.of("authorization", "a review is a person's", "Sign in as the reviewer.")
        before = await self._filed(actor, submission)
        author = before.submission.author
        asked = {actor.person, author, *before.reviewers}
        known = {person: person for person in asked} | dict(await self._people.canonical(asked))
        async with self._library.opened_by(actor) as shelf:
            await shelf.lock(author)  # two reviews that come at once are decided one after the other
            filed = await _filed(shelf, submission)
            panel = _panel(filed, await shelf.reviews.of(submission), known)
            taken = self._take(panel, known[actor.person], given)
            review = taken.panel.reviews[-1]
            await shelf.reviews.add(submission, review)
            if taken.completed:
                await shelf.submissions.move(filed, replace(taken.panel.submission, author=author), filed.reviewers)
                organisation, at = filed.submission.organisation, review.submitted_at
                events = [event for _, event in taken.completed]
                await shelf.tell(organisation, self._mint.facts(events, author, at, organisation))
        return taken, review

    async def reviews(self, actor: Actor, submission: SubmissionId) -> tuple[Review, ...]:
        """Return the reviews the actor may see by now. Raises NotFound."""
        async with self._library.opened_by(actor) as shelf:
            filed = await _filed(shelf, submission)
            panel = Panel(filed.submission, filed.reviewers, await shelf.reviews.of(submission))
            own = next((review.reviewer for review in panel.reviews if review.reviewer in shelf.own), PersonId(""))
        return visible(panel, own)

    def _take(self, panel: Panel, reviewer: PersonId, given: Given) -> ReviewTaken:
        now = self._clock.now()
        return take(panel, self._rubric, self._mint.review(), reviewer, given.marks, given.note, now)

    async def _filed(self, actor: Actor, submission: SubmissionId) -> Filed:
        async with self._library.opened_by(actor) as shelf:
            return await _filed(shelf, submission)


async def _filed(shelf: Shelf, submission: SubmissionId) -> Filed:
    filed = await shelf.submissions.find(submission)
    if filed is None:
        raise no_such_submission()
    return filed


def _panel(filed: Filed, reviews: Sequence[Review], known: Mapping[PersonId, PersonId]) -> Panel:
    """Return the panel with everybody under the id by which identity knows them now."""
    submission = replace(filed.submission, author=known.get(filed.submission.author, filed.submission.author))
    reviewers = tuple(known.get(reviewer, reviewer) for reviewer in filed.reviewers)
    given = tuple(replace(review, reviewer=known.get(review.reviewer, review.reviewer)) for review in reviews)
    return Panel(submission, reviewers, given)
