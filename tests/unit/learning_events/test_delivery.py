"""What is kept of a refused request, and how mended items take their place."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.learning_events.domain.delivery import ITEMS_BYTES_MAX, errors_by_item, mended, refused_items
from shared.kernel.errors import Fault, Rejected

ERROR = {"pointer": "/verb", "rule": "it is missing", "mend": "Send it."}
items = st.lists(st.dictionaries(st.text(max_size=5), st.integers(-9, 9), max_size=3), max_size=8)


def kept(value: Any, errors: dict[int, list[dict[str, str]]], *, is_whole: bool) -> list[dict[str, Any]]:
    content = refused_items(json.dumps(value).encode(), errors, is_whole=is_whole)
    assert content is not None
    found: list[dict[str, Any]] = json.loads(content)
    return found


@given(items, st.sets(st.integers(0, 7)))
def test_of_parts_only_what_was_refused_is_kept_and_of_a_whole_everything(sent: list[Any], bad: set[int]) -> None:
    errors = {index: [ERROR] for index in bad if index < len(sent)}
    assert [one["index"] for one in kept(sent, errors, is_whole=False)] == sorted(errors)
    assert [one["item"] for one in kept(sent, errors, is_whole=True)] == sent


@given(items, st.dictionaries(st.integers(0, 7), st.integers()))
def test_a_mended_item_takes_the_place_of_what_was_sent_and_all_others_stay(
    sent: list[Any], changes: dict[int, int]
) -> None:
    known = {index: item for index, item in changes.items() if index < len(sent)}
    now = mended(kept(sent, {}, is_whole=True), known)
    assert now == [(index, known.get(index, item)) for index, item in enumerate(sent)]


def test_an_item_that_was_not_refused_cannot_be_mended() -> None:
    with pytest.raises(Rejected):
        mended([{"index": 1, "item": {}}], {0: {}})


def test_what_is_no_json_or_too_large_is_not_kept() -> None:
    assert refused_items(b"{", {}, is_whole=True) is None
    assert refused_items(json.dumps(["x" * ITEMS_BYTES_MAX]).encode(), {}, is_whole=True) is None
    assert refused_items(json.dumps([1] * 501).encode(), {}, is_whole=True) is None


def test_faults_are_told_by_item_and_those_of_headers_are_no_items() -> None:
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
