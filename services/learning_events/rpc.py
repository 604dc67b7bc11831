"""The gRPC door: batches of events by which the good are kept and the bad come back with their reason."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any, Final

from deedlog.learning_events.v1 import learning_events_pb2, service_pb2_grpc
from services.learning_events.domain.arrival import Outcome, Writer
from services.learning_events.domain.batch import STATEMENTS_MAX, NewStatementId, validate_item
from services.learning_events.domain.cloud_event import read_structured
from services.learning_events.domain.derived import Reading
from services.learning_events.domain.envelope import read_alone
from services.learning_events.domain.item_result import INVALID, ItemResult
from services.learning_events.domain.refused_items import Form
from services.learning_events.handlers.publishing import Publishing
from services.learning_events.http.delivery_notes import DeliveryNotes
from shared.kernel.clock import Clock
from shared.kernel.errors import DeedlogError, Forbidden, Rejected, TooLarge
from shared.runtime import telemetry
from shared.runtime.auth import Access
from shared.runtime.grpc import current_principal

WRITERS: Final = Access(kinds=frozenset({"key"}), scopes=frozenset({"write"}))
"""Who may publish."""
LARGE_BYTES: Final = 512 << 10
"""From here on, reading and checking takes over 20 ms: it goes to a thread, so that others are answered meanwhile."""
_FORMS: Final[dict[int, Form]] = {
    learning_events_pb2.EVENT_FORMAT_XAPI: "xapi",
    learning_events_pb2.EVENT_FORMAT_CALIPER: "caliper",
    learning_events_pb2.EVENT_FORMAT_CLOUDEVENTS: "cloudevents",
}
_SERVICE: Final = "/deedlog.learning_events.v1.LearningEventsService"
_OUTCOMES: Final = {
    Outcome.STORED.value: learning_events_pb2.ITEM_OUTCOME_STORED,
    Outcome.DUPLICATE.value: learning_events_pb2.ITEM_OUTCOME_DUPLICATE,
    Outcome.CONFLICT.value: learning_events_pb2.ITEM_OUTCOME_CONFLICT,
    INVALID: learning_events_pb2.ITEM_OUTCOME_INVALID,
}


class LearningEventsServicer(service_pb2_grpc.LearningEventsServiceServicer):
    """Answers platforms, and has noted what became of each batch."""

    def __init__(
        self, publishing: Publishing, clock: Clock, new_statement_id: NewStatementId, notes: DeliveryNotes
    ) -> None:
        self._publishing = publishing
        self._clock = clock
        self._new_statement_id = new_statement_id
        self._notes = notes

    async def PublishBatch(  # noqa: N802 - gRPC
        self, request: learning_events_pb2.PublishBatchRequest, context: Any
    ) -> learning_events_pb2.PublishBatchResponse:
        """Have stored the good items, durably; each item's result stands at its place."""
        results = await self._noted("PublishBatch", request.format, request.items, context)
        return learning_events_pb2.PublishBatchResponse(results=results)

    async def PublishStream(  # noqa: N802 - gRPC
        self, request_iterator: AsyncIterator[learning_events_pb2.PublishStreamRequest], context: Any
    ) -> AsyncIterator[learning_events_pb2.PublishStreamResponse]:
        """Acknowledge one batch after the other. What is not acknowledged when the stream ends may be sent again."""
        async for request in request_iterator:
            results = await self._noted("PublishStream", request.format, request.items, context)
            yield learning_events_pb2.PublishStreamResponse(batch=request.batch, results=results)

    async def _noted(
        self, method: str, event_format: int, items: Sequence[learning_events_pb2.EventItem], context: Any
    ) -> list[learning_events_pb2.ItemResult]:
        """Publish a batch, and have noted what became of it."""
        noting = self._notes.batch(current_principal(), f"{_SERVICE}/{method}", context.invocation_metadata())
        bodies = [item.body for item in items]
        form = _FORMS.get(event_format)
        try:
            results = await self._publish(event_format, bodies)
        except DeedlogError as error:
            noting.refused(form, bodies, error)
            raise
        noting.taken(form, bodies, results)
        return [_result(one) for one in results]

    async def _publish(self, event_format: int, bodies: Sequence[bytes]) -> list[ItemResult]:
        writer = _writer()
        _check(event_format, len(bodies))
        received_at = self._clock.now()
        if sum(map(len, bodies)) > LARGE_BYTES:
            readings = await asyncio.to_thread(self._read, event_format, bodies, received_at)
        else:
            readings = self._read(event_format, bodies, received_at)
        return await self._publishing.publish_part(writer, readings, received_at)

    def _read(self, event_format: int, bodies: Sequence[bytes], received_at: datetime) -> list[Reading]:
        if event_format == learning_events_pb2.EVENT_FORMAT_CALIPER:
            return [read_alone(body, index, received_at) for index, body in enumerate(bodies)]
        if event_format == learning_events_pb2.EVENT_FORMAT_CLOUDEVENTS:
            return [read_structured(body, index, received_at) for index, body in enumerate(bodies)]
        return [validate_item(body, index, received_at, self._new_statement_id) for index, body in enumerate(bodies)]


def _writer() -> Writer:
    principal = current_principal()
    if principal.organisation is None:
        raise Forbidden("the key belongs to no organisation")
    return Writer(principal.organisation, principal.id, principal.is_test)


def _check(event_format: int, count: int) -> None:
    if event_format not in _FORMS:
        mend = "Name EVENT_FORMAT_XAPI, EVENT_FORMAT_CALIPER or EVENT_FORMAT_CLOUDEVENTS."
        raise Rejected.of("/format", "it is none that is taken", mend)
    if count == 0:
        raise Rejected.of("/items", "there are none", f"Send 1 to {STATEMENTS_MAX}.")
    if count > STATEMENTS_MAX:
        telemetry.count_bound("learning-events-items")
        raise TooLarge.of("/items", f"at most {STATEMENTS_MAX}, got {count}", "Send them in several batches.")


def _result(result: ItemResult) -> learning_events_pb2.ItemResult:
    """Return the first fault; a further one is met when that is mended. A conflict needs no place."""
    outcome = _OUTCOMES[result.outcome]
    if result.is_taken:
        return learning_events_pb2.ItemResult(outcome=outcome, id=result.id)
    fault = result.faults[0]
    pointer = fault.pointer if result.outcome == INVALID else ""
    return learning_events_pb2.ItemResult(
        outcome=outcome, id=result.id, pointer=pointer, rule=fault.rule, mend=fault.mend
    )
