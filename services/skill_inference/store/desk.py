"""The desk of the use cases, over one connection in one open transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence

from services.skill_inference.domain.people import People
from services.skill_inference.domain.reading import Evidence, Targets
from services.skill_inference.domain.revision import Revision
from services.skill_inference.domain.telling import Told
from services.skill_inference.domain.testimony import Counts, Erasure, Shelf, Testimony
from services.skill_inference.handlers.desk import Basis, Standing
from services.skill_inference.store import evidence, opt_outs, people, told
from services.skill_inference.store.alignments import ALIGNMENTS_LOCK_KEY, AlignmentBook
from shared.events.fact import NewFact
from shared.runtime.postgres import Connection

Tell = Callable[[Sequence[NewFact]], Awaitable[object]]


class ConnectedDesk:
    """Storage over `connection`. tell: appends facts in the same transaction."""

    def __init__(self, connection: Connection, book: AlignmentBook, tell: Tell) -> None:
        self._connection = connection
        self._book = book
        self._tell = tell
        self._basis: Basis | None = None

    async def people(self, persons: Collection[str]) -> People:
        """Return who is whom around `persons`."""
        return await people.people(self._connection, persons)

    async def people_held(self, persons: Collection[str]) -> People:
        """Hold the alignments as they are until the transaction ends, and return who is whom around `persons`."""
        return await people.people(self._connection, persons, ALIGNMENTS_LOCK_KEY)

    async def erase(self, erasures: Sequence[Erasure]) -> None:
        """Have dropped what was kept of these streams."""
        await evidence.erase(self._connection, erasures)

    async def count(self, counts: Counts) -> Mapping[Shelf, int]:
        """Have counted evidence by shelf, and return the new totals."""
        return await evidence.count(self._connection, counts)

    async def keep(self, testimony: Testimony) -> None:
        """Have kept what was said; erasures are not its matter."""
        await evidence.keep(self._connection, testimony)
        await people.link(self._connection, testimony.links)

    async def hold_basis(self) -> Basis:
        """Hold the alignments as they are until the transaction ends, and say what evidence is read by."""
        self._basis = await self._book.hold(self._connection)
        return self._basis

    async def targets(self, organisations: Collection[str]) -> Targets:
        """Return what activities show, by the alignments that each organisation has in force."""
        return await self._book.targets(self._connection, organisations, self._basis)

    async def standings(self, members: Mapping[str, Collection[str]]) -> Mapping[str, Standing]:
        """Return the standing of each person of whom anything was ever kept."""
        return await evidence.standings(self._connection, members) if members else {}

    async def standings_and_basis(self, members: Mapping[str, Collection[str]]) -> tuple[Mapping[str, Standing], Basis]:
        """Return the standing of each person of whom anything was ever kept, and what evidence is read by."""
        found, self._basis = await evidence.standings_and_basis(self._connection, members)
        return found, self._basis

    async def voided(self, members: Mapping[str, Collection[str]]) -> Collection[tuple[str, str, str]]:
        """Return the voided statements of each person as (person, organisation, statement), be they kept or not."""
        return await evidence.voided(self._connection, members)

    async def evidence(
        self, members: Mapping[str, Collection[str]], standings: Mapping[str, Standing] | None = None
    ) -> Mapping[str, Evidence]:
        """Return all that is kept of each person, be it nothing. standings: where they are known."""
        return await evidence.evidence(self._connection, members, standings)

    async def told(self, persons: Collection[str]) -> Mapping[str, Mapping[str, Told]]:
        """Return what was told last of each person of whom something is told, by skill."""
        return await told.told(self._connection, persons)

    async def opted_out(self, members: Mapping[str, Collection[str]]) -> Collection[str]:
        """Return the persons who want nothing inferred, which one id of theirs has said."""
        return await opt_outs.opted_out(self._connection, members)

    async def tell(self, news: Mapping[str, Sequence[Revision]], facts: Sequence[NewFact]) -> None:
        """Have told `facts`, and remembered by person what they say."""
        await told.remember(self._connection, news)
        await self._tell(facts)

    async def put_off(self, persons: Collection[str]) -> None:
        """Have remembered that these persons are still to be revised."""
        await told.put_off(self._connection, persons)

    async def put_off_reviewed(self, reviewers: Collection[str]) -> bool:
        """Have remembered that everybody whom any of these ids reviewed is still to be revised; say if there is any."""
        return await told.put_off_reviewed(self._connection, reviewers)

    async def empty_later(self, persons: Collection[str]) -> None:
        """Have remembered that what was told of these persons is still to be emptied."""
        await told.empty_later(self._connection, persons)
