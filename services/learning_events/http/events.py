"""The list of what arrived, in the order of arrival."""

from __future__ import annotations

from typing import Any, Final

from services.learning_events.domain.served import as_event
from services.learning_events.handlers.ports import ArrivalPage
from services.learning_events.handlers.reading import Reading
from services.learning_events.http.mounts import KEYS, READ_ALL, only, reader
from shared.runtime.http import Call, Endpoint, Reply, endpoint
from shared.runtime.pages import decode_cursor, encode_cursor, page_limit

_CURSOR: Final = "events"


class EventsDoor:
    """What arrived, page by page."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading

    def endpoints(self) -> list[Endpoint]:
        """Return all operations."""
        return [endpoint("GET", "/v1/events", self.list_events, scopes=READ_ALL, kinds=KEYS)]

    async def list_events(self, call: Call) -> Reply:
        """Answer with what arrived after the cursor, or without one with the newest; in the order of arrival."""
        query = call.query
        only(query, frozenset({"cursor", "limit"}))
        cursor = decode_cursor(_CURSOR, query, int, int, int)
        position = None if cursor is None else (int(cursor[0]), int(cursor[1]), int(cursor[2]))
        page = await self._reading.arrivals(reader(call), position, page_limit(query))
        return Reply.json(_listed(page))


def _listed(page: ArrivalPage) -> dict[str, Any]:
    """Return a page. `sync_token` goes on behind it, whether there is more now or later."""
    token = encode_cursor(_CURSOR, page.position)
    return {
        "items": [as_event(stored) for stored in page.statements],
        "has_more": page.has_more,
        "next_cursor": token if page.has_more else None,
        "sync_token": token,
    }
