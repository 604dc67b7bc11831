"""Positions in a trace are read, passed on, and cost nothing without a tracer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.runtime.tracing import (
    configure_tracing,
    current_trace,
    enter_trace,
    leave_trace,
    new_trace,
    parse_traceparent,
    span,
)


def counting(size: int) -> bytes:
    return bytes(range(1, size + 1))


@given(st.binary(min_size=32, max_size=32).filter(lambda raw: any(raw[:16]) and any(raw[16:24])), st.booleans())
def test_a_traceparent_comes_back_as_it_was_written(raw: bytes, is_sampled: bool) -> None:
    chance = iter([raw[:16], raw[16:24]])
    trace = new_trace(lambda size: next(chance), is_sampled=is_sampled)
    assert parse_traceparent(trace.traceparent()) == trace


@pytest.mark.parametrize(
    "header",
    [
        "",
        "00-0-0-00",
        "ff-" + "a" * 32 + "-" + "b" * 16 + "-00",
        "00-" + "0" * 32 + "-" + "b" * 16 + "-00",
        "00-" + "a" * 32 + "-" + "0" * 16 + "-00",
        "00-" + "A" * 32 + "-" + "b" * 16 + "-00",
        "00-" + "a" * 32 + "-" + "b" * 16 + "-00-more",
    ],
)
def test_a_malformed_traceparent_is_ignored(header: str) -> None:
    assert parse_traceparent(header) is None


def test_a_later_version_may_say_more() -> None:
    assert parse_traceparent("01-" + "a" * 32 + "-" + "b" * 16 + "-01-more") is not None


def test_a_child_stays_in_the_trace_under_a_span_of_its_own() -> None:
    parent = new_trace(counting, is_sampled=True)
    child = parent.child(lambda size: b"\xaa" * size)
    assert (child.trace_id, child.is_sampled) == (parent.trace_id, True)
    assert child.span_id != parent.span_id


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    configure_tracing(provider)
    yield exporter
    configure_tracing(None)
    provider.shutdown()


def test_with_a_provider_spans_are_recorded_under_the_callers_trace(exporter: InMemorySpanExporter) -> None:
    token = enter_trace(new_trace(counting, is_sampled=True))
    with span("outer", batch=3), span("inner"):
        pass
    leave_trace(token)
    inner, outer = exporter.get_finished_spans()
    assert (outer.name, inner.name) == ("outer", "inner")
    assert outer.attributes == {"batch": 3}
    assert format(outer.context.trace_id, "032x") == counting(16).hex()
    assert outer.parent is not None
    assert format(outer.parent.span_id, "016x") == counting(8).hex()
    assert inner.parent is not None
    assert inner.parent.span_id == outer.context.span_id


def test_without_a_provider_a_span_does_nothing_and_lets_errors_through() -> None:
    with pytest.raises(KeyError), span("nothing"):
        raise KeyError("x")
    assert current_trace() is None
