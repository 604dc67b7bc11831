"""A stream may outlive its caller's credential: with each message it is asked for again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from deedlog.facts.v1 import facts_pb2
from deedlog.learning_events.v1 import learning_events_pb2, service_pb2_grpc
from shared.kernel.ids import OrganisationId
from shared.runtime.auth import Access, Principal, ServiceTokenAuthenticator, nobody
from shared.runtime.grpc import RpcServer, channel, current_principal
from shared.runtime.http import Call, Reply, application, endpoint
from tests.contracts.edge.doors import TOKEN, Feed, feed_of, http_door, rpc_door

KEYS = Access(kinds=frozenset({"key", "service"}))


class OneKey:
    """Knows one key until it is revoked, and counts how often it is asked."""

    def __init__(self) -> None:
        self.is_revoked = False
        self.asked = 0

    async def authenticate(self, secret: str, key_id: str) -> Principal:
        """As Authenticator."""
        self.asked += 1
        if self.is_revoked:
            raise nobody()
        return Principal("key", "key_1", OrganisationId("org_1"))


class Publishing(service_pb2_grpc.LearningEventsServiceServicer):
    """Acknowledges whatever comes, and remembers it."""

    def __init__(self) -> None:
        self.taken: list[int] = []

    async def PublishBatch(  # noqa: N802 - gRPC names it
        self, request: learning_events_pb2.PublishBatchRequest, context: Any
    ) -> learning_events_pb2.PublishBatchResponse:
        """Acknowledge."""
        return learning_events_pb2.PublishBatchResponse()

    async def PublishStream(  # noqa: N802 - gRPC names it
        self, request_iterator: AsyncIterator[learning_events_pb2.PublishStreamRequest], context: Any
    ) -> AsyncIterator[learning_events_pb2.PublishStreamResponse]:
        """Yield the number of each batch."""
        async for request in request_iterator:
            assert current_principal().id == "key_1"
            self.taken.append(request.batch)
            yield learning_events_pb2.PublishStreamResponse(batch=request.batch)


async def test_what_is_sent_after_the_key_ended_is_not_taken() -> None:
    keys, publishing = OneKey(), Publishing()
    server = RpcServer("127.0.0.1", 0, keys, grace_seconds=0.2)
    register = service_pb2_grpc.add_LearningEventsServiceServicer_to_server
    server.add(publishing, register, access=KEYS)
    await server.start()
    try:
        async with channel(f"127.0.0.1:{server.port}", "a-secret-of-somebody") as opened:
            call = service_pb2_grpc.LearningEventsServiceStub(opened).PublishStream()
            for batch in (1, 2):
                await call.write(learning_events_pb2.PublishStreamRequest(batch=batch))
                answer = await call.read()
                assert isinstance(answer, learning_events_pb2.PublishStreamResponse)
                assert answer.batch == batch
            keys.is_revoked = True
            await call.write(learning_events_pb2.PublishStreamRequest(batch=3))
            with pytest.raises(grpc.aio.AioRpcError, match="nobody issued this credential") as refusal:
                await call.read()
            assert refusal.value.code() == grpc.StatusCode.UNAUTHENTICATED
    finally:
        await server.stop()
    assert publishing.taken == [1, 2]


class Ending(Feed):
    """Has its caller's key revoked after the second message."""

    def __init__(self, keys: OneKey) -> None:
        super().__init__()
        self._keys = keys

    async def Scan(self, request: facts_pb2.ScanRequest, context: Any) -> AsyncIterator[facts_pb2.ScanResponse]:  # noqa: N802 - gRPC names it
        """Yield two messages, and a third that nobody may have."""
        for _ in range(2):
            yield facts_pb2.ScanResponse()
        self._keys.is_revoked = True
        yield facts_pb2.ScanResponse()


async def test_what_is_told_ends_with_the_key() -> None:
    keys = OneKey()
    door = rpc_door(Ending(keys), access=KEYS, authenticator=ServiceTokenAuthenticator(TOKEN, keys))
    async with door as server, feed_of(server, "a-secret-of-somebody") as feed:
        call = feed.Scan(facts_pb2.ScanRequest())
        assert [await call.read() for _ in range(2)] == [facts_pb2.ScanResponse()] * 2
        with pytest.raises(grpc.aio.AioRpcError, match="nobody issued this credential"):
            await call.read()


async def test_a_service_is_asked_for_once_a_stream() -> None:
    keys = OneKey()
    door = rpc_door(Feed(messages=50), authenticator=ServiceTokenAuthenticator(TOKEN, keys))
    async with door as server, feed_of(server) as feed:
        assert len([one async for one in feed.Scan(facts_pb2.ScanRequest())]) == 50
    assert keys.asked == 0


async def test_server_sent_events_end_with_the_key() -> None:
    keys = OneKey()
    closed = []

    async def chunks() -> AsyncIterator[bytes]:
        try:
            yield b"data: 1\n\n"
            keys.is_revoked = True
            yield b"data: 2\n\n"
            yield b"data: 3\n\n"
        finally:
            closed.append(True)

    async def stream(call: Call) -> Reply:
        return Reply.stream(chunks(), "text/event-stream")

    operation = endpoint("GET", "/v1/stream", stream, scopes=frozenset())
    app = application([operation], service="test", authenticator=keys)
    async with http_door([], app=app) as client:
        reply = await client.get("/v1/stream", headers={"authorization": "Bearer a-secret"})
        assert (reply.status_code, reply.text) == (200, "data: 1\n\n")
        again = await client.get("/v1/stream", headers={"authorization": "Bearer a-secret"})
    assert again.status_code == 401
    assert closed == [True]


async def test_what_has_an_end_is_told_whole() -> None:
    keys = OneKey()

    async def lines() -> AsyncIterator[bytes]:
        keys.is_revoked = True
        for number in range(3):
            yield b"%d\n" % number

    async def report(call: Call) -> Reply:
        return Reply.stream(lines(), "application/x-ndjson")

    app = application([endpoint("GET", "/v1/report", report, scopes=frozenset())], service="test", authenticator=keys)
    async with http_door([], app=app) as client:
        reply = await client.get("/v1/report", headers={"authorization": "Bearer a-secret"})
    assert reply.text == "0\n1\n2\n"
