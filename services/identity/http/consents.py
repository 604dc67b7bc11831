"""/v1/consents: a person gives, sees and withdraws consents of their own."""

from __future__ import annotations

from typing import Any

from pydantic import AwareDatetime, BaseModel

from services.identity.domain.consents import Consent, Terms
from services.identity.domain.people import no_such_person
from services.identity.handlers.consents import Consents
from services.identity.http.listing import ANY, PERSON, after_id, next_cursor
from shared.kernel.clock import rfc3339
from shared.kernel.ids import OrganisationId, PersonId
from shared.runtime.call import Call
from shared.runtime.http import Endpoint, endpoint
from shared.runtime.idempotency import IdempotencyStore, idempotent
from shared.runtime.pages import page, page_limit
from shared.runtime.reply import Reply


class NewConsent(BaseModel):
    """The body of POST /v1/consents."""

    organisation: str
    purpose: str
    scopes: tuple[str, ...]
    expires_at: AwareDatetime


def consent_endpoints(consents: Consents, idempotency: IdempotencyStore) -> list[Endpoint]:
    """Return the operations on consents."""
    resource = _Resource(consents)
    grant = idempotent(resource.grant, idempotency)
    return [
        endpoint("POST", "/v1/consents", grant, scopes=ANY, kinds=PERSON),
        endpoint("GET", "/v1/consents", resource.consents, scopes=ANY, kinds=PERSON),
        endpoint("DELETE", "/v1/consents/{id}", resource.withdraw, scopes=ANY, kinds=PERSON),
    ]


def caller_person(call: Call) -> PersonId:
    """Return the person whose session calls. Raises NotFound for a caller who is no person."""
    person = call.principal.person
    if person is None:
        raise no_such_person()
    return person


class _Resource:
    def __init__(self, consents: Consents) -> None:
        self._consents = consents

    async def grant(self, call: Call) -> Reply:
        wanted = await call.model(NewConsent)
        terms = Terms(OrganisationId(wanted.organisation), wanted.purpose, wanted.scopes, wanted.expires_at)
        return Reply.json(_consent(await self._consents.grant(caller_person(call), terms)), 201)

    async def consents(self, call: Call) -> Reply:
        limit = page_limit(call.query)
        before = after_id("consents", call) or None
        found = await self._consents.page(caller_person(call), before, limit + 1)
        items = [_consent(one) for one in found[:limit]]
        return Reply.json(page(items, next_cursor("consents", items, len(found) > limit)))

    async def withdraw(self, call: Call) -> Reply:
        await self._consents.withdraw(caller_person(call), call.path["id"])
        return Reply.empty()


def _consent(consent: Consent) -> dict[str, Any]:
    terms = consent.terms
    return {
        "id": consent.id,
        "person": consent.person,
        "organisation": terms.organisation,
        "purpose": terms.purpose,
        "scopes": terms.scopes,
        "expires_at": rfc3339(terms.expires_at),
        "request": terms.request,
        "granted_at": rfc3339(consent.granted_at),
        "withdrawn_at": None if consent.withdrawn_at is None else rfc3339(consent.withdrawn_at),
    }
