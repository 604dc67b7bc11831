"""What a request brings: statements as JSON, or as the first of several parts, the data of attachments behind it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from services.learning_events.domain.attachment import is_hash_of
from services.learning_events.domain.batch import BATCH_BYTES_MAX
from services.learning_events.domain.multipart import Part, read_parts
from shared.kernel.errors import Rejected, Unsupported
from shared.runtime.http import Call
from shared.runtime.media_type import MediaType, parse_media_type

MULTIPART_BYTES_MAX: Final = 16 << 20
"""Bytes of a body in parts, sent and inflated alike: statements and the data of their attachments."""
_MULTIPART: Final = "multipart/mixed"
_BODIES: Final = frozenset({"application/json", _MULTIPART})
_HASH: Final = "x-experience-api-hash"


@dataclass(frozen=True, slots=True)
class StatementsBody:
    """raw: the statements' JSON. parts: the data of attachments, by SHA-2 in lower-case hex digits."""

    raw: bytes
    parts: dict[str, bytes] = field(default_factory=dict)


async def read_body(call: Call) -> StatementsBody:
    """Return what the request brings. Raises Rejected for another media type, as the standard asks (part 3, 1.5).

    Raises as `read_parts` and `Call.body_bytes` do, too.
    """
    media_type = _media_type(call)
    if media_type.essence != _MULTIPART:
        return StatementsBody(await call.body_bytes(BATCH_BYTES_MAX))
    raw = await call.body_bytes(MULTIPART_BYTES_MAX)
    first, *others = read_parts(raw, media_type.parameters.get("boundary")) or [Part({}, b"")]
    stated = parse_media_type(first.headers.get("content-type", ""))
    if stated is None or stated.essence != "application/json":
        rule = "the first part is not application/json"
        raise Rejected.of("part 0", rule, "Send the statements as the first part, with that Content-Type.")
    return StatementsBody(first.content, _attachments(others))


def _media_type(call: Call) -> MediaType:
    try:
        return call.media_type(_BODIES)
    except Unsupported as error:
        raise Rejected(error.message, error.faults) from None


def _attachments(parts: Sequence[Part]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for number, part in enumerate(parts, start=1):
        if part.headers.get("content-transfer-encoding", "").lower() != "binary":
            rule = "an attachment's part has the header Content-Transfer-Encoding: binary"
            raise Rejected.of(f"part {number}", rule, "Send the data as it is, and say so.")
        sha2 = part.headers.get(_HASH, "").lower()
        if not is_hash_of(sha2, part.content):
            rule = "X-Experience-API-Hash is not the SHA-2 of the part"
            raise Rejected.of(f"part {number}", rule, "Send the hash of the bytes between header and boundary.")
        found[sha2] = part.content
    return found
