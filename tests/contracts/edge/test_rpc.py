"""The gRPC door: who may call what, how a failure is told, and that it comes back as it was raised."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc  # type: ignore[import-untyped]

from deedlog.facts.v1 import facts_pb2, service_pb2_grpc
from deedlog.identity.v1 import identity_pb2
from deedlog.identity.v1 import service_pb2_grpc as identity_grpc
from shared.kernel import errors
from shared.kernel.errors import Broken, DeedlogError, Fault, Forbidden, Rejected, Unauthenticated, Unavailable
from shared.runtime import rpc_guard
from shared.runtime.auth import Access, Principal, ServiceTokenAuthenticator, nobody
from shared.runtime.edge_errors import PreconditionFailed
from shared.runtime.grpc import RpcServer, channel, current_principal, kernel_errors, raise_for
from shared.runtime.rpc_authenticator import RpcAuthenticator
from shared.runtime.tracing import current_trace, enter_trace, leave_trace, new_trace
from tests.contracts.edge.doors import TOKEN, Feed, KnownKeys, feed_of, rpc_door

KEYS = Access(kinds=frozenset({"key", "service"}), scopes=frozenset({"read"}))
FAULTS = [Fault("/limit", "it is 0 where 1 to 100 is taken", "Send 1 to 100."), Fault("", "b", "c")]

FAILURES = [
    (errors.Rejected("Two faults.", FAULTS), grpc.StatusCode.INVALID_ARGUMENT),
    (errors.SignatureRejected("No.", FAULTS), grpc.StatusCode.INVALID_ARGUMENT),
    (errors.Unauthenticated("Who?"), grpc.StatusCode.UNAUTHENTICATED),
    (errors.Forbidden("Not you."), grpc.StatusCode.PERMISSION_DENIED),
    (errors.NotFound("Nothing.", FAULTS), grpc.StatusCode.NOT_FOUND),
    (errors.Conflict("Moved."), grpc.StatusCode.ABORTED),
    (PreconditionFailed("Moved."), grpc.StatusCode.ABORTED),
    (errors.TooLarge("Much."), grpc.StatusCode.RESOURCE_EXHAUSTED),
    (errors.Unsupported("What?"), grpc.StatusCode.UNIMPLEMENTED),
    (errors.Unavailable("Later.", 7.5), grpc.StatusCode.UNAVAILABLE),
]


async def failure_of(server: RpcServer, token: str = TOKEN, *, streaming: bool = False) -> grpc.aio.AioRpcError:
    async with feed_of(server, token) as feed:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await (all_of(feed) if streaming else feed.Read(facts_pb2.ReadRequest()))
        return caught.value


async def all_of(feed: service_pb2_grpc.FactFeedServiceStub) -> int:
    return len([message async for message in feed.Scan(facts_pb2.ScanRequest())])


@pytest.mark.parametrize("streaming", [False, True], ids=["unary", "stream"])
@pytest.mark.parametrize(("failure", "status"), FAILURES, ids=lambda value: type(value).__name__)
async def test_each_error_becomes_its_status_and_comes_back_as_it_was_raised(
    failure: DeedlogError, status: grpc.StatusCode, streaming: bool
) -> None:
    async with rpc_door(Feed(failure)) as server:
        error = await failure_of(server, streaming=streaming)
    assert error.code() == status
    family = next(kind for kind in type(failure).__mro__ if kind.__module__ == "shared.kernel.errors")
    with pytest.raises(DeedlogError) as caught:
        raise_for(error)
    back = caught.value
    expected = Rejected if family is errors.SignatureRejected else family
    assert isinstance(back, expected)
    assert (back.code, back.message) == (failure.code, failure.message)
    if isinstance(failure, Rejected) and isinstance(back, Rejected):
        assert back.faults == failure.faults
    if isinstance(failure, Unavailable) and isinstance(back, Unavailable):
        assert back.retry_after_seconds == failure.retry_after_seconds


@pytest.mark.parametrize("failure", [Broken("our secret"), ValueError("our secret")])
async def test_what_is_our_fault_is_told_by_an_incident_and_is_broken_for_the_caller(failure: Exception) -> None:
    async with rpc_door(Feed(failure)) as server:
        error = await failure_of(server)
    assert error.code() == grpc.StatusCode.INTERNAL
    assert "our secret" not in str(error)
    with pytest.raises(Broken, match="incident"):
        raise_for(error)


async def test_a_stream_that_fails_late_has_delivered_what_came_before() -> None:
    async with rpc_door(Feed(errors.Conflict("Moved."), messages=3)) as server, feed_of(server) as feed:
        messages = feed.Scan(facts_pb2.ScanRequest())
        for _ in range(3):
            assert isinstance(await messages.read(), facts_pb2.ScanResponse)
        with pytest.raises(errors.Conflict), kernel_errors("feed"):
            await messages.read()


async def test_a_caller_nobody_knows_is_refused_and_that_is_our_own_misconfiguration() -> None:
    async with rpc_door(Feed()) as server:
        error = await failure_of(server, "a-token-that-is-not-the-shared-one")
    assert error.code() == grpc.StatusCode.UNAUTHENTICATED
    with pytest.raises(Broken, match="feed does not know the credential this service shows"):
        raise_for(error, "feed")


@pytest.mark.parametrize("streaming", [False, True], ids=["unary", "stream"])
async def test_a_call_without_any_credential_is_refused(streaming: bool) -> None:
    async with rpc_door(Feed()) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as bare:
        feed = service_pb2_grpc.FactFeedServiceStub(bare)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await (all_of(feed) if streaming else feed.Read(facts_pb2.ReadRequest()))
    assert caught.value.code() == grpc.StatusCode.UNAUTHENTICATED


async def test_only_services_may_call_unless_a_method_says_otherwise() -> None:
    class KeysOnly:
        async def authenticate(self, secret: str, key_id: str) -> Principal:
            return await KnownKeys().authenticate(secret, "key_2")

    keys_may_ask_heads = rpc_door(Feed(), methods={"Heads": KEYS}, authenticator=KeysOnly())
    async with keys_may_ask_heads as server, feed_of(server, "reader-secret") as feed:
        assert (await feed.Heads(facts_pb2.HeadsRequest(limit=5))).epoch == 5
        with pytest.raises(Forbidden, match="this is for service"), kernel_errors("feed"):
            await feed.Read(facts_pb2.ReadRequest())


def test_an_exception_for_a_method_that_does_not_exist_is_refused_at_start() -> None:
    server = RpcServer("127.0.0.1", 0, KnownKeys())
    with pytest.raises(ValueError, match="has no method Haeds"):
        server.add(Feed(), service_pb2_grpc.add_FactFeedServiceServicer_to_server, methods={"Haeds": KEYS})


async def test_each_call_knows_its_own_caller_and_trace() -> None:
    class Asking(Feed):
        async def Read(self, request: facts_pb2.ReadRequest, context: Any) -> facts_pb2.ReadResponse:  # noqa: N802 - gRPC names it
            await asyncio.sleep(0.01)
            self.callers.append((current_principal().kind, current_trace()))
            return facts_pb2.ReadResponse()

    feed = Asking()
    trace = new_trace(lambda size: b"\x01" * size)
    async with rpc_door(feed) as server, feed_of(server) as stub:
        token = enter_trace(trace)
        await stub.Read(facts_pb2.ReadRequest())
        leave_trace(token)
        await stub.Read(facts_pb2.ReadRequest())
    assert feed.callers == [("service", trace), ("service", None)]
    with pytest.raises(Unauthenticated):
        current_principal()


async def test_a_service_that_is_away_is_unavailable_and_no_address_is_told() -> None:
    async with rpc_door(Feed()) as server:
        pass
    async with feed_of(server) as feed:
        with pytest.raises(Unavailable) as caught, kernel_errors("learning_events"):
            await feed.Read(facts_pb2.ReadRequest())
    assert caught.value.message == "learning_events does not answer"


class Slow(Feed):
    """Takes its time, and notes when it is cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.was_cancelled = asyncio.Event()

    async def Read(self, request: facts_pb2.ReadRequest, context: Any) -> facts_pb2.ReadResponse:  # noqa: N802 - gRPC names it
        try:
            await asyncio.sleep(20)
        except asyncio.CancelledError:
            self.was_cancelled.set()
            raise
        return facts_pb2.ReadResponse()


