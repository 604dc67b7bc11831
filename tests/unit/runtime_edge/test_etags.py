"""A caller says which state it has seen, and is refused when it is another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.errors import Rejected
from shared.runtime.edge_errors import PreconditionFailed, PreconditionRequired
from shared.runtime.etags import check_if_match, check_if_none_match, content_etag, is_unchanged, version_etag


@given(st.binary(max_size=50), st.lists(st.binary(max_size=50), max_size=5))
def test_if_match_holds_exactly_when_the_current_state_is_among_those_named(current: bytes, seen: list[bytes]) -> None:
    header = ", ".join(content_etag(content) for content in seen)
    headers = {"if-match": header} if seen else {}
    if not seen or current in seen:
        check_if_match(headers, content_etag(current))
    else:
        with pytest.raises(PreconditionFailed):
            check_if_match(headers, content_etag(current))


def test_a_weak_tag_matches_for_reading_and_never_for_writing() -> None:
    tag = version_etag(3)
    assert is_unchanged({"if-none-match": f"W/{tag}"}, tag)
    with pytest.raises(PreconditionFailed):
        check_if_match({"if-match": f"W/{tag}"}, tag)


def test_a_star_means_that_there_is_something() -> None:
    check_if_match({"if-match": "*"}, version_etag(1))
    check_if_none_match({"if-none-match": "*"}, None)
    with pytest.raises(PreconditionFailed):
        check_if_match({"if-match": "*"}, None)
    with pytest.raises(PreconditionFailed):
        check_if_none_match({"if-none-match": "*"}, version_etag(1))


def test_a_change_that_must_name_its_state_and_does_not_is_refused() -> None:
    with pytest.raises(PreconditionRequired):
        check_if_match({}, version_etag(1), is_required=True)
    check_if_match({"if-none-match": "*"}, None, is_required=True)


@pytest.mark.parametrize("header", ["v1", '"a" "b"', '"open', "", ", ".join(['"x"'] * 21), "W/", '"a",,"b"'])
def test_what_is_no_list_of_tags_is_refused(header: str) -> None:
    with pytest.raises(Rejected, match="no list of at most 20 tags"):
        check_if_match({"if-match": header}, version_etag(1))


def test_another_state_is_not_unchanged() -> None:
    assert not is_unchanged({"if-none-match": version_etag(1)}, version_etag(2))
    assert not is_unchanged({}, version_etag(2))
