"""Which CloudEvents are read, and what each of the three kinds of data in them becomes."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from services.learning_events.domain.any_event import read_any
from services.learning_events.domain.batch import ReceivedStatement, RefusedStatement
from services.learning_events.domain.cloud_event import read_binary, read_structured
from services.learning_events.domain.derived import Reading
from tests.unit.learning_events.caliper_samples import caliper_event, entity, envelope
from tests.unit.learning_events.readings import accepted, refused_at
from tests.unit.learning_events.samples import small

NOW = datetime(2026, 3, 2, tzinfo=UTC)
OWN = {
    "actor": {"mbox": "mailto:ada@example.org"},
    "verb": "http://adlnet.gov/expapi/verbs/completed",
    "object": {"id": "https://lms.example/courses/1", "name": "Loops"},
    "result": {"score": {"scaled": 0.5}, "success": True},
}


def cloud_event(**changes: Any) -> dict[str, Any]:
    """Return a CloudEvent with our own event as its data."""
    made = {
        "specversion": "1.0",
        "id": "A234",
        "source": "/lms",
        "type": "deedlog.learning-event.v1",
        "time": "2026-03-01T09:30:00Z",
        "data": OWN,
    }
    return {name: value for name, value in {**made, **changes}.items() if value is not ...}


def read(item: Any) -> Reading:
    return read_structured(json.dumps(item).encode(), 0, NOW)


def taken(item: Any) -> ReceivedStatement:
    return accepted(read(item))


def pointers(item: Any) -> list[str]:
    return refused_at(read(item))


def test_our_own_event_becomes_a_statement_at_the_events_time() -> None:
    event = taken(cloud_event()).event
    assert (event.actor, event.verb) == ("mbox:ada@example.org", OWN["verb"])
    assert (event.object_id, event.success) == ("https://lms.example/courses/1", True)
    assert event.occurred_at == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    assert event.format == "cloudevents"
    assert taken(cloud_event(time=...)).event.occurred_at == NOW


def test_source_and_id_name_an_event_once_and_for_all() -> None:
    def given(**changes: Any) -> str:
        return taken(cloud_event(**changes)).event.statement_id

    assert given() == given(subject="x")
    assert len({given(), given(id="A235"), given(source="/lms2"), given(source="/lmsA", id="234")}) == 4


def test_a_statement_in_a_cloud_event_is_that_statement() -> None:
    statement = small()
    statement["id"] = "7ccd3322-e1a5-411a-a67d-6a735c76f119"
    reading = taken(cloud_event(type="anything", data=statement))
    assert reading.event.statement_id == statement["id"]
    assert reading.event.format == "xapi"
    assert "context" not in json.loads(reading.original)


def test_a_statement_without_id_and_time_gets_those_of_its_cloud_event() -> None:
    reading = taken(cloud_event(type="anything", data=small()))
    again = taken(cloud_event(type="anything", data=small()))
    assert reading.event.statement_id == again.event.statement_id
    assert reading.event.occurred_at == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def test_a_caliper_event_in_a_cloud_event_is_that_event() -> None:
    event = caliper_event()
    reading = taken(cloud_event(type="anything", data=event))
    assert reading.event.statement_id == event["id"].removeprefix("urn:uuid:")
    assert reading.event.format == "caliper"


def test_the_data_is_kept_as_it_was_spelled_in_every_mode() -> None:
    spelled = json.dumps(OWN, indent=2).encode()
    attributes = {name: value for name, value in cloud_event().items() if name != "data"}
    wrapped = json.dumps(attributes).encode()[:-1]
    encoded = base64.b64encode(spelled)
    modes = [
        read_structured(wrapped + b',"data": ' + spelled + b"}", 0, NOW),
        read_structured(wrapped + b',"data_base64":"' + encoded + b'"}', 0, NOW),
        read_binary(attributes, spelled, 0, NOW),
    ]
    kept = [one.sent for one in modes if isinstance(one, ReceivedStatement)]
    assert [(one.content, dict(one.envelope)) for one in kept if one is not None] == [(spelled, attributes)] * 3
    assert len({one.original for one in modes if isinstance(one, ReceivedStatement)}) == 1


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"specversion": "0.3"}, "/specversion"),
        ({"specversion": ...}, "/specversion"),
        ({"id": ""}, "/id"),
        ({"id": 7}, "/id"),
        ({"source": ...}, "/source"),
        ({"source": "a b"}, "/source"),
        ({"type": ...}, "/type"),
        ({"time": "yesterday"}, "/time"),
        ({"datacontenttype": "application/xml"}, "/datacontenttype"),
        ({"dataschema": "schema"}, "/dataschema"),
        ({"subject": "x" * 2_049}, "/subject"),
        ({"Extension": "x"}, "/Extension"),
        ({"extension": {"a": 1}}, "/extension"),
        ({"data": ...}, "/data"),
        ({"data_base64": "e30="}, "/data"),
        ({"data": ..., "data_base64": "%"}, "/data_base64"),
        ({"data": 3}, "/data"),
        ({"data": {**OWN, "more": 1}}, "/data/more"),
        ({"data": {**OWN, "verb": "done"}}, "/data/verb"),
        ({"data": {**OWN, "verb": "http://adlnet.gov/expapi/verbs/voided"}}, "/data/verb"),
        ({"data": {**OWN, "object": {"id": "https://x.example/1", "kind": 1}}}, "/data/object/kind"),
        ({"data": {**OWN, "result": {"score": {"scaled": 2}}}}, "/data/result/score/scaled"),
        ({"data": {**OWN, "actor": {}}}, "/data/actor"),
        ({"data": {"hello": 1}, "type": "other"}, "/data"),
        ({"data": caliper_event(action="Complete")}, "/data"),
        ({"data": caliper_event(action="Complete"), "type": "other"}, "/data/action"),
        ({"data": {**small(), "verb": {}}, "type": "other"}, "/data/verb/id"),
        ({"data": {**OWN, "object": f"https://x.example/{'x' * 2_000}"}}, "/data/object"),
    ],
)
def test_each_fault_is_named_by_its_place(changes: dict[str, Any], pointer: str) -> None:
    assert pointers(cloud_event(**changes))[0].startswith(pointer)


def test_attributes_that_are_many_or_large_are_refused() -> None:
    def extensions(count: int, size: int) -> dict[str, str]:
        return {f"e{number}": "x" * size for number in range(count)}

    assert taken(cloud_event(**extensions(59, 100))).sent is not None
    assert "at most 64 attributes" in fault(cloud_event(**extensions(60, 1)))
    assert taken(cloud_event(**extensions(4, 1_900))).sent is not None
    assert "at most 8192 bytes" in fault(cloud_event(**extensions(5, 1_900)))


def fault(item: Any) -> str:
    reading = read(item)
    assert isinstance(reading, RefusedStatement)
    return reading.faults[0].rule


def test_a_fault_of_a_header_is_named_by_the_header() -> None:
    reading = read_binary({"specversion": "1.0", "id": "1", "type": "x"}, b"{}", 0, NOW)
    assert isinstance(reading, RefusedStatement)
    assert [fault.pointer for fault in reading.faults] == ["ce-source"]


def test_an_item_is_recognised_by_what_it_says_of_itself() -> None:
    def kind(item: Any) -> str:
        reading = read_any(json.dumps(item).encode(), 0, NOW, lambda: "7ccd3322-e1a5-411a-a67d-6a735c76f119")
        if isinstance(reading, RefusedStatement):
            return reading.faults[0].rule
        return reading.event.format if isinstance(reading, ReceivedStatement) else "entity"

    told = [kind(one) for one in (small(), caliper_event(), cloud_event(), entity())]
    assert told == ["xapi", "caliper", "cloudevents", "entity"]
    assert kind(envelope()) == "an envelope of Caliper is no event"
