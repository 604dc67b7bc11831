"""The rules by which levels may be claimed, published as the document that is in force."""

from __future__ import annotations

from typing import Final

from shared.runtime.etags import content_etag, is_unchanged
from shared.runtime.http import Call, Endpoint, Reply, endpoint
from shared.runtime.reply import JSON

_FRESH: Final = ("Cache-Control", "public, max-age=300")


def claim_rules_endpoint(document: bytes) -> Endpoint:
    """Return the operation that answers `document`, byte by byte as this build carries it."""
    etag = content_etag(document)

    async def rules(call: Call) -> Reply:
        if is_unchanged(call.headers, etag):
            return Reply.empty(304, {"ETag": etag, "Cache-Control": _FRESH[1]})
        return Reply.raw(document, JSON).with_headers(("ETag", etag), _FRESH)

    return endpoint("GET", "/v1/claim-rules", rules, scopes=None)
