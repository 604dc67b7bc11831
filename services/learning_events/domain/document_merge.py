"""What a POST makes of a document: two JSON objects become one, member by member, one level deep (part 3, 2.2).

A document that nobody merges stays as it came, to the byte; a merger is spelled canonically (RFC 8785).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from services.learning_events.domain.document import DOCUMENT_BYTES_MAX, Document
from shared.kernel import canonical_json
from shared.kernel.errors import Rejected, TooLarge

_JSON: Final = "application/json"


def merged(kept: Document | None, sent: bytes, media_type: str, now: datetime) -> Document:
    """Return what a POST of `sent` leaves: the merger with `kept`, or `sent` as it came where nothing is kept.

    Raises Rejected unless both are JSON objects of the type application/json, TooLarge where the merger is over
    DOCUMENT_BYTES_MAX. Something else than JSON may be posted where nothing is kept: it is a PUT then.
    """
    if kept is None:
        if is_json(media_type):
            _object(sent, "what was sent")
        return Document(sent, media_type, now)
    if not is_json(media_type):
        mend = "Send application/json, or PUT it with If-Match."
        raise Rejected.of("content-type", "only a JSON object is merged into a document that is kept", mend)
    if not is_json(kept.media_type):
        mend = "PUT the whole document with If-Match."
        raise Rejected.of("", "the document that is kept is not of the type application/json", mend)
    members = {**_object(kept.content, "the document that is kept"), **_object(sent, "what was sent")}
    content = canonical_json.dumps(members)
    if len(content) > DOCUMENT_BYTES_MAX:
        rule = f"merged, the document has {len(content)} bytes where at most {DOCUMENT_BYTES_MAX} are kept"
        raise TooLarge.of("", rule, "Split it into documents of their own.")
    return Document(content, kept.media_type, now)


def is_json(media_type: str) -> bool:
    """Say whether this is the media type application/json, whatever its parameters."""
    return media_type.partition(";")[0].strip().lower() == _JSON


def _object(content: bytes, which: str) -> dict[str, Any]:
    value: Any = canonical_json.loads(content, bytes_max=DOCUMENT_BYTES_MAX)
    if type(value) is not dict:
        raise Rejected.of("", f"{which} is no JSON object", "PUT the document: only objects are merged.")
    return value
