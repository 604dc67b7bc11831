"""What an operator sees of a service and does to it, over gRPC. One door may answer for several services."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from deedlog.operations.v1 import operations_pb2, service_pb2_grpc
from shared.kernel.errors import NotFound, Rejected
from shared.runtime.backbone import Backbone
from shared.runtime.dead_letters import LIST_MAX, DeadLetter
from shared.runtime.relay import HORIZON_AGE

_EPOCH_START: Final = datetime(1970, 1, 1, tzinfo=UTC)

_HEARD: Final = """
SELECT source, count(*), coalesce(sum(number), 0)::bigint, count(parked_number) FROM positions GROUP BY source
"""
_ASIDE: Final = "SELECT source, count(*) FROM set_aside GROUP BY source"
_TOLD: Final = "SELECT coalesce(sum(number), 0)::bigint FROM backbone.streams"
_RELAY_LAG: Final = """
SELECT count(*) FROM (SELECT 1 FROM backbone.facts f, backbone.relay r
WHERE (f.epoch, f.xid, f.id) > (r.epoch, r.xid, r.id) LIMIT 100000) AS waiting
"""


class OperationsServicer(service_pb2_grpc.OperationsServiceServicer):
    """Answers for the services of this process."""

    def __init__(self, backbones: Mapping[str, Backbone]) -> None:
        self._backbones = backbones

    def _backbone(self, service: str) -> Backbone:
        if service not in self._backbones:
            raise NotFound(f"there is no service {service!r} here; known: {', '.join(sorted(self._backbones))}")
        return self._backbones[service]

    async def Status(  # noqa: N802 - gRPC
        self, request: operations_pb2.StatusRequest, context: Any
    ) -> operations_pb2.StatusResponse:
        """Say how the service is; when its database is away, that alone."""
        backbone = self._backbone(request.service)
        response = operations_pb2.StatusResponse(service=backbone.name)
        for state in backbone.dependencies():
            response.dependencies.add(name=state.name, is_ready=state.is_ready, reason=state.reason)
        async with backbone.reading() as connection:
            await _add_hearings(backbone, connection, response)
            if backbone.source is not None:
                response.facts_told = await connection.fetchval(_TOLD)
                response.relay_lag_facts = await connection.fetchval(_RELAY_LAG)
            response.horizon_age_seconds = await connection.fetchval(HORIZON_AGE)
        return response

    async def ListDeadLetters(  # noqa: N802 - gRPC
        self, request: operations_pb2.ListDeadLettersRequest, context: Any
    ) -> operations_pb2.ListDeadLettersResponse:
        """List parked streams and facts set aside."""
        if not 0 < request.limit <= LIST_MAX:
            raise Rejected.of("/limit", f"expected 1 to {LIST_MAX}, got {request.limit}", "Ask for fewer.")
        backbone = self._backbone(request.service)
        if backbone.consumer is None:
            return operations_pb2.ListDeadLettersResponse()
        letters = await backbone.dead_letters().list(request.limit)
        return operations_pb2.ListDeadLettersResponse(dead_letters=[_message(letter) for letter in letters])

    async def Redrive(  # noqa: N802 - gRPC
        self, request: operations_pb2.RedriveRequest, context: Any
    ) -> operations_pb2.RedriveResponse:
        """Read a parked stream again from its owner."""
        result = await self._backbone(request.service).dead_letters().redrive(request.source, request.subject)
        return operations_pb2.RedriveResponse(applied=result.applied, is_parked=result.is_parked, reason=result.reason)

    async def Skip(  # noqa: N802 - gRPC
        self, request: operations_pb2.SkipRequest, context: Any
    ) -> operations_pb2.SkipResponse:
        """Pass over the fact a stream is parked at."""
        letters = self._backbone(request.service).dead_letters()
        result = await letters.skip(request.source, request.subject, request.number)
        return operations_pb2.SkipResponse(is_parked=result.is_parked)

    async def Rebuild(  # noqa: N802 - gRPC
        self, request: operations_pb2.RebuildRequest, context: Any
    ) -> AsyncIterator[operations_pb2.RebuildResponse]:
        """Make the derived state anew, reporting progress a page."""
        backbone = self._backbone(request.service)
        async with aclosing(backbone.rebuild(is_check_only=request.is_check_only)) as reports:
            async for progress in reports:
                yield operations_pb2.RebuildResponse(
                    facts=progress.facts,
                    facts_expected=progress.facts_expected,
                    is_done=progress.is_done,
                    live_digest=progress.live_digest,
                    rebuilt_digest=progress.rebuilt_digest,
                )


async def _add_hearings(backbone: Backbone, connection: Any, response: operations_pb2.StatusResponse) -> None:
    consumer = backbone.consumer
    if consumer is None or backbone.hearing is None:
        return
    aside = {row[0]: row[1] for row in await connection.fetch(_ASIDE)}
    heard = {row[0]: row for row in await connection.fetch(_HEARD)}
    for source in consumer.effect.hears:
        _, streams, facts, parked = heard.get(source.name, (source.name, 0, 0, 0))
        counts = consumer.counts[source.name]
        response.hearings.add(
            source=source.name,
            streams=streams,
            facts=facts,
            parked=parked,
            set_aside=aside.get(source.name, 0),
            duplicates=counts.duplicates,
            gaps=counts.gaps,
            lag_ms=max(0, int(counts.lag_seconds * 1_000)),
            is_assigned=backbone.hearing.is_assigned,
        )


def _message(letter: DeadLetter) -> operations_pb2.DeadLetter:
    return operations_pb2.DeadLetter(
        source=letter.source,
        subject=letter.subject,
        number=letter.number,
        fact_id=letter.fact_id,
        type=letter.type,
        reason=letter.reason,
        since_us=(letter.since - _EPOCH_START) // timedelta(microseconds=1),
        kind=letter.kind,
    )
