"""A JSON Patch does what RFC 6902 says, whole or not at all, and costs no more than was said."""

from __future__ import annotations

import contextlib
import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.learning_events.domain.json_patch import BYTES_MAX, OPERATIONS_MAX, patched
from shared.kernel.canonical_json import DEPTH_MAX
from shared.kernel.errors import Conflict, Rejected

# RFC 6902, appendix A, in documents of our own.
EXAMPLES: list[tuple[Any, list[dict[str, Any]], Any]] = [
    ({"a": 1}, [{"op": "add", "path": "/b", "value": 2}], {"a": 1, "b": 2}),
    ({"a": [1, 3]}, [{"op": "add", "path": "/a/1", "value": 2}], {"a": [1, 2, 3]}),
    ({"a": [1]}, [{"op": "add", "path": "/a/-", "value": [2]}], {"a": [1, [2]]}),
    ({"a": 1, "b": 2}, [{"op": "remove", "path": "/b"}], {"a": 1}),
    ({"a": [1, 2, 3]}, [{"op": "remove", "path": "/a/1"}], {"a": [1, 3]}),
    ({"a": 1}, [{"op": "replace", "path": "/a", "value": None}], {"a": None}),
    ({"a": {"b": 1}, "c": {}}, [{"op": "move", "from": "/a/b", "path": "/c/d"}], {"a": {}, "c": {"d": 1}}),
    ({"a": [1, 2, 3]}, [{"op": "move", "from": "/a/0", "path": "/a/2"}], {"a": [2, 3, 1]}),
    ({"a": {"b": 1}}, [{"op": "copy", "from": "/a", "path": "/c"}], {"a": {"b": 1}, "c": {"b": 1}}),
    ({"a": 1.0}, [{"op": "test", "path": "/a", "value": 1}], {"a": 1.0}),
    ({"a/b": 1, "m~n": 2}, [{"op": "remove", "path": "/a~1b"}, {"op": "remove", "path": "/m~0n"}], {}),
    ({"a": 1}, [{"op": "replace", "path": "", "value": [1]}], [1]),
    ({"": 1}, [{"op": "replace", "path": "/", "value": 2}], {"": 2}),
    ({"a": 1}, [{"op": "add", "path": "/b", "value": 2, "note": "ignored"}], {"a": 1, "b": 2}),
]


@pytest.mark.parametrize(("document", "patch", "result"), EXAMPLES)
def test_each_operation_does_what_the_standard_says(document: Any, patch: list[dict[str, Any]], result: Any) -> None:
    before = copy.deepcopy(document)
    assert patched(document, patch) == result
    assert document == before


@pytest.mark.parametrize(
    ("patch", "pointer"),
    [
        ({}, ""),
        ([{}] * (OPERATIONS_MAX + 1), ""),
        ([{"op": "twist", "path": "/a"}], "/0"),
        ([{"op": "add", "path": "/a"}], "/0"),
        ([{"op": "remove", "path": "a"}], "/0/path"),
        ([{"op": "remove", "path": "/~2"}], "/0/path"),
        ([{"op": "remove", "path": "/missing"}], "/0/path"),
        ([{"op": "replace", "path": "/list/3", "value": 1}], "/0/path"),
        ([{"op": "add", "path": "/list/4", "value": 1}], "/0/path"),
        ([{"op": "add", "path": "/list/01", "value": 1}], "/0/path"),
        ([{"op": "remove", "path": "/list/-"}], "/0/path"),
        ([{"op": "remove", "path": ""}], "/0/path"),
        ([{"op": "move", "from": "/object", "path": "/object/in"}], "/0/path"),
        ([{"op": "test", "path": "/list", "value": [1, 2, 3]}, {"op": "copy", "from": "/x", "path": "/y"}], "/1/from"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_place(patch: Any, pointer: str) -> None:
    with pytest.raises(Rejected) as caught:
        patched({"list": [1, 2, 3], "object": {}}, patch)
    assert caught.value.faults[0].pointer == pointer


@pytest.mark.parametrize("value", [True, "1", 2, None, [1]])
def test_a_test_of_another_value_fails_and_nothing_is_changed(value: Any) -> None:
    document = {"a": 1}
    with pytest.raises(Conflict):
        patched(document, [{"op": "add", "path": "/b", "value": 1}, {"op": "test", "path": "/a", "value": value}])
    assert document == {"a": 1}


def test_copies_of_copies_end_at_a_bound() -> None:
    doubling = [{"op": "copy", "from": "", "path": f"/{number}"} for number in range(OPERATIONS_MAX)]
    with pytest.raises(Rejected, match=str(BYTES_MAX)):
        patched({"text": "x" * 1_000}, doubling)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab/~", max_size=2), inner, max_size=3),
    max_leaves=8,
)
paths = st.lists(st.sampled_from(["a", "b", "~0", "~1", "0", "1", "-", ""]), max_size=3).map(
    lambda parts: "".join(f"/{part}" for part in parts)
)
operations = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "remove", "replace", "move", "copy", "test"]), "path": paths, "from": paths,
     "value": values}
)  # fmt: skip


@given(values, st.lists(operations, max_size=5))
def test_whatever_the_patch_what_was_handed_over_stays_and_nothing_but_a_refusal_is_raised(
    document: Any, patch: list[dict[str, Any]]
) -> None:
    before = copy.deepcopy(document)
    with contextlib.suppress(Rejected):
        patched(document, patch)
    assert document == before


@given(values, paths.filter(lambda path: not path.endswith("-")), values)
def test_what_was_added_is_what_a_test_finds_there(document: Any, path: str, value: Any) -> None:
    add = {"op": "add", "path": path, "value": value}
    try:
        patched(document, [add])
    except Rejected:
        return
    patched(document, [add, {"op": "test", "path": path, "value": value}])


def nested(levels: int) -> Any:
    value: Any = 1
    for turn in range(levels):
        value = [value] if turn % 2 else {"a": value}
    return value


def test_a_document_has_no_more_levels_after_a_patch_than_one_may_be_sent_with() -> None:
    whole = {"a": nested(DEPTH_MAX - 1)}
    assert patched({}, [{"op": "add", "path": "/a", "value": whole["a"]}]) == whole
    with pytest.raises(Rejected, match="levels"):
        patched({"a": {}}, [{"op": "add", "path": "/a/b", "value": whole["a"]}])
    doubling = [{"op": "copy", "from": "", "path": "/b" * (1 << turn)} for turn in range(14)]
    with pytest.raises(Rejected, match="levels"):
        patched({}, doubling)
