"""The agent that a query of State or of agent profiles names is an Agent, in JSON (part 3, 2.3 and 2.6)."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.conformance.xapi.documents import AGENT_PROFILE, DOCUMENT, NEW, STATE, Resource
from tests.conformance.xapi.lrs import Lrs, case

pytestmark = pytest.mark.asyncio(loop_scope="session")

BAD_AGENTS: Final = [
    case("XAPI-00196", "no JSON", "ada"),
    case("XAPI-00249", "no identifier", {"objectType": "Agent", "name": "Ada"}),
    case("XAPI-00257", "a number", 7),
    case("XAPI-00257", "no mailto", {"mbox": "ada@example.org"}),
]


@pytest.mark.parametrize("resource", [STATE, AGENT_PROFILE], ids=str)
@pytest.mark.parametrize("method", ["PUT", "POST", "GET", "DELETE"])
@pytest.mark.parametrize("agent", BAD_AGENTS)
async def test_an_agent_is_an_agent_in_json(lrs: Lrs, resource: Resource, method: str, agent: Any) -> None:
    """XAPI-00012, XAPI-00196 to XAPI-00199, XAPI-00255 to XAPI-00258."""
    query = {**resource.query(), "agent": agent}
    body = DOCUMENT if method in {"PUT", "POST"} else None
    headers: dict[str, str | None] = dict(NEW) if method == "PUT" else {}
    assert (await lrs.ask(method, resource.path, query, body, headers)).status_code == 400