async def test_past_the_callers_deadline_it_is_unavailable_and_the_work_is_given_up() -> None:
    slow = Slow()
    async with rpc_door(slow) as server, feed_of(server) as feed:
        with pytest.raises(Unavailable), kernel_errors("feed"):
            await feed.Read(facts_pb2.ReadRequest(), timeout=0.2)
        await asyncio.wait_for(slow.was_cancelled.wait(), 10)


async def test_a_caller_without_a_deadline_gets_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc_guard.Guard.__init__, "__defaults__", (0.2,))
    async with rpc_door(Slow()) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as bare:
        feed = service_pb2_grpc.FactFeedServiceStub(bare)
        with pytest.raises(Unavailable, match=r"longer than 0\.2 s"), kernel_errors("feed"):
            await feed.Read(facts_pb2.ReadRequest(), metadata=(("authorization", f"Bearer {TOKEN}"),))


async def test_a_message_beyond_the_bound_is_too_large() -> None:
    class Huge(Feed):
        async def Read(self, request: facts_pb2.ReadRequest, context: Any) -> facts_pb2.ReadResponse:  # noqa: N802 - gRPC names it
            return facts_pb2.ReadResponse(facts=[facts_pb2.Fact(data=b"x" * (9 << 20))])

    async with rpc_door(Huge()) as server, feed_of(server) as feed:
        with pytest.raises(errors.TooLarge), kernel_errors("feed"):
            await feed.Read(facts_pb2.ReadRequest())


