"""The use cases of project_submissions: load, decide, save. The ports are declared here; store and clients fill them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from services.project_submissions.domain.evidence import Evidence
from services.project_submissions.domain.project import Project, register
from services.project_submissions.domain.repository import Repository
from services.project_submissions.domain.review import Panel, Review, ReviewTaken, assign, take, visible
from services.project_submissions.domain.rubric import Rubric
from services.project_submissions.domain.submission import Acceptance, State, Submission, accept, receive
from shared.events.event import Event
from shared.events.fact import NewFact
from shared.kernel.clock import Clock
from shared.kernel.errors import Fault, Forbidden, NotFound, Rejected, TooLarge
from shared.kernel.ids import EvidenceId, FactId, OrganisationId, PersonId, ProjectId, ReviewId, SubmissionId


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: an organisation's key, a signed-in person, or an operator (neither)."""

    organisation: OrganisationId | None = None
    person: PersonId | None = None

    @property
    def is_operator(self) -> bool:
        """Whether it is neither a key nor a person."""
        return self.organisation is None and self.person is None


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle as it was received: its digest text, its size in bytes."""

    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a bundle was refused."""

    message: str
    faults: Sequence[Fault]


@dataclass(frozen=True, slots=True)
class Filed:
    """A submission as it is kept. commits and authorship are None until it was accepted."""

    submission: Submission
    bundle: Bundle
    version: int
    reviewers: tuple[PersonId, ...] = ()
    refusal: Refusal | None = None
    head_commit: str | None = None
    commits: int | None = None
    authorship: float | None = None


class Shelf(Protocol):
    """The rows of one open transaction. Reads return None for what is not there or may not be seen."""

    async def lock(self, person: PersonId) -> None:
        """Hold the stream of a person; before the first write."""
        ...

    async def act_for(self, organisation: str) -> None:
        """Write as this organisation from here on; the caller has decided that it may."""
        ...

    async def add_project(self, project: Project) -> None:
        """Keep a new project."""
        ...

    async def project(self, project: ProjectId) -> Project | None:
        """Return a project."""
        ...

    async def projects(self, owner: PersonId, limit: int) -> list[Project]:
        """Return a person's projects, newest first."""
        ...

    async def waiting(self, author: PersonId) -> int:
        """Return how many submissions of a person wait to be checked."""
        ...

    async def add_submission(self, filed: Filed) -> None:
        """Keep a new submission."""
        ...

    async def filed(self, submission: SubmissionId) -> Filed | None:
        """Return a submission."""
        ...

    async def move(self, filed: Filed, to: Submission, reviewers: Sequence[PersonId] | None = None) -> None:
        """Save a submission's new state. Raises Conflict when it moved since it was read."""
        ...

    async def refuse(self, filed: Filed, to: Submission, refusal: Refusal) -> None:
        """Save that a bundle was refused, and why."""
        ...

    async def keep_acceptance(self, filed: Filed, acceptance: Acceptance) -> None:
        """Save an accepted submission with its evidence."""
        ...

    async def evidence(self, submission: SubmissionId) -> list[tuple[EvidenceId, Evidence]]:
        """Return a submission's evidence, in order."""
        ...

    async def reviews(self, submission: SubmissionId) -> tuple[Review, ...]:
        """Return the reviews that are in, oldest first."""
        ...

    async def add_review(self, submission: SubmissionId, review: Review) -> None:
        """Keep a review. Raises Conflict for a second of the same reviewer."""
        ...

    async def tell(self, facts: Sequence[NewFact]) -> None:
        """Append facts; durable with the transaction."""
        ...


class Library(Protocol):
    """Opens transactions: as an actor, or as the service itself."""

    def opened_by(self, actor: Actor) -> AbstractAsyncContextManager[Shelf]:
        """Open a transaction that sees what the actor may see."""
        ...

    def opened(self) -> AbstractAsyncContextManager[Shelf]:
        """Open a transaction that sees everything; for checks and operators."""
        ...


class People(Protocol):
    """Asks identity."""

    async def canonical(self, people: Collection[PersonId]) -> Mapping[PersonId, PersonId]:
        """Return the canonical id of each person that exists. Raises Unavailable."""
        ...


