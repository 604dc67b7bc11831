"""What is noted of a request that writes: by which key it came and what became of it, be it turned away at the door.

Noted once the answer is known and before it is sent, which costs some microseconds; of a request that was refused its
body is read once more, to keep what is to be mended.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

import orjson

from services.learning_events.domain.delivery import FAULTS_MAX, Delivery, errors_by_item
from services.learning_events.domain.item_result import ItemResult, as_errors
from services.learning_events.domain.refused_items import Errors, Form
from services.learning_events.domain.sent_items import (
    SentItems,
    refused_items,
    sent_alone_or_listed,
    sent_in_binary,
    sent_in_envelope,
    sent_under_id,
)
from services.learning_events.handlers.barring import Attempt, FailedKeyLog
from services.learning_events.handlers.delivering import DeliveryLog
from services.learning_events.http.event_forms import BATCH, LINES, STRUCTURED, attributes_of, is_binary, is_large
from services.learning_events.http.mounts import MOUNTS, VERSION_HEADER
from shared.kernel.clock import Clock
from shared.kernel.errors import DeedlogError, Fault, Rejected, TooLarge, Unauthenticated, Unsupported
from shared.runtime import telemetry
from shared.runtime.auth import Principal, parse_authorization
from shared.runtime.edge_errors import SlowBody
from shared.runtime.http import Call, Endpoint, Reply
from shared.runtime.media_type import parse_media_type
from shared.runtime.problem import status_of
from shared.runtime.resource import Handler

STATEMENTS: Final = frozenset({*(f"{mount}/statements" for mount in MOUNTS), "/v1/statements:bulk"})
LOGGED: Final = STATEMENTS | {"/caliper", "/v1/events"}
"""The paths whose writing requests are noted."""
GRPC: Final = "gRPC"
REQUEST_ID_CHARACTERS_MAX: Final = 100
_UNREAD: Final = (TooLarge, Unsupported, SlowBody)
"""Refusals after which the body is not whole here, and is not waited for."""
SERVICE: Final = "learning_events"


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it came in. method: of HTTP, or gRPC; path: a template, or the method of gRPC in full."""

    caller: Principal
    received_at: datetime
    method: str
    path: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Became:
    """What a request came to. status: as HTTP has it. refused: its refused items, where they are kept."""

    status: int
    counts: Mapping[str, int] = field(default_factory=dict)
    faults: Sequence[Fault] = ()
    refused: bytes | None = None


class DeliveryNotes:
    """Notes what passes, and what does not."""

    def __init__(self, log: DeliveryLog, failed: FailedKeyLog, clock: Clock, new_id: Callable[[], str]) -> None:
        self._log = log
        self._failed = failed
        self._clock = clock
        self._new_id = new_id

    def logged(self, endpoints: Iterable[Endpoint]) -> list[Endpoint]:
        """Return the endpoints; those that write on LOGGED paths note every request that shows a key."""
        return [
            replace(one, handler=self._noting(one.handler), barred=self.barred)
            if one.path in LOGGED and one.method in {"POST", "PUT"}
            else one
            for one in endpoints
        ]

    def barred(
        self, method: str, path: str, headers: Mapping[str, str], principal: Principal | None, error: Rejected
    ) -> None:
        """Note a caller who was turned away; one whose key opens nothing, once it is known whose it was."""
        now = self._clock.now()
        if principal is not None:
            telemetry.CALLERS_REFUSED.labels(SERVICE, "forbidden").inc()
            self._note(Sent(principal, now, method, path, headers), Became(status_of(error), faults=error.faults), 0)
            return
        try:
            secret = parse_authorization(headers.get("authorization"))
        except Unauthenticated:
            telemetry.CALLERS_REFUSED.labels(SERVICE, "no-credential").inc()
            return
        fault = error.faults[0] if error.faults else Fault("authorization", error.message, "")
        self._failed.note(Attempt(secret.text, secret.key_id, method, path, _request_id(headers), now, fault))

    def batch(self, caller: Principal, method: str, metadata: Iterable[tuple[str, Any]] | None) -> BatchNotes:
        """Return what notes a batch that comes by gRPC now. method: in full; metadata: of its call."""
        started = self._clock.monotonic()
        sent = Sent(caller, self._clock.now(), GRPC, method, dict(metadata or ()))
        return BatchNotes(lambda became, size: self._note(sent, became, self._milliseconds_since(started), size))

    def _noting(self, handler: Handler) -> Handler:
        async def note(call: Call) -> Reply:
            started = self._clock.monotonic()
            sent = Sent(call.principal, self._clock.now(), call.method, call.route, call.headers)
            try:
                reply = await handler(call)
            except DeedlogError as error:
                faults = error.faults if isinstance(error, Rejected) else ()
                refused = await _kept(call, faults) if faults and not isinstance(error, _UNREAD) else None
                became = Became(status_of(error), faults=faults, refused=refused)
                self._note(sent, became, self._milliseconds_since(started))
                raise
            counts, errors = outcomes(reply)
            refused = await _kept(call, errors=errors) if errors else None
            became = Became(reply.status, counts, told(errors), refused)
            self._note(sent, became, self._milliseconds_since(started))
            return reply

        return note

    def _note(self, sent: Sent, became: Became, milliseconds: int, body_bytes: int | None = None) -> None:
        """Have a request of a key noted; of one that belongs to no organisation nothing is."""
        caller, headers = sent.caller, sent.headers
        if caller.organisation is None:
            return
        size = _announced_bytes(headers) if body_bytes is None else body_bytes
        head = (self._new_id(), caller.organisation, caller.is_test, caller.id, sent.received_at)
        middle = (sent.method, sent.path, became.status, _request_id(headers), headers.get(VERSION_HEADER, "")[:20])
        faults = tuple(became.faults[:FAULTS_MAX])
        self._log.note(Delivery(*head, *middle, size, milliseconds, became.counts, faults, became.refused))

    def _milliseconds_since(self, started: float) -> int:
        return round((self._clock.monotonic() - started) * 1000)


