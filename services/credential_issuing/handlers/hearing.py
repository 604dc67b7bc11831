"""What is kept of facts that earn nothing by themselves: evidence, who is known as whom, and what was erased."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from shared.events.identity import PersonMerged, PersonSplit
from shared.events.sources import PROJECT_SUBMISSIONS, SKILL_INFERENCE
from shared.kernel.ids import FactId, PersonId

EVERYTHING: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class HeardTestimony:
    """A fact of project_submissions. `data` is None where it says nothing to a credential, and once erased."""

    fact: FactId
    person: PersonId
    number: int
    type: str
    data: bytes | None


class Notes(Protocol):
    """What was heard, in the transaction in which it is."""

    async def keep(self, testimonies: Sequence[HeardTestimony]) -> None:
        """Store these facts."""
        ...

    async def forget_waiting(self, person: PersonId, skill: str, before: int) -> None:
        """Forget the estimates of this skill, told before this number, that wait for evidence."""
        ...

    async def note_alias(self, alias: PersonId, canonical: PersonId | None) -> None:
        """Have `alias` known as another's id, or as nobody's but its own."""
        ...

    async def note_erasure(self, person: PersonId, source: str, through: int, *, is_of_the_person: bool) -> None:
        """Have this erasure carried out; when it is of the person, have nothing issued to them any more."""
        ...


async def follow_person(notes: Notes, subject: PersonId, event: PersonMerged | PersonSplit) -> None:
    """Note who is known as whom. Merges are told in two streams; the alias's own decides, for it has an order."""
    if subject == event.alias:
        canonical = PersonId(event.canonical) if isinstance(event, PersonMerged) else None
        await notes.note_alias(subject, canonical)


@dataclass(frozen=True, slots=True)
class Erasure:
    """Facts of `source` about `person` up to number `through` lost their data."""

    person: PersonId
    source: str
    through: int


@dataclass(frozen=True, slots=True)
class Destruction:
    """What an erasure takes with it, each up to a fact's number: of the estimate, or of the testimony; 0 is nothing.

    tells_own: whether our own facts about the person are erased too.
    """

    documents_through: int
    waiting_through: int
    testimonies_through: int
    tells_own: bool


class Eraser(Protocol):
    """Erasures that are to be carried out."""

    async def due(self) -> Erasure | None:
        """Return one that was not carried out yet, if there is any."""
        ...

    async def carry_out(self, erasure: Erasure, destruction: Destruction, new_fact_id: FactId) -> None:
        """Destroy all that in one transaction, and forget the erasure. new_fact_id: of the fact that tells ours."""
        ...


async def erase(eraser: Eraser, new_fact_id: FactId) -> bool:
    """Carry out one erasure that is due; return whether there was one.

    Status entries stay as they are: what the person holds is neither revoked nor made valid by it.
    """
    erasure = await eraser.due()
    if erasure is None:
        return False
    await eraser.carry_out(erasure, destruction(erasure), new_fact_id)
    return True


def destruction(erasure: Erasure) -> Destruction:
    """Return what follows from an erasure: all that was made of the facts which lost their data."""
    through = erasure.through
    if erasure.source == SKILL_INFERENCE.name:
        return Destruction(through, through, 0, tells_own=True)
    if erasure.source == PROJECT_SUBMISSIONS.name:
        return Destruction(EVERYTHING, 0, through, tells_own=False)
    return Destruction(EVERYTHING, EVERYTHING, EVERYTHING, tells_own=True)
