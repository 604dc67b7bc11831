"""Where a request came from and which steps it took: W3C `traceparent`, and spans for whoever has a tracer.

Without a tracer a span costs one comparison. `configure_tracing` takes an OpenTelemetry provider; which exporter it
carries is the operator's choice, and none is a dependency of ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from dataclasses import dataclass
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context

from shared.kernel.ids import RandomBytes

_SHAPE: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_tracer: trace.Tracer | None = None


@dataclass(frozen=True, slots=True)
class TraceContext:
    """A position in a trace. trace_id: 32 hex digits; span_id: 16 hex digits; both never all zero."""

    trace_id: str
    span_id: str
    is_sampled: bool

    def traceparent(self) -> str:
        """Return the header value, version 00 (W3C Trace Context §3.2)."""
        return f"00-{self.trace_id}-{self.span_id}-{'01' if self.is_sampled else '00'}"

    def child(self, random_bytes: RandomBytes) -> TraceContext:
        """Return a new position in the same trace."""
        return TraceContext(self.trace_id, random_bytes(8).hex(), self.is_sampled)


def new_trace(random_bytes: RandomBytes, *, is_sampled: bool = False) -> TraceContext:
    """Return the first position of a new trace."""
    return TraceContext(random_bytes(16).hex(), random_bytes(8).hex(), is_sampled)


def parse_traceparent(header: str) -> TraceContext | None:
    """Return the position a `traceparent` names, or None: the specification wants a bad one ignored, not refused."""
    match = _SHAPE.fullmatch(header.strip())
    if match is None:
        return None
    version, trace_id, span_id, flags, rest = match.groups()
    if version == "ff" or (version == "00" and rest) or not int(trace_id, 16) or not int(span_id, 16):
        return None
    return TraceContext(trace_id, span_id, bool(int(flags, 16) & 1))


_current: ContextVar[TraceContext | None] = ContextVar("deedlog_trace", default=None)


def current_trace() -> TraceContext | None:
    """Return the position of the request being served, to be sent on; None outside of one or when it had none."""
    return _current.get()


def enter_trace(context: TraceContext | None) -> Token[TraceContext | None]:
    """Make `context` the current position in this task until `leave_trace` is called with the token."""
    return _current.set(context)


def leave_trace(token: Token[TraceContext | None]) -> None:
    """Put back the position that stood before."""
    _current.reset(token)


def configure_tracing(provider: trace.TracerProvider | None) -> None:
    """Make `span` record through this provider from now on; None makes it cost nothing again."""
    global _tracer
    _tracer = None if provider is None else provider.get_tracer("deedlog")


@contextmanager
def span(name: str, **attributes: str | int | float | bool) -> Iterator[None]:
    """Record what runs inside as a span called `name`; does nothing unless tracing was configured.

    The span is a child of the OpenTelemetry span around it, else of the request's `traceparent`.
    """
    if _tracer is None:
        yield
        return
    with _tracer.start_as_current_span(name, context=_parent(), attributes=attributes):
        yield


def _parent() -> Context | None:
    remote = _current.get()
    if remote is None or trace.get_current_span().get_span_context().is_valid:
        return None
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED if remote.is_sampled else trace.TraceFlags.DEFAULT)
    context = trace.SpanContext(int(remote.trace_id, 16), int(remote.span_id, 16), is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(trace.NonRecordingSpan(context))
