"""How a published document is answered: with its tag, or that it is what the reader has. It never changes."""

from __future__ import annotations

from typing import Final

from shared.runtime.etags import content_etag, is_unchanged
from shared.runtime.http import Call, Reply

_FRESH: Final = ("Cache-Control", "public, max-age=300")


def published(call: Call, content: bytes, media_type: str) -> Reply:
    """Return what is published with its tag, or that it is what the caller has."""
    etag = content_etag(content)
    if is_unchanged(call.headers, etag):
        return Reply.empty(304, {"ETag": etag, "Cache-Control": _FRESH[1]})
    return Reply.raw(content, media_type).with_headers(("ETag", etag), _FRESH)
