"""The agent that a query names: JSON in a parameter, checked as it would be in a statement."""

from __future__ import annotations

from typing import Any, Final

from services.learning_events.domain.actor import check_actor, identifier
from services.learning_events.domain.faults import Faults
from shared.kernel import canonical_json
from shared.kernel.errors import Fault, Rejected

AGENT_BYTES_MAX: Final = 8 << 10
"""Bytes of the JSON in the parameter; servers and proxies take about as much of a URL."""
_MEND: Final = 'Send JSON such as {"mbox": "mailto:ada@example.org"} in percent encoding.'


def read_agent(text: str) -> dict[str, Any]:
    """Return the Agent or identified Group in `text`. Raises Rejected, its pointers beginning with `agent`."""
    try:
        value: Any = canonical_json.loads(text.encode(), bytes_max=AGENT_BYTES_MAX)
    except (Rejected, UnicodeEncodeError) as error:
        faults = error.faults if isinstance(error, Rejected) else ()
        rule = faults[0].rule if faults else "it is no JSON"
        raise Rejected.of("agent", rule, _MEND) from None
    found = Faults()
    check_actor(value, "agent", found)
    if not found.listed and identifier(value, "").startswith("anonymous:"):
        found.add("agent", "a Group is named by an identifier", "Name it by account, mbox, mbox_sha1sum or openid.")
    if found.listed:
        first: Fault = found.listed[0]
        raise Rejected(f"{first.pointer}: {first.rule}. {first.mend}", found.listed)
    agent: dict[str, Any] = value
    return agent


def is_group(agent: dict[str, Any]) -> bool:
    """Say whether a checked agent is a Group."""
    return agent.get("objectType") == "Group"
