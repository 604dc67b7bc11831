"""The forms in which events come by HTTP: one or many, each with how its items are read.

application/cloudevents+json         a CloudEvent in structured mode
application/cloudevents-batch+json   an array of CloudEvents
any JSON with a header ce-…          a CloudEvent in binary mode (HTTP Binding §3.1), also without a media type
application/json                     an event, or an array of events, of any format
application/x-ndjson                 an event a line, of any format
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import unquote

from services.learning_events.domain import json_slices
from services.learning_events.domain.any_event import read_any
from services.learning_events.domain.batch import NewStatementId
from services.learning_events.domain.cloud_event import read_binary, read_structured
from services.learning_events.domain.derived import Reading
from services.learning_events.domain.original import derived_id
from shared.kernel.errors import Rejected, TooLarge
from shared.runtime import telemetry
from shared.runtime.http import Call

BYTES_MAX: Final = 10 << 20
"""10 MiB, sent and inflated alike: 10,000 events of 1 KiB."""
ITEMS_MAX: Final = 10_000
"""Items in one request: 20 transactions, about two seconds."""
LARGE_BYTES: Final = 512 << 10
"""From here on, reading and checking takes over 20 ms: it goes to a thread, so that others are answered meanwhile."""
STRUCTURED: Final = "application/cloudevents+json"
BATCH: Final = "application/cloudevents-batch+json"
LINES: Final = frozenset({"application/x-ndjson", "application/ndjson", "application/jsonl"})
ARRAYS: Final = frozenset({"application/json", *LINES})
_ALL: Final = frozenset({STRUCTURED, BATCH, *ARRAYS})
_BINARY: Final = frozenset({"application/json", "+json"})
_PREFIX: Final = "ce-"

Read = Callable[[bytes, int], Reading]


@dataclass(frozen=True, slots=True)
class Incoming:
    """The items of a request. is_alone: it held one event and no list, so that its result is the request's."""

    items: list[bytes]
    read: Read
    is_alone: bool


async def incoming(
    call: Call, received_at: datetime, new_statement_id: NewStatementId, items_max: int = ITEMS_MAX
) -> Incoming:
    """Return the items of a request, in whichever form it is. Raises Unsupported, TooLarge, Rejected."""
    has_attributes = is_binary(call)
    if has_attributes and "content-type" in call.headers:
        call.media_type(_BINARY)
    kind = "" if has_attributes else call.media_type(_ALL).essence
    raw = await call.body_bytes(BYTES_MAX)
    if has_attributes:
        attributes = attributes_of(call)
        return Incoming([raw], lambda item, index: read_binary(attributes, item, index, received_at), is_alone=True)
    if kind == STRUCTURED:
        return Incoming([raw], lambda item, index: read_structured(item, index, received_at), is_alone=True)
    items, is_alone = await parted(raw, kind, items_max)
    if kind == BATCH:
        if is_alone:
            raise Rejected.of("", "a batch is an array", f"Send one event alone as {STRUCTURED}.")
        return Incoming(items, lambda item, index: read_structured(item, index, received_at), is_alone=False)
    given = given_ids(call, new_statement_id)
    return Incoming(items, lambda item, index: read_any(item, index, received_at, lambda: given(index)), is_alone)


def is_binary(call: Call) -> bool:
    """Say whether a CloudEvent's attributes came in headers."""
    return any(name.startswith(_PREFIX) for name in call.headers)


def is_large(items: Sequence[bytes]) -> bool:
    """Say whether these are read beside the event loop."""
    return sum(map(len, items)) > LARGE_BYTES


async def parted(raw: bytes, kind: str, items_max: int) -> tuple[list[bytes], bool]:
    """Return the items in a body, and whether it is one event and no list. Raises TooLarge, Rejected."""
    if len(raw) > LARGE_BYTES:
        return await asyncio.to_thread(_parted, raw, kind, items_max)
    return _parted(raw, kind, items_max)


def _parted(raw: bytes, kind: str, items_max: int) -> tuple[list[bytes], bool]:
    try:
        if kind in LINES:
            return json_slices.lines(raw, items_max), False
        if json_slices.is_array(raw):
            return json_slices.array_items(raw, items_max), False
    except TooLarge:
        telemetry.count_bound("learning-events-items")
        raise
    return [raw], True


def given_ids(call: Call, new_statement_id: NewStatementId) -> Callable[[int], str]:
    """Return what gives an id to the item at a place that came without one.

    With an Idempotency-Key it is always the same for one key and place: what is sent again is a duplicate.
    """
    key = call.idempotency_key
    if key is None:
        return lambda index: new_statement_id()
    owner = call.principal.id
    return lambda index: derived_id("idempotency-key", owner, key, str(index))


def attributes_of(call: Call) -> dict[str, str]:
    """Return the attributes that headers carry, decoded (HTTP Binding §3.1.3.2). Raises Rejected.

    `datacontenttype` is optional, and the libraries in use send no Content-Type where an event has none.
    """
    attributes = {}
    for name, value in call.headers.items():
        if name.startswith(_PREFIX):
            try:
                attributes[name.removeprefix(_PREFIX)] = unquote(value, errors="strict")
            except UnicodeDecodeError:
                raise Rejected.of(name[:80], "it is not UTF-8 in percent encoding", "Encode it as UTF-8.") from None
    if content_type := call.headers.get("content-type"):
        attributes["datacontenttype"] = content_type
    return attributes
