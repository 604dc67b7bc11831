"""What this build publishes for everybody and never changes: the releases people are judged by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from shared.kernel.errors import NotFound
from shared.runtime.etags import content_etag, is_unchanged
from shared.runtime.http import Call, Endpoint, Reply, endpoint
from shared.runtime.pages import page
from shared.runtime.reply import JSON

_FRESH: Final = ("Cache-Control", "public, max-age=300")


class Publications:
    """The releases this build carries: documents by the id that estimates name."""

    def __init__(self, releases: Mapping[str, bytes]) -> None:
        self._releases = releases

    def endpoints(self) -> list[Endpoint]:
        """Return all operations."""
        return [
            endpoint("GET", "/v1/releases", self.releases, scopes=None),
            endpoint("GET", "/v1/releases/{id}", self.release, scopes=None),
        ]

    async def releases(self, call: Call) -> Reply:
        """Answer the ids of the releases this build carries."""
        reply = Reply.json(page([{"id": one} for one in self._releases], None))
        return published(call, reply.content if isinstance(reply.content, bytes) else b"", JSON)

    async def release(self, call: Call) -> Reply:
        """Answer a release's document, byte by byte what its id was derived from."""
        document = self._releases.get(call.path["id"])
        if document is None:
            raise NotFound(f"this build carries no such release; it has {', '.join(self._releases)}")
        return published(call, document, JSON)


def published(call: Call, content: bytes, media_type: str) -> Reply:
    """Return what is published with its tag, or that it is what the caller has."""
    etag = content_etag(content)
    if is_unchanged(call.headers, etag):
        return Reply.empty(304, {"ETag": etag, "Cache-Control": _FRESH[1]})
    return Reply.raw(content, media_type).with_headers(("ETag", etag), _FRESH)