class Reader(Protocol):
    """Reads bundles."""

    async def read(self, bundle: Path) -> Repository:
        """Return what a bundle holds. Raises Rejected, TooLarge, or Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Ids:
    """Makes fresh identifiers."""

    project: Callable[[], ProjectId]
    submission: Callable[[], SubmissionId]
    evidence: Callable[[], EvidenceId]
    review: Callable[[], ReviewId]
    fact: Callable[[], FactId]


class Submissions:
    """The use cases. `nudge` wakes the job that checks bundles."""

    def __init__(
        self,
        library: Library,
        people: People,
        rubric: Rubric,
        clock: Clock,
        ids: Ids,
        pending_max: int,
        nudge: Callable[[], None],
    ) -> None:
        self._library = library
        self._people = people
        self._rubric = rubric
        self._clock = clock
        self._ids = ids
        self._pending_max = pending_max
        self._nudge = nudge

    async def open_project(self, actor: Actor, title: str, owner: PersonId | None, organisation: str) -> Project:
        """Open a project for the signed-in person, or for `owner` on behalf of the key's organisation."""
        person = await self._owner(actor, owner)
        belongs_to = actor.organisation or OrganisationId(organisation)
        now = self._clock.now()
        project, event = register(self._ids.project(), belongs_to, person, title, now)
        async with self._library.opened_by(Actor(belongs_to, person)) as shelf:
            await shelf.lock(person)
            await shelf.add_project(project)
            await shelf.tell([self._fact(event, person, belongs_to, now)])
        return project

    async def project(self, actor: Actor, project: ProjectId) -> Project:
        """Return a project the actor may see. Raises NotFound."""
        async with self._opened(actor) as shelf:
            found = await shelf.project(project)
        if found is None:
            raise NotFound.of("/project", "there is no such project, or it is not yours", "List your projects.")
        return found

    async def projects_of(self, actor: Actor, owner: PersonId, limit: int) -> list[Project]:
        """Return a person's projects that the actor may see, newest first."""
        async with self._opened(actor) as shelf:
            return await shelf.projects(owner, limit)

    async def submit(self, actor: Actor, project: ProjectId, emails: Collection[str], bundle: Bundle) -> Filed:
        """File a received bundle; it is checked soon after. Raises TooLarge while too many of theirs wait."""
        found = await self.project(actor, project)
        now = self._clock.now()
        submission = receive(self._ids.submission(), found, actor.person or found.owner, emails, now)
        filed = Filed(submission, bundle, 1)
        async with self._library.opened_by(Actor(found.organisation, submission.author)) as shelf:
            if await shelf.waiting(submission.author) >= self._pending_max:
                rule = f"at most {self._pending_max} submissions of a person wait to be checked"
                raise TooLarge.of("/project", rule, "Submit again when one of them was checked.")
            await shelf.add_submission(filed)
        self._nudge()
        return filed

    async def submission(
        self, actor: Actor, submission: SubmissionId
    ) -> tuple[Filed, list[tuple[EvidenceId, Evidence]]]:
        """Return a submission the actor may see, with its evidence. Raises NotFound."""
        async with self._opened(actor) as shelf:
            filed = await self._filed(shelf, submission)
            return filed, await shelf.evidence(submission)

    async def assign(self, actor: Actor, submission: SubmissionId, reviewers: Sequence[PersonId]) -> Filed:
        """Name the reviewers; two people by identity's word. Raises Forbidden for a person who is no operator or key."""
        if actor.person is not None:
            raise Forbidden.of("/reviewers", "reviewers are named by the platform", "Ask the platform.")
        async with self._opened(actor) as shelf:
            author = (await self._filed(shelf, submission)).submission.author
        canonical = await self._canonical([*reviewers, author])
        async with self._opened(actor) as shelf:
            filed = await self._filed(shelf, submission)
            panel = Panel(_owned_by(filed.submission, canonical[author]), filed.reviewers)
            for reviewer in reviewers:
                panel = assign(panel, canonical[reviewer])
            await shelf.move(filed, _owned_by(panel.submission, author), panel.reviewers)
        async with self._opened(actor) as shelf:
            return await self._filed(shelf, submission)

    async def review(
        self, actor: Actor, submission: SubmissionId, marks: Mapping[str, object], note: str
    ) -> tuple[ReviewTaken, Review]:
        """Take a reviewer's marks; with the second review both are told. Raises Forbidden for anybody else."""
        reviewer = await self._reviewer(actor)
        async with self._library.opened_by(Actor(person=reviewer)) as shelf:
            author = (await self._filed(shelf, submission)).submission.author
            await shelf.lock(author)
            filed = await self._filed(shelf, submission)
            panel = Panel(filed.submission, filed.reviewers, await shelf.reviews(submission))
            now = self._clock.now()
            taken = take(panel, self._rubric, self._ids.review(), reviewer, marks, note, now)
            review = taken.panel.reviews[-1]
            await shelf.add_review(submission, review)
            if taken.completed:
                await shelf.move(filed, taken.panel.submission)
                await shelf.act_for(filed.submission.organisation)
                organisation = filed.submission.organisation
                await shelf.tell([self._fact(event, author, organisation, now) for _, event in taken.completed])
        return taken, review

    async def reviews(self, actor: Actor, submission: SubmissionId) -> tuple[Review, ...]:
        """Return the reviews the actor may see by now."""
        async with self._opened(actor) as shelf:
            filed = await self._filed(shelf, submission)
            panel = Panel(filed.submission, filed.reviewers, await shelf.reviews(submission))
        return visible(panel, actor.person or PersonId(""))

    # The job's part

    async def check(self, submission: SubmissionId, reader: Reader, path: Callable[[str], Path]) -> State:
        """Read a received bundle and save what follows: accepted with evidence, or refused with the reason.

        Everything that is told is told in one transaction. A submission that was checked meanwhile is left as it is.
        Raises Unavailable when git or the database is away; the submission waits on.
        """
        async with self._library.opened() as shelf:
            filed = await self._filed(shelf, submission)
        if filed.submission.state is not State.RECEIVED:
            return filed.submission.state
        try:
            repository = await reader.read(path(filed.bundle.digest))
        except Rejected as error:
            return await self._refuse(filed, Refusal(error.message, error.faults))
        return await self._accept(filed, repository)

    async def _refuse(self, filed: Filed, refusal: Refusal) -> State:
        refused = filed.submission.moved(State.REFUSED)
        async with self._library.opened() as shelf:
            await shelf.refuse(filed, refused, refusal)
        return refused.state

    async def _accept(self, filed: Filed, repository: Repository) -> State:
        submission = filed.submission
        acceptance = accept(submission, repository, submission.submitted_at, self._ids.evidence)
        events: list[Event] = [acceptance.accepted, *acceptance.graded]
        organisation, author = submission.organisation, submission.author
        async with self._library.opened() as shelf:
            await shelf.lock(author)
            await shelf.keep_acceptance(filed, acceptance)
            await shelf.tell([self._fact(event, author, organisation, submission.submitted_at) for event in events])
        return acceptance.submission.state

    # What the use cases share

    def _opened(self, actor: Actor) -> AbstractAsyncContextManager[Shelf]:
        return self._library.opened() if actor.is_operator else self._library.opened_by(actor)

    async def _owner(self, actor: Actor, owner: PersonId | None) -> PersonId:
        if actor.person is not None:
            if owner not in (None, actor.person):
                raise Forbidden.of("/person", "a person opens projects of their own", "Leave it out.")
            return actor.person
        if owner is None:
            raise Rejected.of("/person", "a platform says whose project it is", "Name the person's id.")
        return (await self._canonical([owner]))[owner]

    async def _reviewer(self, actor: Actor) -> PersonId:
        if actor.person is None:
            raise Forbidden.of("authorization", "a review is a person's", "Sign in as the reviewer.")
        return (await self._canonical([actor.person]))[actor.person]

    async def _canonical(self, people: Collection[PersonId]) -> Mapping[PersonId, PersonId]:
        found = await self._people.canonical(people)
        missing = [person for person in people if person not in found]
        if missing:
            raise NotFound.of("/person", "there is no such person", "Look the id up with: deedlog people list")
        return found

    async def _filed(self, shelf: Shelf, submission: SubmissionId) -> Filed:
        filed = await shelf.filed(submission)
        if filed is None:
            raise NotFound.of("/submission", "there is no such submission, or it is not yours", "Look the id up.")
        return filed

    def _fact(self, event: Event, person: PersonId, organisation: str, at: datetime) -> NewFact:
        return event.fact(self._ids.fact(), person, at, organisation or None)


def _owned_by(submission: Submission, author: PersonId) -> Submission:
    """Return the submission under another id of its author, so that an author's alias cannot review it."""
    return Submission(
        submission.id,
        submission.project,
        submission.organisation,
        author,
        submission.author_emails,
        submission.submitted_at,
        submission.state,
    )
