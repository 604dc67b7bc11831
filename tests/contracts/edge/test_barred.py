"""Who is turned away at a door is told to whoever keeps account of it, and answered as ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import grpc
import pytest

from deedlog.facts.v1 import facts_pb2, service_pb2_grpc
from shared.kernel.errors import Rejected
from shared.runtime.auth import Access, Principal
from shared.runtime.grpc import RpcServer
from shared.runtime.http import Call, Reply, endpoint
from tests.contracts.edge.doors import READER, WRITER, Feed, KnownKeys, feed_of, http_door
from tests.contracts.edge.test_http_envelope import Letter


class Account:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str, str | None, str]] = []

    def __call__(
        self, method: str, path: str, headers: Mapping[str, str], principal: Principal | None, error: Rejected
    ) -> None:
        """As Barred."""
        assert "authorization" in headers
        self.told.append((method, path, None if principal is None else principal.id, type(error).__name__))


async def test_over_http_a_wrong_key_and_a_missing_scope_are_told_and_who_may_is_not() -> None:
    async def answer(call: Call) -> Reply:
        raise Rejected.of("", "it is wrong", "Mend it.")

    account = Account()
    writing = endpoint("POST", "/v1/a/{id}", answer, scopes=frozenset({"write"}))
    async with http_door([replace(writing, barred=account)]) as client:
        assert (await client.post("/v1/a/7", auth=("key_1", "wrong"))).status_code == 401
        assert (await client.post("/v1/a/7", auth=READER)).status_code == 403
        assert (await client.post("/v1/a/7", auth=WRITER)).status_code == 400
        assert (await client.post("/v1/a/7", auth=("key_1", "down"))).status_code == 503
    path = "/v1/a/{id}"
    assert account.told == [("POST", path, None, "Unauthenticated"), ("POST", path, READER[0], "InsufficientScope")]


async def test_a_wrong_key_outside_of_a_request_that_carries_another_is_told_once() -> None:
    async def answer(call: Call) -> Reply:
        return Reply.empty()

    account = Account()
    writing = endpoint("POST", "/v1/a", answer, scopes=frozenset({"write"}))
    async with http_door([replace(writing, barred=account, envelope=Letter())]) as client:
        assert (await client.post("/v1/a?letter", auth=("key_1", "wrong"))).status_code == 401
    assert account.told == [("POST", "/v1/a", None, "Unauthenticated")]


@pytest.mark.parametrize("streaming", [False, True], ids=["unary", "stream"])
async def test_over_grpc_they_are_told_by_the_method_in_full(streaming: bool) -> None:
    class Readers:
        async def authenticate(self, secret: str, key_id: str) -> Principal:
            return await KnownKeys().authenticate(secret, READER[0])

    account = Account()
    writers = Access(kinds=frozenset({"key"}), scopes=frozenset({"write"}))
    server = RpcServer("127.0.0.1", 0, Readers(), grace_seconds=0.2)
    register = service_pb2_grpc.add_FactFeedServiceServicer_to_server
    server.add(Feed(), register, access=writers, barred=account)
    await server.start()
    codes = []
    try:
        for token in ("wrong", READER[1]):
            async with feed_of(server, token) as feed:
                with pytest.raises(grpc.aio.AioRpcError) as caught:
                    await (
                        feed.Scan(facts_pb2.ScanRequest()).read() if streaming else feed.Read(facts_pb2.ReadRequest())
                    )
            codes.append(caught.value.code())
    finally:
        await server.stop()
    assert codes == [grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED]
    method = f"/deedlog.facts.v1.FactFeedService/{'Scan' if streaming else 'Read'}"
    assert account.told == [("gRPC", method, None, "Unauthenticated"), ("gRPC", method, READER[0], "InsufficientScope")]
