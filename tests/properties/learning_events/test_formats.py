"""Whatever is sent as Caliper or CloudEvent is refused with a reason, or becomes a valid statement that says so."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.learning_events.domain.any_event import read_any
from services.learning_events.domain.batch import ReceivedStatement, RefusedStatement
from services.learning_events.domain.derived import ORIGIN
from services.learning_events.domain.envelope import Envelope, read_items
from services.learning_events.domain.immutability import is_same_statement
from services.learning_events.domain.normal_form import normal_form
from services.learning_events.domain.statement import faults_of
from shared.kernel.canonical_json import digest
from tests.unit.learning_events.caliper_samples import ADA, QUIZ, V1, V2, attempt, caliper_event, entity, graded

NOW = datetime(2026, 3, 2, tzinfo=UTC)
GIVEN_ID = "7ccd3322-e1a5-411a-a67d-6a735c76f119"
IRIS = st.sampled_from([ADA, QUIZ, "urn:x:y", "_:b0", "http://purl.imsglobal.org/caliper/Person", "no iri", "", "é:ü"])
ODD = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5)
)
NUMBERS = st.integers(-20, 20) | st.floats(-20, 20)
TYPES = st.sampled_from(
    ["Person", "Agent", "Group", "Attempt", "Score", "Result", "Assessment", "SoftwareApplication", "", "é"]
)
ENTITIES = st.recursive(
    IRIS,
    lambda inner: st.fixed_dictionaries(
        {"id": IRIS, "type": TYPES},
        optional={
            "assignee": inner,
            "assignable": inner,
            "attempt": inner,
            "member": inner,
            "isPartOf": inner,
            "creators": st.lists(inner, max_size=2),
            "name": ODD,
            "duration": st.sampled_from(["PT5M", "soon"]) | ODD,
            "scoreGiven": NUMBERS | ODD,
            "maxScore": NUMBERS | ODD,
            "totalScore": NUMBERS | ODD,
        },
    ),
    max_leaves=6,
)
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "@context": st.sampled_from([V1, V2, [V2], ["x", V1], "x"]) | ODD,
        "actor": ENTITIES,
        "action": st.sampled_from(["Graded", "Completed", "Viewed", "urn:x:did", "Done"]) | ODD,
        "object": ENTITIES,
        "generated": ENTITIES,
        "edApp": ENTITIES,
        "group": ENTITIES,
        "extensions": ODD | st.dictionaries(st.text(max_size=3), ODD, max_size=2),
        "eventTime": st.sampled_from(["2026-03-01T09:30:00.000Z", "2026-02-30T00:00:00Z"]) | ODD,
    },
).flatmap(lambda changes: st.sampled_from([{**caliper_event(), **changes}, {**graded(), **changes}]))


def judge(item: Any, reading: Any) -> None:
    """Raise AssertionError unless it was refused with reasons, or says what it should."""
    if isinstance(reading, RefusedStatement):
        assert reading.faults
        assert all(fault.rule and fault.mend for fault in reading.faults)
        return
    if not isinstance(reading, ReceivedStatement):
        assert reading.original.content
        return
    statement = json.loads(reading.original)
    assert faults_of(statement) == []
    event = reading.event
    assert normal_form(statement, event.statement_id, NOW, event.digest, event.format) == event
    assert is_same_statement(statement, statement)
    if event.format != "xapi":
        assert statement["context"]["extensions"][ORIGIN] == {"format": event.format, "sha256": event.digest.hex()}


@given(EVENTS)
def test_a_caliper_event_is_refused_or_becomes_a_valid_statement(item: Any) -> None:
    reading = read_any(json.dumps(item).encode(), 0, NOW, lambda: GIVEN_ID)
    judge(item, reading)
    if isinstance(reading, ReceivedStatement):
        assert reading.event.digest == digest(json.loads(json.dumps(item)))


@given(st.lists(EVENTS | ENTITIES, max_size=4))
def test_an_envelope_of_anything_has_a_reading_an_item(items: list[Any]) -> None:
    described = [{"@context": V2, **attempt()}, entity()]
    raw = [json.dumps(item).encode() for item in (*described, *items)]
    readings = read_items(Envelope({"dataVersion": V2}, tuple(raw)), NOW)
    assert [one.index for one in readings] == list(range(len(raw)))
    for item, reading in zip((*described, *items), readings, strict=True):
        judge(item, reading)


@given(st.sampled_from(["Graded"]), ENTITIES, ENTITIES)
def test_a_grade_is_never_told_of_who_marked_it(action: str, target: Any, generated: Any) -> None:
    marker = "https://lms.example/users/the-marker"
    item = graded(action=action, actor={"id": marker, "type": "Person"}, object=target, generated=generated)
    reading = read_any(json.dumps(item).encode(), 0, NOW, lambda: GIVEN_ID)
    if isinstance(reading, ReceivedStatement) and not reading.event.is_group:
        assert reading.event.actor != f"openid:{marker}"


ATTRIBUTES = st.dictionaries(
    st.sampled_from(["specversion", "id", "source", "type", "time", "subject", "datacontenttype", "dataschema", "ext"])
    | st.text(max_size=4),
    st.sampled_from(["1.0", "/x", "deedlog.learning-event.v1", "2026-03-01T09:30:00Z", "application/json"]) | ODD,
)
RESULTS = ODD | st.fixed_dictionaries({"score": st.fixed_dictionaries({"scaled": NUMBERS})})
OWN = st.fixed_dictionaries(
    {
        "actor": st.just({"openid": ADA}) | ODD,
        "verb": st.just(QUIZ) | IRIS,
        "object": st.just(QUIZ) | IRIS | st.fixed_dictionaries({"id": IRIS, "name": ODD}),
    },
    optional={"result": RESULTS, "more": ODD},
)


USUAL = st.fixed_dictionaries(
    {}, optional={"time": st.just("2026-03-01T09:30:00Z"), "subject": st.text(max_size=3), "id": st.text(max_size=9)}
)
NEEDED = {"specversion": "1.0", "id": "1", "source": "/x", "type": "deedlog.learning-event.v1"}


@given(USUAL.map(lambda some: {**NEEDED, **some}) | ATTRIBUTES, OWN | EVENTS | ODD)
def test_a_cloud_event_is_refused_or_becomes_a_valid_statement(attributes: dict[str, Any], data: Any) -> None:
    item = {**attributes, "specversion": "1.0", "data": data}
    judge(item, read_any(json.dumps(item).encode(), 0, NOW, lambda: GIVEN_ID))