class BatchNotes:
    """Notes what became of one batch that came by gRPC. note: is handed that, and how many bytes came."""

    def __init__(self, note: Callable[[Became, int], None]) -> None:
        self._note = note

    def taken(self, form: Form | None, bodies: Sequence[bytes], results: Sequence[ItemResult]) -> None:
        """Note a batch whose items were looked at one by one."""
        counts = Counter(one.outcome for one in results)
        errors = {one.index: as_errors(one.faults) for one in results if one.faults}
        kept = _kept_of(form, bodies, errors, is_whole=False) if errors else None
        self._note(Became(200, counts, told(errors), kept), sum(map(len, bodies)))

    def refused(self, form: Form | None, bodies: Sequence[bytes], error: DeedlogError) -> None:
        """Note a batch that was refused whole."""
        faults = error.faults if isinstance(error, Rejected) else ()
        kept = _kept_of(form, bodies, {}, is_whole=True) if faults else None
        self._note(Became(status_of(error), faults=faults, refused=kept), sum(map(len, bodies)))


def outcomes(reply: Reply) -> tuple[Mapping[str, int], Errors]:
    """Return how many items had which outcome, and the errors of those that were refused."""
    content = reply.content
    if not isinstance(content, bytes) or not content:
        return {"taken": 1}, {}
    if content.startswith(b"["):  # the ids of statements: texts without a quote in them
        return {"taken": content.count(b'"') // 2}, {}
    said = orjson.loads(content)
    errors = {one["index"]: one["errors"] for one in said.get("items", ()) if "errors" in one}
    return said.get("counts", {}), errors


def told(errors: Errors) -> list[Fault]:
    """Return the first faults of items, with pointers that begin at the whole."""
    first = [(index, one) for index, listed in list(errors.items())[:FAULTS_MAX] for one in listed]
    return [Fault(f"/{index}{one['pointer']}", one["rule"], one["mend"]) for index, one in first]


async def _kept(call: Call, faults: Iterable[Fault] = (), errors: Errors | None = None) -> bytes | None:
    """Return the items to be mended, where the body can be parted into some and they are not too large.

    errors: by item; None where the request was refused whole, for these faults.
    """
    is_whole = errors is None
    if errors is None:
        errors = errors_by_item(list(faults), "/data" if call.route == "/caliper" else "")
    try:
        raw = await call.body_bytes()
        if is_large([raw]):
            return await asyncio.to_thread(_parted, call, raw, errors, is_whole)
        return _parted(call, raw, errors, is_whole)
    except DeedlogError:
        return None


def _parted(call: Call, raw: bytes, errors: Errors, is_whole: bool) -> bytes | None:
    sent = _sent(call, raw)
    found = None if sent is None else refused_items(sent, errors, is_whole=is_whole)
    return None if found is None else found.dumps()


def _kept_of(form: Form | None, bodies: Sequence[bytes], errors: Errors, *, is_whole: bool) -> bytes | None:
    if form is None:
        return None
    found = refused_items(SentItems(form, bodies), errors, is_whole=is_whole)
    return None if found is None else found.dumps()


def _sent(call: Call, raw: bytes) -> SentItems | None:
    """Return what the request held; None for what has parts that belong together. Raises Rejected."""
    media_type = parse_media_type(call.headers.get("content-type", ""))
    essence = "" if media_type is None else media_type.essence
    if call.route == "/caliper":
        return sent_in_envelope(raw)
    if call.route == "/v1/events" and is_binary(call):
        return sent_in_binary(attributes_of(call), raw)
    if essence in {STRUCTURED, BATCH} and call.route == "/v1/events":
        return sent_alone_or_listed("cloudevents", raw)
    if essence in LINES or "json" in essence:
        if call.method == "PUT":
            return sent_under_id(raw, call.query.get("statementId", ""))
        form: Any = "any" if call.route == "/v1/events" else "xapi"
        return sent_alone_or_listed(form, raw, are_lines=essence in LINES)
    return None


def _announced_bytes(headers: Mapping[str, str]) -> int:
    """Return what Content-Length says; 0 where it says nothing. Over gRPC anybody may send a header of that name."""
    text = headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else 0


def _request_id(headers: Mapping[str, str]) -> str:
    named = headers.get("x-request-id") or headers.get("traceparent") or ""
    return named[:REQUEST_ID_CHARACTERS_MAX] if named.isprintable() else ""
