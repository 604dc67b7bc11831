"""Who may do what here: organisations by a key with the scope `profile`, people about themselves."""

from __future__ import annotations

from typing import Any, Final

from services.skill_profiles.domain.profile import PROFILE_SCOPE
from services.skill_profiles.handlers.reading import Reader
from shared.kernel.errors import Forbidden
from shared.runtime.auth import Kind, Principal
from shared.runtime.call import Call
from shared.runtime.pages import decode_cursor, encode_cursor

KEY: Final[frozenset[Kind]] = frozenset({"key"})
PERSON: Final[frozenset[Kind]] = frozenset({"person"})
KEY_OR_PERSON: Final[frozenset[Kind]] = frozenset({"key", "person"})
PROFILE: Final = frozenset({PROFILE_SCOPE})
ANY: Final[frozenset[str]] = frozenset()
"""No scope is asked for: people have none. What keys need is asked for by `reader_of`."""


def reader_of(caller: Principal) -> Reader:
    """Return the organisation that reads by this key. Raises Forbidden without the scope, and for a test key."""
    if caller.organisation is None or not caller.has_any(PROFILE):
        rule = "reading profiles needs a key with the scope profile"
        raise Forbidden.of("authorization", rule, "Ask the organisation's administrator for a key that has it.")
    if caller.is_test:
        rule = "a test key sees test data only, and a person's profile is none"
        raise Forbidden.of("authorization", rule, "Use a key that is not for tests.")
    return Reader(caller.organisation, caller.id)


def before_id(name: str, call: Call) -> str | None:
    """Return the id below which the page begins; None for the first. Raises Rejected for another list's cursor."""
    position = decode_cursor(name, call.query, str)
    return None if position is None else str(position[0])


def next_cursor(name: str, items: list[dict[str, Any]], has_more: bool) -> str | None:
    """Return the cursor of the page after these items; None when there is none."""
    return encode_cursor(name, [items[-1]["id"]]) if has_more else None
