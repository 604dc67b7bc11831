"""The Kafka door: what inference hears of people, statements and reviews."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextvars import ContextVar
from typing import Final

from services.skill_inference.domain.sorting import sort_out
from services.skill_inference.domain.testimony import Testimony
from services.skill_inference.handlers.desk import Basis, Inference
from services.skill_inference.handlers.hearing import hear, keep
from services.skill_inference.store import people
from services.skill_inference.store.alignments import AlignmentBook
from services.skill_inference.store.desk import ConnectedDesk
from services.skill_inference.store.releases import ReleaseBook, forget_reviewers
from shared.events import erasure
from shared.events.identity import PersonMerged, PersonSplit
from shared.events.learning_events import StatementRecorded, StatementVoided
from shared.events.project_submissions import ReviewCompleted
from shared.events.sources import IDENTITY, LEARNING_EVENTS, PROJECT_SUBMISSIONS, Source
from shared.runtime.effect import Applying, Heard, SetAside
from shared.runtime.postgres import Connection

HEARS: Final = (IDENTITY, LEARNING_EVENTS, PROJECT_SUBMISSIONS)

_locked: ContextVar[frozenset[str]] = ContextVar("skill_inference_locked", default=frozenset())
"""The subjects of the batch this task is at: `subjects` names them, and the core locks them before `apply`."""


class InferenceEffect:
    """Keeps evidence and tells estimates. `nudge` is called when somebody was put off until later."""

    hears: tuple[Source, ...] = HEARS
    types: frozenset[str] | None = frozenset(
        {
            StatementRecorded.type,
            StatementVoided.type,
            ReviewCompleted.type,
            PersonMerged.type,
            PersonSplit.type,
            *(f"{source.type_prefix}{erasure.NAME}.v1" for source in HEARS),
        }
    )

    def __init__(self, releases: ReleaseBook, book: AlignmentBook, nudge: Callable[[], None]) -> None:
        self._releases = releases
        self._book = book
        self._nudge = nudge

    async def subjects(self, connection: Connection, heard: Sequence[Heard]) -> Collection[str]:
        """Return whom these facts touch: canonical persons, and both ends of a merge or split."""
        testimony = self._sorted(heard)
        # Reviewers too: who they are must not change while somebody whom they review is judged.
        named = testimony.persons() | testimony.reviewers()
        if named:
            around, basis = await people.people_and_basis(connection, named)
            named |= around.canonicals(named)
            # Read now and kept, so that no transaction waits until a large table is parsed.
            await self._book.targets(connection, {statement.organisation for statement in testimony.statements}, basis)
            await self._releases.inference(connection, basis.calibration)
        _locked.set(frozenset(named | {item.fact.subject for item in heard}))
        return named

    async def apply(self, applying: Applying, heard: Sequence[Heard]) -> Sequence[SetAside]:
        """Keep what was said; unless this is a rebuild, which has nothing but evidence to make, tell what moved."""
        testimony = self._sorted(heard)
        connection = applying.connection
        desk = ConnectedDesk(connection, self._book, applying.tell)
        if applying.is_rebuilding:
            await keep(desk, testimony)
            return [SetAside(aside.fact, aside.reason) for aside in testimony.aside]
        erased = {one.subject for one in testimony.erasures if one.source == IDENTITY.name}
        if erased:
            await forget_reviewers(connection, erased, self._releases.base.clock.now())

        async def judging(basis: Basis) -> Inference:
            return await self._releases.inference(connection, basis.calibration)

        if await hear(desk, judging, testimony, _locked.get()):
            # Before the commit there would be nothing to see, and the reviser would rest again.
            applying.after_commit(self._nudge)
        return [SetAside(aside.fact, aside.reason) for aside in testimony.aside]

    def _sorted(self, heard: Sequence[Heard]) -> Testimony:
        return sort_out([(item.fact, item.event) for item in heard], self._releases.base.framework.skills)
