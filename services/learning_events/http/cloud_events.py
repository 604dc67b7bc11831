"""Events of every format under one path: stored one by one, or foreseen."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from services.learning_events.domain.batch import STATEMENTS_MAX, NewStatementId
from services.learning_events.domain.item_result import ItemResult, as_answer
from services.learning_events.handlers.dry_run import DryRun, Foreseen
from services.learning_events.handlers.publishing import Publishing, read_part
from services.learning_events.http.event_forms import incoming, is_large
from services.learning_events.http.mounts import KEYS, READ_ALL, WRITE, only, writer
from shared.kernel.clock import Clock
from shared.kernel.errors import Conflict, Rejected
from shared.runtime.http import Call, Endpoint, Reply, endpoint

FORESEEN_MAX: Final = STATEMENTS_MAX
"""Items in one dry run."""


class CloudEventsDoor:
    """Takes events in, in every format that is read here."""

    def __init__(self, publishing: Publishing, dry_run: DryRun, clock: Clock, new_statement_id: NewStatementId) -> None:
        self._publishing = publishing
        self._dry_run = dry_run
        self._clock = clock
        self._new_statement_id = new_statement_id

    def endpoints(self) -> list[Endpoint]:
        """Return all operations."""
        return [
            endpoint("POST", "/v1/events", self.post, scopes=WRITE, kinds=KEYS),
            endpoint("POST", "/v1/events:validate", self.validate, scopes=WRITE, kinds=KEYS),
        ]

    async def post(self, call: Call) -> Reply:
        """Have stored the good ones, and answer with what became of each; one sent alone is taken or refused."""
        only(call.query, frozenset())
        received_at = self._clock.now()
        came = await incoming(call, received_at, self._new_statement_id)
        results = await self._publishing.publish(
            writer(call), came.items, came.read, received_at, is_large=is_large(came.items)
        )
        if came.is_alone:
            refuse_alone(results[0])
        return Reply.json(as_answer(results))

    async def validate(self, call: Call) -> Reply:
        """Answer with what would become of each of up to FORESEEN_MAX events; nothing is stored, told or minted.

        The person is shown to a key that may read.
        """
        only(call.query, frozenset())
        came = await incoming(call, self._clock.now(), self._new_statement_id, FORESEEN_MAX)
        readings = await asyncio.to_thread(read_part, came.items, came.read, 0)
        foreseen = await self._dry_run.foresee(writer(call), readings)
        may_read = call.principal.has_any(READ_ALL)
        answer = as_answer([one.result for one in foreseen])
        items = [
            {**item, **_foreseen(one, may_read=may_read)} for item, one in zip(answer["items"], foreseen, strict=True)
        ]
        return Reply.json({**answer, "items": items})


def refuse_alone(result: ItemResult) -> None:
    """Raise Rejected or Conflict where the only event of a request is not taken."""
    if result.is_taken:
        return
    first = result.faults[0]
    message = f"Nothing was stored. {first.pointer or 'the event'}: {first.rule}. {first.mend}"
    raise (Conflict if result.outcome == "conflict" else Rejected)(message, result.faults)


def _foreseen(one: Foreseen, *, may_read: bool) -> dict[str, Any]:
    return {
        "is_about_person": one.is_about_person,
        "person": one.person if may_read else None,
        "skills": one.skills,
        "note": one.note,
    }
