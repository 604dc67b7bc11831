"""Imports: a history of events is uploaded, whole or in parts, recorded in the background, reported by the line."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Annotated, Final

import orjson
from pydantic import BaseModel, Field

from services.learning_events.domain.import_report import (
    IMPORT_BYTES_MAX,
    PART_BYTES_MAX,
    PIECE_BYTES,
    Import,
    State,
    as_shown,
    line_as_shown,
)
from services.learning_events.handlers.ports import Reader
from services.learning_events.handlers.uploading import Uploading, require_place
from services.learning_events.http.mounts import KEYS, READ_ALL, WRITE, only, reader, writer
from shared.kernel.errors import Rejected, Unsupported
from shared.runtime.edge_errors import IdempotencyMismatch
from shared.runtime.http import Call, Endpoint, Reply, endpoint
from shared.runtime.pages import decode_cursor, encode_cursor, page, page_limit

EITHER: Final = WRITE | READ_ALL
"""Who may look: who may read all, and a writer at what it sent itself."""
NDJSON: Final = "application/x-ndjson"
FILES: Final = frozenset(
    {NDJSON, "application/jsonl", "application/gzip", "application/zstd", "application/octet-stream", "text/plain"}
)
"""A whole upload. How it is packed is told by its first bytes, not by its name."""
JSON: Final = frozenset({"application/json"})
PARTS: Final = frozenset({"application/octet-stream", "application/offset+octet-stream"})
OFFSET: Final = "Upload-Offset"
_CURSOR: Final = "imports"


class ImportRequest(BaseModel):
    """An import whose bytes follow in parts. bytes: of the file as it will be sent."""

    name: Annotated[str, Field(max_length=200)] = ""
    bytes: Annotated[int, Field(ge=1, le=IMPORT_BYTES_MAX)]


class ImportsDoor:
    """Imports of an organisation. A key that may only write sees its own."""

    def __init__(self, uploading: Uploading) -> None:
        self._uploading = uploading

    def endpoints(self) -> list[Endpoint]:
        """Return all operations."""
        one = "/v1/imports/{import_id}"
        return [
            endpoint("POST", "/v1/imports", self.create, scopes=WRITE, kinds=KEYS),
            endpoint("GET", "/v1/imports", self.list_imports, scopes=EITHER, kinds=KEYS),
            endpoint("POST", f"{one}:cancel", self.cancel, scopes=WRITE, kinds=KEYS),
            endpoint("GET", f"{one}/report", self.report, scopes=EITHER, kinds=KEYS),
            endpoint("GET", one, self.show, scopes=EITHER, kinds=KEYS),
            endpoint("PATCH", one, self.append, scopes=WRITE, kinds=KEYS),
        ]

    async def create(self, call: Call) -> Reply:
        """Have begun an import, by its announcement (JSON) or by the whole upload; one a request key, for ever."""
        only(call.query, frozenset())
        if call.media_type(JSON | FILES).is_one_of(JSON):
            asked = await call.model(ImportRequest)
            one, is_new = await self._uploading.create(writer(call), asked.name, asked.bytes, call.idempotency_key)
            if not is_new and (one.name, one.bytes) != (asked.name, asked.bytes):
                raise _mismatch()
            return _shown(one, 201, is_replayed=not is_new)
        return await self._upload(call)

    async def append(self, call: Call) -> Reply:
        """Have kept a part of the upload, which begins where Upload-Offset says; what was answered is durable."""
        only(call.query, frozenset())
        call.media_type(PARTS)
        if "content-encoding" in call.headers:
            rule = "a part is sent as it stands in the file, without a coding of its own"
            raise Unsupported.of("content-encoding", rule, "Compress the whole file, and send its bytes.")
        # What an import brings stands under its key's name, so only that key adds to it.
        asker = replace(reader(call), only_key=call.principal.id)
        one = await self._uploading.show(asker, call.path["import_id"])
        place = _place(call)
        require_place(one, place)
        async for piece in _pieces(call):
            one = await self._uploading.append(asker, one.id, place, piece)
            place += len(piece)
        return _shown(one)

    async def show(self, call: Call) -> Reply:
        """Answer with the import: its state, its counts, how far it is."""
        only(call.query, frozenset())
        return _shown(await self._uploading.show(reader(call), call.path["import_id"]))

    async def list_imports(self, call: Call) -> Reply:
        """Answer with the imports, the newest first."""
        query = call.query
        only(query, frozenset({"cursor", "limit"}))
        cursor, limit = decode_cursor(_CURSOR, query, str), page_limit(query)
        before = None if cursor is None else str(cursor[0])
        found = await self._uploading.listed(reader(call), before, limit + 1)
        shown = found[:limit]
        following = encode_cursor(_CURSOR, (shown[-1].id,)) if len(found) > limit else None
        return Reply.json(page([as_shown(one) for one in shown], following))

    async def cancel(self, call: Call) -> Reply:
        """Have the import end. What it stored stays."""
        only(call.query, frozenset())
        return _shown(await self._uploading.cancel(reader(call), call.path["import_id"]))

    async def report(self, call: Call) -> Reply:
        """Answer with the lines that were not taken so far, one JSON object a line."""
        only(call.query, frozenset())
        asker = reader(call)
        one = await self._uploading.show(asker, call.path["import_id"])
        return Reply.stream(self._reported(asker, one.id), NDJSON)

    async def _upload(self, call: Call) -> Reply:
        """Have kept a whole upload, which waits to be recorded. A repetition goes on where the first broke off."""
        coding = call.headers.get("content-encoding", "identity").strip().lower()
        if coding not in {"identity", "gzip", "x-gzip", "zstd"}:
            raise Unsupported.of("content-encoding", f"{coding[:40]!r} is not read here", "Use gzip, zstd or none.")
        pieces = _pieces(call)
        piece = await anext(pieces, b"")
        if not piece:
            raise Rejected.of("", "the body is empty", "Send the lines, or announce the upload as JSON.")
        size = int(call.headers["content-length"]) if "content-length" in call.headers else None
        one, is_new = await self._uploading.create(writer(call), "", size, call.idempotency_key)
        if not is_new and (one.bytes != size and (size is not None or one.state is State.RECEIVING)):
            raise _mismatch()
        asker, place, digest = reader(call), 0, hashlib.sha256()
        while piece:
            digest.update(piece)
            if one.state is State.RECEIVING:
                one = await self._uploading.append(asker, one.id, place, piece, digest.digest())
            place += len(piece)
            piece = await anext(pieces, b"")
        if one.state is State.RECEIVING:
            one = await self._uploading.complete(asker, one.id, digest.digest())
        if not is_new and not await self._uploading.is_of(asker, one.id, digest.digest()):
            raise _mismatch()
        return _shown(one, 201, is_replayed=not is_new)

    async def _reported(self, asker: Reader, import_id: str) -> AsyncIterator[bytes]:
        after = 0
        while lines := await self._uploading.faults(asker, import_id, after):
            yield b"".join(orjson.dumps(line_as_shown(line)) + b"\n" for line in lines)
            after = lines[-1].line


async def _pieces(call: Call) -> AsyncIterator[bytes]:
    """Yield the body as it was sent, by PIECE_BYTES, the last one shorter."""
    gathered = bytearray()
    async for chunk in call.body.chunks_as_sent(PART_BYTES_MAX):
        gathered += chunk
        while len(gathered) >= PIECE_BYTES:
            yield bytes(gathered[:PIECE_BYTES])
            del gathered[:PIECE_BYTES]
    if gathered:
        yield bytes(gathered)


def _place(call: Call) -> int:
    text = call.headers.get(OFFSET.lower(), "")
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise Rejected.of(OFFSET, "the header does not say where the part begins", "Send the bytes kept so far.")
    return int(text)


def _shown(one: Import, status: int = 200, *, is_replayed: bool = False) -> Reply:
    headers = {OFFSET: str(one.received)}
    if status == 201:
        headers["Location"] = f"/v1/imports/{one.id}"
    if is_replayed:
        headers["Idempotency-Replayed"] = "true"
    return Reply.json(as_shown(one), status, headers)


def _mismatch() -> IdempotencyMismatch:
    return IdempotencyMismatch.of(
        "idempotency-key", "the key was used for another import", "Use a fresh key for a new import."
    )
