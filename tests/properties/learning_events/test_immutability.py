"""The comparison of two statements under one id, over all statements."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given

from services.learning_events.domain.immutability import is_same_statement
from tests.properties.learning_events.statements import STATEMENTS


@given(STATEMENTS)
def test_a_statement_is_the_same_as_itself(statement: dict[str, Any]) -> None:
    assert is_same_statement(statement, copy.deepcopy(statement))


@given(STATEMENTS)
def test_what_a_store_sets_makes_no_difference(statement: dict[str, Any]) -> None:
    stored = {
        **statement,
        "id": statement["id"].swapcase(),
        "stored": "2026-03-01T09:30:00Z",
        "authority": {"mbox": "mailto:store@example.org"},
        "version": "1.0.0",
        "timestamp": statement.get("timestamp", "2026-03-01T09:30:00Z"),
        "verb": {**statement["verb"], "display": {"fr": "fait"}},
    }
    assert is_same_statement(statement, stored)


@given(STATEMENTS, STATEMENTS)
def test_the_comparison_knows_no_order(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert is_same_statement(one, other) == is_same_statement(other, one)


@given(STATEMENTS)
def test_another_verb_or_result_is_never_the_same(statement: dict[str, Any]) -> None:
    verb = {**statement, "verb": {"id": statement["verb"]["id"] + "x"}}
    extensions = {**statement.get("result", {}).get("extensions", {}), "https://example.org/new": 1}
    result = {**statement, "result": {**statement.get("result", {}), "extensions": extensions}}
    assert not is_same_statement(statement, verb)
    assert not is_same_statement(statement, result)
