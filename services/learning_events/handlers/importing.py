"""Records what was uploaded: line by line, 500 a transaction, and after a crash from where it was.

Each step is three transactions: the time from which on its lines are stored is kept, the lines are recorded, and what
became of them is kept with the place behind them. A step that died in between is read again. Its lines have the same
ids, so that none is stored twice; and those stored since its time are counted as stored, so that the counts are what
they would have been. An import whose claim was taken by another, or that was cancelled, is let go of.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from services.learning_events.domain.arrival import Outcome, Writer
from services.learning_events.domain.batch import STATEMENTS_MAX, ReceivedStatement
from services.learning_events.domain.derived import Reading
from services.learning_events.domain.import_line import Line, Lines, read_line
from services.learning_events.domain.import_report import IMPORT_BYTES_MAX, Import, Mark, State, Step, step_of
from services.learning_events.domain.item_result import ItemResult
from services.learning_events.handlers.inflating import inflater_for, is_packed
from services.learning_events.handlers.publishing import Publishing, entities_of
from shared.kernel.clock import Clock
from shared.kernel.errors import Conflict, Fault, Rejected

STEP_LINES_MAX: Final = STATEMENTS_MAX
STEP_BYTES_MAX: Final = 4 << 20
"""Bytes of one step, unless a single line has more: what is held in memory, and one transaction."""
LAG_SECONDS_MAX: Final = 5.0
"""Imports pause while the relay is further behind, so that history never stands before the present."""
LAG_PAUSE_SECONDS: Final = 0.5
ATTEMPTS_MAX: Final = 20
"""Claims of an import that came no nearer to its end; then it has failed, instead of being tried for ever."""
_GIVEN_UP: Final = Fault(
    "", f"it was tried {ATTEMPTS_MAX} times and came no further", "Tell the operator; the log has the reason."
)


class ClaimLost(Conflict):
    """Another records this import now, or nobody does any more."""


@dataclass(frozen=True, slots=True)
class Claim:
    """An import that is ours to record. batch_at: when the step began that was under way, if one was."""

    one: Import
    worker: str
    batch_at: datetime | None
    attempts: int


class Queue(Protocol):
    """The store of imports, as those see it who record them. Every method raises Unavailable when it cannot."""

    async def claim(self, worker: str, now: datetime, until: datetime) -> Claim | None:
        """Return an import that waits, or whose claim has run out, claimed until then; None where there is none."""
        ...

    async def first_bytes(self, one: Import) -> bytes:
        """Return the first bytes of the upload, four if there are so many."""
        ...

    def pieces(self, one: Import, place: int) -> AsyncIterator[tuple[int, bytes]]:
        """Yield the upload by pieces with their places, from the one on that holds `place`."""
        ...

    async def lag_seconds(self, now: datetime) -> float:
        """Return the age of the oldest fact that was not told yet; 0 where there is none."""
        ...

    async def renew(self, claim: Claim, until: datetime) -> None:
        """Have the claim last until then. Raises ClaimLost."""
        ...

    async def begin(self, claim: Claim, now: datetime, until: datetime) -> None:
        """Keep the time from which on the next step is stored: `now`, or the store's own. Raises ClaimLost."""
        ...

    async def stored_since(self, claim: Claim, ids: Collection[str]) -> frozenset[str]:
        """Return those of the ids that the import's key stored at the claim's `batch_at` or later."""
        ...

    async def recorded(self, claim: Claim, step: Step, now: datetime, until: datetime) -> None:
        """Keep what became of a step, and the place behind it. Raises ClaimLost."""
        ...

    async def end(self, claim: Claim, state: State, refusal: Fault | None, now: datetime) -> None:
        """Have the import ended. Raises ClaimLost."""
        ...

    async def remove_bytes(self, organisation: str, import_id: str) -> None:
        """Have removed what was uploaded. Safe to repeat."""
        ...


@dataclass(slots=True)
class _Gathered:
    """The lines of the next step."""

    lines: list[Line] = field(default_factory=list)
    size: int = 0

    def is_full_with(self, line: Line) -> bool:
        more = len(line.raw or b"")
        return len(self.lines) == STEP_LINES_MAX or bool(self.lines and self.size + more > STEP_BYTES_MAX)

    def add(self, line: Line) -> None:
        self.lines.append(line)
        self.size += len(line.raw or b"")


