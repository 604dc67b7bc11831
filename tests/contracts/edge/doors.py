"""Real doors on loopback for the tests of this folder: an HTTP server, a gRPC server, and who may come in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import grpc
import httpx

from deedlog.facts.v1 import facts_pb2, service_pb2_grpc
from shared.kernel.errors import Unavailable
from shared.kernel.ids import OrganisationId
from shared.runtime.auth import Access, Authenticator, Principal, ServiceTokenAuthenticator, nobody
from shared.runtime.grpc import SERVICES_ONLY, RpcServer, channel
from shared.runtime.http import Endpoint, application
from shared.runtime.http_server import HttpServer

TOKEN = "the-token-our-services-share-0001"
WRITER = ("key_1", "writer-secret")
READER = ("key_2", "reader-secret")
ANYBODY: frozenset[str] = frozenset()


class KnownKeys:
    """Knows two keys; `down` as a secret stands for identity being away."""

    async def authenticate(self, secret: str, key_id: str) -> Principal:
        """As Authenticator."""
        scopes = {WRITER: {"write", "read"}, READER: {"read"}}.get((key_id, secret))
        if secret == "down":
            raise Unavailable("identity does not answer", 2)
        if scopes is None:
            raise nobody()
        return Principal("key", key_id, OrganisationId("org_1"), None, frozenset(scopes))


@asynccontextmanager
async def http_door(
    endpoints: Sequence[Endpoint], *, requests_max: int = 512, app: Any = None
) -> AsyncIterator[httpx.AsyncClient]:
    """Serve these operations and return a client of them."""
    app = app or application(endpoints, service="test", authenticator=KnownKeys(), requests_max=requests_max)
    server = HttpServer(app, "127.0.0.1", 0, grace_seconds=1)
    await server.start()
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}", timeout=10) as client:
            yield client
    finally:
        await server.stop()


class Feed(service_pb2_grpc.FactFeedServiceServicer):
    """Fails as it is told; the methods of the feed stand for a unary and a streaming one."""

    def __init__(self, *failures: BaseException, messages: int = 3) -> None:
        self.failures = list(failures)
        self.messages = messages
        self.callers: list[Any] = []

    async def Read(self, request: facts_pb2.ReadRequest, context: Any) -> facts_pb2.ReadResponse:  # noqa: N802 - gRPC names it
        """Return the number asked for, or fail."""
        self._fail()
        return facts_pb2.ReadResponse(head=request.after)

    async def Heads(self, request: facts_pb2.HeadsRequest, context: Any) -> facts_pb2.HeadsResponse:  # noqa: N802 - gRPC names it
        """Return nothing, or fail."""
        self._fail()
        return facts_pb2.HeadsResponse(epoch=request.limit)

    async def Scan(self, request: facts_pb2.ScanRequest, context: Any) -> AsyncIterator[facts_pb2.ScanResponse]:  # noqa: N802 - gRPC names it
        """Yield some messages, then end or fail."""
        for _ in range(self.messages):
            yield facts_pb2.ScanResponse()
        self._fail()

    def _fail(self) -> None:
        if self.failures:
            raise self.failures[0]


@asynccontextmanager
async def rpc_door(
    servicer: Any,
    *,
    access: Access = SERVICES_ONLY,
    methods: dict[str, Access] | None = None,
    authenticator: Authenticator | None = None,
) -> AsyncIterator[RpcServer]:
    """Serve this feed over gRPC; our services and the known keys may come in, as `access` says."""
    server = RpcServer(
        "127.0.0.1", 0, authenticator or ServiceTokenAuthenticator(TOKEN, KnownKeys()), grace_seconds=0.2
    )
    server.add(servicer, service_pb2_grpc.add_FactFeedServiceServicer_to_server, access=access, methods=methods)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@asynccontextmanager
async def feed_of(server: RpcServer, token: str = TOKEN) -> AsyncIterator[service_pb2_grpc.FactFeedServiceStub]:
    """Return a stub that shows `token`."""
    opened: grpc.aio.Channel = channel(f"127.0.0.1:{server.port}", token)
    try:
        yield service_pb2_grpc.FactFeedServiceStub(opened)
    finally:
        await opened.close()
