"""The one public origin, before services that listen elsewhere: an ASGI application that hands requests on.

Bodies stream both ways, so neither an upload nor an answer without end is ever held here. Nothing is retried and
nothing is kept: a service that is away is answered for by 503 with its name. In the shared layout the gateway stands
behind the services of its own process; in the separate one it is a process of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Final

import httpx
from starlette.types import Receive, Scope, Send

from infra.embedded.routes import service_of
from shared.kernel.errors import NotFound, Unavailable
from shared.runtime import telemetry
from shared.runtime.lifecycle import Readiness
from shared.runtime.problem import problem
from shared.runtime.reply import Reply, send_reply

REQUESTS_MAX: Final = 512
"""Handed on at once; one more is answered with 503 instead of waiting in memory."""
CONNECT_SECONDS_MAX: Final = 2.0
SILENCE_SECONDS_MAX: Final = 120.0
"""A service that sends nothing for this long, within an answer or before it, is taken for away."""
KEEP_ALIVE_SECONDS: Final = 15.0
"""Shorter than our servers keep an idle connection, so that it is never they who close one under a request."""

Headers = list[tuple[bytes, bytes]]
_HOP_BY_HOP: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"proxy-connection", b"te",
     b"trailer", b"transfer-encoding", b"upgrade", b"expect"}
)  # fmt: skip
"""Meant for one connection only (RFC 9110 §7.6.1); `expect` is answered by our own server."""


_OURS: Final = frozenset({b"date", b"server"})
"""Said by our own server of every answer; it would stand there twice."""


class Gateway:
    """Hands requests to the services at `targets` (service → http://host:port), by the path. A component, too."""

    def __init__(self, targets: Mapping[str, str], name: str = "gateway") -> None:
        self.name = name
        self._targets = dict(targets)
        self._client: httpx.AsyncClient | None = None
        self._under_way = 0

    # A component

    async def start(self) -> None:
        """Be able to hand on; connections are opened as they are needed."""
        limits = httpx.Limits(
            max_connections=REQUESTS_MAX, max_keepalive_connections=64, keepalive_expiry=KEEP_ALIVE_SECONDS
        )
        timeout = httpx.Timeout(SILENCE_SECONDS_MAX, connect=CONNECT_SECONDS_MAX)
        # Our own loopback, whatever proxy the environment names.
        self._client = httpx.AsyncClient(limits=limits, timeout=timeout, trust_env=False, follow_redirects=False)

    async def stop(self) -> None:
        """Have closed every connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def readiness(self) -> Readiness:
        """Say whether it hands on; whether the services answer is theirs to say."""
        return Readiness(self.name, self._client is not None, "" if self._client is not None else "it has not started")

    # An ASGI application

    def serves(self, path: str) -> bool:
        """Say whether the path belongs to a service that listens elsewhere."""
        return service_of(path) in self._targets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request with what the service says, or say in its place that it is away."""
        service = service_of(scope["path"])
        if service not in self._targets or not scope["path"].startswith("/"):
            missing = NotFound("Nothing is served under this path. The API's description lists the paths.")
            await send_reply(problem(missing), receive, send)
        elif self._under_way >= REQUESTS_MAX:
            telemetry.count_bound("gateway-requests")
            await _refuse(Unavailable(f"{REQUESTS_MAX} requests are under way; try again."), receive, send)
        else:
            self._under_way += 1
            try:
                await self._hand_on(service, scope, receive, send)
            finally:
                self._under_way -= 1

    async def _hand_on(self, service: str, scope: Scope, receive: Receive, send: Send) -> None:
        body = _Body(receive)
        answering = asyncio.ensure_future(self._exchange(service, scope, body, send))
        hang_up = asyncio.ensure_future(body.hang_up())
        try:
            await asyncio.wait((answering, hang_up), return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                await answering
        except Unavailable as error:
            await _refuse(error, receive, send)
        finally:
            hang_up.cancel()
            answering.cancel()
            await asyncio.gather(hang_up, answering, return_exceptions=True)

    async def _exchange(self, service: str, scope: Scope, body: _Body, send: Send) -> None:
        """Send the request and pass the answer on. Raises Unavailable while nothing was answered yet."""
        if self._client is None:
            raise Unavailable("The gateway is stopping.")
        headers = list(passed_on(scope["headers"]))
        has_body = _has_body(headers, scope["headers"])
        if not has_body:
            body.nothing()
        # The target goes out as it came in: taken apart and put together again it could name another resource.
        request = self._client.build_request(
            scope["method"],
            self._targets[service],
            headers=headers,
            content=body.chunks() if has_body else None,
            extensions={"target": _target(scope)},
        )
        try:
            response = await self._client.send(request, stream=True)
        except httpx.HTTPError as error:
            raise Unavailable(f"The service {service} is away; what it holds is kept. Try again.") from error
        async with contextlib.aclosing(response):
            kept = [(name, value) for name, value in passed_on(response.headers.raw) if name not in _OURS]
            await send({"type": "http.response.start", "status": response.status_code, "headers": kept})
            try:
                async for chunk in response.aiter_raw():
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            except httpx.HTTPError:
                return  # what was begun stays without its end, and our server closes the connection on it
            await send({"type": "http.response.body", "body": b""})


class _Body:
    """The request's body as it comes; and, once it is through, the news that the caller hung up."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._is_through = asyncio.Event()
        self._is_gone = False

    def nothing(self) -> None:
        """Note that there is no body to wait for."""
        self._is_through.set()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body; it ends early when the caller hangs up, and the exchange is given up then."""
        has_more = True
        while has_more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self._is_gone = True
                self._is_through.set()
                await asyncio.Event().wait()  # until cancelled: a body cut short must not look complete
            has_more = message.get("more_body", False)
            if message.get("body"):
                yield message["body"]
        self._is_through.set()

    async def hang_up(self) -> None:
        """Return when the caller has hung up."""
        await self._is_through.wait()
        while not self._is_gone:
            self._is_gone = (await self._receive())["type"] == "http.disconnect"


def passed_on(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Return the headers without those meant for one connection only, and without those `Connection` names."""
    lowered = [(name.lower(), value) for name, value in headers]
    named = {word.strip().lower() for name, value in lowered if name == b"connection" for word in value.split(b",")}
    return [(name, value) for name, value in lowered if name not in _HOP_BY_HOP and name not in named]


def _has_body(passed: Headers, received: Iterable[tuple[bytes, bytes]]) -> bool:
    """RFC 9112 §6.3: a request has a body when one of these two says so."""
    has_length = any(name == b"content-length" and value != b"0" for name, value in passed)
    return has_length or any(name.lower() == b"transfer-encoding" for name, _ in received)


def _target(scope: Scope) -> bytes:
    """Return path and query as they were sent; `path` alone was decoded and cannot be put together again."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    query: bytes = scope["query_string"]
    return path.split(b"?", 1)[0] + (b"?" + query if query else b"")


async def _refuse(error: Unavailable, receive: Receive, send: Send) -> None:
    reply: Reply = problem(error)
    await send_reply(reply.with_headers(("Connection", "close")), receive, send)
