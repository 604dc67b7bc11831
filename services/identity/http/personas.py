"""/v1/personas: a platform declares that accounts of its own are one person's."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from services.identity.domain.account_links import PROOF_WORDS
from services.identity.domain.personas import Persona
from services.identity.handlers.personas import Personas
from services.identity.http.account_links import attesting
from services.identity.http.listing import KEY, after_id, next_cursor
from shared.kernel.clock import rfc3339
from shared.runtime.call import Call
from shared.runtime.http import Endpoint, endpoint
from shared.runtime.idempotency import IdempotencyStore, idempotent
from shared.runtime.pages import page, page_limit
from shared.runtime.reply import Reply

ADMIN: Final = frozenset({"admin"})
"""A key that administers: merging people is more than writing about them, so `all` does not open it."""


class NewPersona(BaseModel):
    """The body of POST /v1/personas."""

    identifiers: tuple[str, ...]


def persona_endpoints(personas: Personas, idempotency: IdempotencyStore) -> list[Endpoint]:
    """Return the operations on personas."""
    resource = _Resource(personas)
    declare = idempotent(resource.declare, idempotency)
    return [
        endpoint("POST", "/v1/personas", declare, scopes=ADMIN, kinds=KEY),
        endpoint("GET", "/v1/personas", resource.personas, scopes=ADMIN, kinds=KEY),
        endpoint("DELETE", "/v1/personas/{id}", resource.end, scopes=ADMIN, kinds=KEY),
    ]


class _Resource:
    def __init__(self, personas: Personas) -> None:
        self._personas = personas

    async def declare(self, call: Call) -> Reply:
        wanted = await call.model(NewPersona)
        persona, canonical = await self._personas.declare(attesting(call), call.principal.id, wanted.identifiers)
        return Reply.json(_persona(persona) | {"canonical": canonical}, 201)

    async def personas(self, call: Call) -> Reply:
        limit = page_limit(call.query)
        found = await self._personas.page(attesting(call), after_id("personas", call), limit + 1)
        items = [_persona(one) for one in found[:limit]]
        return Reply.json(page(items, next_cursor("personas", items, len(found) > limit)))

    async def end(self, call: Call) -> Reply:
        await self._personas.end(attesting(call), call.principal.id, call.path["id"])
        return Reply.empty()


def _persona(persona: Persona) -> dict[str, Any]:
    # No identifier: a reply is kept for repetitions, where no erasure looks for one.
    return {
        "id": persona.id,
        "organisation": persona.organisation,
        "key": persona.key,
        "proof": "declaration",
        "proof_words": PROOF_WORDS["declaration"],
        "declared_at": rfc3339(persona.declared_at),
        "ended_at": None if persona.ended_at is None else rfc3339(persona.ended_at),
        "ended_by": persona.ended_by,
    }
