"""How long an organisation's data is kept: read, tried and set, by an operator or by its own key with `admin`."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from services.learning_events.domain.retention import DAYS_MAX, Policy
from services.learning_events.handlers.retaining import Retention, Standing, Store
from services.learning_events.http.callers import organisation_of
from shared.kernel.clock import rfc3339
from shared.kernel.errors import Forbidden
from shared.runtime.auth import Kind
from shared.runtime.http import Call, Endpoint, Reply, endpoint

KINDS: Final[frozenset[Kind]] = frozenset({"key", "admin"})
ADMIN: Final = frozenset({"admin"})


class SentPolicy(BaseModel):
    """The body of PUT /v1/retention. days: since it was stored; null keeps for ever. documents: whether they go too."""

    model_config = ConfigDict(extra="forbid", strict=True)

    days: int | None = Field(ge=1, le=DAYS_MAX)
    is_test: bool = False
    documents: bool = False


class RetentionDoor:
    """Who keeps what how long."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention

    def endpoints(self) -> list[Endpoint]:
        """Return all operations."""
        path = "/v1/retention"
        return [
            endpoint("GET", path, self.get, scopes=ADMIN, kinds=KINDS),
            endpoint("PUT", path, self.put, scopes=ADMIN, kinds=KINDS),
            endpoint("POST", f"{path}:preview", self.preview, scopes=ADMIN, kinds=KINDS),
        ]

    async def get(self, call: Call) -> Reply:
        """Answer with the policies of real and of test data, and what they have come to; a test key sees test data."""
        organisation = organisation_of(call)
        stores = [Store(organisation, is_test) for is_test in (False, True) if is_test or not call.principal.is_test]
        return Reply.json({"items": [_as_told(one, await self._retention.standing(one)) for one in stores]})

    async def put(self, call: Call) -> Reply:
        """Have a policy hold from now on, and answer with it."""
        store, policy = await _sent(call)
        return Reply.json(_as_told(store, await self._retention.set(store, policy, call.principal.id)))

    async def preview(self, call: Call) -> Reply:
        """Answer with how much a policy would remove now; nothing is removed or set."""
        store, policy = await _sent(call)
        found = await self._retention.preview(store, policy)
        return Reply.json(
            {
                "stored_before": None if found.before is None else rfc3339(found.before),
                "statements": found.statements,
                "entities": found.entities,
                "documents": found.documents,
                "is_more": found.is_more,
            }
        )


async def _sent(call: Call) -> tuple[Store, Policy]:
    organisation = organisation_of(call)
    sent = await call.model(SentPolicy)
    if call.principal.is_test and not sent.is_test:
        rule = "a test key decides on test data only"
        raise Forbidden.of("/is_test", rule, "Send true, or use a live key.")
    return Store(organisation, sent.is_test), Policy(sent.days, sent.documents)


def _as_told(store: Store, standing: Standing) -> dict[str, Any]:
    return {
        "organisation": store.organisation,
        "is_test": store.is_test,
        "days": standing.policy.days,
        "documents": standing.policy.has_documents,
        "set_at": None if standing.set_at is None else rfc3339(standing.set_at),
        "set_by": standing.set_by,
        "removed": standing.removed,
        "documents_removed": standing.documents_removed,
        "swept_at": None if standing.swept_at is None else rfc3339(standing.swept_at),
    }
