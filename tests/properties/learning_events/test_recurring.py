"""What is remembered of a statement's parts says just what looking at them again would; so do facts written by hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from services.learning_events.domain.activity_definition import given_definitions
from services.learning_events.domain.arrival import Account, Writer, statement_recorded
from services.learning_events.domain.batch import validate_batch
from services.learning_events.domain.normal_form import NormalEvent, normal_form
from services.learning_events.domain.recurring import (
    BYTES_MAX,
    _Memory,
    definitions_known,
    recurring_in,
    terms_known,
)
from services.learning_events.domain.statement import faults_of
from services.learning_events.domain.terms import terms_of
from shared.events.learning_events import Score, StatementRecorded
from shared.kernel.ids import AccountId, FactId, PersonId
from tests.properties.learning_events.statements import STATEMENTS, places, replaced

NOW = datetime(2026, 3, 2, tzinfo=UTC)
OWNER = Account(AccountId("acc_1"), PersonId("prs_1"))
WRONG: Final[st.SearchStrategy[Any]] = st.sampled_from([None, True, 1.5, "", "x y", [], {}])


@given(STATEMENTS, WRONG, st.data())
def test_the_same_is_wrong_with_it_whether_parts_are_known_or_not(
    statement: dict[str, Any], wrong: Any, data: st.DataObject
) -> None:
    path = data.draw(st.sampled_from([path for path, _ in places(statement)]))
    for sent in (statement, replaced(statement, path, wrong), statement):
        assert faults_of(sent, known=recurring_in(sent)) == faults_of(sent)


@given(STATEMENTS)
def test_it_is_found_by_the_same_and_tells_the_same_of_activities(statement: dict[str, Any]) -> None:
    known = recurring_in(statement)
    terms, definitions = terms_known(statement, known), definitions_known(statement, known)
    assert terms is None or (set(terms) == set(terms_of(statement)) and len(terms) == len(set(terms)))
    assert definitions is None or definitions == given_definitions(statement)
    plain, quick = normal_form(statement, "id", NOW, b""), normal_form(statement, "id", NOW, b"", known=known)
    assert plain == quick


@given(STATEMENTS)
def test_a_batch_reads_as_its_statements_do_one_by_one(statement: dict[str, Any]) -> None:
    raw = json.dumps([statement], ensure_ascii=False).encode()
    (alone,) = validate_batch(raw[1:-1], NOW, lambda: "unused").accept_whole()
    (among,) = validate_batch(raw, NOW, lambda: "unused").accept_whole()
    assert alone == among


def test_what_is_known_keeps_what_python_takes_for_equal_apart() -> None:
    activity = {"id": "urn:a", "definition": {"extensions": {"urn:x": 1}}}
    for value, other in ((1, True), (1, 1.0), (0.0, False)):
        found = []
        for one in (value, other):
            definition = {"extensions": {"urn:x": one}}
            known = recurring_in({"object": {**activity, "definition": definition}}).activity
            assert known is not None
            found.append(json.dumps(known.definitions[0].definition))
        assert found[0] != found[1]


def test_a_memory_that_is_full_begins_anew_and_says_the_same() -> None:
    memory = _Memory(lambda value: value["id"], entries_max=3, bytes_max=20)
    assert [memory.of({"id": place}) for place in (1, 2, 3, 1, 4, 1)] == [1, 2, 3, 1, 4, 1]
    assert len(memory._known) == 2
    assert memory.of({"id": "x" * 20}) is None
    assert memory.of([1]) is None


def test_a_part_that_is_too_long_to_be_remembered_is_not_taken_for_an_empty_one() -> None:
    long = "x" * BYTES_MAX
    around = {"contextActivities": {"parent": [{"id": f"urn:{long}"}]}}
    sent = {"actor": {"mbox": "mailto:a@b.c", "name": long}, "verb": {"id": f"urn:{long}"}, "context": around}
    assert recurring_in({**sent, "object": {"id": f"urn:{long}"}}) == (None, None, None, None)
    assert recurring_in([sent]) == (None, None, None, None)


@given(STATEMENTS)
def test_a_fact_is_written_as_its_model_would_write_it(statement: dict[str, Any]) -> None:
    event = normal_form(statement, statement["id"].lower(), NOW, bytes(32))._replace(object_type="Activity")
    told = statement_recorded(event, FactId("f"), OWNER, Writer("org_1", "key_1", is_test=True))
    expected = _model(event).fact(FactId("f"), OWNER.person, event.occurred_at, "org_1")
    assert told == expected


def _model(event: NormalEvent) -> StatementRecorded:
    score = event.score
    return StatementRecorded(
        statement=event.statement_id,
        format=event.format,
        account=OWNER.account,
        verb=event.verb,
        object=event.object_id,
        object_type=event.object_type,
        score=None if score is None else Score(scaled=score.scaled, raw=score.raw, min=score.min, max=score.max),
        success=event.success,
        completion=event.completion,
        duration_seconds=event.duration_seconds,
        registration=event.registration,
        digest=event.digest.hex(),
        is_test=True,
    )
