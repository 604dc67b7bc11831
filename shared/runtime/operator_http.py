"""What an operator sees of the whole house and does to it, over HTTP: each service is asked over gRPC.

A service that does not answer is one line that says so; it never keeps the others from being seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import grpc
import orjson
from pydantic import BaseModel, Field

from deedlog.operations.v1 import operations_pb2, service_pb2_grpc
from shared.kernel.clock import rfc3339
from shared.kernel.errors import DeedlogError, NotFound, Rejected, Unavailable
from shared.runtime.auth import Kind
from shared.runtime.call import Call
from shared.runtime.http import Endpoint, endpoint
from shared.runtime.pages import page_limit
from shared.runtime.reply import Reply
from shared.runtime.rpc_errors import kernel_errors

STATUS_SECONDS: Final = 2.0
"""How long the slowest service may keep the list of all waiting."""
CHANGE_SECONDS: Final = 30.0
"""How long a redrive may take; it reads the stream again from its owner."""
LETTERS_MAX: Final = 500
JSON_LINES: Final = "application/x-ndjson"
_ADMIN: Final[frozenset[Kind]] = frozenset({"admin"})
_ANY_SCOPE: Final[frozenset[str]] = frozenset()
_EPOCH_START: Final = datetime(1970, 1, 1, tzinfo=UTC)

Channels = Callable[[str], grpc.aio.Channel]


class Redrive(BaseModel):
    """The body of POST /v1/dead-letters:redrive: the parked stream, and the service in which it is parked."""

    service: str
    source: str
    subject: str


class Skip(Redrive):
    """The body of POST /v1/dead-letters:skip: the same, and the fact it is parked at."""

    number: int = Field(ge=1, le=2**63 - 1)


class Rebuild(BaseModel):
    """The body of POST /v1/services/{name}:rebuild. is_check_only: compare, and do not switch."""

    is_check_only: bool = False


def operator_endpoints(channels: Channels, services: Sequence[str]) -> list[Endpoint]:
    """Return the operations on `services`, for operators only. channels: gives the channel to a service by its name."""
    house = _House(channels, services)
    operations = [
        ("GET", "/v1/services", house.services),
        ("POST", "/v1/services/{name}:rebuild", house.rebuild),
        ("GET", "/v1/dead-letters", house.dead_letters),
        ("POST", "/v1/dead-letters:redrive", house.redrive),
        ("POST", "/v1/dead-letters:skip", house.skip),
    ]
    return [endpoint(method, path, do, scopes=_ANY_SCOPE, kinds=_ADMIN) for method, path, do in operations]


class _House:
    def __init__(self, channels: Channels, services: Sequence[str]) -> None:
        self._channels = channels
        self._services = tuple(sorted(services))

    async def services(self, call: Call) -> Reply:
        return Reply.json({"items": await asyncio.gather(*(self._status(name) for name in self._services))})

    async def dead_letters(self, call: Call) -> Reply:
        limit = page_limit(call.query, default=100, limit_max=LETTERS_MAX)
        asked = call.query.get("service")
        names = self._services if asked is None else (self._known(asked),)
        lists = await asyncio.gather(*(self._letters(name, limit) for name in names))
        items = [item for items, _ in lists for item in items]
        unreachable = [gap for _, gap in lists if gap is not None]
        return Reply.json({"items": items[:limit], "has_more": len(items) >= limit, "unreachable": unreachable})

    async def redrive(self, call: Call) -> Reply:
        wanted = await call.model(Redrive)
        request = operations_pb2.RedriveRequest(**wanted.model_dump())
        with kernel_errors(wanted.service):
            answer = await self._stub(wanted.service).Redrive(request, timeout=CHANGE_SECONDS)
        return Reply.json({"applied": answer.applied, "is_parked": answer.is_parked, "reason": answer.reason})

    async def skip(self, call: Call) -> Reply:
        wanted = await call.model(Skip)
        request = operations_pb2.SkipRequest(**wanted.model_dump())
        with kernel_errors(wanted.service):
            answer = await self._stub(wanted.service).Skip(request, timeout=CHANGE_SECONDS)
        return Reply.json({"is_parked": answer.is_parked})

    async def rebuild(self, call: Call) -> Reply:
        """Report progress a line. What is refused at once is refused by status; what fails later is the last line."""
        wanted = await call.model(Rebuild)
        name = self._known(call.path["name"])
        request = operations_pb2.RebuildRequest(service=name, is_check_only=wanted.is_check_only)
        reports = self._reports(name, request)
        return Reply.stream(_lines(await anext(reports), reports), JSON_LINES)

    async def _reports(self, name: str, request: operations_pb2.RebuildRequest) -> AsyncGenerator[dict[str, Any], None]:
        """Yield each report. A caller who hangs up ends the rebuild; the state is as it was then."""
        rebuilding = self._stub(name).Rebuild(request)
        try:
            with kernel_errors(name):
                async for progress in rebuilding:
                    yield _progress(progress)
        finally:
            rebuilding.cancel()

    async def _status(self, name: str) -> dict[str, Any]:
        try:
            with kernel_errors(name):
                request = operations_pb2.StatusRequest(service=name)
                return _status(await self._stub(name).Status(request, timeout=STATUS_SECONDS))
        except DeedlogError as error:
            return {"service": name, "is_reachable": False, "is_ready": False, "reason": _unreachable(error)}

    async def _letters(self, name: str, limit: int) -> tuple[list[dict[str, Any]], dict[str, str] | None]:
        request = operations_pb2.ListDeadLettersRequest(service=name, limit=limit)
        try:
            with kernel_errors(name):
                answer = await self._stub(name).ListDeadLetters(request, timeout=STATUS_SECONDS)
        except Unavailable as error:
            return [], {"service": name, "reason": _unreachable(error)}
        return [_letter(name, letter) for letter in answer.dead_letters], None

    def _stub(self, name: str) -> Any:
        return service_pb2_grpc.OperationsServiceStub(self._channels(self._known(name)))

    def _known(self, name: str) -> str:
        if name not in self._services:
            rule = "there is no service of that name here"
            raise NotFound.of("/service", rule, f"Use one of {', '.join(self._services)}.")
        return name


async def _lines(first: dict[str, Any], reports: AsyncGenerator[dict[str, Any], None]) -> AsyncIterator[bytes]:
    try:
        async with aclosing(reports):
            yield orjson.dumps(first) + b"\n"
            async for report in reports:
                yield orjson.dumps(report) + b"\n"
    except DeedlogError as error:
        told = error.message if isinstance(error, Rejected | Unavailable) else "it failed by our fault"
        yield orjson.dumps({"error": {"code": error.code, "detail": told}}) + b"\n"


def _unreachable(error: DeedlogError) -> str:
    return f"unreachable: {error.message}"


def _status(status: operations_pb2.StatusResponse) -> dict[str, Any]:
    dependencies = [{"name": one.name, "is_ready": one.is_ready, "reason": one.reason} for one in status.dependencies]
    away = [f"{one['name']}: {one['reason']}" for one in dependencies if not one["is_ready"]]
    return {
        "service": status.service,
        "is_reachable": True,
        "is_ready": not away,
        "reason": "; ".join(away),
        "dependencies": dependencies,
        "hearings": [_hearing(hearing) for hearing in status.hearings],
        "facts_told": status.facts_told,
        "relay_lag_facts": status.relay_lag_facts,
        "horizon_age_seconds": status.horizon_age_seconds,
    }


def _hearing(hearing: operations_pb2.Hearing) -> dict[str, Any]:
    return {
        "source": hearing.source,
        "streams": hearing.streams,
        "facts": hearing.facts,
        "parked": hearing.parked,
        "set_aside": hearing.set_aside,
        "duplicates": hearing.duplicates,
        "gaps": hearing.gaps,
        "lag_ms": hearing.lag_ms,
        "is_assigned": hearing.is_assigned,
    }


def _letter(service: str, letter: operations_pb2.DeadLetter) -> dict[str, Any]:
    return {
        "service": service,
        "kind": letter.kind,
        "source": letter.source,
        "subject": letter.subject,
        "number": letter.number,
        "fact_id": letter.fact_id,
        "type": letter.type,
        "reason": letter.reason,
        "since": rfc3339(_EPOCH_START + timedelta(microseconds=letter.since_us)),
    }


def _progress(progress: operations_pb2.RebuildResponse) -> dict[str, Any]:
    return {
        "facts": progress.facts,
        "facts_expected": progress.facts_expected,
        "is_done": progress.is_done,
        "live_digest": progress.live_digest,
        "rebuilt_digest": progress.rebuilt_digest,
    }
