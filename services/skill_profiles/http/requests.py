"""/v1/verification-requests: asked by organisations, answered by people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, field_validator

from services.skill_profiles.domain.requests import Terms
from services.skill_profiles.handlers.requests import Requests, Shown
from services.skill_profiles.http.callers import (
    ANY,
    KEY,
    KEY_OR_PERSON,
    PERSON,
    PROFILE,
    before_id,
    next_cursor,
    reader_of,
)
from shared.kernel.clock import parse_rfc3339, rfc3339
from shared.runtime.call import Call
from shared.runtime.http import Endpoint, endpoint
from shared.runtime.idempotency import IdempotencyStore, idempotent
from shared.runtime.pages import page, page_limit
from shared.runtime.reply import Reply

_PATH = "/v1/verification-requests"


class NewRequest(BaseModel):
    """The body of POST /v1/verification-requests."""

    person: str
    purpose: str


class Approval(BaseModel):
    """The body of POST /v1/verification-requests/{id}:approve. expires_at: RFC 3339 with a zone."""

    expires_at: str
    scopes: tuple[str, ...] = ("profile", "evidence")

    @field_validator("expires_at")
    @classmethod
    def _is_instant(cls, value: str) -> str:
        parse_rfc3339(value)
        return value

    def terms(self) -> Terms:
        """Return the terms this names."""
        return Terms(self.scopes, parse_rfc3339(self.expires_at))


def request_endpoints(requests: Requests, idempotency: IdempotencyStore) -> list[Endpoint]:
    """Return the operations on verification requests. Those with a verb stand first: `{id}` would take them in."""
    resource = _Resource(requests)
    ask, approve, decline = (
        idempotent(handler, idempotency) for handler in (resource.ask, resource.approve, resource.decline)
    )
    return [
        endpoint("POST", _PATH, ask, scopes=PROFILE, kinds=KEY),
        endpoint("GET", _PATH, resource.list, scopes=ANY, kinds=KEY_OR_PERSON),
        endpoint("POST", _PATH + "/{id}:approve", approve, scopes=ANY, kinds=PERSON),
        endpoint("POST", _PATH + "/{id}:decline", decline, scopes=ANY, kinds=PERSON),
        endpoint("GET", _PATH + "/{id}", resource.one, scopes=ANY, kinds=KEY_OR_PERSON),
    ]


class _Resource:
    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def ask(self, call: Call) -> Reply:
        reader = reader_of(call.principal)
        wanted = await call.model(NewRequest)
        shown = await self._requests.ask(reader, wanted.person, wanted.purpose)
        location = {"Location": f"{_PATH}/{shown.request.id}"}
        return Reply.json(_body(shown), 201, location)

    async def list(self, call: Call) -> Reply:
        caller, before = call.principal, before_id("verification-requests", call)
        limit = page_limit(call.query)
        if caller.person is not None:
            found = await self._requests.page_of_person(caller.person, before, limit + 1)
        else:
            found = await self._requests.page_of_organisation(reader_of(caller).organisation, before, limit + 1)
        items = [_body(one) for one in found[:limit]]
        return Reply.json(page(items, next_cursor("verification-requests", items, len(found) > limit)))

    async def one(self, call: Call) -> Reply:
        caller, wanted = call.principal, call.path["id"]
        if caller.person is not None:
            return Reply.json(_body(await self._requests.of_person(caller.person, wanted)))
        return Reply.json(_body(await self._requests.of_organisation(reader_of(caller).organisation, wanted)))

    async def approve(self, call: Call) -> Reply:
        terms = (await call.model(Approval)).terms()
        return Reply.json(_body(await self._requests.approve(str(call.principal.person), call.path["id"], terms)))

    async def decline(self, call: Call) -> Reply:
        return Reply.json(_body(await self._requests.decline(str(call.principal.person), call.path["id"])))


def _body(shown: Shown) -> dict[str, Any]:
    request = shown.request
    return {
        "id": request.id,
        "state": shown.state,
        "organisation": request.organisation,
        "organisation_name": shown.organisation_name,
        "person": request.person,
        "purpose": request.purpose,
        "requested_at": rfc3339(request.requested_at),
        "decided_at": _instant(request.decided_at),
        "grant": request.grant,
        "scopes": request.scopes,
        "expires_at": _instant(request.expires_at),
    }


def _instant(instant: datetime | None) -> str | None:
    return None if instant is None else rfc3339(instant)
