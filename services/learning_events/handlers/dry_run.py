"""Says what would become of events, and stores, tells and mints nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from services.learning_events.domain.arrival import Account, Kept, Outcome, Writer, outcome_beside
from services.learning_events.domain.batch import ReceivedStatement, RefusedStatement
from services.learning_events.domain.derived import Reading, ReceivedEntity
from services.learning_events.domain.item_result import ItemResult, refused, taken
from services.learning_events.domain.normal_form import NormalEvent
from services.learning_events.handlers.publishing import CONFLICT, Originals, entities_of
from shared.kernel.clock import Clock
from shared.kernel.errors import Unavailable

AHEAD_MAX: Final = timedelta(days=1)
"""Where evidence lies further ahead of its recording, skill_inference sets it aside (`domain/sorting.py`)."""
_NOBODYS: Final = "It is kept and told of nobody, because no single person did it."
_TEST: Final = "What a test key sends is test data, and moves nothing."
_NOT_GRADED: Final = "It has neither a score nor success, and so is no evidence of a skill."
_NO_SCALE: Final = "A raw score needs min and max, or say success."
_NOT_ALIGNED: Final = "The activity is aligned to no skill; PUT /v1/alignments aligns it."
_NOT_ASKED: Final = "The skills are not known at the moment; ask again."
_AHEAD: Final = (
    "Its time is more than a day ahead of our clock, so it moves nothing; mend the sender's clock, or its time zone."
)
_NOT_STORED: Final = "Nothing new would be told of it."


class KnownPeople(Protocol):
    """Knows whose the accounts are that were seen before."""

    async def look_up(self, organisation: str, identifiers: Collection[str]) -> Mapping[str, Account]:
        """Return the accounts that exist; nobody is minted. Raises Unavailable."""
        ...


class Skills(Protocol):
    """Knows what activities are aligned to."""

    async def touched(self, organisation: str, activities: Collection[str]) -> Mapping[str, Sequence[str]]:
        """Return the skills of each activity that is aligned. Raises Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Foreseen:
    """result: what would become of an item. is_about_person: a person did it; person: who, None for one not seen yet.

    skills: the ids of those it would be evidence for; None where that is not known. note: why there are none.
    """

    result: ItemResult
    is_about_person: bool = False
    person: str | None = None
    skills: tuple[str, ...] | None = ()
    note: str | None = None


class DryRun:
    """Says what would become of events."""

    def __init__(self, people: KnownPeople, originals: Originals, skills: Skills, clock: Clock) -> None:
        self._people = people
        self._originals = originals
        self._skills = skills
        self._clock = clock

    async def foresee(self, writer: Writer, readings: Sequence[Reading]) -> list[Foreseen]:
        """Return what would become of each, in order, if it were sent now. Raises Unavailable."""
        statements = [one for one in readings if isinstance(one, ReceivedStatement)]
        results = [*await self._outcomes(writer, statements), *await self._entities(writer, readings)]
        by_index = {one.index: one for one in results}
        actors = {one.event.actor for one in statements if not one.event.is_group}
        people = await self._people.look_up(writer.organisation, actors) if actors else {}
        aligned = await self._aligned(writer, [one.event for one in statements])
        now = self._clock.now()
        foreseen = [_foreseen(one, by_index[one.index], writer, people, aligned, now) for one in statements]
        foreseen += [
            Foreseen(by_index[one.index], note=_NOBODYS) for one in readings if isinstance(one, ReceivedEntity)
        ]
        foreseen += [Foreseen(refused(one)) for one in readings if isinstance(one, RefusedStatement)]
        return sorted(foreseen, key=lambda one: one.result.index)

    async def _outcomes(self, writer: Writer, statements: Sequence[ReceivedStatement]) -> list[ItemResult]:
        """Return what would become of valid ones; of several with one id the first would be stored."""
        ids = [one.event.statement_id for one in statements]
        standing = dict(await self._originals.standing(writer.organisation, ids)) if ids else {}
        results = []
        for one in statements:
            kept = standing.get(one.event.statement_id)
            if kept is None:
                outcome = Outcome.STORED
                standing[one.event.statement_id] = Kept(one.original, writer.is_test)
            else:
                outcome = outcome_beside(kept, one, is_test=writer.is_test)
            results.append(taken(one.index, outcome, one.event.statement_id, CONFLICT))
        return results

    async def _entities(self, writer: Writer, readings: Sequence[Reading]) -> list[ItemResult]:
        entities = entities_of(readings, writer)
        ids = [one.id for one in entities]
        known = await self._originals.known_entities(writer.organisation, ids) if ids else set()
        results = []
        for one in entities:
            outcome = Outcome.DUPLICATE if one.id in known else Outcome.STORED
            results.append(taken(one.index, outcome, one.id, CONFLICT))
            known.add(one.id)
        return results

    async def _aligned(self, writer: Writer, events: Sequence[NormalEvent]) -> Mapping[str, Sequence[str]] | None:
        """Return the skills of all activities; None where that cannot be asked now."""
        activities = {one.activity_id for one in events if one.activity_id is not None}
        try:
            return await self._skills.touched(writer.organisation, activities) if activities else {}
        except Unavailable:
            return None


def _foreseen(
    statement: ReceivedStatement,
    result: ItemResult,
    writer: Writer,
    people: Mapping[str, Account],
    aligned: Mapping[str, Sequence[str]] | None,
    now: datetime,
) -> Foreseen:
    event = statement.event
    if event.is_group:
        return Foreseen(result, note=_NOBODYS)
    account = people.get(event.actor)
    person = None if account is None else account.person
    why = _why_no_evidence(event, result, writer, now)
    if why is not None:
        return Foreseen(result, is_about_person=True, person=person, note=why)
    if aligned is None:
        return Foreseen(result, is_about_person=True, person=person, skills=None, note=_NOT_ASKED)
    skills = tuple(aligned.get(event.object_id, ()))
    return Foreseen(result, is_about_person=True, person=person, skills=skills, note=None if skills else _NOT_ALIGNED)


def _why_no_evidence(event: NormalEvent, result: ItemResult, writer: Writer, now: datetime) -> str | None:
    if result.outcome != Outcome.STORED.value:
        return _NOT_STORED
    if writer.is_test:
        return _TEST
    score = event.score
    has_points = score is not None and (score.scaled is not None or score.raw is not None)
    if event.success is None and not has_points:
        return _NOT_GRADED
    if event.success is None and score is not None and score.scaled is None and None in (score.min, score.max):
        return _NO_SCALE
    if event.occurred_at - now > AHEAD_MAX:
        return _AHEAD
    return _NOT_ALIGNED if event.activity_id is None else None
