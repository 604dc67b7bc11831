"""The gRPC door: batches of events by which the good are kept and the bad come back with their reason."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final

from deedlog.learning_events.v1 import learning_events_pb2, service_pb2_grpc
from services.learning_events.domain.arrival import Outcome, Writer
from services.learning_events.domain.batch import (
    STATEMENTS_MAX,
    NewStatementId,
    ReceivedStatement,
    RefusedStatement,
    validate_item,
)
from services.learning_events.domain.statement import XapiVersion
from services.learning_events.handlers.recording import CONFLICT_MEND, CONFLICT_RULE, Recording
from shared.kernel.clock import Clock
from shared.kernel.errors import Forbidden, Rejected, TooLarge
from shared.runtime import telemetry
from shared.runtime.auth import Access
from shared.runtime.grpc import current_principal

WRITERS: Final = Access(kinds=frozenset({"key"}), scopes=frozenset({"write"}))
"""Who may publish."""
LARGE_BYTES: Final = 512 << 10
"""From here on, reading and checking takes over 20 ms: it goes to a thread, so that others are answered meanwhile."""
_STORED: Final = learning_events_pb2.ITEM_OUTCOME_STORED
_DUPLICATE: Final = learning_events_pb2.ITEM_OUTCOME_DUPLICATE
_CONFLICT: Final = learning_events_pb2.ITEM_OUTCOME_CONFLICT
_INVALID: Final = learning_events_pb2.ITEM_OUTCOME_INVALID


class LearningEventsServicer(service_pb2_grpc.LearningEventsServiceServicer):
    """Answers platforms."""

    def __init__(self, recording: Recording, clock: Clock, new_statement_id: NewStatementId) -> None:
        self._recording = recording
        self._clock = clock
        self._new_statement_id = new_statement_id

    async def PublishBatch(  # noqa: N802 - gRPC
        self, request: learning_events_pb2.PublishBatchRequest, context: Any
    ) -> learning_events_pb2.PublishBatchResponse:
        """Have stored the good items, durably; each item's result stands at its place."""
        results = await self._publish(request.format, request.items)
        return learning_events_pb2.PublishBatchResponse(results=results)

    async def PublishStream(  # noqa: N802 - gRPC
        self, request_iterator: AsyncIterator[learning_events_pb2.PublishStreamRequest], context: Any
    ) -> AsyncIterator[learning_events_pb2.PublishStreamResponse]:
        """Acknowledge one batch after the other. What is not acknowledged when the stream ends may be sent again."""
        async for request in request_iterator:
            results = await self._publish(request.format, request.items)
            yield learning_events_pb2.PublishStreamResponse(batch=request.batch, results=results)

    async def _publish(
        self, event_format: int, items: Sequence[learning_events_pb2.EventItem]
    ) -> list[learning_events_pb2.ItemResult]:
        writer = _writer()
        _check(event_format, len(items))
        received_at = self._clock.now()
        bodies = [item.body for item in items]
        if sum(map(len, bodies)) > LARGE_BYTES:
            read = await asyncio.to_thread(self._read, bodies, received_at)
        else:
            read = self._read(bodies, received_at)
        good = [one for one in read if isinstance(one, ReceivedStatement)]
        outcomes = await self._recording.record_each(writer, good, XapiVersion.V2_0, received_at)
        results = {one.index: _taken(one, outcome) for one, outcome in zip(good, outcomes, strict=True)}
        results |= {one.index: _refused(one) for one in read if isinstance(one, RefusedStatement)}
        return [results[index] for index in range(len(items))]

    def _read(self, bodies: Sequence[bytes], received_at: datetime) -> list[ReceivedStatement | RefusedStatement]:
        return [validate_item(body, index, received_at, self._new_statement_id) for index, body in enumerate(bodies)]


def _writer() -> Writer:
    principal = current_principal()
    if principal.organisation is None:
        raise Forbidden("the key belongs to no organisation")
    return Writer(principal.organisation, principal.id, principal.is_test)


def _check(event_format: int, count: int) -> None:
    if event_format != learning_events_pb2.EVENT_FORMAT_XAPI:
        raise Rejected.of("/format", "it is none that is taken", "Name EVENT_FORMAT_XAPI.")
    if count == 0:
        raise Rejected.of("/items", "there are none", f"Send 1 to {STATEMENTS_MAX}.")
    if count > STATEMENTS_MAX:
        telemetry.count_bound("learning-events-items")
        raise TooLarge.of("/items", f"at most {STATEMENTS_MAX}, got {count}", "Send them in several batches.")


def _taken(statement: ReceivedStatement, outcome: Outcome) -> learning_events_pb2.ItemResult:
    statement_id = statement.event.statement_id
    if outcome is Outcome.CONFLICT:
        return learning_events_pb2.ItemResult(
            outcome=_CONFLICT, id=statement_id, rule=CONFLICT_RULE, mend=CONFLICT_MEND
        )
    is_stored = outcome is Outcome.STORED
    return learning_events_pb2.ItemResult(outcome=_STORED if is_stored else _DUPLICATE, id=statement_id)


def _refused(statement: RefusedStatement) -> learning_events_pb2.ItemResult:
    """Return the first fault; a further one is met when that is mended."""
    fault = statement.faults[0]
    return learning_events_pb2.ItemResult(
        outcome=_INVALID, id=statement.statement_id, pointer=fault.pointer, rule=fault.rule, mend=fault.mend
    )
