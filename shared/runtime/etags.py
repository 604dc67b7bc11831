"""Entity tags: how a caller says which state it has seen (RFC 9110 §8.8.3, §13.1)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from shared.kernel.errors import Rejected
from shared.kernel.hashing import hex_digest
from shared.runtime.edge_errors import PreconditionFailed, PreconditionRequired

_TAG: Final = re.compile(r'\s*(W/)?("[\x21\x23-\x7e\x80-\xff]*")\s*(?:,|$)')
_TAGS_MAX: Final = 20
ANY: Final = "*"


def content_etag(content: bytes) -> str:
    """Return the strong tag of these bytes, quotes included: half of their SHA-256."""
    return f'"{hex_digest(content)[:32]}"'


def version_etag(version: int) -> str:
    """Return the strong tag of a row's version, quotes included."""
    return f'"v{version}"'


def check_if_match(headers: Mapping[str, str], current: str | None, *, is_required: bool = False) -> None:
    """Raise PreconditionFailed unless If-Match, where present, names the `current` tag (None: there is nothing yet).

    is_required: raise PreconditionRequired when neither If-Match nor If-None-Match is there.
    """
    header = headers.get("if-match")
    if header is None:
        if is_required and "if-none-match" not in headers:
            raise PreconditionRequired.of(
                "if-match", "the header is missing", "Read the thing first and send its ETag."
            )
        return
    # A weak tag never matches here (§13.1.1).
    tags = {tag for tag, is_weak in _parse("if-match", header) if not is_weak}
    if current is None or (ANY not in tags and current not in tags):
        raise PreconditionFailed.of("if-match", "the state is another one by now", "Read it again and decide anew.")


def check_if_none_match(headers: Mapping[str, str], current: str | None) -> None:
    """Raise PreconditionFailed when If-None-Match names the `current` tag, or is `*`, there being one. For writes."""
    if is_unchanged(headers, current):
        raise PreconditionFailed.of("if-none-match", "there is such a thing already", "Read it and send If-Match.")


def is_unchanged(headers: Mapping[str, str], current: str | None) -> bool:
    """Say whether If-None-Match names the `current` tag, so that a read may be answered with 304."""
    header = headers.get("if-none-match")
    if header is None or current is None:
        return False
    tags = {tag for tag, _ in _parse("if-none-match", header)}
    return ANY in tags or current.removeprefix("W/") in tags


def _parse(name: str, header: str) -> list[tuple[str, bool]]:
    """Return the tags and whether each is weak. Raises Rejected for what is no list of tags."""
    if header.strip() == ANY:
        return [(ANY, False)]
    tags: list[tuple[str, bool]] = []
    position = 0
    while position < len(header) and len(tags) < _TAGS_MAX:
        match = _TAG.match(header, position)
        if match is None:
            break
        tags.append((match[2], match[1] is not None))
        position = match.end()
    if not tags or position < len(header):
        rule = f"it is not * and no list of at most {_TAGS_MAX} tags in double quotes"
        raise Rejected.of(name, rule, "Send the ETag as it was received, quotes included.")
    return tags
