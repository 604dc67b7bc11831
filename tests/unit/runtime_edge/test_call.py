"""What a handler may ask of a request."""

from __future__ import annotations

from typing import Annotated, Literal
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from shared.kernel.errors import Rejected, TooLarge, Unauthenticated, Unsupported
from shared.runtime.call import Call, parse_headers
from tests.unit.runtime_edge.bodies import body_of


class Mark(BaseModel):
    criterion: str
    points: Annotated[int, Field(ge=0, le=4)]


class Note(BaseModel):
    kind: Literal["note"]
    text: str


class Review(BaseModel):
    title: str = Field(max_length=10)
    marks: list[Mark]
    extra: Mark | Note | None = None


def call_of(content: bytes = b"", query: str = "", **headers: str) -> Call:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Call("POST", "/v1/things", {}, named, query, None, body_of([content]))


async def faults_of(content: bytes) -> list[tuple[str, str]]:
    with pytest.raises(Rejected) as caught:
        await call_of(content, content_type="application/json").model(Review)
    return [(fault.pointer, fault.rule) for fault in caught.value.faults]


async def test_a_sound_body_becomes_the_model() -> None:
    content = b'{"title": "ok", "marks": [{"criterion": "ci", "points": 3}]}'
    review = await call_of(content, content_type="application/json; charset=UTF-8").model(Review)
    assert review == Review(title="ok", marks=[Mark(criterion="ci", points=3)])


async def test_every_fault_is_told_with_its_pointer() -> None:
    content = b'{"titel": "x", "marks": [{"criterion": "ci", "points": 9}, {"points": "3", "a/b~c": 1}]}'
    faults = dict(await faults_of(content))
    assert set(faults) == {
        "/title",
        "/titel",
        "/marks/0/points",
        "/marks/1/criterion",
        "/marks/1/points",
        "/marks/1/a~1b~0c",
    }
    assert "less than or equal to 4" in faults["/marks/0/points"]


async def test_pointers_into_a_union_hold_no_names_of_its_branches() -> None:
    faults = await faults_of(b'{"title": "x", "marks": [], "extra": {"kind": "note", "points": 1}}')
    assert {pointer for pointer, _ in faults} <= {"/extra/text", "/extra/points", "/extra/criterion", "/extra/kind"}


async def test_faults_never_repeat_what_was_sent() -> None:
    with pytest.raises(Rejected) as caught:
        await call_of(b'{"title": "hunter2-hunter2", "marks": "hunter2"}', content_type="application/json").model(
            Review
        )
    assert "hunter2" not in caught.value.message + repr(caught.value.faults)


async def test_at_most_a_hundred_faults_are_told_and_the_rest_counted() -> None:
    marks = ",".join(["{}"] * 100)
    with pytest.raises(Rejected, match="There are 199 more") as caught:
        await call_of(b'{"title":"x","marks":[' + marks.encode() + b"]}", content_type="application/json").model(Review)
    assert len(caught.value.faults) == 100


@pytest.mark.parametrize(
    ("content", "pointer"),
    [
        (b'{"title": "a", "title": "b", "marks": []}', "/title"),
        (b'{"title": NaN}', "/title"),
        (b'{"title": "\\ud800"}', "/title"),
        (b"[" * 65 + b"]" * 65, "/0" * 64),
        (b"", ""),
        (b"\xef\xbb\xbf{}", ""),
    ],
)
async def test_json_that_two_readers_would_read_differently_is_refused(content: bytes, pointer: str) -> None:
    assert (await faults_of(content))[0][0] == pointer


@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/jsonp", "json", "application/json; charset=latin-1"]
)
async def test_another_media_type_is_unsupported(content_type: str) -> None:
    headers = {"content_type": content_type} if content_type else {}
    with pytest.raises(Unsupported) as caught:
        await call_of(b"{}", **headers).json()
    (fault,) = caught.value.faults
    assert fault.pointer == "content-type"
    assert "Send +json" not in fault.mend, "nobody can send a suffix"


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON;charset=utf-8", "application/ld+json"])
async def test_json_and_what_is_built_on_it_is_read(content_type: str) -> None:
    assert await call_of(b"{}", content_type=content_type).json() == {}


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=5))
def test_a_query_comes_back_as_it_was_encoded(fields: dict[str, str]) -> None:
    fields = {
        name.encode(errors="ignore").decode(): value.encode(errors="ignore").decode() for name, value in fields.items()
    }
    assert call_of(query=urlencode(fields)).query == fields


def test_a_query_field_that_stands_twice_is_refused_by_name() -> None:
    call = call_of(query="since=1&since=2")
    with pytest.raises(Rejected) as caught:
        _ = call.query
    assert caught.value.faults[0].pointer == "since"
    assert call.query_pairs == [("since", "1"), ("since", "2")]


def test_a_query_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(Rejected, match="not UTF-8"):
        _ = call_of(query="a=%ff").query


def test_a_query_of_too_many_fields_is_refused() -> None:
    with pytest.raises(TooLarge, match="more than 100 fields"):
        _ = call_of(query="&".join(f"a{number}=1" for number in range(101))).query


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there"])
def test_an_idempotency_key_is_1_to_255_printable_characters(key: str) -> None:
    with pytest.raises(Rejected) as caught:
        _ = call_of(idempotency_key=key).idempotency_key
    assert caught.value.faults[0].pointer == "idempotency-key"


def test_a_key_at_the_bound_is_taken_and_a_missing_one_is_none() -> None:
    assert call_of(idempotency_key="x" * 255).idempotency_key == "x" * 255
    assert call_of().idempotency_key is None


def test_an_operation_that_asked_for_no_credential_knows_no_caller() -> None:
    with pytest.raises(Unauthenticated):
        _ = call_of().principal


def test_a_repeated_header_is_joined_where_it_may_repeat_and_refused_where_two_readers_would_differ() -> None:
    assert parse_headers([(b"accept", b"a"), (b"accept", b"b")]) == {"accept": "a, b"}
    with pytest.raises(Rejected) as caught:
        parse_headers([(b"content-type", b"a"), (b"content-type", b"b")])
    assert caught.value.faults[0].pointer == "content-type"
