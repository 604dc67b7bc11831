"""What stands under one path: its operations by method, and what each must do before its handler runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, TypeAlias

from starlette.routing import compile_path
from starlette.types import Scope

from shared.kernel.errors import DeedlogError, Rejected, Unauthenticated
from shared.runtime import telemetry
from shared.runtime.auth import KINDS, Access, Authenticator, Barred, Kind, Principal, parse_authorization
from shared.runtime.call import Call
from shared.runtime.edge_errors import InvalidToken, MethodNotAllowed
from shared.runtime.reply import Reply
from shared.runtime.request_body import RequestBody
from shared.runtime.tracing import enter_trace, leave_trace, parse_traceparent, span

Handler: TypeAlias = Callable[[Call], Awaitable[Reply]]
Finish: TypeAlias = Callable[[Mapping[str, str], Reply], Reply]

EVENT_STREAM: Final = "text/event-stream"
"""Such a reply may outlive its caller's credential, so that is looked at again with each chunk: in memory, mostly."""
_ALWAYS: Final = (("X-Content-Type-Options", "nosniff"),)
_PRIVATE: Final = (("Cache-Control", "no-store"), *_ALWAYS)


@dataclass(frozen=True, slots=True)
class Request:
    """What was sent, before anybody decided what it asks for. headers: names in lower case."""

    method: str
    headers: Mapping[str, str]
    query_string: str
    body: RequestBody


class Envelope(Protocol):
    """A form of request that carries another one, of the same path, in its body."""

    def is_one(self, request: Request) -> bool:
        """Say whether this request carries another one; nothing of its body has been read."""
        ...

    async def open(self, request: Request) -> Request:
        """Return the request that this one carries. Raises Rejected, or as reading a body does."""
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation. access: None when it asks for no credential. finish: sees every reply, problems too.

    envelope: the form in which it may carry a request for another operation on its path, which then answers.
    barred: is told of each caller who is turned away.
    """

    method: str
    path: str
    handler: Handler
    access: Access | None
    finish: Finish | None = None
    envelope: Envelope | None = None
    barred: Barred | None = None


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


class Resource:
    """All operations on one path."""

    def __init__(self, service: str, path: str, authenticator: Authenticator | None) -> None:
        self.path = path
        self._service = service
        self._authenticator = authenticator
        self._endpoints: dict[str, Endpoint] = {}
        self._counters: dict[tuple[str, int], Any] = {}
        self._durations: dict[str, Any] = {}

    def add(self, one: Endpoint) -> None:
        """Have it answer this operation too. Raises ValueError when there is one for the method."""
        if one.method in self._endpoints:
            raise ValueError(f"{one.method} {one.path} is there twice")
        self._endpoints[one.method] = one
        if one.method == "GET":
            self._endpoints.setdefault("HEAD", one)

    async def answer(self, path: Mapping[str, str], headers: dict[str, str], scope: Scope, body: RequestBody) -> Reply:
        """Return the handler's reply. Raises MethodNotAllowed, Unauthenticated, Forbidden, or as the handler does."""
        request = Request(scope["method"], headers, scope["query_string"].decode("latin-1"), body)
        one = self._named(request)
        if one.envelope is not None and one.envelope.is_one(request):
            request = await self._opened(one, one.envelope, request, headers)
            one = self._named(request)
        caller = await self._caller(one, request)
        call = Call(request.method, one.path, path, request.headers, request.query_string, caller, request.body)
        reply = await _handled(one, call, headers.get("traceparent"))
        if isinstance(reply.content, bytes) or caller is None or reply.media_type != EVENT_STREAM:
            return reply
        return replace(reply, content=self._watched(one, request, reply.content))

    def finished(self, method: str, headers: Mapping[str, str], reply: Reply) -> Reply:
        """Return the reply as it is sent: finished by the operation, and not to be stored where a caller is known."""
        one = self._endpoints.get(method)
        if one is None:
            return reply
        if one.finish is not None:
            reply = one.finish(headers, reply)
        is_private = one.access is not None and not any(name.lower() == "cache-control" for name, _ in reply.headers)
        return reply.with_headers(*(_PRIVATE if is_private else _ALWAYS))

    def count(self, method: str, status: int, seconds: float) -> None:
        """Count a request and what it took."""
        if method not in self._endpoints:
            method = "other"
        key = (method, status)
        if key not in self._counters:
            self._counters[key] = telemetry.HTTP_REQUESTS.labels(self._service, method, self.path, str(status))
            self._durations[method] = telemetry.HTTP_SECONDS.labels(self._service, method, self.path)
        self._counters[key].inc()
        self._durations[method].observe(seconds)

    def _named(self, request: Request) -> Endpoint:
        one = self._endpoints.get(request.method)
        if one is None:
            raise MethodNotAllowed(request.method, self._endpoints)
        return one

    async def _watched(
        self, one: Endpoint, request: Request, chunks: AsyncIterator[bytes]
    ) -> AsyncGenerator[bytes, None]:
        """Yield an endless stream for as long as its caller may have it; whoever comes back is told why it ended."""
        async with AsyncExitStack() as stack:
            if isinstance(chunks, AsyncGenerator):
                stack.push_async_callback(chunks.aclose)
            async for chunk in chunks:
                try:
                    await self._caller(one, request)
                except DeedlogError:
                    return
                yield chunk

    async def _opened(self, one: Endpoint, envelope: Envelope, request: Request, headers: dict[str, str]) -> Request:
        """Return the request within. Its headers count from here on, for whoever finishes the reply too.

        Whoever shows a credential outside is known before a byte of the body is read.
        """
        if self._authenticator is not None and "authorization" in headers:
            await self._caller(replace(one, access=Access()), request)
        opened = await envelope.open(request)
        headers.clear()
        headers.update(opened.headers)
        return opened

    async def _caller(self, one: Endpoint, request: Request) -> Principal | None:
        if one.access is None or self._authenticator is None:
            return None
        secret = principal = None
        try:
            secret = parse_authorization(request.headers.get("authorization"))
            principal = await self._authenticator.authenticate(secret.text, secret.key_id)
            one.access.check(principal)
        except Rejected as error:
            if one.barred is not None:
                one.barred(request.method, one.path, request.headers, principal, error)
            if isinstance(error, Unauthenticated) and secret is not None and not secret.key_id:
                raise InvalidToken(error.message, error.faults) from None
            raise
        return principal


async def _handled(one: Endpoint, call: Call, traceparent: str | None) -> Reply:
    if traceparent is None:
        with span(one.path):
            return await one.handler(call)
    token = enter_trace(parse_traceparent(traceparent))
    try:
        with span(one.path):
            return await one.handler(call)
    finally:
        leave_trace(token)


class Template:
    """A path with parameters, in starlette's notation: `{id}` is one segment or part of it, `{rest:path}` the rest."""

    def __init__(self, resource: Resource) -> None:
        self.resource = resource
        self._pattern, _, _ = compile_path(resource.path)

    def match(self, path: str) -> dict[str, str] | None:
        """Return the parameters in `path`, or None when it is not of this form."""
        found = self._pattern.match(path)
        return None if found is None else found.groupdict()
