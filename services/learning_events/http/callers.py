"""For whom a caller acts where operators act too: a key for its own organisation, an operator for a named one."""

from __future__ import annotations

from services.learning_events.http.mounts import only, organisation
from shared.kernel.errors import Forbidden, Rejected
from shared.kernel.ids import has_prefix
from shared.runtime.http import Call


def organisation_of(call: Call) -> str:
    """Return for whom the caller acts. Raises Rejected for any other field of the query."""
    only(call.query, frozenset({"organisation"}))
    named = call.query.get("organisation")
    if call.principal.kind != "admin":
        if named not in (None, organisation(call)):
            raise Forbidden.of("organisation", "a key acts for its own organisation", "Leave the field out.")
        return organisation(call)
    if named is None or not has_prefix(named, "org"):
        raise Rejected.of("organisation", "an operator names the organisation", "Add ?organisation=org_… to it.")
    return named
