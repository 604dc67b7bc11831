"""What the resources share: who acts, what a key must be allowed, and pages of things in the order of their ids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from services.project_submissions.handlers.actor import Actor
from shared.kernel.errors import Forbidden
from shared.kernel.ids import has_prefix
from shared.runtime.auth import Access, Kind
from shared.runtime.call import Call
from shared.runtime.pages import decode_cursor, encode_cursor, page
from shared.runtime.reply import Reply

CALLERS: Final[frozenset[Kind]] = frozenset({"key", "person", "admin"})
PEOPLE: Final[frozenset[Kind]] = frozenset({"person"})
PLATFORMS: Final[frozenset[Kind]] = frozenset({"key", "admin"})
ANY: Final[frozenset[str]] = frozenset()
"""No scope is asked for at the door: of keys `require` asks for one, people act for themselves."""
WRITE: Final = Access(scopes=frozenset({"write", "admin"}))
READ: Final = Access(scopes=frozenset({"write", "read", "review", "admin"}))
REVIEW: Final = Access(scopes=frozenset({"review", "admin"}))


def actor_of(call: Call, keys: Access) -> Actor:
    """Return who acts. Raises Forbidden for a key without one of the scopes of `keys`, and for a test key."""
    principal = call.principal
    if principal.kind == "key":
        keys.check(principal)
    if principal.is_test:
        rule = "a test key sees test data only, and every project is somebody's real work"
        raise Forbidden.of("authorization", rule, "Use a key that is not for tests.")
    return Actor(principal.organisation, principal.person, principal.kind == "admin")


def id_in_path(call: Call, prefix: str) -> str:
    """Return the path's id; empty, which names nothing, when it is none of this kind."""
    text = call.path["id"]
    return text if has_prefix(text, prefix) else ""


def before_id(name: str, call: Call) -> str:
    """Return the id before which the page begins; empty for the first. Raises Rejected for another list's cursor."""
    position = decode_cursor(name, call.query, str)
    text = "" if position is None else str(position[0])
    return text.replace("\0", "")


def page_of(name: str, items: Sequence[dict[str, Any]], limit: int) -> Reply:
    """Return the reply with the first `limit` items, and a cursor when there is one more."""
    shown = items[:limit]
    return Reply.json(page(shown, encode_cursor(name, [shown[-1]["id"]]) if len(items) > limit else None))
