"""The HTTP door of record_log: the public log, and a person's own record."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from typing import Any, Final

from services.record_log.handlers.proving import (
    Erased,
    Library,
    NotYetCovered,
    StreamOutline,
    consistency,
    outline,
    prove,
    signed_log,
)
from shared.kernel.errors import DeedlogError, NotFound, Rejected
from shared.kernel.ids import FactId, PersonId
from shared.kernel.signed_note import encode_base64
from shared.runtime.auth import Kind
from shared.runtime.http import Call, Endpoint, Reply, endpoint
from shared.runtime.problem import problem

READERS: Final[frozenset[Kind]] = frozenset({"person", "admin"})
RETRY_AFTER_SECONDS: Final = 1
TEXT: Final = "text/plain; charset=utf-8"
_FRESH: Final = {"Cache-Control": "public, max-age=1"}
_FOR_EVER: Final = {"Cache-Control": "public, max-age=31536000, immutable"}
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,17}")


class RecordDoor:
    """Answers from a library."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def endpoints(self) -> Sequence[Endpoint]:
        """Return the operations of the service."""
        none: frozenset[str] = frozenset()
        return (
            endpoint("GET", "/log/checkpoint", self.checkpoint, scopes=None),
            endpoint("GET", "/log/vkey", self.vkey, scopes=None),
            endpoint("GET", "/log/consistency", self.consistency, scopes=None),
            endpoint("GET", "/v1/people/{id}/record", self.outline, scopes=none, kinds=READERS),
            endpoint("GET", "/v1/people/{id}/record/proofs/{fact}", self.proof, scopes=none, kinds=READERS),
        )

    async def checkpoint(self, call: Call) -> Reply:
        """Answer with the signed C2SP checkpoint."""
        return await self._or_wait(self._checkpoint())

    async def vkey(self, call: Call) -> Reply:
        """Answer with the key the log signs with, as the C2SP vkey to pin."""
        return await self._or_wait(self._vkey())

    async def consistency(self, call: Call) -> Reply:
        """Answer with the proof that the log only grew between two sizes; `new` is the signed size unless given."""
        old, new = _size(call, "old"), _size(call, "new")
        if old is None:
            raise Rejected.of("old", "the size to start from is missing", "Name the size you have seen.")
        new_size, hashes = await consistency(self._library, old, new)
        proof = {"old": old, "new": new_size, "proof": [encode_base64(each) for each in hashes]}
        return Reply.json(proof, headers=_FRESH if new is None else _FOR_EVER)

    async def outline(self, call: Call) -> Reply:
        """Answer with the streams of the person's record: sizes and kinds, nothing opened."""
        person = PersonId(call.path["id"])
        streams = await outline(self._library, _reader(call), person)
        return Reply.json({"person": person, "streams": [_stream(each) for each in streams]})

    async def proof(self, call: Call) -> Reply:
        """Answer with the member `record` of a presentation for one fact."""
        fact = _fact_id(call.path["fact"])
        return await self._or_wait(self._proof(_reader(call), PersonId(call.path["id"]), fact))

    async def _checkpoint(self) -> Reply:
        log = await signed_log(self._library)
        return Reply.raw(log.checkpoint.encode(), TEXT, headers=_FRESH)

    async def _vkey(self) -> Reply:
        log = await signed_log(self._library)
        return Reply.raw(f"{log.vkey}\n".encode(), TEXT, headers=_FRESH)

    async def _proof(self, reader: PersonId | None, person: PersonId, fact: FactId) -> Reply:
        return Reply.json(await prove(self._library, reader, person, fact))

    async def _or_wait(self, work: Any) -> Reply:
        """Answer, and where a moment's waiting may help, say so: facts come by Kafka and checkpoints by rounds."""
        try:
            reply: Reply = await work
        except (NotYetCovered, NotFound) as error:
            if isinstance(error, Erased):
                raise
            return _retry(error)
        return reply


def _retry(error: DeedlogError) -> Reply:
    return problem(error).with_headers(("Retry-After", str(RETRY_AFTER_SECONDS)))


def _reader(call: Call) -> PersonId | None:
    """Return the person who asks; None for an operator."""
    return None if call.principal.kind == "admin" else call.principal.person or PersonId("")


def _fact_id(text: str) -> FactId:
    try:
        return FactId(str(uuid.UUID(text)))
    except ValueError:
        raise Rejected.of("fact", "it is no fact id", "Send the id as the fact carries it, a UUID.") from None


def _size(call: Call, name: str) -> int | None:
    text = call.query.get(name)
    if text is not None and _SIZE.fullmatch(text) is None:
        raise Rejected.of(name, "it is no whole number from 0 upwards", "Send a size the log has signed.")
    return None if text is None else int(text)


def _stream(stream: StreamOutline) -> dict[str, Any]:
    """Return a stream as replies show it. head: the newest version that is in the log, null while none is."""
    head = None if stream.log_index is None else {"size": stream.logged_size, "log_index": stream.log_index}
    return {
        "person": stream.person,
        "stream": stream.name,
        "size": stream.size,
        "kinds": stream.kinds,
        "erased": stream.erased,
        "head": head,
    }
