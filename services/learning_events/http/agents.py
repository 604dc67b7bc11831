"""The Agents resource: by which identifiers one Agent is known (part 3, 2.4)."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from services.learning_events.domain.actor import identifier
from services.learning_events.domain.agent_parameter import is_group, read_agent
from services.learning_events.domain.person_object import person_object
from services.learning_events.domain.statement import XapiVersion
from services.learning_events.http.mounts import KEYS, MOUNTS, READ_ALL, finishing, only, organisation, speaking
from shared.kernel import canonical_json
from shared.kernel.errors import Rejected
from shared.runtime.http import Call, Endpoint, Reply, endpoint


class Identifiers(Protocol):
    """Knows which accounts are one person's."""

    async def beside(self, organisation: str, identifier: str) -> Collection[str]:
        """Return the identifiers of all accounts that this account's person has at the organisation."""
        ...


class AgentsDoor:
    """One Agent, folded from the accounts of one person."""

    def __init__(self, identifiers: Identifiers) -> None:
        self._identifiers = identifiers

    def endpoints(self) -> list[Endpoint]:
        """Return all operations."""
        return [
            endpoint(
                "GET", f"{base}/agents", speaking(mount, self.get), scopes=READ_ALL, kinds=KEYS, finish=finishing(mount)
            )
            for base, mount in MOUNTS.items()
        ]

    async def get(self, call: Call, version: XapiVersion) -> Reply:
        """Answer with the Person Object: what was asked for, and the person's other accounts at the organisation.

        A test key is told what it asked for alone: identity does not know which accounts test data brought.
        """
        query = call.query
        only(query, frozenset({"agent"}))
        if "agent" not in query:
            raise Rejected.of("agent", "the query does not name it", "Add agent=… to the query.")
        agent = read_agent(query["agent"])
        asker = organisation(call)
        others: Collection[str] = ()
        if not call.principal.is_test and not is_group(agent):
            others = await self._identifiers.beside(asker, identifier(agent, ""))
        return Reply.raw(canonical_json.dumps(person_object(agent, others)), "application/json")
