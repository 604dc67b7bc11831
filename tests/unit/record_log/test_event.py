"""A fact enters the record in one form, and only in that."""

from __future__ import annotations

from typing import Any

import pytest

from services.record_log.domain.event import MAIN, record_event, stream_of
from shared.events.fact import Fact
from shared.kernel import canonical_json
from shared.kernel.clock import parse_rfc3339
from shared.kernel.errors import Rejected
from shared.kernel.ids import FactId, Subject

ATTRIBUTES = {
    "specversion": "1.0",
    "id": "01937a00-0000-7000-8000-000000000001",
    "source": "learning_events",
    "type": "deedlog.learning-events.statement-recorded.v1",
    "subject": "prs_06BZ8Q0T3V7M1N5K2R4W6Y8ZAC",
    "time": "2026-11-23T12:00:00.000000Z",
    "recordedtime": "2026-11-23T12:00:01.000000Z",
    "sequence": "17",
    "organisation": "org_06BZ8Q0T3V7M1N5K2R4W6Y8ZAC",
}


def test_the_canonical_event_of_the_golden_case_has_its_golden_bytes() -> None:
    event = record_event(ATTRIBUTES, {"verb": "passed", "score": {"scaled": 0.5}})
    assert event.canonical == (
        b'{"data":{"score":{"scaled":0.5},"verb":"passed"},"id":"01937a00-0000-7000-8000-000000000001",'
        b'"organisation":"org_06BZ8Q0T3V7M1N5K2R4W6Y8ZAC","recordedtime":"2026-11-23T12:00:01.000000Z",'
        b'"sequence":"17","source":"learning_events","specversion":"1.0","subject":"prs_06BZ8Q0T3V7M1N5K2R4W6Y8ZAC",'
        b'"time":"2026-11-23T12:00:00.000000Z","type":"deedlog.learning-events.statement-recorded.v1"}'
    )
    assert (event.source, event.id, event.kind) == (ATTRIBUTES["source"], ATTRIBUTES["id"], ATTRIBUTES["type"])


def test_the_attributes_of_a_fact_are_taken_as_it_tells_them() -> None:
    instant = parse_rfc3339("2026-11-23T12:00:00Z")
    fact = Fact(FactId("f"), "identity", Subject("prs_1"), 3, "t.v1", instant, instant, None, b'{"a":1}')
    event = record_event(fact.attributes(), canonical_json.loads(fact.data or b"null"))
    assert canonical_json.loads(event.canonical) == {**fact.attributes(), "data": {"a": 1}}


def test_an_erased_fact_keeps_its_place_with_data_null() -> None:
    assert b'"data":null' in record_event(ATTRIBUTES, None).canonical


def test_what_travels_with_a_fact_is_no_part_of_it() -> None:
    travelled = {**ATTRIBUTES, "traceparent": "00-x", "datacontenttype": "application/json", "erased": "true"}
    assert record_event(travelled, {}) == record_event(ATTRIBUTES, {})


def test_a_fact_without_organisation_has_no_such_member() -> None:
    alone = {name: value for name, value in ATTRIBUTES.items() if name != "organisation"}
    assert b"organisation" not in record_event(alone, {}).canonical


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("id", ""),
        ("source", None),
        ("sequence", 17),
        ("sequence", "017"),
        ("sequence", "0"),
        ("sequence", "-1"),
        ("sequence", "１"),
        ("time", "2026-11-23T12:00:00Z"),
        ("time", "2026-11-23T13:00:00.000000+01:00"),
        ("recordedtime", "yesterday"),
        ("organisation", ""),
    ],
)
def test_an_attribute_in_another_form_is_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(Rejected, match=f"/{name}"):
        record_event({**ATTRIBUTES, name: value}, {})


@pytest.mark.parametrize("name", sorted(ATTRIBUTES.keys() - {"organisation"}))
def test_a_missing_attribute_is_refused_by_name(name: str) -> None:
    with pytest.raises(Rejected, match=f"/{name}"):
        record_event({key: value for key, value in ATTRIBUTES.items() if key != name}, {})


def test_data_that_is_no_object_is_refused() -> None:
    with pytest.raises(Rejected, match="/data"):
        record_event(ATTRIBUTES, [])


def test_a_fact_of_a_project_belongs_in_the_project_s_stream() -> None:
    assert stream_of({"project": "prj_1", "title": "x"}) == "prj_1"
    assert stream_of({"title": "x"}) == stream_of(None) == stream_of({"project": None}) == MAIN
