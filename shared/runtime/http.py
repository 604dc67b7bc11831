"""The HTTP door: operations in, an ASGI application out.

A service lists its operations with `endpoint` and hands them to `application`, which does what every door must do:
find the operation, authenticate, check kind and scope, bound what is taken in, turn errors into problem details, count
and trace. Handlers see a `Call` and return a `Reply`. Serving it on a socket is `http_server.py`.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from starlette.types import Receive, Scope, Send

from shared.kernel.errors import DeedlogError, NotFound, Unavailable
from shared.runtime import telemetry
from shared.runtime.auth import Authenticator
from shared.runtime.call import Call as Call
from shared.runtime.call import parse_headers
from shared.runtime.edge_errors import ClientGone
from shared.runtime.problem import incident, problem
from shared.runtime.reply import Reply as Reply
from shared.runtime.reply import send_reply
from shared.runtime.request_body import RequestBody
from shared.runtime.resource import Endpoint as Endpoint
from shared.runtime.resource import Handler as Handler
from shared.runtime.resource import Resource, Template
from shared.runtime.resource import endpoint as endpoint

REQUESTS_MAX: Final = 512
"""Under way at once in one application; one more is answered with 503 instead of waiting in memory."""


class Application:
    """The ASGI application of one service's operations."""

    def __init__(self, service: str, resources: Sequence[Resource], requests_max: int) -> None:
        self._service = service
        self._exact = {resource.path: resource for resource in resources if "{" not in resource.path}
        self._templates = [Template(resource) for resource in resources if "{" in resource.path]
        self._requests_max = requests_max
        self._requests = 0

    def serves(self, path: str) -> bool:
        """Say whether there is an operation on this path, by whatever method."""
        return self._found(path) is not None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; every failure is answered too."""
        if scope["type"] != "http":
            raise RuntimeError(f"only HTTP is served here, not {scope['type']}")
        found = self._found(scope["path"])
        resource = found[0] if found else None
        if self._requests >= self._requests_max:
            telemetry.count_bound("http-requests")
            reply = problem(Unavailable(f"{self._requests_max} requests are under way; try again.", 1))
            await send_reply(reply.with_headers(("Connection", "close")), receive, send)
            return
        started = time.perf_counter()
        self._requests += 1
        try:
            body, reply = await self._answered(found, scope, receive)
        except ClientGone:
            return
        finally:
            self._requests -= 1
        if scope["method"] == "HEAD":
            reply = await _without_stream(reply)
        await _send(reply, body, receive, send)
        if resource is not None:
            resource.count(scope["method"], reply.status, time.perf_counter() - started)

    async def _answered(
        self, found: tuple[Resource, dict[str, str]] | None, scope: Scope, receive: Receive
    ) -> tuple[RequestBody, Reply]:
        body = RequestBody({}, receive)
        headers: dict[str, str] = {}
        try:
            headers = parse_headers(scope["headers"])
            body = RequestBody(headers, receive)
            if found is None:
                raise NotFound("Nothing is served under this path. The API's description lists the paths.")
            reply = await found[0].answer(found[1], headers, scope, body)
        except DeedlogError as error:
            reply = problem(error)
        except ClientGone:
            raise
        except Exception as error:  # noqa: BLE001 - the outermost line of a request: what nobody foresaw is an incident
            reply = incident(error)
        return body, found[0].finished(scope["method"], headers, reply) if found else reply

    def _found(self, path: str) -> tuple[Resource, dict[str, str]] | None:
        exact = self._exact.get(path)
        if exact is not None:
            return exact, {}
        for template in self._templates:
            parameters = template.match(path)
            if parameters is not None:
                return template.resource, parameters
        return None


def application(
    endpoints: Iterable[Endpoint],
    *,
    service: str,
    authenticator: Authenticator | None = None,
    requests_max: int = REQUESTS_MAX,
) -> Application:
    """Return the ASGI application that answers `endpoints`; earlier ones are tried first.

    service: the name in metrics. Raises ValueError for two operations on one method and path, and for one that needs a
    credential where there is no authenticator.
    """
    resources: dict[str, Resource] = {}
    for one in endpoints:
        if one.access is not None and authenticator is None:
            raise ValueError(f"{one.method} {one.path} needs a credential, and there is no authenticator")
        resources.setdefault(one.path, Resource(service, one.path, authenticator)).add(one)
    return Application(service, list(resources.values()), requests_max)


class Served(Protocol):
    """An ASGI application that knows its paths: a service's operations, or what hands requests on to others."""

    def serves(self, path: str) -> bool:
        """Say whether this path is answered here, by whatever method."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""


def one_origin(applications: Sequence[Served]) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """Return one ASGI application that hands each request to the first that serves its path, else to the last."""
    served: list[Served] = [*applications] or [application((), service="none")]

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        chosen = next((one for one in served if one.serves(scope.get("path", ""))), served[-1])
        await chosen(scope, receive, send)

    return serve


async def _without_stream(reply: Reply) -> Reply:
    """Return the reply to HEAD: a stream is closed before it begins, since nobody would read it to its end."""
    if isinstance(reply.content, bytes):
        return reply
    if isinstance(reply.content, AsyncGenerator):
        await reply.content.aclose()
    return replace(reply, content=b"")


async def _send(reply: Reply, body: RequestBody, receive: Receive, send: Send) -> None:
    """Send the reply. What is left of the body is dropped: a little of it before, to keep the connection, or much of it
    after, so that its sender can read why.
    """
    if not body.is_arrived and body.is_small:
        await body.drain()
    if body.is_arrived or not isinstance(reply.content, bytes):
        await send_reply(reply, receive, send)
        return
    closing = reply.with_headers(("Connection", "close"))
    await send({"type": "http.response.start", "status": closing.status, "headers": closing.raw_headers()})
    await send({"type": "http.response.body", "body": closing.content, "more_body": True})
    await body.drain()
    await send({"type": "http.response.body", "body": b""})
