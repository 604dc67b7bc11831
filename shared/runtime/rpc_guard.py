"""What stands before every gRPC method: who calls, may they, by when, and how a failure is told.

Methods are wrapped once, when they are registered, not intercepted on each call: the table of who may call what is
complete before the first call, and a method nobody decided about cannot be reached.
"""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from contextvars import ContextVar
from typing import Any, Final, TypeVar

import grpc

from shared.kernel.errors import DeedlogError, Rejected, Unauthenticated, Unavailable
from shared.runtime import telemetry
from shared.runtime.auth import Access, Authenticator, Barred, Principal, parse_authorization
from shared.runtime.rpc_errors import CallerUnknown, abort, status_of
from shared.runtime.tracing import enter_trace, parse_traceparent, span

UNARY_SECONDS_MAX: Final = 30.0
"""The deadline of a call whose answer is one message, if the caller set none or a later one."""

_principal: ContextVar[Principal] = ContextVar("deedlog_principal")
_T = TypeVar("_T")


def current_principal() -> Principal:
    """Return who makes the gRPC call being served. Raises Unauthenticated outside of a call."""
    principal = _principal.get(None)
    if principal is None:
        raise Unauthenticated("there is no caller here")
    return principal


class Guard:
    """Stands before one method, named in full ("/package.Service/Method"). Put it over the method's handler."""

    def __init__(
        self,
        method: str,
        access: Access,
        authenticator: Authenticator,
        seconds_max: float = UNARY_SECONDS_MAX,
        *,
        barred: Barred | None = None,
    ) -> None:
        self._method = method
        self._access = access
        self._authenticator = authenticator
        self._seconds_max = seconds_max
        self._barred = barred
        self._seconds = telemetry.RPC_SECONDS.labels(method)

    def over(self, handler: Any) -> Any:
        """Return the grpc method handler `handler` with this guard before it."""
        serialization = (handler.request_deserializer, handler.response_serializer)
        if handler.unary_unary is not None:
            return grpc.unary_unary_rpc_method_handler(self._unary(handler.unary_unary), *serialization)
        if handler.stream_unary is not None:
            return grpc.stream_unary_rpc_method_handler(self._unary(handler.stream_unary), *serialization)
        if handler.unary_stream is not None:
            return grpc.unary_stream_rpc_method_handler(self._stream(handler.unary_stream), *serialization)
        return grpc.stream_stream_rpc_method_handler(self._stream(handler.stream_stream), *serialization)

    def _unary(self, behaviour: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any], Any]:
        async def guarded(request: Any, context: Any) -> Any:
            async with self._telling(context):
                await self._admit(context)
                return await self._in_time(behaviour(self._watched(request, context), context))

        return guarded

    def _stream(self, behaviour: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        if not inspect.isasyncgenfunction(behaviour):
            return self._writing(behaviour)

        async def guarded(request: Any, context: Any) -> AsyncIterator[Any]:
            async with self._telling(context):
                caller = await self._admit(context)
                async with aclosing(behaviour(self._watched(request, context), context)) as messages:
                    async for message in messages:
                        if caller.kind != "service":
                            await self._admit(context)
                        yield message

        return guarded

    def _writing(self, behaviour: Callable[[Any, Any], Awaitable[None]]) -> Callable[[Any, Any], Any]:
        """For a method that writes its messages to the context instead of yielding them."""

        async def guarded(request: Any, context: Any) -> None:
            async with self._telling(context):
                await self._admit(context)
                await behaviour(self._watched(request, context), context)

        return guarded

    def _watched(self, request: Any, context: Any) -> Any:
        """Return the request; where it is a stream, one whose caller is asked for again with each message.

        A stream may outlive its caller's credential. Authenticators remember, so this costs a look-up in memory.
        """
        return self._readmitting(request, context) if hasattr(request, "__aiter__") else request

    async def _readmitting(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        async for request in requests:
            await self._admit(context)
            yield request

    async def _admit(self, context: Any) -> Principal:
        """Note the caller for `current_principal`, and return it. Raises CallerUnknown, Forbidden or Unavailable."""
        metadata = dict(context.invocation_metadata() or ())
        principal = None
        try:
            secret = parse_authorization(metadata.get("authorization"))
            principal = await self._authenticator.authenticate(secret.text, secret.key_id)
            self._access.check(principal)
        except Rejected as error:
            if self._barred is not None:
                self._barred("gRPC", self._method, metadata, principal, error)
            if isinstance(error, Unauthenticated):
                raise CallerUnknown(error.message, error.faults) from None
            raise
        # A call runs in a task of its own, so neither of these has to be put back.
        _principal.set(principal)
        enter_trace(parse_traceparent(metadata.get("traceparent", "")))
        return principal

    async def _in_time(self, answer: Awaitable[_T]) -> _T:
        deadline = asyncio.timeout(self._seconds_max)
        try:
            async with deadline:
                with span(self._method):
                    return await answer
        except TimeoutError:
            if not deadline.expired():
                raise
            telemetry.count_bound("rpc-seconds")
            raise Unavailable(f"the call took longer than {self._seconds_max:g} s") from None

    @asynccontextmanager
    async def _telling(self, context: Any) -> AsyncIterator[None]:
        """End the call with the right status when what is done inside fails, and count it either way."""
        started = time.perf_counter()
        code = "OK"
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit):
            code = "CANCELLED"
            raise
        except grpc.aio.AbortError:
            code = "ABORTED"
            raise
        except Exception as error:  # noqa: BLE001 - the outermost line of a call: what nobody foresaw is an incident
            code = status_of(error).name if isinstance(error, DeedlogError) else "INTERNAL"
            await abort(context, error)
        finally:
            telemetry.RPC_REQUESTS.labels(self._method, code).inc()
            self._seconds.observe(time.perf_counter() - started)
