"""/v1/account-links and /v1/people/{id}/accounts: people link their accounts, see them (as `me`), and undo it."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from services.identity.domain.account_links import PROOF_WORDS, AccountLink
from services.identity.domain.linked_accounts import Reading, ShownAccount
from services.identity.handlers.linked_accounts import LinkedAccounts
from services.identity.handlers.linking import Linking
from services.identity.handlers.people import People
from services.identity.http.consents import caller_person
from services.identity.http.listing import ANY, KEY, PERSON, SELF_OR_ADMIN
from services.identity.http.shown_once import ShownOnce
from shared.kernel.clock import rfc3339
from shared.kernel.errors import Forbidden
from shared.kernel.ids import OrganisationId, PersonId
from shared.runtime.call import Call
from shared.runtime.http import Endpoint, endpoint
from shared.runtime.idempotency import IdempotencyStore, idempotent
from shared.runtime.reply import Reply

WRITE: Final = frozenset({"write"})


class NewLink(BaseModel):
    """The body of POST /v1/account-links: nothing is asked but who calls."""


class Confirmation(BaseModel):
    """The body of POST /v1/account-links/{id}:confirm."""

    code: str


class Attestation(BaseModel):
    """The body of POST /v1/account-links/{id}:attest."""

    code: str
    identifier: str


class Unlinking(BaseModel):
    """The body of POST /v1/people/me/accounts/{account}:unlink: nothing is asked but which."""


def link_endpoints(
    linking: Linking, linked: LinkedAccounts, people: People, idempotency: IdempotencyStore
) -> list[Endpoint]:
    """Return the operations on links. Those with a verb come first: a template takes a whole segment."""
    resource = _Resource(linking, linked, people)
    propose = idempotent(resource.propose, ShownOnce(idempotency, "code"))
    unlink = idempotent(resource.unlink, idempotency)
    confirm, attest = idempotent(resource.confirm, idempotency), idempotent(resource.attest, idempotency)
    return [
        endpoint("POST", "/v1/account-links", propose, scopes=ANY, kinds=PERSON),
        endpoint("POST", "/v1/account-links/{id}:confirm", confirm, scopes=ANY, kinds=PERSON),
        endpoint("POST", "/v1/account-links/{id}:attest", attest, scopes=WRITE, kinds=KEY),
        endpoint("DELETE", "/v1/account-links/{id}", resource.undo, scopes=ANY, kinds=PERSON),
        endpoint("POST", "/v1/people/me/accounts/{account}:unlink", unlink, scopes=ANY, kinds=PERSON),
        endpoint("GET", "/v1/people/{id}/accounts", resource.accounts, scopes=ANY, kinds=SELF_OR_ADMIN),
    ]


class _Resource:
    def __init__(self, linking: Linking, linked: LinkedAccounts, people: People) -> None:
        self._linking = linking
        self._linked = linked
        self._people = people

    async def propose(self, call: Call) -> Reply:
        await call.model(NewLink)
        link, code = await self._linking.propose(caller_person(call))
        return Reply.json({"code": code} | _link(link), 201)

    async def confirm(self, call: Call) -> Reply:
        wanted = await call.model(Confirmation)
        link, canonical = await self._linking.confirm(call.path["id"], caller_person(call), wanted.code)
        return _linked(link, canonical)

    async def attest(self, call: Call) -> Reply:
        wanted = await call.model(Attestation)
        organisation = attesting(call)
        link, canonical = await self._linking.attest(call.path["id"], organisation, wanted.identifier, wanted.code)
        return _linked(link, canonical)

    async def undo(self, call: Call) -> Reply:
        await self._linking.undo(call.path["id"], caller_person(call))
        return Reply.empty()

    async def accounts(self, call: Call) -> Reply:
        asked = caller_person(call) if call.path["id"] == "me" else call.path["id"]
        person = await self._people.person(asked, call.principal.person)
        operator = call.principal.id if call.principal.person is None else None
        accounts, links, readings = await self._linked.shown(person.canonical, operator)
        body = {"person": person.canonical, "accounts": [_account(one) for one in accounts]}
        seen = {"links": [_link(one) for one in links], "readings": [_reading(one) for one in readings]}
        return Reply.json(body | seen)

    async def unlink(self, call: Call) -> Reply:
        await call.model(Unlinking)
        link = await self._linked.unlink(caller_person(call), call.path["account"])
        return Reply.json({"id": call.path["account"], "link": link.id, "is_linked": False})


def attesting(call: Call) -> OrganisationId:
    """Return the organisation whose key calls. Raises Forbidden for a test key: it vouches for nobody."""
    principal = call.principal
    if principal.is_test or principal.organisation is None:
        raise Forbidden.of("authorization", "a test key vouches for nobody", "Use a live key of the organisation.")
    return principal.organisation


def _linked(link: AccountLink, canonical: PersonId) -> Reply:
    return Reply.json(_link(link) | {"canonical": canonical})


def _link(link: AccountLink) -> dict[str, Any]:
    claim = link.claim
    return {
        "id": link.id,
        "state": link.state,
        "proposer": link.proposer,
        "other": None if claim is None else claim.person,
        "proof": None if claim is None else claim.proof,
        "proof_words": None if claim is None else PROOF_WORDS[claim.proof],
        "organisation": None if claim is None else claim.organisation,
        "opened_at": rfc3339(link.opened_at),
        "expires_at": rfc3339(link.expires_at),
        "linked_at": None if link.settled_at is None else rfc3339(link.settled_at),
    }


def _account(shown: ShownAccount) -> dict[str, Any]:
    account, link = shown.account, shown.link
    claim = None if link is None else link.claim
    return {
        "id": account.id,
        "organisation": account.organisation,
        "organisation_name": shown.platform,
        "identifier": shown.identifier,
        "person": account.person,
        "linked_at": rfc3339(account.linked_at),
        "link": None if link is None else link.id,
        "proof": "first-seen" if claim is None else claim.proof,
        "proof_words": "the account the others were linked with" if claim is None else PROOF_WORDS[claim.proof],
        "is_yours_since": rfc3339(account.linked_at if link is None or link.settled_at is None else link.settled_at),
    }


def _reading(reading: Reading) -> dict[str, Any]:
    return {"read_at": rfc3339(reading.read_at), "reader": reading.reader}
