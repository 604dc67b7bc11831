"""Statements in bulk, each with its own result, beside the standard's POST that takes all or none."""

from __future__ import annotations

from services.learning_events.domain.batch import NewStatementId, validate_item
from services.learning_events.domain.item_result import as_answer
from services.learning_events.handlers.publishing import Publishing
from services.learning_events.http.cloud_events import refuse_alone
from services.learning_events.http.event_forms import ARRAYS, BYTES_MAX, ITEMS_MAX, given_ids, is_large, parted
from services.learning_events.http.mounts import KEYS, MOUNTS, WRITE, only, version_of, writer
from shared.kernel.clock import Clock
from shared.runtime.http import Call, Endpoint, Reply, endpoint


class BulkDoor:
    """Takes statements in, one by one."""

    def __init__(self, publishing: Publishing, clock: Clock, new_statement_id: NewStatementId) -> None:
        self._publishing = publishing
        self._clock = clock
        self._new_statement_id = new_statement_id

    def endpoints(self) -> list[Endpoint]:
        """Return all operations."""
        return [endpoint("POST", "/v1/statements:bulk", self.post, scopes=WRITE, kinds=KEYS)]

    async def post(self, call: Call) -> Reply:
        """Have stored the good statements of an array or of lines, and answer with what became of each.

        X-Experience-API-Version says by which version's rules; without it 2.0, which take those of 1.0 too.
        """
        only(call.query, frozenset())
        version = version_of(call.headers, MOUNTS["/xapi"])
        kind = call.media_type(ARRAYS).essence
        items, is_alone = await parted(await call.body_bytes(BYTES_MAX), kind, ITEMS_MAX)
        received_at = self._clock.now()
        given = given_ids(call, self._new_statement_id)
        results = await self._publishing.publish(
            writer(call),
            items,
            lambda item, index: validate_item(item, index, received_at, lambda: given(index), version=version),
            received_at,
            version,
            is_large=is_large(items),
        )
        if is_alone:
            refuse_alone(results[0])
        return Reply.json(as_answer(results))
