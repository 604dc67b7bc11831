"""/v1/erasures: a person, or an operator on their word, has their data erased."""

from __future__ import annotations

from pydantic import BaseModel

from services.identity.handlers.erasure import Erasures
from services.identity.http.listing import ANY, SELF_OR_ADMIN
from shared.kernel.clock import rfc3339
from shared.runtime.call import Call
from shared.runtime.http import Endpoint, endpoint
from shared.runtime.idempotency import IdempotencyStore, idempotent
from shared.runtime.reply import Reply


class NewErasure(BaseModel):
    """The body of POST /v1/erasures."""

    person: str
    including_declared: bool = False


def erasure_endpoints(erasures: Erasures, idempotency: IdempotencyStore) -> list[Endpoint]:
    """Return the operation that erases."""

    async def erase(call: Call) -> Reply:
        wanted = await call.model(NewErasure)
        erasure = await erasures.erase(
            wanted.person, call.principal.person, is_including_declared=wanted.including_declared
        )
        return Reply.json({"people": erasure.people, "erased_at": rfc3339(erasure.erased_at)}, 201)

    return [endpoint("POST", "/v1/erasures", idempotent(erase, idempotency), scopes=ANY, kinds=SELF_OR_ADMIN)]
