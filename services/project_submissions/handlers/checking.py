"""Checking a received bundle: accepted with its evidence, or refused with the reason, and nothing in between.

A submission is `received` until everything that follows is committed in one transaction, so a check that was killed is
begun again. Each begin is counted before the bundle is opened: one that kills its reader, or meets a fault of ours,
must not be begun for ever, with everybody else's waiting behind it.
"""

from __future__ import annotations

from typing import Final

from services.project_submissions.domain.repository import Repository
from services.project_submissions.domain.submission import State, accept
from services.project_submissions.handlers.filed import Filed, Refusal
from services.project_submissions.handlers.ports import Bundles, Library, Mint
from shared.events.event import Event
from shared.kernel.errors import Fault, Rejected, Unavailable
from shared.kernel.ids import SubmissionId

ATTEMPTS_MAX: Final = 5
"""Checks of one submission that are begun; what none of them brought to an end is refused."""
GIVEN_UP: Final = Refusal(
    f"{ATTEMPTS_MAX} attempts to check it did not come to an end. The fault is ours and was logged; submit it again.",
    (Fault("/bundle", f"{ATTEMPTS_MAX} attempts to check it did not come to an end", "Submit it again later."),),
)


class CheckDesk:
    """The use case."""

    def __init__(self, library: Library, bundles: Bundles, mint: Mint) -> None:
        self._library = library
        self._bundles = bundles
        self._mint = mint

    async def check(self, submission: SubmissionId) -> State | None:
        """Return what became of a waiting submission; None when it waited no more.

        Raises Conflict when another process was faster, Unavailable when git or the database is away; it waits on.
        """
        async with self._library.opened() as shelf:
            filed = await shelf.submissions.begin_check(submission)
        if filed is None:
            return None
        if filed.attempts > ATTEMPTS_MAX:
            return await self._refuse(filed, GIVEN_UP)
        try:
            repository = await self._bundles.read(filed.bundle.digest)
        except Rejected as error:
            return await self._refuse(filed, Refusal(error.message, error.faults))
        except Unavailable:
            async with self._library.opened() as shelf:
                await shelf.submissions.take_back_attempt(submission)
            raise
        return await self._accept(filed, repository)

    async def _refuse(self, filed: Filed, refusal: Refusal) -> State:
        refused = filed.submission.moved(State.REFUSED)
        async with self._library.opened() as shelf:
            await shelf.submissions.refuse(filed, refused, refusal)
        return refused.state

    async def _accept(self, filed: Filed, repository: Repository) -> State:
        submission = filed.submission
        received_at, author, organisation = submission.submitted_at, submission.author, submission.organisation
        acceptance = accept(submission, repository, received_at, self._mint.evidence)
        events: list[Event] = [acceptance.accepted, *acceptance.graded]
        facts = self._mint.facts(events, author, received_at, organisation)
        async with self._library.opened() as shelf:
            await shelf.lock(author)
            await shelf.submissions.accept(filed, acceptance)
            await shelf.tell(organisation, facts)
        return acceptance.submission.state
