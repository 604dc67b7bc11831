"""What is kept of a refused request, and how mended items take their place."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.learning_events.domain.delivery import errors_by_item
from services.learning_events.domain.item_result import ItemResult
from services.learning_events.domain.refused_items import ITEMS_BYTES_MAX, RefusedItem, RefusedItems
from services.learning_events.domain.sent_items import refused_items, sent_alone_or_listed, sent_in_envelope
from shared.kernel.errors import Conflict, Fault, NotFound, Rejected, TooLarge

ERROR = {"pointer": "/verb", "rule": "it is missing", "mend": "Send it."}
AT = datetime(2026, 3, 1, tzinfo=UTC)
items = st.lists(st.dictionaries(st.text(max_size=5), st.integers(-9, 9), max_size=3), max_size=8)
outcomes = st.sampled_from(["stored", "duplicate", "conflict", "invalid"])


def kept(value: Any, errors: dict[int, list[dict[str, str]]], *, is_whole: bool) -> list[RefusedItem]:
    """Return what is kept of an array, as it is read back."""
    found = refused_items(sent_alone_or_listed("xapi", json.dumps(value).encode()), errors, is_whole=is_whole)
    if found is None:
        return []
    content = found.dumps()
    assert content is not None
    assert RefusedItems.loads(content) == found
    return list(found.items)


@given(items, st.sets(st.integers(0, 7)))
def test_of_parts_only_what_was_refused_is_kept_and_of_a_whole_everything(sent: list[Any], bad: set[int]) -> None:
    errors = {index: [ERROR] for index in bad if index < len(sent)}
    assert [one.index for one in kept(sent, errors, is_whole=False)] == sorted(errors)
    assert [one.item for one in kept(sent, errors, is_whole=True)] == sent


@given(items.filter(bool), st.dictionaries(st.integers(0, 7), st.integers()))
def test_a_mended_item_takes_the_place_of_what_was_sent_and_all_others_stay(
    sent: list[Any], changes: dict[int, int]
) -> None:
    known = {index: item for index, item in changes.items() if index < len(sent)}
    now = RefusedItems("xapi", tuple(kept(sent, {}, is_whole=True))).with_changes(known, None)
    assert [(one.index, one.item) for one in now.items] == [
        (index, known.get(index, item)) for index, item in enumerate(sent)
    ]


@given(items.filter(bool), st.lists(st.lists(st.tuples(st.integers(0, 7), outcomes), max_size=8), max_size=4))
def test_whatever_became_of_resends_an_item_once_taken_stays_taken_and_is_let_go(
    sent: list[Any], rounds: list[list[tuple[int, str]]]
) -> None:
    now = RefusedItems("xapi", tuple(kept(sent, {}, is_whole=True)))
    taken: dict[int, str] = {}
    fault = (Fault("/verb", "it is wrong", "Mend it."),)
    for answers in rounds:
        results = [ItemResult(i, what, "x", () if what in {"stored", "duplicate"} else fault) for i, what in answers]
        now = now.with_results(results, AT)
        for index, what in dict(answers).items():
            if index < len(sent) and what in {"stored", "duplicate"}:
                taken.setdefault(index, what)
        assert {one.index: one.resent["outcome"] for one in now.items if one.resent is not None} == taken
        assert all(one.item is None for one in now.items if one.resent is not None)
        assert {one.index for one in now.pending} == set(range(len(sent))) - set(taken)


def test_only_what_was_refused_and_not_taken_since_can_be_mended() -> None:
    refused = RefusedItems("xapi", (RefusedItem(1, {}), RefusedItem(3, {})))
    with pytest.raises(Rejected, match="no refused item"):
        refused.with_changes({0: {}}, None)
    with pytest.raises(NotFound):
        refused.with_mended(0, {}, ())
    with pytest.raises(Conflict, match="stored"):
        refused.with_results([ItemResult(1, "stored", "x")], AT).with_mended(1, {"a": 1}, ())
    with pytest.raises(TooLarge):
        refused.with_mended(1, "x" * ITEMS_BYTES_MAX, ())
    with pytest.raises(Rejected, match="no envelope"):
        refused.with_changes({}, {"sensor": "https://x.example"})


def test_what_cannot_be_parted_or_is_too_much_is_not_kept() -> None:
    with pytest.raises(Rejected):
        sent_alone_or_listed("xapi", b"[1, ")
    found = refused_items(sent_alone_or_listed("xapi", json.dumps(["x" * ITEMS_BYTES_MAX]).encode()), {}, is_whole=True)
    assert found is not None
    assert found.dumps() is None
    assert kept([1] * 501, {}, is_whole=True) == []


def test_a_line_that_is_no_json_is_kept_as_its_text() -> None:
    sent = sent_alone_or_listed("any", b'{"a": 1}\n{"a": \n', are_lines=True)
    found = refused_items(sent, {1: [ERROR]}, is_whole=False)
    assert found is not None
    assert [one.item for one in found.items] == ['{"a": ']


def test_of_an_envelope_the_entities_that_a_refused_event_names_are_kept_with_it() -> None:
    person = {"id": "https://lms.example/people/1", "type": "Person"}
    quiz = {"id": "https://lms.example/quizzes/1", "type": "Assessment", "isPartOf": "https://lms.example/courses/1"}
    course = {"id": "https://lms.example/courses/1", "type": "CourseOffering"}
    event = {"type": "AssessmentEvent", "actor": person["id"], "object": quiz["id"]}
    stranger = {"id": "https://lms.example/people/2", "type": "Person"}
    said = {"sensor": "https://lms.example", "sendTime": "2026-03-01T00:00:00.000Z", "dataVersion": "v1p2"}
    raw = json.dumps({**said, "data": [person, quiz, event, course, stranger]}).encode()
    found = refused_items(sent_in_envelope(raw), {2: [ERROR]}, is_whole=False)
    assert found is not None
    assert (found.envelope, [one.item for one in found.items]) == (said, [event])
    assert sorted(one["id"] for one in found.entities) == sorted([person["id"], quiz["id"], course["id"]])


def test_what_was_kept_before_the_form_was_told_is_read_as_statements() -> None:
    old = b'[{"index":1,"item":{"a":1},"errors":[]}]'
    assert RefusedItems.loads(old) == RefusedItems("xapi", (RefusedItem(1, {"a": 1}),))


def test_faults_are_told_by_item_and_those_of_headers_and_envelopes_are_no_items() -> None:
    faults = [
        Fault("/3/verb/id", "r", "m"),
        Fault("/actor", "r", "m"),
        Fault("", "r", "m"),
        Fault("if-match", "r", "m"),
    ]
    found = errors_by_item(faults)
    assert {index: [one["pointer"] for one in listed] for index, listed in found.items()} == {
        3: ["/verb/id"],
        0: ["/actor", ""],
    }
    inside = errors_by_item(
        [Fault("/data/2/actor", "r", "m"), Fault("/sensor", "r", "m"), Fault("", "r", "m")], "/data"
    )
    assert {index: [one["pointer"] for one in listed] for index, listed in inside.items()} == {2: ["/actor"]}
