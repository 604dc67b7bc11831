"""What is kept of a refused request is, when it is sent again, what was sent."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.learning_events.domain.batch import ReceivedStatement, validate_item
from services.learning_events.domain.cloud_event import read_binary, read_structured
from services.learning_events.domain.derived import Reading
from services.learning_events.domain.envelope import read_envelope, read_items
from services.learning_events.domain.read_again import read_again
from services.learning_events.domain.refused_items import RefusedItems
from services.learning_events.domain.sent_items import (
    SentItems,
    refused_items,
    sent_alone_or_listed,
    sent_in_binary,
    sent_in_envelope,
)
from services.learning_events.domain.statement import XapiVersion
from tests.properties.learning_events.statements import STATEMENTS
from tests.unit.learning_events.caliper_samples import ADA, attempt, caliper_event, entity, envelope, graded

AT = datetime(2026, 3, 1, tzinfo=UTC)
DELIVERY = "0190d5e0-0000-7000-8000-000000000001"


def again(sent: SentItems, wanted: list[int] | None = None) -> dict[int, Reading]:
    """Return what each item is when it is sent again, after it was written and read back; by its first index."""
    errors: dict[int, list[dict[str, str]]] = {} if wanted is None else {index: [] for index in wanted}
    kept = refused_items(sent, errors, is_whole=wanted is None)
    assert kept is not None
    content = kept.dumps()
    assert content is not None
    back = RefusedItems.loads(content)
    readings = read_again(back, back.pending, DELIVERY, AT, XapiVersion.V2_0)
    return {item.index: reading for item, reading in zip(back.pending, readings, strict=True)}


def said(reading: Reading) -> Any:
    """Return what must be equal: all but the place."""
    assert isinstance(reading, ReceivedStatement), reading
    return reading.event, reading.terms, reading.sent and (reading.sent.format, reading.sent.envelope)


dated = STATEMENTS.map(lambda one: {"timestamp": "2026-02-01T00:00:00Z", **one})


@given(st.lists(dated, min_size=1, max_size=4))
def test_statements_of_a_request_that_was_refused_whole_are_the_same_again(statements: list[dict[str, Any]]) -> None:
    found = again(sent_alone_or_listed("xapi", json.dumps(statements).encode()))
    for index, statement in enumerate(statements):
        first = validate_item(json.dumps(statement).encode(), index, AT, lambda: "none")
        assert isinstance(first, ReceivedStatement)
        again_one = found[index]
        assert isinstance(again_one, ReceivedStatement)
        assert again_one.original == first.original
        if first.has_own_id:
            assert said(again_one) == said(first)


@given(STATEMENTS)
def test_what_has_neither_id_nor_time_gets_the_same_ones_each_time(statement: dict[str, Any]) -> None:
    bare = {name: value for name, value in statement.items() if name not in {"id", "timestamp"}}
    sent = sent_alone_or_listed("any", json.dumps([bare]).encode())
    first, second = again(sent)[0], again(sent)[0]
    assert said(first) == said(second)
    assert isinstance(first, ReceivedStatement)
    assert first.event.occurred_at == AT


@given(dated, st.booleans())
def test_a_cloud_event_is_the_same_again_in_both_modes(statement: dict[str, Any], is_binary: bool) -> None:
    attributes = {"specversion": "1.0", "id": "1", "source": "https://lms.example", "type": "x.answered"}
    if is_binary:
        content = json.dumps(statement).encode()
        named = {**attributes, "datacontenttype": "application/json"}
        first, sent = read_binary(named, content, 0, AT), sent_in_binary(named, content)
    else:
        whole = json.dumps({**attributes, "data": statement}).encode()
        first, sent = read_structured(whole, 0, AT), sent_alone_or_listed("cloudevents", whole)
    assert said(again(sent)[0]) == said(first)


parts = st.lists(
    st.sampled_from([caliper_event(), graded(object=attempt()["id"]), attempt(), entity(), graded(actor=ADA)]),
    min_size=1,
    max_size=6,
    unique_by=lambda one: str(one["id"]),
)


@given(parts, st.data())
def test_an_event_of_an_envelope_is_the_same_again_without_those_that_were_taken(
    items: list[dict[str, Any]], data: st.DataObject
) -> None:
    raw = json.dumps(envelope(*items)).encode()
    firsts = read_items(read_envelope(raw, 100), AT)
    wanted = sorted(data.draw(st.sets(st.integers(0, len(items) - 1), min_size=1)))
    found = again(sent_in_envelope(raw), wanted)
    assert sorted(found) == wanted
    for index in wanted:
        if isinstance(firsts[index], ReceivedStatement):
            assert said(found[index]) == said(firsts[index])
        else:
            assert type(found[index]) is type(firsts[index])