async def test_many_long_faults_still_reach_the_caller() -> None:
    many = Rejected("Much.", [Fault("/" + "p" * 500, "r" * 500, "m" * 500)] * 500)
    async with rpc_door(Feed(many)) as server, feed_of(server) as feed:
        with pytest.raises(Rejected) as caught, kernel_errors("feed"):
            await feed.Read(facts_pb2.ReadRequest())
    assert len(caught.value.faults) == 20


async def test_health_answers_anybody_and_says_when_the_door_closes() -> None:
    async with rpc_door(Feed()) as server, grpc.aio.insecure_channel(f"127.0.0.1:{server.port}") as bare:
        health = health_pb2_grpc.HealthStub(bare)
        for name in ("", "deedlog.facts.v1.FactFeedService"):
            answer = await health.Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        watching = health.Watch(health_pb2.HealthCheckRequest())
        assert (await watching.read()).status == health_pb2.HealthCheckResponse.SERVING
        stopping = asyncio.create_task(server.stop())
        assert (await asyncio.wait_for(watching.read(), 2)).status == health_pb2.HealthCheckResponse.NOT_SERVING
        await stopping
    assert server.readiness().is_ready is False


async def test_a_taken_port_is_told_in_a_sentence() -> None:
    async with rpc_door(Feed()) as server:
        second = RpcServer("127.0.0.1", server.port, KnownKeys())
        with pytest.raises(Unavailable, match=f"127.0.0.1:{server.port} cannot be listened on"):
            await second.start()


class Authenticating:
    """Identity, as far as this needs it: knows one key."""

    async def Authenticate(  # noqa: N802 - gRPC names it
        self, request: identity_pb2.AuthenticateRequest, context: Any
    ) -> identity_pb2.AuthenticateResponse:
        """Say whose a secret is."""
        if request.secret == "odd":
            return identity_pb2.AuthenticateResponse(kind="service")
        if (request.key_id, request.secret) != ("key_1", "s"):
            raise nobody()
        return identity_pb2.AuthenticateResponse(
            kind="key", id="key_1", organisation="org_1", scopes=["all", "read"], is_test=True
        )

    def __getattr__(self, method: str) -> Any:
        return None  # the methods that are not asked here


@pytest.fixture
async def identity() -> AsyncIterator[RpcServer]:
    server = RpcServer("127.0.0.1", 0, ServiceTokenAuthenticator(TOKEN), grace_seconds=0.2)
    server.add(Authenticating(), identity_grpc.add_IdentityServiceServicer_to_server)
    await server.start()
    yield server
    await server.stop()


async def test_identity_says_whose_a_secret_is(identity: RpcServer) -> None:
    async with channel(f"127.0.0.1:{identity.port}", TOKEN) as opened:
        authenticator = RpcAuthenticator(opened)
        principal = await authenticator.authenticate("s", "key_1")
        assert (principal.kind, principal.organisation, principal.person) == ("key", "org_1", None)
        assert principal.scopes == {"write", "read", "read/mine", "state", "profile"}
        assert principal.is_test
        with pytest.raises(Unauthenticated):
            await authenticator.authenticate("wrong", "key_1")
        with pytest.raises(Broken, match="of the kind 'service'"):
            await authenticator.authenticate("odd", "")


async def test_that_identity_is_away_is_unavailable_and_not_a_wrong_credential(identity: RpcServer) -> None:
    await identity.stop()
    async with channel(f"127.0.0.1:{identity.port}", TOKEN) as opened:
        with pytest.raises(Unavailable, match="identity does not answer"):
            await RpcAuthenticator(opened).authenticate("s", "key_1")
