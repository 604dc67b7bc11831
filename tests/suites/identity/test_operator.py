"""What an operator sees of every service, and does to one, over HTTP; a service that is away hides no other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
import pytest_asyncio

from deedlog.operations.v1 import operations_pb2, service_pb2_grpc
from infra.embedded.broker import EmbeddedBroker
from infra.embedded.ports import free_port
from infra.embedded.postgres import EmbeddedPostgres
from shared.kernel.clock import SystemClock
from shared.kernel.errors import Conflict, Unavailable
from shared.runtime.auth import ServiceTokenAuthenticator
from shared.runtime.grpc import RpcServer
from tests.suites.identity.house import TOKEN, IdentityHouse, identity_house

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Listener(service_pb2_grpc.OperationsServiceServicer):
    """A service with one parked stream; its rebuild fails half-way when it is not for checking only."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def Status(self, request: Any, context: Any) -> operations_pb2.StatusResponse:  # noqa: N802 - gRPC
        response = operations_pb2.StatusResponse(service=request.service, facts_told=3, horizon_age_seconds=0.5)
        response.dependencies.add(name="listener.partitions", is_ready=False, reason="no partitions are held")
        response.hearings.add(source="identity", streams=2, facts=7, parked=1, lag_ms=12, is_assigned=True)
        return response

    async def ListDeadLetters(  # noqa: N802 - gRPC
        self, request: Any, context: Any
    ) -> operations_pb2.ListDeadLettersResponse:
        response = operations_pb2.ListDeadLettersResponse()
        response.dead_letters.add(
            source="identity", subject="prs_1", number=4, type="t", reason="it is broken", since_us=1, kind="parked"
        )
        return response

    async def Redrive(self, request: Any, context: Any) -> operations_pb2.RedriveResponse:  # noqa: N802 - gRPC
        self.asked.append(request)
        return operations_pb2.RedriveResponse(applied=2, is_parked=True, reason="it is broken still")

    async def Skip(self, request: Any, context: Any) -> operations_pb2.SkipResponse:  # noqa: N802 - gRPC
        self.asked.append(request)
        raise Conflict("the stream is parked at another fact")

    async def Rebuild(  # noqa: N802 - gRPC
        self, request: Any, context: Any
    ) -> AsyncIterator[operations_pb2.RebuildResponse]:
        yield operations_pb2.RebuildResponse(facts=500, facts_expected=1_000)
        if not request.is_check_only:
            raise Unavailable("the owner does not answer")
        yield operations_pb2.RebuildResponse(facts=1_000, facts_expected=1_000, is_done=True, live_digest="a")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def listener() -> AsyncIterator[tuple[Listener, int]]:
    """A listening service and its port."""
    servicer = Listener()
    server = RpcServer("127.0.0.1", 0, ServiceTokenAuthenticator(TOKEN))
    server.add(servicer, service_pb2_grpc.add_OperationsServiceServicer_to_server)
    await server.start()
    yield servicer, server.port
    await server.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def wide_house(
    servers: tuple[EmbeddedPostgres, EmbeddedBroker], listener: tuple[Listener, int]
) -> AsyncIterator[IdentityHouse]:
    """Identity among others: a listener, and a service that is away."""
    postgres, broker = servers
    peers = {"listener": f"127.0.0.1:{listener[1]}", "away": f"127.0.0.1:{free_port()}"}
    async with identity_house(postgres.admin_dsn, broker.address, peers) as running:
        yield running


async def test_every_service_is_listed_and_one_that_is_away_says_so(wide_house: IdentityHouse) -> None:
    started = SystemClock().monotonic()
    away, identity, listener = (await wide_house.admin.get("/v1/services"))["items"]
    assert SystemClock().monotonic() - started < 5
    assert (away["service"], away["is_reachable"], away["is_ready"]) == ("away", False, False)
    assert away["reason"].startswith("unreachable: ")
    assert (identity["service"], identity["is_reachable"]) == ("identity", True)
    assert identity["facts_told"] >= 0
    assert (listener["is_ready"], listener["reason"]) == (False, "listener.partitions: no partitions are held")
    assert listener["hearings"][0] | {"parked": 1, "lag_ms": 12, "is_assigned": True} == listener["hearings"][0]


