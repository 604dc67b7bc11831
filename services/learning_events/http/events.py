"""The list of what arrived, in the order of arrival."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from services.learning_events.domain.formats import is_uuid
from services.learning_events.domain.listed import as_listed
from services.learning_events.domain.original import Original
from services.learning_events.handlers.originals import OriginalReading
from services.learning_events.handlers.ports import ArrivalPage
from services.learning_events.handlers.reading import Reading
from services.learning_events.http.mounts import KEYS, READ, READ_ALL, only, reader
from shared.kernel.errors import NotFound, Rejected
from shared.runtime.http import Call, Endpoint, Reply, endpoint
from shared.runtime.pages import decode_cursor, encode_cursor, page_limit

CURSOR: Final = "events"
"""What a sync_token of this list is called."""
_PARTS_MAX: Final = ((1 << 31) - 1, (1 << 63) - 1, (1 << 31) - 1)
"""What the columns of a position hold: anybody can write a cursor."""
_PLAIN: Final = "!#$&'()*+,-./:;<=>?@[\\]^_`{|}~"
"""What stands in a header as it is; all else is percent-encoded (CloudEvents, HTTP Binding §3.1.3.2)."""


def position_of(query: Mapping[str, str]) -> tuple[int, int, int] | None:
    """Return where a cursor of this list goes on, None without one. Raises Rejected for what is no place in it."""
    cursor = decode_cursor(CURSOR, query, int, int, int)
    if cursor is None:
        return None
    epoch, xid, place = (int(part) for part in cursor)
    if not all(0 <= part <= most for part, most in zip((epoch, xid, place), _PARTS_MAX, strict=True)):
        raise Rejected.of("cursor", "it names no place in this list", "Send a cursor as it was received, or none.")
    return epoch, xid, place


class EventsDoor:
    """What arrived, page by page."""

    def __init__(self, reading: Reading, originals: OriginalReading) -> None:
        self._reading = reading
        self._originals = originals

    def endpoints(self) -> list[Endpoint]:
        """Return all operations."""
        return [
            endpoint("GET", "/v1/events", self.list_events, scopes=READ_ALL, kinds=KEYS),
            endpoint("GET", "/v1/events/{id}/original", self.original, scopes=READ, kinds=KEYS),
        ]

    async def list_events(self, call: Call) -> Reply:
        """Answer with what arrived after the cursor, or without one with the newest; in the order of arrival."""
        query = call.query
        only(query, frozenset({"cursor", "limit"}))
        page = await self._reading.arrivals(reader(call), position_of(query), page_limit(query))
        return Reply.json(_listed(page, await self._originals.formats(reader(call), page)))

    async def original(self, call: Call) -> Reply:
        """Answer with the bytes that were sent, without their envelope; what that said stands in headers.

        Of a CloudEvent that is its binary mode, whichever mode it came in.
        """
        only(call.query, frozenset())
        if not is_uuid(call.path["id"]):
            raise NotFound("There is no such event: an event's id is a UUID.")
        original = await self._originals.original(reader(call), call.path["id"].lower())
        said = {"Deedlog-Format": original.format, **_envelope_headers(original)}
        return Reply.raw(original.content, _media_type(original), headers=said)


def _envelope_headers(original: Original) -> dict[str, str]:
    """Return what the envelope said, in headers; in those of the binary mode for a CloudEvent."""
    prefix = "ce-" if "specversion" in original.envelope else "caliper-"
    said = {name: value for name, value in original.envelope.items() if name != "datacontenttype"}
    return {prefix + name: quote(_text(value), safe=_PLAIN) for name, value in said.items()}


def _text(value: Any) -> str:
    return ("false", "true")[value] if type(value) is bool else str(value)


def _media_type(original: Original) -> str:
    return quote(str(original.envelope.get("datacontenttype", "application/json")), safe=_PLAIN + " ")


def _listed(page: ArrivalPage, formats: Mapping[str, str]) -> dict[str, Any]:
    """Return a page. `sync_token` goes on behind it, whether there is more now or later."""
    token = encode_cursor(CURSOR, page.position)
    return {
        "items": [as_listed(stored, formats.get(stored.id, "xapi")) for stored in page.statements],
        "has_more": page.has_more,
        "next_cursor": token if page.has_more else None,
        "sync_token": token,
    }
