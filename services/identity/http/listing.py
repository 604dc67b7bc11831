"""What the resources share: who may ask, and pages of things that are listed in the order of their ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from shared.runtime.auth import Kind
from shared.runtime.call import Call
from shared.runtime.pages import decode_cursor, encode_cursor

ADMIN: Final[frozenset[Kind]] = frozenset({"admin"})
PERSON: Final[frozenset[Kind]] = frozenset({"person"})
SELF_OR_ADMIN: Final[frozenset[Kind]] = frozenset({"person", "admin"})
KEY: Final[frozenset[Kind]] = frozenset({"key"})
ANY: Final[frozenset[str]] = frozenset()
"""No scope is asked for: the kind of the caller decides, and whose the thing is."""


def after_id(name: str, call: Call) -> str:
    """Return the id after which the page begins; empty for the first. Raises Rejected for another list's cursor."""
    position = decode_cursor(name, call.query, str)
    return "" if position is None else str(position[0])


def next_cursor(name: str, items: Sequence[dict[str, Any]], has_more: bool) -> str | None:
    """Return the cursor of the page after these items; None when there is none."""
    return encode_cursor(name, [items[-1]["id"]]) if has_more else None
