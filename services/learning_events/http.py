"""The HTTP door: the statement resource of xAPI 1.0.3 and 2.0, and the list of what arrived.

Three mounts of one resource differ in nothing but the version a request speaks when it does not say: `/xapi` and
`/xapi/2` 2.0, `/xapi/1` 1.0.3. A header X-Experience-API-Version decides on each of them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from services.learning_events.domain.arrival import Writer
from services.learning_events.domain.batch import NewStatementId, validate_batch
from services.learning_events.domain.formats import is_uuid
from services.learning_events.domain.served import as_event, as_served
from services.learning_events.domain.statement import XapiVersion
from services.learning_events.handlers.ports import ArrivalPage, Reader
from services.learning_events.handlers.reading import Reading
from services.learning_events.handlers.recording import Recording
from shared.kernel import canonical_json
from shared.kernel.clock import Clock
from shared.kernel.errors import Forbidden, Rejected
from shared.runtime.auth import Kind
from shared.runtime.http import Call, Endpoint, Reply, endpoint
from shared.runtime.pages import decode_cursor, encode_cursor, page_limit

MOUNTS: Final = {"/xapi": XapiVersion.V2_0, "/xapi/1": XapiVersion.V1_0, "/xapi/2": XapiVersion.V2_0}
VERSIONS: Final = ("2.0.0", "1.0.3", "1.0.2", "1.0.1", "1.0.0")
"""What `about` tells: the versions a request may name."""
LARGE_BYTES: Final = 512 << 10
"""From here on, reading and checking takes over 20 ms: it goes to a thread, so that others are answered meanwhile."""
VERSION_HEADER: Final = "x-experience-api-version"
_WRITE: Final = frozenset({"write"})
_READ: Final = frozenset({"read", "read/mine"})
_READ_ALL: Final = frozenset({"read"})
_KEYS: Final[frozenset[Kind]] = frozenset({"key"})
_JSON: Final = frozenset({"application/json"})
_FORMS: Final = (
    (re.compile(r"1\.0(?:\.[0-9]{1,4})?").fullmatch, XapiVersion.V1_0),
    (re.compile(r"2\.0(?:\.[0-9]{1,4})?").fullmatch, XapiVersion.V2_0),
)
_CURSOR: Final = "events"

Operation = Callable[[Call, XapiVersion], Awaitable[Reply]]


class Door:
    """The operations of learning_events."""

    def __init__(
        self, recording: Recording, reading: Reading, clock: Clock, new_statement_id: NewStatementId, origin: str
    ) -> None:
        self._recording = recording
        self._reading = reading
        self._clock = clock
        self._new_statement_id = new_statement_id
        self._origin = origin

    def endpoints(self) -> list[Endpoint]:
        """Return all operations."""
        found = [endpoint("GET", "/v1/events", self.list_events, scopes=_READ_ALL, kinds=_KEYS)]
        for mount, version in MOUNTS.items():
            statements = f"{mount}/statements"
            finish = _finishing(version)
            post, put, get = (_speaking(version, one) for one in (self.post, self.put, self.get))
            found += [
                endpoint("POST", statements, post, scopes=_WRITE, kinds=_KEYS, finish=finish),
                endpoint("PUT", statements, put, scopes=_WRITE, kinds=_KEYS, finish=finish),
                endpoint("GET", statements, get, scopes=_READ, kinds=_KEYS, finish=finish),
                endpoint("GET", f"{mount}/about", about, scopes=None, finish=finish),
            ]
        return found

    async def post(self, call: Call, version: XapiVersion) -> Reply:
        """Have stored one statement or an array of them, all or none; answer with their ids (part 3, 2.1.2)."""
        _only(call.query, frozenset())
        ids = await self._record(call, version, self._new_statement_id)
        return Reply.json(ids)

    async def put(self, call: Call, version: XapiVersion) -> Reply:
        """Have stored one statement under the id that the query names (part 3, 2.1.1)."""
        statement_id = _statement_id(call.query, ("statementId",))
        await self._record(call, version, lambda: statement_id, statement_id)
        return Reply.empty()

    async def get(self, call: Call, version: XapiVersion) -> Reply:
        """Answer with the statement that the query names, one that is void by `voidedStatementId` only (2.1.3)."""
        query = call.query
        statement_id = _statement_id(query, ("statementId", "voidedStatementId"))
        stored = await self._reading.statement(_reader(call), statement_id, is_void="voidedStatementId" in query)
        served = as_served(stored, self._origin)
        return Reply.raw(canonical_json.dumps(served), "application/json")

    async def list_events(self, call: Call) -> Reply:
        """Answer with what arrived after the cursor, or without one with the newest; in the order of arrival."""
        query = call.query
        _only(query, frozenset({"cursor", "limit"}))
        cursor = decode_cursor(_CURSOR, query, int, int, int)
        position = None if cursor is None else (int(cursor[0]), int(cursor[1]), int(cursor[2]))
        page = await self._reading.arrivals(_reader(call), position, page_limit(query))
        return Reply.json(_listed(page))

    async def _record(
        self, call: Call, version: XapiVersion, new_statement_id: NewStatementId, only_id: str | None = None
    ) -> tuple[str, ...]:
        call.media_type(_JSON)
        received_at = self._clock.now()
        raw = await call.body_bytes()
        if len(raw) > LARGE_BYTES:
            batch = await asyncio.to_thread(validate_batch, raw, received_at, new_statement_id, version=version)
        else:
            batch = validate_batch(raw, received_at, new_statement_id, version=version)
        if only_id is not None:
            _require_one(batch.is_array, [one.event.statement_id for one in batch.accept_whole()], only_id)
        return await self._recording.record_whole(_writer(call), batch, version, received_at)


async def about(call: Call) -> Reply:
    """Answer with the versions that are spoken here (part 3, 2.8)."""
    return Reply.json({"version": VERSIONS})


def version_of(headers: Mapping[str, str], default: XapiVersion) -> XapiVersion:
    """Return the version a request speaks. Raises Rejected for one that is not spoken here (part 3, 3.3)."""
    text = headers.get(VERSION_HEADER)
    if text is None:
        return default
    for matches, version in _FORMS:
        if matches(text):
            return version
    mend = "Send 1.0.3 or 2.0.0, or leave the header out."
    raise Rejected.of("X-Experience-API-Version", "the version is none that is spoken here", mend)


def _speaking(default: XapiVersion, operation: Operation) -> Callable[[Call], Awaitable[Reply]]:
    async def speak(call: Call) -> Reply:
        return await operation(call, version_of(call.headers, default))

    return speak


def _finishing(default: XapiVersion) -> Callable[[Mapping[str, str], Reply], Reply]:
    """Return what puts the version on every reply: the request's where it can be spoken, else the mount's."""

    def finish(headers: Mapping[str, str], reply: Reply) -> Reply:
        try:
            version = version_of(headers, default)
        except Rejected:
            version = default
        return reply.with_headers(("X-Experience-API-Version", version.value))

    return finish


def _only(query: Mapping[str, str], known: frozenset[str]) -> None:
    """Raise Rejected for a field of the query that is none of `known` (part 3, 3.2)."""
    for name in query:
        if name not in known:
            rule = "this operation knows no such field in the query"
            raise Rejected.of(name[:80], rule, f"Name {' or '.join(sorted(known)) or 'none'}.")


def _statement_id(query: Mapping[str, str], names: tuple[str, ...]) -> str:
    """Return the one id that the query names. Raises Rejected for none, several, and what is no id."""
    _only(query, frozenset(names))
    if len(query) != 1:
        raise Rejected.of(names[0], "the query does not name one statement", f"Name {' or '.join(names)}.")
    ((name, value),) = query.items()
    if not is_uuid(value):
        raise Rejected.of(name, "it is no UUID in its standard form (RFC 9562)", "Send the statement's id.")
    return value.lower()


def _require_one(is_array: bool, ids: list[str], only_id: str) -> None:
    """Raise Rejected unless a PUT holds one statement, of the id in its query or of none."""
    if is_array:
        raise Rejected.of("", "expected one statement, got an array", "Send the statement alone, or POST the array.")
    if ids != [only_id]:
        raise Rejected.of("/id", "it differs from statementId in the query", "Send the same id, or leave it out.")


def _writer(call: Call) -> Writer:
    return Writer(_organisation(call), call.principal.id, call.principal.is_test)


def _reader(call: Call) -> Reader:
    principal = call.principal
    only_key = None if principal.has_any(_READ_ALL) else principal.id
    return Reader(_organisation(call), principal.is_test, only_key)


def _organisation(call: Call) -> str:
    if call.principal.organisation is None:
        raise Forbidden.of("authorization", "the key belongs to no organisation", "Use an organisation's key.")
    return call.principal.organisation


def _listed(page: ArrivalPage) -> dict[str, Any]:
    """Return a page. `sync_token` goes on behind it, whether there is more now or later."""
    token = encode_cursor(_CURSOR, page.position)
    return {
        "items": [as_event(stored) for stored in page.statements],
        "has_more": page.has_more,
        "next_cursor": token if page.has_more else None,
        "sync_token": token,
    }
