"""The statement resource of xAPI 1.0.3 and 2.0, on each of its mounts (part 3, section 2.1)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from services.learning_events.domain.batch import Batch, NewStatementId, validate_batch
from services.learning_events.domain.filters import form_of, one_asked_for, search_of
from services.learning_events.domain.formats import is_uuid
from services.learning_events.domain.presentation import languages_of
from services.learning_events.domain.statement import XapiVersion
from services.learning_events.handlers.reading import Reading
from services.learning_events.handlers.recording import Recording
from services.learning_events.handlers.searching import Searching
from services.learning_events.http.mounts import (
    KEYS,
    MOUNTS,
    READ,
    WRITE,
    Mount,
    finishing,
    only,
    reader,
    speaking,
    writer,
)
from services.learning_events.http.statement_bodies import read_body
from services.learning_events.http.statement_replies import CONSISTENT_THROUGH, View, one_reply, page_reply, place_of
from shared.kernel.clock import Clock, rfc3339
from shared.kernel.errors import Rejected
from shared.runtime.http import Call, Endpoint, Reply, endpoint
from shared.runtime.resource import Finish

LARGE_BYTES: Final = 512 << 10
"""From here on, reading and checking takes over 20 ms: it goes to a thread, so that others are answered meanwhile."""


class StatementsDoor:
    """The statement resource."""

    def __init__(
        self,
        recording: Recording,
        reading: Reading,
        searching: Searching,
        clock: Clock,
        new_statement_id: NewStatementId,
        origin: str,
    ) -> None:
        self._recording = recording
        self._reading = reading
        self._searching = searching
        self._clock = clock
        self._new_statement_id = new_statement_id
        self._origin = origin

    def endpoints(self) -> list[Endpoint]:
        """Return all operations."""
        found = []
        for path, mount in MOUNTS.items():
            statements = f"{path}/statements"
            finish = self._finishing(mount)
            post, put, get = (speaking(mount, one) for one in (self.post, self.put, self.get))
            found += [
                endpoint("POST", statements, post, scopes=WRITE, kinds=KEYS, finish=finish),
                endpoint("PUT", statements, put, scopes=WRITE, kinds=KEYS, finish=finish),
                endpoint("GET", statements, get, scopes=READ, kinds=KEYS, finish=finish),
            ]
        return found

    async def post(self, call: Call, version: XapiVersion) -> Reply:
        """Have stored one statement or an array of them, all or none; answer with their ids (part 3, 2.1.2)."""
        only(call.query, frozenset())
        ids = await self._record(call, version, self._new_statement_id)
        return Reply.json(ids)

    async def put(self, call: Call, version: XapiVersion) -> Reply:
        """Have stored one statement under the id that the query names (part 3, 2.1.1)."""
        statement_id = _statement_id(call.query)
        await self._record(call, version, lambda: statement_id, statement_id)
        return Reply.empty()

    async def get(self, call: Call, version: XapiVersion) -> Reply:
        """Answer with the one statement that the query names, or with a page of those it describes (2.1.3)."""
        try:
            return await self._found(call)
        except Rejected:
            # Some clients wait for this header to move by asking again, whatever the status.
            await self._searching.consistent_through(reader(call))
            raise

    async def _found(self, call: Call) -> Reply:
        query = call.query
        view = View(form_of(query), languages_of(call.headers.get("accept-language")), self._origin)
        asked = one_asked_for(query)
        if asked is not None:
            return await self._one(call, view, *asked)
        search = replace(search_of(query, self._origin), after=place_of(call, query))
        page = await self._searching.page(reader(call), search, has_attachments=view.form.has_attachments)
        return page_reply(call, view, page)

    async def _one(self, call: Call, view: View, statement_id: str, is_void: bool) -> Reply:
        through = await self._searching.consistent_through(reader(call))
        stored = await self._reading.statement(reader(call), statement_id, is_void=is_void)
        attachments = await self._searching.attached(reader(call), [stored]) if view.form.has_attachments else {}
        return one_reply(call, view, stored, attachments).with_headers((CONSISTENT_THROUGH, rfc3339(through)))

    async def _record(
        self, call: Call, version: XapiVersion, new_statement_id: NewStatementId, only_id: str | None = None
    ) -> tuple[str, ...]:
        received_at = self._clock.now()
        body = await read_body(call)

        def validated() -> Batch:
            return validate_batch(body.raw, received_at, new_statement_id, version=version, parts=body.parts)

        batch = await asyncio.to_thread(validated) if len(body.raw) > LARGE_BYTES else validated()
        if only_id is not None:
            _require_one(batch.is_array, [one.event.statement_id for one in batch.accept_whole()], only_id)
        return await self._recording.record_whole(writer(call), batch, version, received_at, body.parts)

    def _finishing(self, mount: Mount) -> Finish:
        """Return what puts on every reply the version, and up to when everything stored was seen at the latest."""
        named = finishing(mount)

        def finish(headers: Mapping[str, str], reply: Reply) -> Reply:
            finished = named(headers, reply)
            if any(name == CONSISTENT_THROUGH for name, _ in finished.headers):
                return finished
            return finished.with_headers((CONSISTENT_THROUGH, rfc3339(self._searching.known_through)))

        return finish


def _statement_id(query: Mapping[str, str]) -> str:
    """Return the one id that the query names. Raises Rejected for none, and what is no id."""
    only(query, frozenset({"statementId"}))
    value = query.get("statementId")
    if value is None:
        raise Rejected.of("statementId", "the query does not name the statement", "Name its id.")
    if not is_uuid(value):
        raise Rejected.of("statementId", "it is no UUID in its standard form (RFC 9562)", "Send the statement's id.")
    return value.lower()


def _require_one(is_array: bool, ids: list[str], only_id: str) -> None:
    """Raise Rejected unless a PUT holds one statement, of the id in its query or of none."""
    if is_array:
        raise Rejected.of("", "expected one statement, got an array", "Send the statement alone, or POST the array.")
    if ids != [only_id]:
        raise Rejected.of("/id", "it differs from statementId in the query", "Send the same id, or leave it out.")
