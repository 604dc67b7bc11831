"""The statement resource of xAPI 1.0.3 and 2.0, on each of its mounts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

from services.learning_events.domain.batch import NewStatementId, validate_batch
from services.learning_events.domain.formats import is_uuid
from services.learning_events.domain.served import as_served
from services.learning_events.domain.statement import XapiVersion
from services.learning_events.handlers.reading import Reading
from services.learning_events.handlers.recording import Recording
from services.learning_events.http.mounts import (
    JSON,
    KEYS,
    MOUNTS,
    READ,
    VERSIONS,
    WRITE,
    finishing,
    only,
    reader,
    speaking,
    writer,
)
from shared.kernel import canonical_json
from shared.kernel.clock import Clock
from shared.kernel.errors import Rejected
from shared.runtime.http import Call, Endpoint, Reply, endpoint

LARGE_BYTES: Final = 512 << 10
"""From here on, reading and checking takes over 20 ms: it goes to a thread, so that others are answered meanwhile."""


class StatementsDoor:
    """The statement resource, and what it says about itself."""

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
        found = []
        for mount, version in MOUNTS.items():
            statements = f"{mount}/statements"
            finish = finishing(version)
            post, put, get = (speaking(version, one) for one in (self.post, self.put, self.get))
            found += [
                endpoint("POST", statements, post, scopes=WRITE, kinds=KEYS, finish=finish),
                endpoint("PUT", statements, put, scopes=WRITE, kinds=KEYS, finish=finish),
                endpoint("GET", statements, get, scopes=READ, kinds=KEYS, finish=finish),
                endpoint("GET", f"{mount}/about", about, scopes=None, finish=finish),
            ]
        return found

    async def post(self, call: Call, version: XapiVersion) -> Reply:
        """Have stored one statement or an array of them, all or none; answer with their ids (part 3, 2.1.2)."""
        only(call.query, frozenset())
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
        stored = await self._reading.statement(reader(call), statement_id, is_void="voidedStatementId" in query)
        served = as_served(stored, self._origin)
        return Reply.raw(canonical_json.dumps(served), "application/json")

    async def _record(
        self, call: Call, version: XapiVersion, new_statement_id: NewStatementId, only_id: str | None = None
    ) -> tuple[str, ...]:
        call.media_type(JSON)
        received_at = self._clock.now()
        raw = await call.body_bytes()
        if len(raw) > LARGE_BYTES:
            batch = await asyncio.to_thread(validate_batch, raw, received_at, new_statement_id, version=version)
        else:
            batch = validate_batch(raw, received_at, new_statement_id, version=version)
        if only_id is not None:
            _require_one(batch.is_array, [one.event.statement_id for one in batch.accept_whole()], only_id)
        return await self._recording.record_whole(writer(call), batch, version, received_at)


async def about(call: Call) -> Reply:
    """Answer with the versions that are spoken here (part 3, 2.8)."""
    return Reply.json({"version": VERSIONS})


def _statement_id(query: Mapping[str, str], names: tuple[str, ...]) -> str:
    """Return the one id that the query names. Raises Rejected for none, several, and what is no id."""
    only(query, frozenset(names))
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