async def test_dead_letters_are_listed_for_all_or_one_and_gaps_are_named(wide_house: IdentityHouse) -> None:
    everybody = await wide_house.admin.get("/v1/dead-letters")
    one = await wide_house.admin.get("/v1/dead-letters?service=listener&limit=500")
    assert [gap["service"] for gap in everybody["unreachable"]] == ["away"]
    assert everybody["items"] == one["items"]
    assert (one["items"][0]["kind"], one["items"][0]["since"]) == ("parked", "1970-01-01T00:00:00.000001Z")
    await wide_house.admin.get("/v1/dead-letters?service=nobody", 404)
    await wide_house.admin.get("/v1/dead-letters?limit=501", 400)


async def test_a_redrive_reaches_the_service_that_parked_the_stream(
    wide_house: IdentityHouse, listener: tuple[Listener, int]
) -> None:
    body = {"service": "listener", "source": "identity", "subject": "prs_1"}
    answer = await wide_house.admin.post("/v1/dead-letters:redrive", body, 200)
    assert answer == {"applied": 2, "is_parked": True, "reason": "it is broken still"}
    assert (listener[0].asked[-1].source, listener[0].asked[-1].subject) == ("identity", "prs_1")


async def test_a_refusal_of_the_service_is_the_refusal_of_the_door(
    wide_house: IdentityHouse, listener: tuple[Listener, int]
) -> None:
    body = {"service": "listener", "source": "identity", "subject": "prs_1", "number": 4}
    refusal = await wide_house.admin.post("/v1/dead-letters:skip", body, 409)
    assert "parked at another fact" in refusal["detail"]
    assert listener[0].asked[-1].number == 4
    await wide_house.admin.post("/v1/dead-letters:skip", body | {"number": 0}, 400)
    await wide_house.admin.post("/v1/dead-letters:skip", body | {"service": "away"}, 503)


async def test_a_rebuild_reports_a_line_at_a_time(wide_house: IdentityHouse) -> None:
    reply = await wide_house.admin.send("POST", "/v1/services/listener:rebuild", {"is_check_only": True})
    lines = [orjson.loads(line) for line in reply.text.splitlines()]
    assert reply.headers["content-type"] == "application/x-ndjson"
    assert [(line["facts"], line["is_done"]) for line in lines] == [(500, False), (1_000, True)]
    assert lines[-1]["live_digest"] == "a"


async def test_a_rebuild_that_fails_half_way_ends_with_the_reason(wide_house: IdentityHouse) -> None:
    reply = await wide_house.admin.send("POST", "/v1/services/listener:rebuild", {})
    *_, last = [orjson.loads(line) for line in reply.text.splitlines()]
    assert last == {"error": {"code": "unavailable", "detail": "the owner does not answer"}}


async def test_a_rebuild_that_is_refused_at_once_is_refused_by_status(wide_house: IdentityHouse) -> None:
    refusal = await wide_house.admin.post("/v1/services/identity:rebuild", {}, 400)
    assert "hears nothing" in refusal["detail"]
    await wide_house.admin.post("/v1/services/away:rebuild", {}, 503)
    await wide_house.admin.post("/v1/services/nobody:rebuild", {}, 404)


async def test_only_an_operator_operates(wide_house: IdentityHouse) -> None:
    session = await wide_house.signed_in(await wide_house.person())
    await session.get("/v1/services", 403)
    await session.get("/v1/dead-letters", 403)
    await session.post("/v1/services/listener:rebuild", {}, 403)
    body = {"service": "listener", "source": "identity", "subject": "prs_1"}
    await session.post("/v1/dead-letters:redrive", body, 403)
    await session.post("/v1/dead-letters:skip", body | {"number": 4}, 403)
