"""What is wrong is told with its place, its rule and its mend, and nothing of its request is stored."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from tests.suites.learning_events.house import House, Platform, statement
from tests.unit.learning_events.samples import ID

pytestmark = pytest.mark.asyncio(loop_scope="session")

MIB = 1 << 20


def without(one: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in one.items() if key != name}


def raw(one: dict[str, Any], before: bytes, after: bytes) -> bytes:
    """Return two statements as JSON, the second with `before` replaced."""
    text = json.dumps([statement(), one]).encode()
    assert text.count(before) >= 1
    first, _, last = text.rpartition(before)
    return first + after + last


BAD: dict[str, tuple[int, str, Any]] = {
    "an actor without an identifier": (400, "/1/actor", [statement(), statement(actor={"name": "Ada"})]),
    "an mbox that is none": (400, "/1/actor/mbox", [statement(), statement(actor={"mbox": "ada@example.org"})]),
    "a verb that is missing": (400, "/1/verb", [statement(), without(statement(), "verb")]),
    "a property nobody knows": (400, "/1/mood", [statement(), statement(mood="good")]),
    "an unknown property further in": (400, "/1/result/mood", [statement(), statement(result={"mood": 1})]),
    "a score over its maximum": (400, "/1/result/score/raw", [statement(), statement(
        result={"score": {"raw": 11, "min": 0, "max": 10}})]),
    "an id that is none": (400, "/1/id", [statement(), statement(id="7")]),
    "one id twice": (400, "/1/id", [one := statement(), one]),
    "a void that names an activity": (400, "/1/object", [statement(), statement(
        verb={"id": "http://adlnet.gov/expapi/verbs/voided"})]),
    "an attachment whose data did not come": (400, "/1/attachments/0/fileUrl", [statement(), statement(attachments=[{
        "usageType": "https://x.example/y", "display": {"en": "x"}, "contentType": "text/plain", "length": 1,
        "sha2": "0" * 64}])]),
    "a statement that is a number": (400, "/1", [statement(), 7]),
    "a number instead of statements": (400, "", 7),
    "identifiers too long for a fact": (400, "/1/object", [statement(), statement(
        object={"id": "https://x.example/" + "a" * 1_400})]),
    "nothing at all": (400, "", b""),
    "JSON that ends too early": (400, "/0", json.dumps([statement()]).encode()[:-1]),
    "something behind the end": (400, "", json.dumps([statement()]).encode() + b"[]"),
    "a name twice": (400, "/1/verb", raw(statement(), b'"verb":', b'"verb": {"id": "a:b"}, "verb":')),
    "NaN": (400, "/1/result/score/raw", raw(
        statement(result={"score": {"raw": 0.5}}), b"0.5", b"NaN")),
    "a number beyond the doubles": (400, "/1/result/score/raw", raw(
        statement(result={"score": {"raw": 0.5}}), b"0.5", b"1e999")),
    "half a character": (400, "/1/result/response", raw(
        statement(result={"response": "half"}), b"half", b"\\ud800")),
    "no UTF-8": (400, "", raw(statement(result={"response": "half"}), b"half", b"\xff")),
    "a byte order mark": (400, "", b"\xef\xbb\xbf" + json.dumps([statement()]).encode()),
    "too deep": (400, "/1/result/extensions/a:b" + "/0" * 60, raw(
        statement(result={"extensions": {"a:b": "half"}}), b'"half"', b"[" * 70 + b"]" * 70)),
    "too many": (413, "", [statement() for _ in range(501)]),
    "too large": (413, "", b"[" + b" " * (8 * MIB) + b"]"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
async def test_bad_input_is_refused_at_its_place_and_nothing_is_stored(
    house: House, platform: Platform, fault: str
) -> None:
    status, pointer, body = BAD[fault]
    response = await platform.send(body)
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    first = problem["errors"][0]
    assert problem["code"] == ("invalid" if status == 400 else "too-large")
    assert first["pointer"] == pointer
    assert first["rule"]
    assert first["mend"].endswith(".")
    assert await house.counts(platform.organisation) == (0, 0)


async def test_every_fault_of_a_request_is_told_at_once(platform: Platform) -> None:
    response = await platform.send([statement(verb={}), statement(), statement(actor=7, object=[])])
    pointers = [fault["pointer"] for fault in response.json()["errors"]]
    assert pointers == ["/0/verb/id", "/2/actor", "/2/object"]


async def test_a_body_that_inflates_beyond_the_bound_is_refused(house: House, platform: Platform) -> None:
    bomb = gzip.compress(b"[" + b" " * (64 * MIB) + b"]")
    assert len(bomb) < MIB
    response = await platform.send(bomb, content_encoding="gzip")
    assert response.status_code == 413
    assert await house.counts(platform.organisation) == (0, 0)


@pytest.mark.parametrize(
    ("headers", "status", "pointer"),
    [
        ({"content_type": "text/plain"}, 400, "content-type"),
        ({"content_type": "multipart/form-data; boundary=x"}, 400, "content-type"),
        ({"content_type": "multipart/mixed"}, 400, "content-type"),
        ({"content_type": "multipart/mixed; boundary=x"}, 400, ""),
        ({"content_type": "application/json; charset=latin-1"}, 400, "content-type"),
        ({"content_encoding": "br"}, 415, "content-encoding"),
        ({"content_encoding": "gzip"}, 400, ""),
        ({"authorization": "Bearer nobodys"}, 401, "authorization"),
        ({"authorization": "Digest x"}, 401, "authorization"),
    ],
)
async def test_a_form_or_a_key_that_is_not_taken_is_named(
    house: House, platform: Platform, headers: dict[str, str], status: int, pointer: str
) -> None:
    response = await platform.send(statement(), **headers)
    assert response.status_code == status
    assert response.json()["errors"][0]["pointer"] == pointer
    assert await house.counts(platform.organisation) == (0, 0)


async def test_a_field_of_the_query_that_nobody_knows_is_refused(house: House, platform: Platform) -> None:
    response = await platform.send(statement(), "/xapi/statements?verb=x")
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (400, "verb")
    assert await house.counts(platform.organisation) == (0, 0)


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("statementId=7", "statementId"),
        (f"statementId={ID}&voidedStatementId={ID}", "voidedStatementId"),
        (f"statementId={ID}&verb=https://x.example/y", "verb"),
        (f"statementId={ID}&cursor=x", "cursor"),
        ("Verb=https://x.example/y", "Verb"),
        ("verb=answered", "verb"),
        ("activity=a b", "activity"),
        ("registration=7", "registration"),
        ("agent=ada", "agent"),
        ('agent={"mbox": "ada@example.org"}', "agent/mbox"),
        ("since=yesterday", "since"),
        ("until=2026-03-01", "until"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("ascending=yes", "ascending"),
        ("related_agents=True", "related_agents"),
        ("format=Exact", "format"),
        ("attachments=1", "attachments"),
        ("cursor=x", "cursor"),
    ],
)
async def test_a_question_for_statements_that_is_none_is_refused(platform: Platform, query: str, pointer: str) -> None:
    response = await platform.get(f"/xapi/statements?{query}")
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (400, pointer)
    assert response.json()["errors"][0]["mend"]


async def test_a_batch_at_its_bound_is_taken(house: House, platform: Platform) -> None:
    sent = [statement(f"person-{number}") for number in range(500)]
    assert await platform.post(sent) == [one["id"] for one in sent]
    assert await house.counts(platform.organisation) == (500, 500)
