"""Asks identity whose a secret is. Put a `CachingAuthenticator` before it: this is one call a question."""

from __future__ import annotations

from typing import Final

import grpc

from deedlog.identity.v1 import identity_pb2, service_pb2_grpc
from shared.kernel.errors import Broken
from shared.kernel.ids import OrganisationId, PersonId
from shared.runtime.auth import KINDS, Principal, expand_scopes
from shared.runtime.rpc_errors import kernel_errors

CALL_SECONDS: Final = 2.0
"""A caller waits for this before every other answer; past it, identity counts as unreachable."""


class RpcAuthenticator:
    """An Authenticator that calls identity's Authenticate over `channel`."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._identity = service_pb2_grpc.IdentityServiceStub(channel)

    async def authenticate(self, secret: str, key_id: str) -> Principal:
        """Return whose secret this is. Raises Unauthenticated when nobody's, Unavailable when identity is away."""
        request = identity_pb2.AuthenticateRequest(secret=secret, key_id=key_id)
        with kernel_errors("identity"):
            answer = await self._identity.Authenticate(request, timeout=CALL_SECONDS)
        return principal_of(answer)


def principal_of(answer: identity_pb2.AuthenticateResponse) -> Principal:
    """Return the principal identity named. Raises Broken for a kind this service does not know."""
    if answer.kind not in KINDS - {"service"}:
        raise Broken(f"identity named a caller of the kind {answer.kind!r}")
    return Principal(
        kind=answer.kind,
        id=answer.id,
        organisation=OrganisationId(answer.organisation) if answer.organisation else None,
        person=PersonId(answer.person) if answer.person else None,
        scopes=expand_scopes(answer.scopes),
        is_test=answer.is_test,
    )
