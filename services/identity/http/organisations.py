"""/v1/organisations and /v1/api-keys: an operator sets up tenants and their keys."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, BaseModel

from services.identity.domain.api_keys import ApiKey
from services.identity.domain.organisations import Organisation
from services.identity.handlers.organisations import KeyOrder, Organisations
from services.identity.http.listing import ADMIN, ANY, after_id, next_cursor
from services.identity.http.shown_once import ShownOnce
from shared.kernel.clock import rfc3339
from shared.kernel.ids import KeyId, OrganisationId
from shared.runtime.call import Call
from shared.runtime.http import Endpoint, endpoint
from shared.runtime.idempotency import IdempotencyStore, idempotent
from shared.runtime.pages import page, page_limit
from shared.runtime.reply import Reply


class NewOrganisation(BaseModel):
    """The body of POST /v1/organisations."""

    name: str


class NewKey(BaseModel):
    """The body of POST /v1/api-keys."""

    organisation: str
    scopes: tuple[str, ...]
    is_test: bool = False
    expires_at: AwareDatetime | None = None
    name: str | None = None


def organisation_endpoints(organisations: Organisations, idempotency: IdempotencyStore) -> list[Endpoint]:
    """Return the operations on organisations and keys."""
    resource = _Resource(organisations)
    register = idempotent(resource.register, idempotency)
    make_key = idempotent(resource.make_key, ShownOnce(idempotency, "secret"))
    return [
        endpoint("POST", "/v1/organisations", register, scopes=ANY, kinds=ADMIN),
        endpoint("GET", "/v1/organisations", resource.organisations, scopes=ANY, kinds=ADMIN),
        endpoint("POST", "/v1/api-keys", make_key, scopes=ANY, kinds=ADMIN),
        endpoint("GET", "/v1/api-keys", resource.keys, scopes=ANY, kinds=ADMIN),
        endpoint("DELETE", "/v1/api-keys/{id}", resource.revoke_key, scopes=ANY, kinds=ADMIN),
    ]


class _Resource:
    def __init__(self, organisations: Organisations) -> None:
        self._organisations = organisations

    async def register(self, call: Call) -> Reply:
        wanted = await call.model(NewOrganisation)
        return Reply.json(_organisation(await self._organisations.register(wanted.name)), 201)

    async def organisations(self, call: Call) -> Reply:
        limit = page_limit(call.query)
        after = after_id("organisations", call)
        found = await self._organisations.page(after, limit + 1)
        items = [_organisation(one) for one in found[:limit]]
        return Reply.json(page(items, next_cursor("organisations", items, len(found) > limit)))

    async def make_key(self, call: Call) -> Reply:
        wanted = await call.model(NewKey)
        order = KeyOrder(
            OrganisationId(wanted.organisation), wanted.scopes, wanted.is_test, wanted.expires_at, wanted.name
        )
        key, secret = await self._organisations.make_key(order)
        return Reply.json({"secret": secret} | _key(key), 201)

    async def keys(self, call: Call) -> Reply:
        limit = page_limit(call.query)
        organisation = call.query.get("organisation")
        wanted = None if organisation is None else OrganisationId(organisation)
        found = await self._organisations.keys(wanted, after_id("api-keys", call), limit + 1)
        items = [_key(one) for one in found[:limit]]
        return Reply.json(page(items, next_cursor("api-keys", items, len(found) > limit)))

    async def revoke_key(self, call: Call) -> Reply:
        await self._organisations.revoke_key(KeyId(call.path["id"]))
        return Reply.empty()


def _organisation(organisation: Organisation) -> dict[str, Any]:
    return {"id": organisation.id, "name": organisation.name, "created_at": rfc3339(organisation.created_at)}


def _key(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "organisation": key.organisation,
        "name": key.name,
        "scopes": key.scopes,
        "is_test": key.is_test,
        "created_at": rfc3339(key.created_at),
        "expires_at": rfc3339(key.expires_at),
        "revoked_at": None if key.revoked_at is None else rfc3339(key.revoked_at),
    }
