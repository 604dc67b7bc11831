"""The caller's end of gRPC: a channel that shows our token, sets a deadline, passes the trace on, and retries nothing.

Retries belong to the loop that knows what may be done twice; a channel that repeats by itself hides an outage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import grpc

from shared.runtime.tracing import current_trace

CALL_SECONDS: Final = 5.0
"""The deadline of a call whose answer is one message, unless the call names its own."""
STREAM_SECONDS: Final = 3_600.0
"""The deadline of a call whose answer is a stream, unless the call names its own."""
MESSAGE_BYTES_MAX: Final = 8 << 20
"""8 MiB, for requests and replies, at both ends."""

OPTIONS: Final = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
)
_CLIENT_OPTIONS: Final = (
    *OPTIONS,
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 2_000),
)


def channel(address: str, token: str, credentials: grpc.ChannelCredentials | None = None) -> grpc.aio.Channel:
    """Return a channel to host:port whose calls show `token` as a bearer and have a deadline.

    Nothing is connected yet, and a peer that is away is found out by the first call. Must be made inside the running
    loop; close it at the end. Without credentials it is plain text, for one machine or a mesh that encrypts.
    """
    dressings = (_UnaryUnary, _UnaryStream, _StreamUnary, _StreamStream)
    interceptors: list[grpc.aio.ClientInterceptor] = [dressing(token) for dressing in dressings]
    if credentials is None:
        return grpc.aio.insecure_channel(address, list(_CLIENT_OPTIONS), interceptors=interceptors)
    return grpc.aio.secure_channel(address, credentials, list(_CLIENT_OPTIONS), interceptors=interceptors)


class _Dressed:
    """Puts token, trace and deadline on a call."""

    def __init__(self, token: str) -> None:
        self._authorization = f"Bearer {token}"

    def dressed(self, details: grpc.aio.ClientCallDetails, seconds: float) -> grpc.aio.ClientCallDetails:
        metadata = grpc.aio.Metadata(*(details.metadata or ()))
        metadata.add("authorization", self._authorization)
        trace = current_trace()
        if trace is not None:
            metadata.add("traceparent", trace.traceparent())
        timeout = seconds if details.timeout is None else details.timeout
        return grpc.aio.ClientCallDetails(
            details.method, timeout, metadata, details.credentials, details.wait_for_ready
        )


_Continue = Callable[[Any, Any], Any]


class _UnaryUnary(_Dressed, grpc.aio.UnaryUnaryClientInterceptor):
    async def intercept_unary_unary(self, continuation: _Continue, client_call_details: Any, request: Any) -> Any:
        return await continuation(self.dressed(client_call_details, CALL_SECONDS), request)


class _UnaryStream(_Dressed, grpc.aio.UnaryStreamClientInterceptor):
    async def intercept_unary_stream(self, continuation: _Continue, client_call_details: Any, request: Any) -> Any:
        return await continuation(self.dressed(client_call_details, STREAM_SECONDS), request)


class _StreamUnary(_Dressed, grpc.aio.StreamUnaryClientInterceptor):
    async def intercept_stream_unary(
        self, continuation: _Continue, client_call_details: Any, request_iterator: Any
    ) -> Any:
        return await continuation(self.dressed(client_call_details, STREAM_SECONDS), request_iterator)


class _StreamStream(_Dressed, grpc.aio.StreamStreamClientInterceptor):
    async def intercept_stream_stream(
        self, continuation: _Continue, client_call_details: Any, request_iterator: Any
    ) -> Any:
        return await continuation(self.dressed(client_call_details, STREAM_SECONDS), request_iterator)
