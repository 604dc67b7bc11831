"""Pages have a bound, and a cursor leads to its own list only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.errors import Rejected
from shared.runtime.pages import LIMIT_DEFAULT, decode_cursor, encode_cursor, page, page_limit

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


@given(texts, texts, st.integers(-(2**53) + 1, 2**53 - 1))
def test_a_cursor_gives_back_its_position(name: str, text: str, number: int) -> None:
    cursor = encode_cursor(name, (text, number))
    assert decode_cursor(name, {"cursor": cursor}, str, int) == (text, number)
    assert cursor.isascii()
    assert not set(cursor) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@given(st.text(max_size=600))
def test_whatever_is_sent_as_a_cursor_is_read_or_refused(text: str) -> None:
    try:
        assert decode_cursor("people", {"cursor": text}, str) is not None
    except Rejected as error:
        assert error.faults[0].pointer == "cursor"  # noqa: PT017 - either outcome is right


def test_the_cursor_of_another_list_or_shape_is_refused() -> None:
    cursor = encode_cursor("people", ("a", 1))
    for name, shape in (("projects", (str, int)), ("people", (str,)), ("people", (int, str))):
        with pytest.raises(Rejected):
            decode_cursor(name, {"cursor": cursor}, *shape)


def test_a_list_of_long_names_may_allow_longer_cursors() -> None:
    cursor = encode_cursor("activities", ["x" * 1_000])
    with pytest.raises(Rejected):
        decode_cursor("activities", {"cursor": cursor}, str)
    assert decode_cursor("activities", {"cursor": cursor}, str, characters_max=len(cursor)) == ("x" * 1_000,)
    with pytest.raises(Rejected):
        decode_cursor("activities", {"cursor": cursor}, str, characters_max=len(cursor) - 1)


def test_without_a_cursor_it_is_the_first_page() -> None:
    assert decode_cursor("people", {}, str) is None


@pytest.mark.parametrize("limit", ["0", "101", "-1", "1.5", "", "٣", "1e2", "9" * 40])
def test_a_limit_beyond_the_bounds_is_refused(limit: str) -> None:
    with pytest.raises(Rejected, match="1 to 100"):
        page_limit({"limit": limit})


@pytest.mark.parametrize("limit", [1, 100])
def test_a_limit_at_the_bounds_is_taken(limit: int) -> None:
    assert page_limit({"limit": str(limit)}) == limit
    assert page_limit({}) == LIMIT_DEFAULT


def test_a_page_says_whether_there_is_more() -> None:
    assert page([1], "x") == {"items": [1], "has_more": True, "next_cursor": "x"}
    assert page([], None) == {"items": [], "has_more": False, "next_cursor": None}
