"""What the use cases need of the world; `store` and `clients` give it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.project_submissions.domain.evidence import Evidence
from services.project_submissions.domain.project import Project
from services.project_submissions.domain.repository import Repository
from services.project_submissions.domain.review import Review
from services.project_submissions.domain.submission import Acceptance, Submission
from services.project_submissions.handlers.actor import Actor
from services.project_submissions.handlers.filed import Filed, Refusal
from shared.events.event import Event
from shared.events.fact import NewFact
from shared.kernel.ids import EvidenceId, FactId, PersonId, ProjectId, ReviewId, SubmissionId


class Projects(Protocol):
    """The projects that this transaction may see."""

    async def add(self, project: Project) -> None:
        """Keep a new project."""
        ...

    async def find(self, project: ProjectId) -> Project | None:
        """Return a project; None when it is not there or not to be seen."""
        ...

    async def owned(self, owners: Collection[PersonId], before: str, limit: int) -> list[Project]:
        """Return the owners' projects, newest first; with `before`, those that are older than the project it names."""
        ...

    async def count(self, owner: PersonId) -> int:
        """Return how many projects of the owner there are to be seen."""
        ...


class Submissions(Protocol):
    """The submissions that this transaction may see, with their evidence."""

    async def add(self, filed: Filed) -> None:
        """Keep a new submission."""
        ...

    async def find(self, submission: SubmissionId) -> Filed | None:
        """Return a submission; None when it is not there or not to be seen."""
        ...

    async def same(self, filed: Filed) -> Filed | None:
        """Return a standing submission of the same bundle to the same project under the same names, if there is one."""
        ...

    async def of_project(self, project: ProjectId, before: str, limit: int) -> list[Filed]:
        """Return a project's submissions, newest first; with `before`, those older than the submission it names."""
        ...

    async def waiting(self, author: PersonId) -> int:
        """Return how many submissions of a person wait to be checked."""
        ...

    async def evidence(self, submission: SubmissionId) -> list[tuple[EvidenceId, Evidence]]:
        """Return a submission's evidence, in order."""
        ...

    async def begin_check(self, submission: SubmissionId) -> Filed | None:
        """Count an attempt and return the submission with it; None when it waits no more."""
        ...

    async def take_back_attempt(self, submission: SubmissionId) -> None:
        """Uncount an attempt that failed for want of something that time may heal."""
        ...

    async def accept(self, filed: Filed, acceptance: Acceptance) -> None:
        """Save an accepted submission with its evidence. Raises Conflict when it moved since it was read."""
        ...

    async def refuse(self, filed: Filed, to: Submission, refusal: Refusal) -> None:
        """Save that a bundle was refused, and why. Raises Conflict when the submission moved since it was read."""
        ...

    async def move(self, filed: Filed, to: Submission, reviewers: Sequence[PersonId]) -> None:
        """Save a submission's new state and its reviewers. Raises Conflict when it moved since it was read."""
        ...

    async def standing(self, digests: Collection[str]) -> set[str]:
        """Return those of the bundles' digests that a submission which was not refused refers to."""
        ...


class Reviews(Protocol):
    """The reviews of submissions that this transaction may see."""

    async def of(self, submission: SubmissionId) -> tuple[Review, ...]:
        """Return the reviews that are in, oldest first."""
        ...

    async def add(self, submission: SubmissionId, review: Review) -> None:
        """Keep a review. Raises Conflict for a second of the same reviewer."""
        ...


class Erasing(Protocol):
    """Takes a person's rows away."""

    async def erase_submissions(self, author: PersonId, limit: int) -> list[str]:
        """Delete up to `limit` of the person's submissions with all that hangs on them; return their digests."""
        ...

    async def erase_rest(self, person: PersonId) -> None:
        """Delete the person's projects and kept replies, empty the notes of their reviews; no erasure is due then."""
        ...

    async def erase_facts(self, person: PersonId, fact_id: FactId) -> None:
        """Empty every fact in the person's stream and tell so; nothing where there is no stream."""
        ...


class Shelf(Protocol):
    """The rows of one open transaction."""

    own: frozenset[PersonId]
    """The ids under which the acting person is known here, aliases included; empty when nobody signed in."""

    @property
    def projects(self) -> Projects:
        """The projects."""
        ...

    @property
    def submissions(self) -> Submissions:
        """The submissions."""
        ...

    @property
    def reviews(self) -> Reviews:
        """The reviews."""
        ...

    @property
    def erasing(self) -> Erasing:
        """What takes rows away."""
        ...

    async def lock(self, person: PersonId) -> None:
        """Hold the person's stream, and with it every decision about their submissions; before the first write."""
        ...

    async def tell(self, organisation: str, facts: Sequence[NewFact]) -> None:
        """Append facts that carry this organisation (empty: none); durable with the transaction, which ends with it.

        From here on the transaction acts for that organisation: the use case has decided that it may.
        """
        ...


class Library(Protocol):
    """Opens transactions: as somebody, or as the service itself."""

    def opened_by(self, actor: Actor) -> AbstractAsyncContextManager[Shelf]:
        """Open a transaction that sees what the actor may see; an operator sees everything."""
        ...

    def opened(self) -> AbstractAsyncContextManager[Shelf]:
        """Open a transaction that sees everything; for the service's own jobs."""
        ...


class People(Protocol):
    """Asks identity."""

    async def canonical(self, people: Collection[PersonId]) -> Mapping[PersonId, PersonId]:
        """Return the canonical id of each person that exists. Raises Unavailable."""
        ...


class Bundles(Protocol):
    """The bundles that were received, by their digests."""

    async def read(self, digest: str) -> Repository:
        """Return what a bundle holds. Raises Rejected when it is unsound, too large or gone; Unavailable."""
        ...

    def discard(self, digest: str) -> None:
        """Have the bundle gone, if it was there."""
        ...


@dataclass(frozen=True, slots=True)
class Mint:
    """Makes fresh identifiers."""

    project: Callable[[], ProjectId]
    submission: Callable[[], SubmissionId]
    evidence: Callable[[], EvidenceId]
    review: Callable[[], ReviewId]
    fact: Callable[[], FactId]

    def facts(self, events: Collection[Event], person: PersonId, at: datetime, organisation: str) -> list[NewFact]:
        """Return the facts that say these events happened to the person."""
        return [event.fact(self.fact(), person, at, organisation or None) for event in events]
