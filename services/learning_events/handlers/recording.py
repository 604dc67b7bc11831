"""Takes statements in, whole or one by one: what is new is stored and told in one transaction, durable on return."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from services.learning_events.domain.arrival import (
    Arrival,
    Kept,
    Outcome,
    Writer,
    identifiers_of,
    outcome_beside,
    statement_recorded,
)
from services.learning_events.domain.batch import BATCH_FAULTS_MAX, Batch, ReceivedStatement
from services.learning_events.domain.statement import XapiVersion
from services.learning_events.domain.voiding import Target, newly_void, statement_voided, target_of, voids_of
from services.learning_events.handlers.ports import Inserted, Ledger, People, Statements
from shared.events.fact import NewFact
from shared.kernel.errors import Conflict, Fault
from shared.kernel.ids import FactId

CONFLICT_RULE: Final = "another statement is kept under this id"
CONFLICT_MEND: Final = "A statement never changes: void the kept one, and send this one under an id of its own."


class Recording:
    """Takes statements in: resolves who acted, stores what is new, and tells it."""

    def __init__(self, people: People, statements: Statements, new_fact_id: Callable[[], FactId]) -> None:
        self._people = people
        self._statements = statements
        self._new_fact_id = new_fact_id

    async def record_whole(
        self, writer: Writer, batch: Batch, version: XapiVersion, received_at: datetime
    ) -> tuple[str, ...]:
        """Have stored and told all statements of a request and return their ids in order; one that was there stays.

        Raises Rejected or Conflict with the pointer of each statement that is refused, and Unavailable: nothing of the
        request was stored then.
        """
        statements = batch.accept_whole()
        await self._record(writer, statements, version, received_at, is_whole=True, is_array=batch.is_array)
        return tuple(one.event.statement_id for one in statements)

    async def record_each(
        self, writer: Writer, statements: Sequence[ReceivedStatement], version: XapiVersion, received_at: datetime
    ) -> list[Outcome]:
        """Have stored and told those that are new, and return what became of each. Raises Unavailable: nothing was."""
        return await self._record(writer, statements, version, received_at, is_whole=False, is_array=True)

    async def _record(
        self,
        writer: Writer,
        statements: Sequence[ReceivedStatement],
        version: XapiVersion,
        received_at: datetime,
        *,
        is_whole: bool,
        is_array: bool,
    ) -> list[Outcome]:
        if not statements:
            return []
        arrivals = await self._arrivals(writer, statements)
        named = {void.target for void in voids_of(arrivals)}
        async with self._statements.opened(writer, is_voiding=bool(named)) as ledger:
            targets = await ledger.targets(named) if named else {}
            await ledger.lock(_subjects(arrivals, targets.values()))
            inserted = await ledger.insert(arrivals, version, received_at)
            outcomes = await _outcomes(ledger, writer, arrivals, inserted)
            if is_whole:
                _refuse_conflicts(arrivals, outcomes, is_array=is_array)
            new = [one for one, outcome in zip(arrivals, outcomes, strict=True) if outcome is Outcome.STORED]
            facts = [statement_recorded(one, one.account, writer) for one in new if one.account is not None]
            facts += await self._void(ledger, writer, new, targets, inserted.voided)
            await ledger.tell(facts)
        return outcomes

    async def _arrivals(self, writer: Writer, statements: Sequence[ReceivedStatement]) -> list[Arrival]:
        people = await self._people.resolve(writer.organisation, identifiers_of(statements))
        return [
            Arrival(one, None if one.event.is_group else people[one.event.actor], self._new_fact_id())
            for one in statements
        ]

    async def _void(
        self,
        ledger: Ledger,
        writer: Writer,
        new: Sequence[Arrival],
        known: Mapping[str, Target],
        voided: Collection[str],
    ) -> list[NewFact]:
        """Keep what the new statements void, and return the facts that tell which statements are void since now."""
        voids = voids_of(new)
        if not voids and not voided:
            return []
        await ledger.add_voids(voids)
        concerned = {void.target for void in voids} | set(voided)
        targets = {**known, **{one.id: target_of(one) for one in new}}
        found = newly_void(targets, await ledger.voids(concerned))
        return [
            statement_voided(target, target.person, void, writer, self._new_fact_id())
            for target, void in found
            if target.person is not None
        ]


async def _outcomes(ledger: Ledger, writer: Writer, arrivals: Sequence[Arrival], inserted: Inserted) -> list[Outcome]:
    """Return what became of each, in order. Of several with one id, the first that was new is the one stored."""
    if len(inserted.ids) == len(arrivals):
        return [Outcome.STORED] * len(arrivals)
    standing = dict(await ledger.kept({one.id for one in arrivals} - inserted.ids))
    outcomes = []
    for one in arrivals:
        kept = standing.get(one.id)
        if kept is None:
            standing[one.id] = Kept(one.statement.original, writer.is_test)
            outcomes.append(Outcome.STORED)
        else:
            outcomes.append(outcome_beside(kept, one.statement, is_test=writer.is_test))
    return outcomes


def _subjects(arrivals: Iterable[Arrival], targets: Iterable[Target]) -> set[str]:
    """Return whose streams may be told to."""
    people = {one.account.person for one in arrivals if one.account is not None}
    return {*people, *(target.person for target in targets if target.person is not None)}


def _refuse_conflicts(arrivals: Sequence[Arrival], outcomes: Sequence[Outcome], *, is_array: bool) -> None:
    """Raise Conflict with a fault for each statement that differs from the one kept under its id."""
    faults = [
        Fault(f"/{one.statement.index}/id" if is_array else "/id", CONFLICT_RULE, CONFLICT_MEND)
        for one, outcome in zip(arrivals, outcomes, strict=True)
        if outcome is Outcome.CONFLICT
    ]
    if faults:
        first = faults[0]
        message = f"Nothing was stored. {first.pointer}: {first.rule}. {first.mend}"
        raise Conflict(message, faults[:BATCH_FAULTS_MAX])
