"""What a body says it is. Parsed once a header text, since clients send the same few again and again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.message import Message
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from shared.kernel.errors import Unsupported

JSON_TYPES: Final = frozenset({"application/json", "+json"})
"""JSON itself, and every type built on it (RFC 6839 §3.1)."""
_UTF8: Final = frozenset({"utf-8", "utf8", "us-ascii"})


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type in lower case, with its parameters (names in lower case)."""

    essence: str
    parameters: Mapping[str, str]

    def is_one_of(self, allowed: frozenset[str]) -> bool:
        """Say whether it is among `allowed`, where an entry like `+json` stands for a suffix."""
        return self.essence in allowed or f"+{self.essence.rpartition('+')[2]}" in allowed


@lru_cache(maxsize=256)
def parse_media_type(header: str) -> MediaType | None:
    """Return what a Content-Type header names (RFC 9110 §8.3.1); None when it names nothing."""
    message = Message()
    message["content-type"] = header[:1024]
    essence = header.partition(";")[0].strip().lower()
    if message.get_content_type() != essence:
        return None
    pairs = message.get_params(failobj=[])[1:]
    return MediaType(essence, MappingProxyType({name.lower(): value for name, value in pairs}))


@lru_cache(maxsize=256)
def require_media_type(header: str | None, allowed: frozenset[str]) -> MediaType:
    """Return the media type of a body. Raises Unsupported when it is missing, not allowed, or not in UTF-8.

    The charset counts for JSON and text only; other types say in their own way how they are written.
    """
    listed = " or ".join(sorted(one for one in allowed if one[0] != "+" or f"application/{one[1:]}" not in allowed))
    media_type = parse_media_type(header) if header else None
    if media_type is None:
        raise Unsupported.of("content-type", "the body's media type is missing or malformed", f"Send {listed}.")
    if not media_type.is_one_of(allowed):
        raise Unsupported.of("content-type", f"{media_type.essence[:80]} is not taken here", f"Send {listed}.")
    charset = media_type.parameters.get("charset", "utf-8").lower()
    if charset not in _UTF8:
        raise Unsupported.of("content-type", f"the charset {charset[:40]!r} is not read", "Send UTF-8.")
    return media_type
