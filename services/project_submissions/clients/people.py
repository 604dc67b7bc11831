"""Asks identity who people are."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import grpc

from deedlog.identity.v1 import identity_pb2, service_pb2_grpc
from shared.kernel.ids import PersonId
from shared.runtime.grpc import kernel_errors


class RpcPeople:
    """The port `People` over gRPC."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._identity = service_pb2_grpc.IdentityServiceStub(channel)

    async def canonical(self, people: Collection[PersonId]) -> Mapping[PersonId, PersonId]:
        """Return the canonical id of each person that exists. Raises Unavailable when identity is away."""
        request = identity_pb2.LookUpPeopleRequest(people=sorted(set(people)))
        with kernel_errors("identity"):
            answer = await self._identity.LookUpPeople(request)
        return {PersonId(entry.person): PersonId(entry.canonical) for entry in answer.people}
