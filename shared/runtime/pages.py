"""Lists come in pages: at most LIMIT_MAX items, and a cursor that says where the next begins.

A cursor is opaque to callers and is no secret: it is a position, not a permission. It names its list, so that the
cursor of one is refused by another instead of being misread.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

from shared.kernel import canonical_json
from shared.kernel.errors import Rejected
from shared.runtime import telemetry

LIMIT_MAX: Final = 100
LIMIT_DEFAULT: Final = 25
CURSOR_CHARACTERS_MAX: Final = 512
_MEND: Final = "Send the next_cursor of the page before as it was received, or none for the first page."

Position: TypeAlias = tuple[str | int, ...]


def page_limit(query: Mapping[str, str], default: int = LIMIT_DEFAULT, limit_max: int = LIMIT_MAX) -> int:
    """Return how many items a page may have. Raises Rejected unless `limit` is 1 to `limit_max`."""
    text = query.get("limit")
    if text is None:
        return default
    limit = int(text) if text.isascii() and text.isdigit() and len(text) < 9 else 0
    if not 1 <= limit <= limit_max:
        telemetry.count_bound("page-items")
        raise Rejected.of("limit", f"it is not a whole number from 1 to {limit_max}", "Ask for a smaller page.")
    return limit


def encode_cursor(name: str, position: Sequence[str | int]) -> str:
    """Return the cursor for a position in the list `name`."""
    return base64.urlsafe_b64encode(canonical_json.dumps([name, *position])).decode().rstrip("=")


def decode_cursor(
    name: str,
    query: Mapping[str, str],
    *shape: type[str] | type[int],
    characters_max: int = CURSOR_CHARACTERS_MAX,
) -> Position | None:
    """Return the position in the query's `cursor`, None for the first page.

    shape: the type of each part, as given to `encode_cursor`. characters_max: more for lists whose order is by names
    that others chose. Raises Rejected for a cursor of another list or shape.
    """
    text = query.get("cursor")
    if text is None:
        return None
    parts = _parts(text, characters_max)
    if not parts or parts[0] != name or tuple(type(part) for part in parts[1:]) != shape:
        raise Rejected.of("cursor", "it is no cursor of this list", _MEND)
    return tuple(parts[1:])


def page(items: Sequence[Any], next_cursor: str | None) -> dict[str, Any]:
    """Return a page as it stands in replies."""
    return {"items": items, "has_more": next_cursor is not None, "next_cursor": next_cursor}


def _parts(text: str, characters_max: int) -> list[Any] | None:
    if len(text) > characters_max or not text.isascii():
        return None
    try:
        value = canonical_json.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
    except (binascii.Error, Rejected):
        return None
    return value if isinstance(value, list) else None
