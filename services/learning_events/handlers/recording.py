"""Takes statements in, whole or one by one: what is new is stored and told in one transaction, durable on return."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from services.learning_events.domain.arrival import (
    Account,
    Arrival,
    Kept,
    Outcome,
    Writer,
    arrival,
    identifiers_of,
    outcome_beside,
)
from services.learning_events.domain.attachment import NO_PARTS
from services.learning_events.domain.batch import BATCH_FAULTS_MAX, STATEMENTS_MAX, Batch, ReceivedStatement
from services.learning_events.domain.statement import XapiVersion
from services.learning_events.domain.voiding import Target, newly_void, statement_voided, target_of, voids_of
from services.learning_events.handlers.joining import Joiner
from services.learning_events.handlers.ports import Inserted, Ledger, People, Statements
from services.learning_events.handlers.referring import inherit_terms
from shared.events.fact import NewFact
from shared.kernel.errors import Conflict, Fault
from shared.kernel.ids import FactId

FEW: Final = 32
"""Statements that cost less than the transaction they go in."""
CONFLICT_RULE: Final = "another statement is kept under this id"
CONFLICT_MEND: Final = "A statement never changes: void the kept one, and send this one under an id of its own."


@dataclass(frozen=True, slots=True)
class Submission:
    """What one request wants stored. is_whole: all of it or nothing; is_array: pointers begin with an index.

    parts: the attachments' data that came along, by SHA-2.
    """

    writer: Writer
    version: XapiVersion
    received_at: datetime
    statements: Sequence[ReceivedStatement]
    is_whole: bool
    is_array: bool
    parts: Mapping[str, bytes] = field(default_factory=dict)


class Recording:
    """Takes statements in: resolves who acted, stores what is new, and tells it.

    Requests of one key that wait at the same time share a transaction, and one question about people.
    """

    def __init__(self, people: People, statements: Statements, new_fact_id: Callable[[], FactId]) -> None:
        self._people = people
        self._statements = statements
        self._new_fact_id = new_fact_id
        self._joiner: Joiner[Submission, list[Outcome]] = Joiner(self._store, _size, STATEMENTS_MAX, FEW)

    async def record_whole(
        self,
        writer: Writer,
        batch: Batch,
        version: XapiVersion,
        received_at: datetime,
        parts: Mapping[str, bytes] = NO_PARTS,
    ) -> tuple[str, ...]:
        """Have stored and told all statements of a request and return their ids in order; one that was there stays.

        Raises Rejected or Conflict with the pointer of each statement that is refused, and Unavailable: nothing of the
        request was stored then.
        """
        statements = batch.accept_whole()
        is_array = batch.is_array
        await self._submit(
            Submission(writer, version, received_at, statements, is_whole=True, is_array=is_array, parts=parts)
        )
        return tuple([one.event.statement_id for one in statements])

    async def record_each(
        self, writer: Writer, statements: Sequence[ReceivedStatement], version: XapiVersion, received_at: datetime
    ) -> list[Outcome]:
        """Have stored and told those that are new, and return what became of each. Raises Unavailable: nothing was."""
        submission = Submission(writer, version, received_at, statements, is_whole=False, is_array=True)
        return await self._submit(submission)

    async def _submit(self, submission: Submission) -> list[Outcome]:
        if not submission.statements:
            return []
        return await self._joiner.add((submission.writer, submission.version), submission)

    async def _store(self, submissions: Sequence[Submission]) -> list[list[Outcome]]:
        """Store and tell these, all of one writer and version, and return what became of each one's statements."""
        writer, version = submissions[0].writer, submissions[0].version
        arrivals = await self._arrivals(writer, submissions)
        named = {void.target for void in voids_of(arrivals)}
        is_referring = any(one.event.object_type == "StatementRef" for one in arrivals)
        async with self._statements.opened(writer, is_referring=is_referring) as ledger:
            arrivals = [_dated(one, ledger.stored_at, writer) for one in arrivals]
            targets = await ledger.targets(named) if named else {}
            await ledger.lock(_subjects(arrivals, targets.values()))
            inserted = await ledger.insert(arrivals, version)
            outcomes = await _outcomes(ledger, writer, arrivals, inserted)
            shares = _shared_out(submissions, outcomes)
            _refuse_conflicts(submissions, shares)
            new = [one for one, outcome in zip(arrivals, outcomes, strict=True) if outcome is Outcome.STORED]
            await ledger.keep_originals([one for one in new if one.statement.sent is not None])
            await ledger.attach([one for one in new if one.statement.attachments], _parts(submissions))
            await ledger.keep_definitions([one for one in new if one.statement.definitions])
            await inherit_terms(ledger, new, inserted.targeted)
            facts = [one.fact for one in new if one.fact is not None]
            facts += await self._void(ledger, writer, new, targets, inserted.targeted)
            await ledger.tell(facts)
        return shares

    async def _arrivals(self, writer: Writer, submissions: Sequence[Submission]) -> list[Arrival]:
        """Return all statements with whose they are and what will be told of them, people having been asked for."""
        identifiers = {name for submission in submissions for name in identifiers_of(submission.statements)}
        people = await self._people.resolve(writer.organisation, identifiers)
        return [
            arrival(one, submission.received_at, _account(one, people), self._new_fact_id(), writer)
            for submission in submissions
            for one in submission.statements
        ]

    async def _void(
        self,
        ledger: Ledger,
        writer: Writer,
        new: Sequence[Arrival],
        known: Mapping[str, Target],
        targeted: Collection[str],
    ) -> list[NewFact]:
        """Keep what the new statements void, and return the facts that tell which statements are void since now."""
        voids = voids_of(new)
        if not voids and not targeted:
            return []
        if voids:
            await ledger.add_voids(voids)
        concerned = {void.target for void in voids} | set(targeted)
        targets = {**known, **{one.id: target_of(one) for one in new}}
        found = newly_void(targets, await ledger.voids(concerned))
        return [
            statement_voided(target, target.person, void, writer, self._new_fact_id())
            for target, void in found
            if target.person is not None
        ]