class Importing:
    """Records imports, one at a time. worker: a name that no other has."""

    def __init__(self, queue: Queue, publishing: Publishing, clock: Clock, worker: str, lease_seconds: float) -> None:
        self._queue = queue
        self._publishing = publishing
        self._clock = clock
        self._worker = worker
        self._lease = timedelta(seconds=lease_seconds)

    async def once(self) -> bool:
        """Have recorded one import to its end, and return whether there was one. Raises Unavailable."""
        now = self._clock.now()
        claim = await self._queue.claim(self._worker, now, now + self._lease)
        if claim is None:
            return False
        with suppress(ClaimLost):
            await self._finish(claim)
        return True

    async def _finish(self, claim: Claim) -> None:
        state, refusal = State.DONE, None
        try:
            if claim.attempts > ATTEMPTS_MAX:
                state, refusal = State.FAILED, _GIVEN_UP
            else:
                await _Run(self, claim).run()
        except ClaimLost:
            raise
        except Rejected as error:
            state, refusal = State.FAILED, error.faults[0] if error.faults else Fault("", error.message, "")
        await self._queue.end(claim, state, refusal, self._clock.now())
        await self._queue.remove_bytes(claim.one.organisation, claim.one.id)

    async def step(self, claim: Claim, lines: Sequence[Line], mark: Mark, batch_at: datetime | None) -> None:
        """Have recorded these lines, and kept what became of them. batch_at: of a step that may have been recorded."""
        await self._wait_for_relay(claim)
        one = claim.one
        writer = Writer(one.organisation, one.key, one.is_test)
        received_at = self._clock.now()
        readings = await asyncio.to_thread(_read, lines, one.id, received_at)
        before: frozenset[str] = frozenset()
        if batch_at is not None:
            before = await self._queue.stored_since(
                claim, {kept for each in readings if (kept := _id_of(each, writer))}
            )
        if not before:
            await self._queue.begin(claim, received_at, received_at + self._lease)
        results = await self._results(writer, readings, before, received_at)
        now = self._clock.now()
        await self._queue.recorded(claim, step_of(mark, results), now, now + self._lease)

    async def renew(self, claim: Claim) -> None:
        """Have the claim last for another lease. Raises ClaimLost."""
        await self._queue.renew(claim, self._clock.now() + self._lease)

    @property
    def queue(self) -> Queue:
        """Where the imports are."""
        return self._queue

    async def _results(
        self, writer: Writer, readings: Sequence[Reading], before: Collection[str], received_at: datetime
    ) -> list[ItemResult]:
        """Have recorded those that are not among `before`, of several with one id all but the first."""
        left = set(before)
        results: list[ItemResult] = []
        rest: list[Reading] = []
        for reading in readings:
            kept = _id_of(reading, writer)
            if kept in left:
                left.remove(kept)
                results.append(ItemResult(reading.index, Outcome.STORED.value, kept))
            else:
                rest.append(reading)
        return results + await self._publishing.publish_part(writer, rest, received_at)

    async def _wait_for_relay(self, claim: Claim) -> None:
        while await self._queue.lag_seconds(self._clock.now()) > LAG_SECONDS_MAX:
            await self.renew(claim)
            await asyncio.sleep(LAG_PAUSE_SECONDS)


class _Run:
    """One reading of an upload, from where the import is to its end."""

    def __init__(self, importing: Importing, claim: Claim) -> None:
        self._importing = importing
        self._claim = claim
        self._batch_at = claim.batch_at
        self._lines = Lines(claim.one.mark.line, claim.one.mark.inflated)
        self._gathered = _Gathered()
        self._consumed = 0

    async def run(self) -> None:
        """Record every line. Raises Rejected for an upload that cannot be read, ClaimLost and Unavailable."""
        queue, one = self._importing.queue, self._claim.one
        first = await queue.first_bytes(one)
        inflater = inflater_for(first, IMPORT_BYTES_MAX)
        position = 0 if is_packed(first) else None
        async for place, content in queue.pieces(one, 0 if position == 0 else one.mark.inflated):
            position = place if position is None else position
            for piece in inflater.feed(content):
                unread = piece[max(0, one.mark.inflated - position) :]
                position += len(piece) - len(unread)
                await self._feed(unread)
            self._consumed = place + len(content)
            await self._importing.renew(self._claim)
        inflater.finish()
        for line in self._lines.finish():
            await self._add(line)
        await self._flush(Mark(self._lines.number, self._lines.end, self._consumed))

    async def _feed(self, piece: bytes) -> None:
        for line in self._lines.feed(piece):
            await self._add(line)
        await asyncio.sleep(0)

    async def _add(self, line: Line) -> None:
        if self._gathered.is_full_with(line):
            last = self._gathered.lines[-1]
            await self._flush(Mark(last.number, last.end, self._consumed))
        self._gathered.add(line)

    async def _flush(self, mark: Mark) -> None:
        gathered, self._gathered = self._gathered, _Gathered()
        await self._importing.step(self._claim, gathered.lines, mark, self._batch_at)
        self._batch_at = None


def _read(lines: Sequence[Line], import_id: str, received_at: datetime) -> list[Reading]:
    """Return what each line is."""
    return [read_line(line, import_id, received_at) for line in lines]


def _id_of(reading: Reading, writer: Writer) -> str:
    """Return the id under which this is kept; empty for what is refused."""
    if isinstance(reading, ReceivedStatement):
        return reading.event.statement_id
    return "".join(one.id for one in entities_of([reading], writer))
