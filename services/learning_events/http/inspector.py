"""The live inspector: server-sent events of what is taken and what is refused (WHATWG HTML §9.2).

An event's id is a sync_token of `/v1/events`, or one with the id of a delivery behind it: who comes back with it as
Last-Event-ID goes on there, and may see a few events twice, and misses none. A chunk is asked for when the one before
is written, so that a slow reader costs no memory here but that of one chunk; one that takes a chunk too slowly is told
so and cut, and one that takes nothing is cut.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, Final

import orjson

from services.learning_events.domain.formats import is_uuid
from services.learning_events.domain.listed import as_listed
from services.learning_events.handlers.inspecting import Inspecting, Look, Place, moment
from services.learning_events.handlers.ports import Reader
from services.learning_events.http.deliveries import as_delivery
from services.learning_events.http.events import CURSOR, position_of
from services.learning_events.http.mounts import KEYS, READ_ALL, only, reader
from shared.kernel.clock import Clock
from shared.kernel.errors import Rejected, Unavailable
from shared.runtime import telemetry
from shared.runtime.http import Call, Endpoint, Reply, endpoint
from shared.runtime.pages import encode_cursor

STREAMS_MAX: Final = 64
"""Under way at once in one process; each asks the database twice every POLL_SECONDS."""
STREAMS_OF_ORGANISATION_MAX: Final = 8
STREAM_SECONDS_MAX: Final = 300.0
"""Then the stream ends, and who watches comes back: a key that was revoked does not."""
SLOW_SECONDS_MAX: Final = 10.0
"""A chunk holds 200 messages at most; who needs longer for one is told so, and comes back behind it."""
STALL_SECONDS_MAX: Final = 30.0
"""Who takes nothing for so long holds a place that others could have."""
POLL_SECONDS: Final = 0.5
HEARTBEAT_SECONDS: Final = 15.0
_BUSY: Final = "as many watch already as may"
_CUT: Final = b"event: cut\ndata: %b\n\n" % orjson.dumps(
    {
        "rule": f"this reader took longer than {SLOW_SECONDS_MAX:g} s for what had come, so the stream ends here",
        "mend": "Read faster, and come back with the last id as Last-Event-ID: nothing is lost.",
    }
)


class InspectorDoor:
    """Shows what arrives, as it arrives."""

    def __init__(self, inspecting: Inspecting, clock: Clock) -> None:
        self._inspecting = inspecting
        self._clock = clock
        self._watching: Counter[str] = Counter()

    def endpoints(self) -> list[Endpoint]:
        """Return all operations."""
        return [endpoint("GET", "/v1/events/stream", self.stream, scopes=READ_ALL, kinds=KEYS)]

    async def stream(self, call: Call) -> Reply:
        """Answer with what arrives from now on, or behind Last-Event-ID. Raises Unavailable beyond a bound."""
        only(call.query, frozenset())
        who = reader(call)
        self._check(who)
        last = call.headers.get("last-event-id", "")
        now = self._clock.now()
        place = self._place(last) if last else await self._inspecting.now(who, now)
        chunks, headers = self._chunks(who, place), {"Cache-Control": "no-store"}
        return Reply.stream(chunks, "text/event-stream", headers, stall_seconds=STALL_SECONDS_MAX)

    def _check(self, who: Reader) -> None:
        if self._watching.total() >= STREAMS_MAX or self._watching[who.organisation] >= STREAMS_OF_ORGANISATION_MAX:
            telemetry.count_bound("learning-events-inspectors")
            raise Unavailable(f"{_BUSY}: {STREAMS_OF_ORGANISATION_MAX} of an organisation, {STREAMS_MAX} in all.", 5)

    def _place(self, last: str) -> Place:
        """Return the place that a Last-Event-ID names. Raises Rejected."""
        token, _, delivery = last.partition("~")
        events = position_of({"cursor": token})
        if events is None or (delivery and not is_uuid(delivery)):
            raise Rejected.of("last-event-id", "it is no id of this stream", "Send the last id, or a sync_token.")
        return Place(events, delivery.lower() or moment(self._clock.now()))

    async def _chunks(self, who: Reader, place: Place) -> AsyncIterator[bytes]:
        """Yield messages until STREAM_SECONDS_MAX are over or the database is away; who watches then comes back."""
        try:
            self._check(who)
        except Unavailable:
            return
        self._watching[who.organisation] += 1
        try:
            yield b"retry: 1000\nid: %b\n\n" % _token(place)
            until = self._clock.monotonic() + STREAM_SECONDS_MAX
            heard = self._clock.monotonic()
            while self._clock.monotonic() < until:
                look = await self._inspecting.look(who, place, self._clock.now())
                messages = _messages(look, place)
                place = look.place
                if messages:
                    written_from = self._clock.monotonic()
                    yield messages
                    if self._clock.monotonic() - written_from > SLOW_SECONDS_MAX:
                        telemetry.count_bound("learning-events-inspector-seconds")
                        yield _CUT
                        return
                elif self._clock.monotonic() - heard >= HEARTBEAT_SECONDS:
                    yield b": nothing new\nid: %b\n\n" % _token(place)
                else:
                    await asyncio.sleep(POLL_SECONDS)
                    continue
                heard = self._clock.monotonic()
        except Unavailable:
            return
        finally:
            self._watching[who.organisation] -= 1
            self._watching += Counter()  # without those of whom nobody watches


def _messages(look: Look, before: Place) -> bytes:
    """Return one message for each event and delivery. Only the last of a kind moves the place."""
    between = Place(look.place.events, before.delivery)
    accepted = [as_listed(one, look.formats.get(one.id, "xapi")) for one in look.accepted]
    refused = [as_delivery(one) for one in look.refused]
    return _told("accepted", accepted, between) + _told("refused", refused, look.place)


def _told(kind: str, values: list[dict[str, Any]], place: Place) -> bytes:
    lines = [b"event: %b\ndata: %b\n" % (kind.encode(), orjson.dumps(value)) for value in values]
    if lines:
        lines[-1] += b"id: %b\n" % _token(place)
    return b"".join(line + b"\n" for line in lines)


def _token(place: Place) -> bytes:
    return f"{encode_cursor(CURSOR, place.events)}~{place.delivery}".encode()
