"""The delivery log: what each write request of a key came to, and how what was refused is mended and sent again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from services.learning_events.domain.batch import STATEMENTS_MAX, NewStatementId
from services.learning_events.domain.delivery import (
    FAULTS_MAX,
    ITEMS_BYTES_MAX,
    Delivery,
    Errors,
    errors_by_item,
    refused_items,
)
from services.learning_events.domain.formats import is_uuid
from services.learning_events.domain.item_result import as_answer
from services.learning_events.handlers.delivering import DeliveryLog, Resending
from services.learning_events.http.mounts import (
    KEYS,
    MOUNTS,
    READ,
    VERSION_HEADER,
    WRITE,
    only,
    reader,
    version_of,
    writer,
)
from shared.kernel.clock import Clock, rfc3339
from shared.kernel.errors import DeedlogError, Fault, NotFound, Rejected, Unsupported
from shared.runtime.http import Call, Endpoint, Reply, endpoint
from shared.runtime.pages import decode_cursor, encode_cursor, page, page_limit
from shared.runtime.problem import status_of
from shared.runtime.resource import Handler

STATEMENTS: Final = frozenset({*(f"{mount}/statements" for mount in MOUNTS), "/v1/statements:bulk"})
LOGGED: Final = STATEMENTS | {"/caliper", "/v1/events"}
"""The paths whose writing requests are logged."""
REQUEST_ID_CHARACTERS_MAX: Final = 100
_CURSOR: Final = "deliveries"


class MendedItem(BaseModel):
    """A refused item as it is now. index: as the delivery tells it."""

    model_config = ConfigDict(extra="forbid", strict=True)

    index: int = Field(ge=0)
    item: Any


class MendedItems(BaseModel):
    """What was mended; what is not named goes as it was sent."""

    model_config = ConfigDict(extra="forbid", strict=True)

    items: list[MendedItem] = Field(default_factory=list, max_length=STATEMENTS_MAX)


class Logging:
    """Notes what passes, after the answer is known."""

    def __init__(self, log: DeliveryLog, clock: Clock, new_id: Callable[[], str]) -> None:
        self._log = log
        self._clock = clock
        self._new_id = new_id

    def logged(self, endpoints: Iterable[Endpoint]) -> list[Endpoint]:
        """Return the endpoints; those that write on LOGGED paths note every request whose key is known."""
        return [
            replace(one, handler=self._noting(one.handler))
            if one.path in LOGGED and one.method in {"POST", "PUT"}
            else one
            for one in endpoints
        ]

    def _noting(self, handler: Handler) -> Handler:
        async def note(call: Call) -> Reply:
            received_at, started = self._clock.now(), self._clock.monotonic()
            try:
                reply = await handler(call)
            except DeedlogError as error:
                faults = error.faults if isinstance(error, Rejected) else ()
                refused = await _refused(call, errors_by_item(faults), is_whole=True) if faults else None
                self._note(call, received_at, started, status_of(error), {}, faults, refused)
                raise
            counts, errors = _outcomes(reply)
            refused = await _refused(call, errors, is_whole=False) if errors else None
            self._note(call, received_at, started, reply.status, counts, _told(errors), refused)
            return reply

        return note

    def _note(
        self,
        call: Call,
        received_at: datetime,
        started: float,
        status: int,
        counts: Mapping[str, int],
        faults: Iterable[Fault],
        refused: bytes | None,
    ) -> None:
        caller = call.principal
        if caller.organisation is None:
            return
        took = round((self._clock.monotonic() - started) * 1000)
        length = call.headers.get("content-length", "0")
        head = (self._new_id(), caller.organisation, caller.is_test, caller.id, received_at, call.method, call.route)
        tail = (_request_id(call.headers), call.headers.get(VERSION_HEADER, "")[:20], int(length or 0), took)
        self._log.note(Delivery(*head, status, *tail, counts, tuple(faults)[:FAULTS_MAX], refused))


class DeliveriesDoor:
    """Reads the log, and takes what was mended."""

    def __init__(self, resending: Resending, clock: Clock, new_statement_id: NewStatementId) -> None:
        self._resending = resending
        self._clock = clock
        self._new_statement_id = new_statement_id

    def endpoints(self) -> list[Endpoint]:
        """Return all operations."""
        return [
            endpoint("GET", "/v1/deliveries", self.list_deliveries, scopes=READ, kinds=KEYS),
            endpoint("POST", "/v1/deliveries/{id}:resend", self.resend, scopes=WRITE, kinds=KEYS),
            endpoint("GET", "/v1/deliveries/{id}", self.get, scopes=READ, kinds=KEYS),
        ]

    async def list_deliveries(self, call: Call) -> Reply:
        """Answer with what was sent, newest first; a key that reads only its own sees its own."""
        only(call.query, frozenset({"cursor", "limit"}))
        cursor = decode_cursor(_CURSOR, call.query, str)
        before = None if cursor is None else _known_id(str(cursor[0]))
        limit = page_limit(call.query)
        found = await self._resending.page(reader(call), before, limit + 1)
        token = encode_cursor(_CURSOR, (found[limit - 1].id,)) if len(found) > limit else None
        return Reply.json(page([as_delivery(one) for one in found[:limit]], token))

    async def get(self, call: Call) -> Reply:
        """Answer with a delivery and the items of it that were refused."""
        only(call.query, frozenset())
        one = await self._resending.delivery(reader(call), _known_id(call.path["id"]))
        items = None if one.refused is None else json.loads(one.refused)
        return Reply.json({**as_delivery(one), "refused": items})

    async def resend(self, call: Call) -> Reply:
        """Have the refused statements sent again, those in the body as mended, and answer with what became of each."""
        only(call.query, frozenset())
        sent = await call.model(MendedItems, 2 * ITEMS_BYTES_MAX)
        changes = {one.index: one.item for one in sent.items}
        if len(changes) != len(sent.items):
            raise Rejected.of("/items", "two items have one index", "Send each once.")
        one = await self._resending.delivery(reader(call), _known_id(call.path["id"]))
        if one.path not in STATEMENTS:
            raise Unsupported.of("", "only statements are sent again from here", f"Send it to {one.path} once more.")
        headers = call.headers if VERSION_HEADER in call.headers or not one.version else {VERSION_HEADER: one.version}
        version = version_of(headers, MOUNTS["/xapi"])
        at = self._clock.now()
        results = await self._resending.resend(writer(call), one, changes, version, at, self._new_statement_id)
        return Reply.json(as_answer(results))


async def _refused(call: Call, errors: Errors, *, is_whole: bool) -> bytes | None:
    """Return the items to be mended, where the body was one of JSON and is not too large."""
    if call.method == "PUT" or "json" not in call.headers.get("content-type", ""):
        return None  # the id of a PUT may stand in its query alone, and parts of a multipart belong together
    try:
        return refused_items(await call.body_bytes(), errors, is_whole=is_whole)
    except DeedlogError:
        return None


def _outcomes(reply: Reply) -> tuple[Mapping[str, int], Errors]:
    """Return how many items had which outcome, and the errors of those that were refused."""
    if not isinstance(reply.content, bytes) or not reply.content:
        return {"taken": 1}, {}
    told = json.loads(reply.content)
    if isinstance(told, list):
        return {"taken": len(told)}, {}
    errors = {one["index"]: one["errors"] for one in told.get("items", ()) if "errors" in one}
    return told.get("counts", {}), errors


def _told(errors: Errors) -> list[Fault]:
    """Return the first faults of items, with pointers that begin at the whole."""
    first = [(index, one) for index, listed in list(errors.items())[:FAULTS_MAX] for one in listed]
    return [Fault(f"/{index}{one['pointer']}", one["rule"], one["mend"]) for index, one in first]


def _request_id(headers: Mapping[str, str]) -> str:
    named = headers.get("x-request-id") or headers.get("traceparent") or ""
    return named[:REQUEST_ID_CHARACTERS_MAX] if named.isprintable() else ""


def _known_id(text: str) -> str:
    if not is_uuid(text):
        raise NotFound("There is no such delivery, none that is still kept, or none that this key may read.")
    return text.lower()


def as_delivery(one: Delivery) -> dict[str, Any]:
    """Return a delivery as it is told, without its refused items."""
    return {
        "id": one.id,
        "received_at": rfc3339(one.received_at),
        "key": one.key,
        "is_test": one.is_test,
        "method": one.method,
        "path": one.path,
        "status": one.status,
        "request_id": one.request_id or None,
        "bytes": one.body_bytes,
        "milliseconds": one.milliseconds,
        "counts": dict(one.counts),
        "errors": [{"pointer": fault.pointer, "rule": fault.rule, "mend": fault.mend} for fault in one.faults],
    }
