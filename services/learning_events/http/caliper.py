"""The endpoint of Caliper sensors (Caliper 1.1 §5, §6)."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime
from typing import Final

from services.learning_events.domain.batch import BATCH_FAULTS_MAX
from services.learning_events.domain.derived import Reading
from services.learning_events.domain.envelope import read_envelope, read_items
from services.learning_events.domain.item_result import ItemResult, as_answer
from services.learning_events.handlers.publishing import Publishing
from services.learning_events.http.event_forms import BYTES_MAX, ITEMS_MAX, is_large
from services.learning_events.http.mounts import JSON, KEYS, WRITE, only, writer
from shared.kernel.clock import Clock
from shared.kernel.errors import Conflict, Rejected, TooLarge
from shared.runtime import telemetry
from shared.runtime.http import Call, Endpoint, Reply, endpoint

_JSON_OR_LD: Final = JSON | {"application/ld+json"}


class CaliperDoor:
    """Takes envelopes of Caliper 1.1 and 1.2 in."""

    def __init__(self, publishing: Publishing, clock: Clock) -> None:
        self._publishing = publishing
        self._clock = clock

    def endpoints(self) -> list[Endpoint]:
        """Return all operations."""
        return [endpoint("POST", "/caliper", self.post, scopes=WRITE, kinds=KEYS)]

    async def post(self, call: Call) -> Reply:
        """Have kept the good items of an envelope, and answer with what became of each.

        A sensor looks at the status alone: where none was taken it is an error, though others would be in the answer.
        """
        only(call.query, frozenset())
        call.media_type(_JSON_OR_LD)
        received_at = self._clock.now()
        raw = await call.body_bytes(BYTES_MAX)
        if is_large([raw]):
            readings = await asyncio.to_thread(_readings, raw, received_at)
        else:
            readings = _readings(raw, received_at)
        results = await self._publishing.publish(writer(call), readings, _as_read, received_at)
        if results and not any(one.is_taken for one in results):
            raise _none_taken(results)
        return Reply.json(as_answer(results))


def _readings(raw: bytes, received_at: datetime) -> list[Reading]:
    try:
        return read_items(read_envelope(raw, ITEMS_MAX), received_at)
    except TooLarge:
        telemetry.count_bound("learning-events-items")
        raise


def _as_read(reading: Reading, index: int) -> Reading:
    return reading


def _none_taken(results: list[ItemResult]) -> Rejected:
    faults = [
        replace(fault, pointer=f"/data/{result.index}{fault.pointer}") for result in results for fault in result.faults
    ]
    kind = Conflict if all(one.outcome == "conflict" for one in results) else Rejected
    first = faults[0]
    message = f"None of {len(results)} items was taken. {first.pointer}: {first.rule}. {first.mend}"
    return kind(message, faults[:BATCH_FAULTS_MAX])
