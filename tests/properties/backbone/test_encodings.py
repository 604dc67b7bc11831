"""A fact survives every form it travels in: Kafka's headers and value, and the feed's message."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deedlog.facts.v1 import facts_pb2
from shared.events.fact import Fact, UndecodableFact, from_kafka, kafka_headers
from shared.runtime.feed import fact_message, fact_of_message, position_message, position_of
from shared.runtime.stream_store import LogPosition

from .facts import any_facts, fact


@given(any_facts())
def test_a_fact_survives_a_kafka_record(told: Fact) -> None:
    assert from_kafka(dict(kafka_headers(told)), told.data) == told


@given(any_facts())
def test_a_fact_survives_the_feed_s_message_and_its_bytes(told: Fact) -> None:
    crossed = facts_pb2.Fact.FromString(fact_message(told).SerializeToString())
    assert fact_of_message(crossed) == told


@given(st.integers(0, 2**31 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**63 - 1))
def test_a_position_survives_the_feed_s_message(epoch: int, xid: int, row: int) -> None:
    position = LogPosition(epoch, xid, row)
    assert position_of(position_message(position)) == position


@given(st.lists(st.tuples(st.text(max_size=12), st.binary(max_size=30)), max_size=10), st.none() | st.binary())
def test_any_other_record_is_refused_and_nothing_else_is_raised(
    headers: list[tuple[str, bytes]], value: bytes | None
) -> None:
    with pytest.raises(UndecodableFact):
        from_kafka(dict(headers), value)


@given(st.sampled_from(sorted(dict(kafka_headers(fact("ada", 1))))), st.none() | st.binary(max_size=30))
def test_a_fact_with_one_header_changed_is_that_fact_or_refused(name: str, value: bytes | None) -> None:
    """Never an error of another kind, whatever a foreign producer writes into one header."""
    headers = dict(kafka_headers(fact("ada", 1)))
    headers.pop(name)
    if value is not None:
        headers[name] = value
    try:
        read = from_kafka(headers, b"{}")
    except UndecodableFact:
        return
    assert read.number >= 1
