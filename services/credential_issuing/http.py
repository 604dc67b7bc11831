"""The HTTP door of credential_issuing: what anybody may read of the issuer, and what is a person's own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final

import orjson
from pydantic import BaseModel, Field

from services.credential_issuing.handlers.office import Office
from services.credential_issuing.handlers.reading import Shelves, StoredCredential, issuer_document, list_of, show
from services.credential_issuing.handlers.revoking import Registry, current_list, revoke
from shared.kernel.clock import Clock, rfc3339
from shared.kernel.errors import NotFound
from shared.kernel.ids import CredentialId, PersonId
from shared.runtime.auth import Kind
from shared.runtime.backbone import Backbone
from shared.runtime.etags import content_etag, is_unchanged
from shared.runtime.http import Call, Endpoint, Reply, endpoint
from shared.runtime.idempotency import idempotent
from shared.runtime.pages import decode_cursor, encode_cursor, page, page_limit

READERS: Final[frozenset[Kind]] = frozenset({"person", "admin"})
OPERATORS: Final[frozenset[Kind]] = frozenset({"admin"})
CREDENTIAL: Final = "application/vc"
"""VCDM 2.0 §C.2."""
DID_DOCUMENT: Final = "application/did+json"
_FRESH: Final = {"Cache-Control": "public, max-age=5"}
_LIST_NUMBER: Final = re.compile(r"[1-9][0-9]{0,17}")
_PAGES: Final = "credentials"


class RevocationBody(BaseModel):
    """What a revocation is asked for with. It is told as it is, so it is a code and never a story."""

    reason: Annotated[
        str,
        Field(
            pattern=r"^[a-z][a-z0-9-]{0,59}$",
            description="A short code in lower case, such as issued-in-error.",
            examples=["issued-in-error"],
        ),
    ]


class CredentialDoor:
    """Answers for one issuer."""

    def __init__(self, backbone: Backbone, shelves: Shelves, registry: Registry, office: Office, clock: Clock) -> None:
        self._backbone = backbone
        self._shelves = shelves
        self._registry = registry
        self._office = office
        self._clock = clock

    def endpoints(self) -> Sequence[Endpoint]:
        """Return the operations of the service; a revocation before the credential whose path its own begins with."""
        none: frozenset[str] = frozenset()
        revoke_once = idempotent(self.revoke, self._backbone.idempotency())
        return (
            endpoint("GET", "/.well-known/did.json", self.did_document, scopes=None),
            endpoint("GET", "/v1/status-lists/{id}", self.status_list, scopes=None),
            endpoint("POST", "/v1/credentials/{id}:revoke", revoke_once, scopes=none, kinds=OPERATORS),
            endpoint("GET", "/v1/credentials/{id}", self.credential, scopes=none, kinds=READERS),
            endpoint("GET", "/v1/people/{id}/credentials", self.credentials, scopes=none, kinds=READERS),
        )

    async def did_document(self, call: Call) -> Reply:
        """Answer with the issuer's document and all its keys; `did` asks for that of a name it had before."""
        own = self._office.issuer.did
        document = await issuer_document(self._shelves, call.query.get("did", own), own)
        return _public(call, orjson.dumps(document), DID_DOCUMENT)

    async def status_list(self, call: Call) -> Reply:
        """Answer with a status list that says what is so, signed, and valid for half its validity at least."""
        number = call.path["id"]
        if _LIST_NUMBER.fullmatch(number) is None:
            raise NotFound("There is no such status list. A credential names its own.")
        document = await current_list(self._registry, self._office, int(number), self._clock.now())
        return _public(call, document, CREDENTIAL)

    async def credential(self, call: Call) -> Reply:
        """Answer with a credential, and the fact by which its record is asked for."""
        found = await show(self._shelves, _reader(call), CredentialId(call.path["id"]))
        return Reply.json({**_outline(found), "credential": orjson.Fragment(found.document or b"null")})

    async def credentials(self, call: Call) -> Reply:
        """Answer with a page of a person's credentials, newest first, without their documents."""
        limit = page_limit(call.query)
        position = decode_cursor(_PAGES, call.query, str)
        before = None if position is None else CredentialId(str(position[0]))
        person = PersonId(call.path["id"])
        found = await list_of(self._shelves, _reader(call), person, before, limit + 1)
        cursor = encode_cursor(_PAGES, [found[limit - 1].id]) if len(found) > limit else None
        return Reply.json(page([_outline(each) for each in found[:limit]], cursor))

    async def revoke(self, call: Call) -> Reply:
        """Have a credential revoked; its list says so to the next who asks. Of two revocations the first counts."""
        body = await call.model(RevocationBody)
        credential = CredentialId(call.path["id"])
        revocation = await revoke(self._registry, self._office, credential, body.reason, self._clock.now())
        return Reply.json(
            {
                "id": credential,
                "is_revoked": True,
                "revoked_at": rfc3339(revocation.revoked_at),
                "reason": revocation.reason,
            }
        )


def _public(call: Call, content: bytes, media_type: str) -> Reply:
    etag = content_etag(content)
    headers = {**_FRESH, "ETag": etag}
    if is_unchanged(call.headers, etag):
        return Reply.empty(304, headers=headers)
    return Reply.raw(content, media_type, headers=headers)


def _reader(call: Call) -> PersonId | None:
    """Return the person who asks; None for an operator."""
    return None if call.principal.kind == "admin" else call.principal.person or PersonId("")


def _outline(found: StoredCredential) -> dict[str, Any]:
    return {
        "id": found.id,
        "person": found.person,
        "skill": found.skill,
        "level": found.level,
        "rule": found.rule,
        "issued_at": rfc3339(found.issued_at),
        "valid_until": rfc3339(found.valid_until),
        "fact": found.fact,
        "estimate": found.estimate,
        "status_list": found.list_url,
        "status_index": found.list_index,
        "is_revoked": found.revoked_at is not None,
        "revoked_at": None if found.revoked_at is None else rfc3339(found.revoked_at),
        "reason": found.reason,
    }
