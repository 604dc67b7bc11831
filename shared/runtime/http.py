"""The HTTP door: operations in, an ASGI application out.

A service lists its operations with `endpoint` and hands them to `application`, which does what every door must do:
find the operation, authenticate, check kind and scope, bound what is taken in, turn errors into problem details, count
and trace. Handlers see a `Call` and return a `Reply`. Serving it on a socket is `http_server.py`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

from starlette.routing import compile_path
from starlette.types import Receive, Scope, Send

from shared.kernel.errors import DeedlogError, NotFound, Unavailable
from shared.runtime import telemetry
from shared.runtime.auth import KINDS, Access, Authenticator, Kind, Principal, parse_authorization
from shared.runtime.call import Call as Call
from shared.runtime.call import parse_headers
from shared.runtime.edge_errors import ClientGone, MethodNotAllowed
from shared.runtime.problem import incident, problem
from shared.runtime.reply import Reply as Reply
from shared.runtime.reply import send_reply
from shared.runtime.request_body import RequestBody
from shared.runtime.tracing import enter_trace, leave_trace, parse_traceparent, span

Handler: TypeAlias = Callable[[Call], Awaitable[Reply]]
Finish: TypeAlias = Callable[[Mapping[str, str], Reply], Reply]

REQUESTS_MAX: Final = 512
"""Under way at once in one application; one more is answered with 503 instead of waiting in memory."""
_ALWAYS: Final = (("X-Content-Type-Options", "nosniff"),)
_PRIVATE: Final = (("Cache-Control", "no-store"), *_ALWAYS)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation. access: None when it asks for no credential. finish: sees every reply, problems too."""

    method: str
    path: str
    handler: Handler
    access: Access | None
    finish: Finish | None = None


def endpoint(
    method: str,
    path: str,
    handler: Handler,
    *,
    scopes: frozenset[str] | None,
    kinds: frozenset[Kind] = KINDS,
    finish: Finish | None = None,
) -> Endpoint:
    """Return the operation `method` on `path`, a template such as "/v1/people/{id}/profile".

    scopes: the caller needs one of them; an empty set asks for any credential, None for none at all.
    kinds: the kinds of principal that may call. GET answers HEAD too.
    finish: is handed the request's headers and each reply, also of errors, and returns the reply to send.
    """
    access = None if scopes is None else Access(kinds, scopes)
    return Endpoint(method.upper(), path, handler, access, finish)


class Application:
    """The ASGI application of one service's operations."""

    def __init__(self, service: str, resources: Sequence[_Resource], requests_max: int) -> None:
        self._service = service
        self._exact = {resource.path: resource for resource in resources if "{" not in resource.path}
        self._templates = [_Template(resource) for resource in resources if "{" in resource.path]
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
        await _send(reply, body, receive, send)
        if resource is not None:
            resource.count(scope["method"], reply.status, time.perf_counter() - started)

    async def _answered(
        self, found: tuple[_Resource, dict[str, str]] | None, scope: Scope, receive: Receive
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

    def _found(self, path: str) -> tuple[_Resource, dict[str, str]] | None:
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
    resources: dict[str, _Resource] = {}
    for one in endpoints:
        if one.access is not None and authenticator is None:
            raise ValueError(f"{one.method} {one.path} needs a credential, and there is no authenticator")
        resources.setdefault(one.path, _Resource(service, one.path, authenticator)).add(one)
    return Application(service, list(resources.values()), requests_max)


def one_origin(applications: Sequence[Application]) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """Return one ASGI application that hands each request to the first that serves its path, else to the last."""
    served = [*applications] or [application((), service="none")]

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        chosen = next((one for one in served if one.serves(scope.get("path", ""))), served[-1])
        await chosen(scope, receive, send)

    return serve


class _Resource:
    """All operations on one path."""

    def __init__(self, service: str, path: str, authenticator: Authenticator | None) -> None:
        self.path = path
        self._service = service
        self._authenticator = authenticator
        self._endpoints: dict[str, Endpoint] = {}
        self._counters: dict[tuple[str, int], Any] = {}
        self._durations: dict[str, Any] = {}

    def add(self, one: Endpoint) -> None:
        if one.method in self._endpoints:
            raise ValueError(f"{one.method} {one.path} is there twice")
        self._endpoints[one.method] = one
        if one.method == "GET":
            self._endpoints.setdefault("HEAD", one)

    async def answer(self, path: Mapping[str, str], headers: dict[str, str], scope: Scope, body: RequestBody) -> Reply:
        one = self._endpoints.get(scope["method"])
        if one is None:
            raise MethodNotAllowed(scope["method"], self._endpoints)
        caller = await self._caller(one.access, headers)
        call = Call(scope["method"], one.path, path, headers, scope["query_string"].decode("latin-1"), caller, body)
        traceparent = headers.get("traceparent")
        if traceparent is None:
            with span(one.path):
                return await one.handler(call)
        token = enter_trace(parse_traceparent(traceparent))
        try:
            with span(one.path):
                return await one.handler(call)
        finally:
            leave_trace(token)

    def finished(self, method: str, headers: Mapping[str, str], reply: Reply) -> Reply:
        one = self._endpoints.get(method)
        if one is None:
            return reply
        if one.finish is not None:
            reply = one.finish(headers, reply)
        is_private = one.access is not None and not any(name.lower() == "cache-control" for name, _ in reply.headers)
        return reply.with_headers(*(_PRIVATE if is_private else _ALWAYS))

    def count(self, method: str, status: int, seconds: float) -> None:
        if method not in self._endpoints:
            method = "other"
        key = (method, status)
        if key not in self._counters:
            self._counters[key] = telemetry.HTTP_REQUESTS.labels(self._service, method, self.path, str(status))
            self._durations[method] = telemetry.HTTP_SECONDS.labels(self._service, method, self.path)
        self._counters[key].inc()
        self._durations[method].observe(seconds)

    async def _caller(self, access: Access | None, headers: Mapping[str, str]) -> Principal | None:
        if access is None or self._authenticator is None:
            return None
        secret = parse_authorization(headers.get("authorization"))
        principal = await self._authenticator.authenticate(secret.text, secret.key_id)
        access.check(principal)
        return principal


class _Template:
    """A path with parameters, in starlette's notation: `{id}` is one segment or part of it, `{rest:path}` the rest."""

    def __init__(self, resource: _Resource) -> None:
        self.resource = resource
        self._pattern, _, _ = compile_path(resource.path)

    def match(self, path: str) -> dict[str, str] | None:
        found = self._pattern.match(path)
        return None if found is None else found.groupdict()


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
