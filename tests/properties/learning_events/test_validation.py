"""Every valid statement is taken, and whatever is made wrong in it is refused at its place."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from services.learning_events.domain.batch import validate_batch
from services.learning_events.domain.statement import faults_of
from tests.properties.learning_events.statements import STATEMENTS, places, pointer, replaced

NOW = datetime(2026, 3, 2, tzinfo=UTC)
NAMES = [
    "actor",
    "verb",
    "object",
    "id",
    "objectType",
    "result",
    "context",
    "member",
    "account",
    "score",
    "attachments",
    "definition",
    "choices",
]
TYPES = ["Agent", "Group", "SubStatement", "StatementRef", "Activity"]
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.sampled_from(TYPES),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=5),
)


def pointers(statement: Any) -> list[str]:
    return [fault.pointer for fault in faults_of(statement)]


@given(STATEMENTS)
def test_a_valid_statement_is_taken(statement: dict[str, Any]) -> None:
    assert faults_of(statement) == []


@given(STATEMENTS, st.data())
def test_null_is_refused_wherever_it_stands_outside_extensions(statement: dict[str, Any], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from([path for path, _ in places(statement)]))
    assert pointer(path) in pointers(replaced(statement, path, None))


@given(STATEMENTS, st.data())
def test_an_unknown_property_is_refused_in_every_object(statement: dict[str, Any], data: st.DataObject) -> None:
    path = data.draw(st.sampled_from([path for path, value in places(statement) if isinstance(value, dict)]))
    assert pointer((*path, "not_a_name")) in pointers(replaced(statement, (*path, "not_a_name"), "x"))


@given(STATEMENTS, st.data())
def test_a_value_of_another_json_type_is_refused(statement: dict[str, Any], data: st.DataObject) -> None:
    leaves = [(path, value) for path, value in places(statement) if not isinstance(value, dict | list)]
    path, value = data.draw(st.sampled_from(leaves))
    wrong = data.draw(st.sampled_from([other for other in ("1.5", 1.5, True) if type(other) is not type(value)]))
    assume(not (isinstance(value, int | float) and not isinstance(value, bool) and wrong == 1.5))
    assert pointer(path) in pointers(replaced(statement, path, wrong))


@given(STATEMENTS, st.sampled_from(["actor", "verb", "object"]))
def test_what_is_required_is_missed(statement: dict[str, Any], name: str) -> None:
    assert f"/{name}" in pointers({key: value for key, value in statement.items() if key != name})


@given(STATEMENTS)
def test_faults_say_rule_and_mend_and_at_most_twenty_stand_in_the_list(statement: dict[str, Any]) -> None:
    broken = {name: [value] for name, value in statement.items()}
    faults = faults_of(broken)
    assert 1 <= len(faults) <= 20
    assert all(fault.rule and fault.mend.endswith(".") for fault in faults)


@given(ANYTHING)
def test_no_json_value_makes_the_checks_stumble(value: Any) -> None:
    assert isinstance(faults_of(value), list)


@given(st.lists(st.tuples(STATEMENTS, st.booleans()), max_size=6, unique_by=lambda one: one[0]["id"].lower()))
def test_a_batch_parts_good_from_bad_and_loses_none(items: list[tuple[dict[str, Any], bool]]) -> None:
    sent = [statement if is_good else {**statement, "verb": 1} for statement, is_good in items]
    batch = validate_batch(json.dumps(sent).encode(), NOW, lambda: "unused")
    assert [statement.index for statement in batch.statements] == [i for i, (_, good) in enumerate(items) if good]
    assert [refused.index for refused in batch.refused] == [i for i, (_, good) in enumerate(items) if not good]
    assert all(refused.faults[0].pointer == f"/{refused.index}/verb" for refused in batch.refused)
    for received in batch.statements:
        assert json.loads(received.original) == sent[received.index]
        assert received.event.occurred_at.tzinfo is UTC
