"""Which Caliper documents are valid, whom they are about, and which statement says the same."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from services.learning_events.domain.batch import ReceivedStatement, RefusedStatement
from services.learning_events.domain.derived import Reading, ReceivedEntity
from services.learning_events.domain.envelope import read_alone, read_envelope, read_items
from shared.kernel.errors import Rejected, TooLarge
from tests.unit.learning_events.caliper_samples import (
    ADA,
    GRADER,
    QUIZ,
    V1,
    attempt,
    caliper_event,
    entity,
    envelope,
    graded,
)
from tests.unit.learning_events.readings import accepted, refused_at

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def read(item: Any) -> Reading:
    return read_alone(json.dumps(item).encode(), 0, NOW)


def taken(item: Any) -> ReceivedStatement:
    return accepted(read(item))


def pointers(item: Any) -> list[str]:
    return refused_at(read(item))


def test_an_event_becomes_a_statement_about_who_acted() -> None:
    item = caliper_event()
    event = taken(item).event
    assert (event.actor, event.is_group) == (f"openid:{ADA}", False)
    assert event.verb == "http://purl.imsglobal.org/caliper/actions/Submitted"
    assert (event.object_id, event.object_type, event.completion) == (QUIZ, "Activity", True)
    assert event.occurred_at == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    assert event.statement_id == item["id"].removeprefix("urn:uuid:")
    assert event.format == "caliper"


def test_the_bytes_are_kept_as_they_were_sent() -> None:
    raw = json.dumps(caliper_event(), indent=3).encode()
    reading = read_alone(raw, 0, NOW)
    assert isinstance(reading, ReceivedStatement)
    assert reading.sent is not None
    assert reading.sent.content == raw


def test_a_grade_is_about_whose_work_it_is_and_never_about_who_marked_it() -> None:
    reading = taken(graded(8, 10))
    assert reading.event.actor == f"openid:{ADA}"
    assert reading.event.object_id == QUIZ
    assert reading.event.score is not None
    assert (reading.event.score.scaled, reading.event.score.raw, reading.event.score.max) == (0.8, 8, 10)
    assert reading.event.duration_seconds == 3_012
    assert json.loads(reading.original)["context"]["instructor"] == {"openid": GRADER}


@pytest.mark.parametrize(
    "item",
    [
        graded(object="https://lms.example/attempts/1"),
        graded(object=attempt(assignee={"id": "https://lms.example/groups/1", "type": "Group"})),
        graded(object=attempt(assignee="_:b0")),
        caliper_event(actor={"id": "https://lms.example/robot", "type": "SoftwareApplication"}),
        caliper_event(actor="https://lms.example/app", edApp="https://lms.example/app"),
        caliper_event(actor={"id": "_:b1", "type": "Person"}),
        caliper_event(actor={"id": "http://purl.imsglobal.org/ctx/caliper/v1p2/Person", "type": "Person"}),
    ],
    ids=["unknown attempt", "group's work", "nameless learner", "robot", "the application", "nameless", "anybody"],
)
def test_what_is_about_no_known_person_is_told_of_nobody(item: Any) -> None:
    assert taken(item).event.is_group


def test_a_robots_grade_is_about_the_learner() -> None:
    reading = taken(graded(actor={"id": "https://lms.example/robot", "type": "SoftwareApplication"}))
    assert reading.event.actor == f"openid:{ADA}"
    assert "instructor" not in json.loads(reading.original)["context"]


@pytest.mark.parametrize(
    ("points", "most", "score"),
    [
        (8, 10, {"scaled": 0.8, "raw": 8, "min": 0, "max": 10}),
        (12, 10, {"scaled": 1, "raw": 12}),
        (-1, 10, {"raw": -1, "max": 10}),
        (8, None, {"raw": 8}),
        (0, 0, {"raw": 0}),
    ],
)
def test_points_become_a_score(points: float, most: float | None, score: dict[str, float]) -> None:
    assert json.loads(taken(graded(points, most)).original)["result"]["score"] == score


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"@context": "http://purl.imsglobal.org/ctx/caliper/v1/Context"}, "/@context"),
        ({"id": "https://lms.example/events/1"}, "/id"),
        ({"id": "urn:uuid:12"}, "/id"),
        ({"type": 3}, "/type"),
        ({"actor": None}, "/actor"),
        ({"actor": "ada"}, "/actor"),
        ({"actor": {"id": ADA}}, "/actor/type"),
        ({"action": "Complete"}, "/action"),
        ({"action": "http://adlnet.gov/expapi/verbs/voided"}, "/action"),
        ({"object": 7}, "/object"),
        ({"eventTime": "yesterday"}, "/eventTime"),
        ({"eventTime": "2026-03-01T09:30:00"}, "/eventTime"),
        ({"extensions": []}, "/extensions"),
        ({"generated": {"id": QUIZ, "type": "Score", "scoreGiven": "8"}}, "/generated/scoreGiven"),
        ({"object": attempt(duration="an hour")}, "/object/duration"),
        ({"object": attempt(assignee={"id": 3, "type": "Person"})}, "/object/assignee/id"),
    ],
)
def test_each_fault_is_named_by_its_place(changes: dict[str, Any], pointer: str) -> None:
    assert pointers(caliper_event(**changes)) == [pointer]


@pytest.mark.parametrize("missing", ["@context", "id", "type", "actor", "action", "object", "eventTime"])
def test_what_an_event_needs_is_asked_for(missing: str) -> None:
    item = caliper_event()
    del item[missing]
    assert pointers(item) == [f"/{missing}"]


def test_a_name_too_long_for_a_fact_is_refused_by_its_own_place() -> None:
    assert pointers(caliper_event(object=f"https://lms.example/{'x' * 2_000}")) == ["/object"]
    assert pointers(caliper_event(action=f"https://lms.example/{'x' * 2_000}")) == ["/action"]


def test_version_1_1_and_further_contexts_are_read_too() -> None:
    for context in (V1, [{"x": "https://x.example/x"}, V1]):
        assert not taken(caliper_event(**{"@context": context})).event.is_group


def test_an_entity_is_no_statement_and_knows_whom_it_describes() -> None:
    reading = read(entity())
    assert isinstance(reading, ReceivedEntity)
    assert (reading.entity, reading.owner) == (ADA, f"openid:{ADA}")
    work = read({"@context": V1, **attempt()})
    assert isinstance(work, ReceivedEntity)
    assert work.owner == f"openid:{ADA}"
    thing = read({"@context": V1, "id": QUIZ, "type": "Assessment"})
    assert isinstance(thing, ReceivedEntity)
    assert thing.owner is None


def test_an_entity_has_one_id_for_one_description() -> None:
    first, again, other = (read(entity(name=name)) for name in ("Ada", "Ada", "Ada L."))
    assert isinstance(first, ReceivedEntity)
    assert isinstance(again, ReceivedEntity)
    assert isinstance(other, ReceivedEntity)
    assert first.id == again.id != other.id


def test_an_event_may_name_what_its_envelope_describes() -> None:
    event = graded(object=attempt()["id"])
    sent = envelope({"@context": V1, **attempt()}, event)
    described, told = read_items(read_envelope(json.dumps(sent).encode(), 10), NOW)
    assert isinstance(described, ReceivedEntity)
    assert isinstance(told, ReceivedStatement)
    assert (told.event.actor, told.event.object_id) == (f"openid:{ADA}", QUIZ)
    assert told.sent is not None
    assert dict(told.sent.envelope) == {name: sent[name] for name in ("sensor", "sendTime", "dataVersion")}


def test_one_bad_item_leaves_the_others_of_its_envelope_alone() -> None:
    raw = json.dumps(envelope(caliper_event(), 3, caliper_event())).encode().replace(b" 3,", b' {"a":1,"a":2},')
    kinds = [type(one) for one in read_items(read_envelope(raw, 10), NOW)]
    assert kinds == [ReceivedStatement, RefusedStatement, ReceivedStatement]


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"sensor": "one"}, "/sensor"),
        ({"sendTime": "now"}, "/sendTime"),
        ({"dataVersion": "1.2"}, "/dataVersion"),
        ({"data": {}}, "/data"),
        ({"more": 1}, "/more"),
    ],
)
def test_an_envelope_of_another_form_is_refused_whole(changes: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Rejected) as refused:
        read_envelope(json.dumps(envelope(**changes)).encode(), 10)
    assert [fault.pointer for fault in refused.value.faults] == [pointer]


def test_an_envelope_with_too_many_items_is_refused_and_the_bound_named() -> None:
    assert len(read_envelope(json.dumps(envelope(*[1] * 10)).encode(), 10).items) == 10
    with pytest.raises(TooLarge, match="more than 10 items"):
        read_envelope(json.dumps(envelope(*[1] * 11)).encode(), 10)
