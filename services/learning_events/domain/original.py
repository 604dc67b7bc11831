"""What a platform sent, byte for byte, where it did not come as an xAPI statement on its own.

Everything is told and read in one form, that of a statement. What came in another form is kept beside its statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.events.learning_events import Format
from shared.kernel import canonical_json
from shared.kernel.hashing import sha256


@dataclass(frozen=True, slots=True)
class Original:
    """format: what `content` is written in. envelope: what it came in, by name, such as the attributes of a CloudEvent.

    content: the bytes as they were sent, an event alone, without its envelope.
    """

    format: Format
    content: bytes
    envelope: Mapping[str, Any]


def derived_id(*parts: str) -> str:
    """Return the UUID that stands for these texts: always the same, and another for other texts.

    It calls itself version 5, of a name, with SHA-256 in place of SHA-1: RFC 4122, the rule in xAPI 1.0.3, knows no
    later version, and clients in use refuse one.
    """
    raw = bytearray(sha256(canonical_json.dumps(parts))[:16])
    raw[6] = raw[6] & 0x0F | 0x50
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