def _dated(one: Arrival, stored_at: datetime, writer: Writer) -> Arrival:
    """Return the statement with the time it is stored at as its own, where its sender gave none (part 2, 2.4.7)."""
    if one.event.occurred_at != one.received_at:
        return one
    statement = replace(one.statement, event=one.event._replace(occurred_at=stored_at))
    return arrival(statement, stored_at, one.account, one.fact_id, writer)


def _parts(submissions: Iterable[Submission]) -> dict[str, bytes]:
    """Return all data that came along, by SHA-2."""
    return {sha2: data for submission in submissions for sha2, data in submission.parts.items()}


def _size(submission: Submission) -> int:
    return len(submission.statements)


def _account(statement: ReceivedStatement, people: Mapping[str, Account]) -> Account | None:
    """Return whose the statement is; of a Group's nobody's, though a person may have the same identifier."""
    return None if statement.event.is_group else people[statement.event.actor]


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


def _shared_out(submissions: Sequence[Submission], outcomes: Sequence[Outcome]) -> list[list[Outcome]]:
    """Return each submission's own outcomes."""
    shares = []
    start = 0
    for submission in submissions:
        end = start + len(submission.statements)
        shares.append(list(outcomes[start:end]))
        start = end
    return shares


def _refuse_conflicts(submissions: Sequence[Submission], shares: Sequence[Sequence[Outcome]]) -> None:
    """Raise Conflict where statements of a whole request differ from those kept under their ids."""
    for submission, share in zip(submissions, shares, strict=True):
        if not submission.is_whole or Outcome.CONFLICT not in share:
            continue
        faults = [
            Fault(f"/{one.index}/id" if submission.is_array else "/id", CONFLICT_RULE, CONFLICT_MEND)
            for one, outcome in zip(submission.statements, share, strict=True)
            if outcome is Outcome.CONFLICT
        ]
        first = faults[0]
        message = f"Nothing was stored. {first.pointer}: {first.rule}. {first.mend}"
        raise Conflict(message, faults[:BATCH_FAULTS_MAX])
