"""What the operations on alignments share: for whom the caller acts, and how the query is read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from services.skill_inference.domain.observation import TEXT_MAX
from shared.kernel.errors import Forbidden, Rejected
from shared.kernel.ids import has_prefix
from shared.runtime.auth import Kind
from shared.runtime.call import Call
from shared.runtime.pages import decode_cursor

KINDS: Final[frozenset[Kind]] = frozenset({"key", "admin"})
WRITING: Final = frozenset({"write", "admin"})
READING: Final = frozenset({"read", "read/mine", "write", "admin"})
READING_PEOPLE: Final = frozenset({"read", "admin"})
"""What statements say of people is read with the scope that reads the statements of all."""
CURSOR_CHARACTERS_MAX: Final = 12_000
"""A cursor that holds an activity: TEXT_MAX characters of up to four bytes, in base64."""


def organisation_of(call: Call, *allowed: str) -> str:
    """Return for whom the caller acts: a key for its own organisation, an operator for the one the query names.

    allowed: what else the query may name. Raises Rejected for any other field, Forbidden for a test key.
    """
    principal, query = call.principal, call.query
    for name in query:
        if name not in ("organisation", *allowed):
            fields = ", ".join(("organisation", *allowed))
            raise Rejected.of(name[:80], "no such field is known here", f"The query may name {fields}.")
    named = query.get("organisation")
    if principal.kind == "admin":
        if named is None or not has_prefix(named, "org"):
            raise Rejected.of("organisation", "an operator names the organisation", "Add ?organisation=org_… to it.")
        return named
    if principal.is_test:
        raise Forbidden("a test key sees test data only, and alignments judge real data; use a live key")
    if principal.organisation is None or named not in (None, principal.organisation):
        raise Forbidden.of("organisation", "a key acts for its own organisation", "Leave the field out.")
    return principal.organisation


def text_of(query: Mapping[str, str], name: str) -> str | None:
    """Return a field that names something. Raises Rejected for one that can name nothing."""
    text = query.get(name)
    if text is not None and (not 0 < len(text) <= TEXT_MAX or "\0" in text):
        raise Rejected.of(name, f"expected a text of 1 to {TEXT_MAX} characters", "Send the id as it was sent to us.")
    return text


def after_activity(name: str, query: Mapping[str, str]) -> str:
    """Return after which activity the page of this list begins; "" for the first."""
    position = decode_cursor(name, query, str, characters_max=CURSOR_CHARACTERS_MAX)
    activity = "" if position is None else str(position[0])
    if "\0" in activity:
        raise Rejected.of("cursor", "it is no cursor of this list", "Send the next_cursor as it was received.")
    return activity


def version_of(text: str, name: str) -> int:
    """Return the number of a version. Raises Rejected for what is none."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Rejected.of(name, "versions are whole numbers", "GET /v1/alignments/versions lists them.")
    return int(text)
