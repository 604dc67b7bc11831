"""The parts of a JSON text are found byte for byte, whatever it holds and however it is spelled."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.learning_events.domain.json_slices import array_items, lines, members
from shared.kernel.errors import Rejected, TooLarge

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)
BLANKS = st.text(" \t\r\n", max_size=3)
SPELLINGS = st.sampled_from(
    [{}, {"indent": 1}, {"ensure_ascii": False}, {"separators": (",", ":")}, {"indent": 2, "ensure_ascii": False}]
)


def spelled(value: Any, how: dict[str, Any]) -> bytes | None:
    try:
        return json.dumps(value, **how).encode()
    except UnicodeEncodeError:
        return None


@given(st.lists(st.tuples(VALUES, SPELLINGS, BLANKS, BLANKS), max_size=6))
def test_the_items_of_an_array_are_the_bytes_that_were_put_into_it(
    parts: list[tuple[Any, dict[str, Any], str, str]],
) -> None:
    texts = [(spelled(value, how) or b"0", before.encode(), after.encode()) for value, how, before, after in parts]
    raw = b"[" + b",".join(before + text + after for text, before, after in texts) + b" ]"
    assert array_items(raw, 6) == [text for text, _, _ in texts]


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), st.tuples(VALUES, SPELLINGS, BLANKS), max_size=6))
def test_the_members_of_an_object_are_the_bytes_that_were_put_into_it(
    parts: dict[str, tuple[Any, dict[str, Any], str]],
) -> None:
    texts = {name: (spelled(value, how) or b"0", blank.encode()) for name, (value, how, blank) in parts.items()}
    inner = b",".join(json.dumps(name).encode() + blank + b":" + blank + text for name, (text, blank) in texts.items())
    assert members(b" {" + inner + b"} ") == {name: text for name, (text, _) in texts.items()}


@given(st.binary(max_size=40))
def test_what_is_no_array_and_no_object_is_refused(raw: bytes) -> None:
    for read, kind in ((lambda: array_items(raw, 5), list), (lambda: members(raw), dict)):
        try:
            read()
        except (Rejected, TooLarge):
            continue
        assert type(json.loads(raw)) is kind


@pytest.mark.parametrize(
    "raw",
    [b"[1,]", b"[1 2]", b"[1", b"[1]x", b"\xef\xbb\xbf[1]", b"[" * 100_000, b'["\x01"]', b'["\xff"]', b"{}", b""],
)
def test_what_is_no_array_is_refused_with_a_reason(raw: bytes) -> None:
    with pytest.raises(Rejected) as refused:
        array_items(raw, 10)
    assert refused.value.faults[0].mend


@pytest.mark.parametrize(
    "raw", [b'{"a":1,}', b'{"a" 1}', b'{"a":1', b'{"a":1}x', b'{"a":1,"a":2}', b"{1:2}", b"[]", b""]
)
def test_what_is_no_object_is_refused_with_a_reason(raw: bytes) -> None:
    with pytest.raises(Rejected) as refused:
        members(raw)
    assert refused.value.faults[0].mend


def test_more_items_than_are_taken_are_refused_at_the_bound() -> None:
    assert lines(b"\n\r\n" * 100 + b"1\n\n\n\n\n\n2\r\n" + b"\n" * 100, 3) == [b"1", b"2\r"]
    assert len(array_items(b"[1,2,3]", 3)) == len(lines(b"1\n\n2\n3\n", 3)) == 3
    with pytest.raises(TooLarge, match="more than 2 items"):
        array_items(b"[1,2,3]", 2)
    with pytest.raises(TooLarge, match="more than 2 items"):
        lines(b"1\n2\n3", 2)
    with pytest.raises(TooLarge, match="more than 2 items"):
        lines(b"\n".join([b"1"] * 100), 2)
