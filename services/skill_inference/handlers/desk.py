"""What the use cases ask of storage, and what they judge by."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol, TypeAlias

from services.skill_inference.domain.claims import ClaimRules
from services.skill_inference.domain.fold import MARKS_COST
from services.skill_inference.domain.framework import Framework
from services.skill_inference.domain.ledgers import Ledgers, Token
from services.skill_inference.domain.people import People
from services.skill_inference.domain.reading import Evidence, Targets
from services.skill_inference.domain.release import Release
from services.skill_inference.domain.revision import Revision
from services.skill_inference.domain.telling import Told
from services.skill_inference.domain.testimony import Counts, Erasure, Shelf, Testimony
from shared.events.fact import NewFact
from shared.events.sources import LEARNING_EVENTS, PROJECT_SUBMISSIONS
from shared.kernel.clock import Clock
from shared.kernel.ids import FactId

COSTS: Final = {LEARNING_EVENTS.name: 1, PROJECT_SUBMISSIONS.name: MARKS_COST}
"""What it costs to fold one piece of evidence of a source, in outcomes."""


class Basis(NamedTuple):
    """What evidence is read by. adoption: rises with each table of alignments that comes into force.

    generation: names the derived tables; a rebuild puts others in their place. calibration: names by what people are
    judged; 0 before any release was adopted. It is no part of a ledger's token, for each calibration has own ledgers.
    """

    generation: int
    adoption: int
    calibration: int = 0


class Standing(NamedTuple):
    """What folding all that is kept of a person costs, in outcomes; and how far each of their streams spoke.

    heads: (source, subject, number), in order. has_voidings: whether any statement of theirs was voided.
    reviewers: who reviewed them and was merged, as (id that was told, id that stands for it).
    """

    cost: int = 0
    heads: tuple[tuple[str, str, int], ...] = ()
    has_voidings: bool = False
    reviewers: frozenset[tuple[str, str]] = frozenset()

    @property
    def sources(self) -> set[str]:
        """Who ever said anything of the person."""
        return {source for source, _, _ in self.heads}

    def moved(self, counts: Counts, reviewers: Collection[tuple[str, str]] = ()) -> Standing:
        """Return the standing after this was counted in the person's streams. reviewers: the merged among new ones."""
        heads = {(source, subject): number for source, subject, number in self.heads}
        cost = self.cost
        for shelf, (count, number) in counts.items():
            cost += count * COSTS.get(shelf.source, 0)
            heads[shelf.source, shelf.subject] = max(heads.get((shelf.source, shelf.subject), 0), number)
        ordered = tuple(sorted((*stream, number) for stream, number in heads.items()))
        return Standing(cost, ordered, self.has_voidings, self.reviewers.union(reviewers))

    def token(self, basis: Basis, members: Collection[str]) -> Token:
        """Return what a ledger of this standing is made of."""
        return Token(basis.generation, basis.adoption, frozenset(members), self.heads, self.reviewers)


class Desk(Protocol):
    """Storage inside one transaction. `members`: by canonical person, every id of theirs."""

    async def people(self, persons: Collection[str]) -> People:
        """Return who is whom around `persons`."""
        ...

    async def people_held(self, persons: Collection[str]) -> People:
        """As `hold_basis` holds, and return who is whom around `persons`."""
        ...

    async def erase(self, erasures: Sequence[Erasure]) -> None:
        """Have dropped what was kept of these streams."""
        ...

    async def count(self, counts: Counts) -> Mapping[Shelf, int]:
        """Have counted evidence by shelf, with the highest number heard there, and return the new totals."""
        ...

    async def keep(self, testimony: Testimony) -> None:
        """Have kept what was said; erasures are not its matter."""
        ...

    async def hold_basis(self) -> Basis:
        """Hold tables and alignments as they are until the transaction ends, and say which they are."""
        ...

    async def targets(self, organisations: Collection[str]) -> Targets:
        """Return what activities show, by the alignments that each organisation has in force."""
        ...

    async def standings(self, members: Mapping[str, Collection[str]]) -> Mapping[str, Standing]:
        """Return the standing of each person of whom anything was ever kept."""
        ...

    async def standings_and_basis(self, members: Mapping[str, Collection[str]]) -> tuple[Mapping[str, Standing], Basis]:
        """Return the standing of each person of whom anything was ever kept, and the basis, which is held already."""
        ...

    async def voided(self, members: Mapping[str, Collection[str]]) -> Collection[tuple[str, str, str]]:
        """Return the voided statements of each person as (person, organisation, statement), be they kept or not."""
        ...

    async def evidence(
        self, members: Mapping[str, Collection[str]], standings: Mapping[str, Standing] | None = None
    ) -> Mapping[str, Evidence]:
        """Return all that is kept of each person, be it nothing. standings: of all of them, where they are known.

        A review names its reviewer by the id that stands for them now.
        """
        ...

    async def told(self, persons: Collection[str]) -> Mapping[str, Mapping[str, Told]]:
        """Return what was told last of each person of whom something is told, by skill."""
        ...

    async def opted_out(self, members: Mapping[str, Collection[str]]) -> Collection[str]:
        """Return the persons who want nothing inferred, which one id of theirs has said."""
        ...

    async def tell(self, news: Mapping[str, Sequence[Revision]], facts: Sequence[NewFact]) -> None:
        """Have told `facts`, and remembered by person what they say."""
        ...

    async def put_off(self, persons: Collection[str]) -> None:
        """Have remembered that these persons are still to be revised."""
        ...

    async def put_off_reviewed(self, reviewers: Collection[str]) -> bool:
        """Have remembered that everybody whom any of these ids reviewed is still to be revised; say if there is any."""
        ...

    async def empty_later(self, persons: Collection[str]) -> None:
        """Have remembered that what was told of these persons is still to be emptied."""
        ...


@dataclass(frozen=True, slots=True)
class Inference:
    """What people are judged by, and the ledgers at hand. Another release in force is another one of these."""

    framework: Framework
    release: Release
    rules: ClaimRules
    clock: Clock
    fact_id: Callable[[], FactId]
    ledgers: Ledgers = field(default_factory=Ledgers)


Judging: TypeAlias = Callable[[Basis], Awaitable[Inference]]
"""Says by what people are judged under a basis that is held."""
