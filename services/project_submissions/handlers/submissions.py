"""Receiving a version of a project, and showing what became of it.

The same bundle sent again to the same project under the same names is the same submission, for as long as that one was
not refused or withdrawn: a retry after a lost answer finds what it made, and nobody doubles their evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from services.project_submissions.domain.evidence import Evidence
from services.project_submissions.domain.submission import Submission, receive
from services.project_submissions.handlers.actor import Actor
from services.project_submissions.handlers.filed import Bundle, Filed, no_such_project, no_such_submission
from services.project_submissions.handlers.ports import Library, Mint, Shelf
from shared.kernel.clock import Clock
from shared.kernel.errors import TooLarge
from shared.kernel.ids import EvidenceId, ProjectId, SubmissionId


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many submissions of one person may wait to be checked, and what is called when there is one more.

    nudge: wakes whoever checks.
    """

    count_max: int
    full: Callable[[], None]
    nudge: Callable[[], None]


class SubmissionDesk:
    """The use cases."""

    def __init__(self, library: Library, clock: Clock, mint: Mint, waiting: Waiting) -> None:
        self._library = library
        self._clock = clock
        self._mint = mint
        self._waiting = waiting

    async def admit(self, actor: Actor, project: ProjectId, names: Collection[str]) -> None:
        """Say that a bundle would be received, before a byte of it is taken. Raises as `submit` does."""
        async with self._library.opened_by(actor) as shelf:
            submission = await self._received(shelf, project, names)
            await self._check_waiting(shelf, submission)

    async def submit(
        self, actor: Actor, project: ProjectId, names: Collection[str], bundle: Bundle
    ) -> tuple[Filed, bool]:
        """Return the submission, and whether it is new; a new one waits to be checked.

        names: addresses under which the author says to have committed. Raises NotFound for a project that is not
        there or not to be seen, Rejected for the names, TooLarge while too many of the author's wait.
        """
        async with self._library.opened_by(actor) as shelf:
            submission = await self._received(shelf, project, names)
            await shelf.lock(submission.author)
            filed = Filed(submission, bundle)
            same = await shelf.submissions.same(filed)
            if same is not None:
                return same, False
            await self._check_waiting(shelf, submission)
            await shelf.submissions.add(filed)
        self._waiting.nudge()
        return filed, True

    async def submission(
        self, actor: Actor, submission: SubmissionId
    ) -> tuple[Filed, list[tuple[EvidenceId, Evidence]]]:
        """Return a submission the actor may see, with its evidence. Raises NotFound."""
        async with self._library.opened_by(actor) as shelf:
            filed = await shelf.submissions.find(submission)
            if filed is None:
                raise no_such_submission()
            return filed, await shelf.submissions.evidence(submission)

    async def page(self, actor: Actor, project: ProjectId, before: str, limit: int) -> list[Filed]:
        """Return up to `limit` submissions to a project, newest first. Raises NotFound for the project."""
        async with self._library.opened_by(actor) as shelf:
            if await shelf.projects.find(project) is None:
                raise no_such_project()
            return await shelf.submissions.of_project(project, before, limit)

    async def _received(self, shelf: Shelf, project: ProjectId, names: Collection[str]) -> Submission:
        found = await shelf.projects.find(project)
        if found is None:
            raise no_such_project()
        return receive(self._mint.submission(), found, found.owner, names, self._clock.now())

    async def _check_waiting(self, shelf: Shelf, submission: Submission) -> None:
        if await shelf.submissions.waiting(submission.author) >= self._waiting.count_max:
            self._waiting.full()
            rule = f"at most {self._waiting.count_max} submissions of a person wait to be checked"
            raise TooLarge.of("/project", rule, "Submit again when one of them was checked.")
