"""/v1/people and /v1/sessions: people, as an operator or they themselves see them."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from services.identity.domain.people import Person
from services.identity.handlers.people import People
from services.identity.http.listing import ADMIN, ANY, PERSON, SELF_OR_ADMIN, after_id, next_cursor
from services.identity.http.shown_once import ShownOnce
from shared.kernel.clock import rfc3339
from shared.runtime.call import Call
from shared.runtime.http import Endpoint, endpoint
from shared.runtime.idempotency import IdempotencyStore, idempotent
from shared.runtime.pages import page, page_limit
from shared.runtime.reply import Reply


class NewPerson(BaseModel):
    """The body of POST /v1/people."""

    name: str | None = None


class NewSession(BaseModel):
    """The body of POST /v1/sessions."""

    person: str


def people_endpoints(people: People, idempotency: IdempotencyStore) -> list[Endpoint]:
    """Return the operations on people, and the end of one's own session."""
    resource = _Resource(people)
    register = idempotent(resource.register, idempotency)
    return [
        endpoint("POST", "/v1/people", register, scopes=ANY, kinds=ADMIN),
        endpoint("GET", "/v1/people", resource.people, scopes=ANY, kinds=ADMIN),
        endpoint("GET", "/v1/people/{id}", resource.person, scopes=ANY, kinds=SELF_OR_ADMIN),
        endpoint("DELETE", "/v1/sessions/own", resource.sign_out, scopes=ANY, kinds=PERSON),
    ]


def development_sign_in(people: People, idempotency: IdempotencyStore) -> list[Endpoint]:
    """Return the operation by which an operator signs anybody in. It proves nothing: for embedded mode only."""
    sign_in = idempotent(_Resource(people).sign_in, ShownOnce(idempotency, "token"))
    return [endpoint("POST", "/v1/sessions", sign_in, scopes=ANY, kinds=ADMIN)]


class _Resource:
    def __init__(self, people: People) -> None:
        self._people = people

    async def register(self, call: Call) -> Reply:
        wanted = await call.model(NewPerson)
        return Reply.json(_person(await self._people.register(wanted.name)), 201)

    async def people(self, call: Call) -> Reply:
        limit = page_limit(call.query)
        found = await self._people.page(after_id("people", call), limit + 1, call.query.get("name"))
        items = [_person(one) for one in found[:limit]]
        return Reply.json(page(items, next_cursor("people", items, len(found) > limit)))

    async def person(self, call: Call) -> Reply:
        return Reply.json(_person(await self._people.person(call.path["id"], call.principal.person)))

    async def sign_in(self, call: Call) -> Reply:
        wanted = await call.model(NewSession)
        session, token = await self._people.sign_in(wanted.person)
        body = {"id": session.id, "token": token, "person": session.person}
        return Reply.json(body | {"expires_at": rfc3339(session.expires_at)}, 201)

    async def sign_out(self, call: Call) -> Reply:
        await self._people.sign_out(call.principal.id)
        return Reply.empty()


def _person(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "origin": person.origin,
        "created_at": rfc3339(person.registered_at),
        "canonical": person.canonical,
        "aliases": person.aliases,
    }
