"""A reply is a receipt, a refusal of named items, or a reason to wait; in doubt, to wait."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from shared.client.exchange import Answer, judged, request_for
from shared.client.item import Item
from shared.client.progress import Reason, Refusal
from tests.unit.client.made import event, item, problem, receipt, statement

THREE = [item(number=number) for number in (1, 2, 3)]
FAULT = ("it is wrong", "Mend it.")


def test_statements_are_posted_as_an_array_that_says_its_version() -> None:
    request = request_for(THREE, is_gzipped=False, is_bulk=False)
    assert request.path == "/xapi/statements"
    assert request.headers["x-experience-api-version"] == "2.0.0"
    assert json.loads(request.content) == [statement(1), statement(2), statement(3)]


def test_a_large_body_is_sent_compressed_and_a_small_one_is_not() -> None:
    many = [item(number=number) for number in range(1, 30)]
    plain, compressed = (request_for(many, is_gzipped=each, is_bulk=False) for each in (False, True))
    assert gzip.decompress(compressed.content) == plain.content
    assert compressed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert "content-encoding" not in request_for(THREE[:1], is_gzipped=True, is_bulk=False).headers


def test_a_receipt_is_the_ids_that_were_sent() -> None:
    assert judged(receipt(THREE), THREE).taken == {0, 1, 2}
    assert not judged(receipt(THREE), THREE).refused


@pytest.mark.parametrize(
    "content", [b"<html>log in</html>", b"[]", b"{}", b"", b'["a", "b", "c"]', b"null", b"[" * 100_000]
)
def test_a_200_that_is_no_receipt_delivers_nothing(content: bytes) -> None:
    verdict = judged(Answer(200, {}, content), THREE)
    assert verdict.problem is not None
    assert not verdict.taken


def result(index: int, outcome: str, **more: Any) -> dict[str, Any]:
    return {"index": index, "outcome": outcome, "id": THREE[index].id, **more}


def bulk(*results: Any) -> Answer:
    return Answer(200, {}, json.dumps({"counts": {}, "items": results}).encode())


def test_the_bulk_door_answers_for_each_item() -> None:
    errors = [{"pointer": "/verb", "rule": FAULT[0], "mend": FAULT[1]}]
    answer = bulk(result(0, "stored"), result(1, "invalid", errors=errors), result(2, "duplicate"))
    verdict = judged(answer, THREE)
    assert verdict.taken == {0, 2}
    assert verdict.refused == {1: Refusal("invalid", (Reason("/verb", *FAULT),))}
    assert request_for(THREE, is_gzipped=False, is_bulk=True).path == "/v1/statements:bulk"


@pytest.mark.parametrize(
    "results",
    [
        [],
        [result(0, "stored"), result(1, "stored")],
        [result(0, "stored"), result(1, "stored"), result(2, "lost")],
        [result(0, "stored"), result(1, "stored"), "stored"],
        [result(0, "stored"), result(1, "stored"), result(1, "stored")],
    ],
)
def test_results_that_are_not_those_of_the_batch_deliver_nothing(results: list[Any]) -> None:
    verdict = judged(bulk(*results), THREE)
    assert verdict.problem is not None
    assert not verdict.taken


def test_an_event_is_answered_for_under_an_id_of_the_servers() -> None:
    answer = Answer(200, {}, b'{"items": [{"index": 0, "outcome": "stored", "id": "another"}]}')
    assert judged(answer, [item(event())]).taken == {0}


def test_a_refusal_names_its_items_and_nothing_of_the_batch_was_stored() -> None:
    faults = [("/1/verb", *FAULT), ("/1/actor/mbox", *FAULT), ("/2", *FAULT)]
    verdict = judged(problem(400, "invalid", faults), THREE)
    assert verdict.taken == frozenset()
    assert verdict.refused == {
        1: Refusal("invalid", (Reason("/verb", *FAULT), Reason("/actor/mbox", *FAULT))),
        2: Refusal("invalid", (Reason("", *FAULT),)),
    }


def test_a_conflict_is_a_refusal() -> None:
    assert judged(problem(409, "conflict", [("/0/id", *FAULT)]), THREE).refused[0].code == "conflict"


@pytest.mark.parametrize(("status", "code"), [(400, "invalid"), (413, "too-large"), (409, "conflict")])
def test_a_refusal_without_a_word_on_which_item_asks_for_smaller_batches_and_one_alone_is_put_aside(
    status: int, code: str
) -> None:
    answer = problem(status, code, [("", *FAULT)])
    assert judged(answer, THREE).is_too_much
    assert judged(answer, THREE[:1]).refused[0].code == code


def test_a_413_of_something_in_between_asks_for_smaller_batches_too() -> None:
    answer = Answer(413, {"content-type": "text/html"}, b"<html>")
    assert judged(answer, THREE).is_too_much
    assert judged(answer, THREE[:1]).refused[0].code == "too-large"


@pytest.mark.parametrize(
    "answer",
    [
        problem(401, "unauthenticated"),
        problem(403, "forbidden", [("authorization", *FAULT)]),
        problem(404, "not-found"),
        problem(405, "method-not-allowed"),
        problem(400, "invalid", [("X-Experience-API-Version", *FAULT)]),
        problem(415, "unsupported", [("content-encoding", *FAULT)]),
        Answer(400, {"content-type": "text/html"}, b"bad gateway, says a proxy"),
        Answer(302, {"location": "https://elsewhere.example"}, b""),
        Answer(500, {}, b""),
        problem(503, "unavailable", [], retry_after="7"),
        problem(429, "too-many", [("/0", *FAULT)]),
    ],
    ids=lambda answer: str(answer.status),
)
def test_what_is_not_said_of_an_item_is_waited_for_and_said_in_words(answer: Answer) -> None:
    for items in (THREE, THREE[:1]):
        verdict = judged(answer, items)
        assert verdict.problem is not None
        assert str(answer.status) in verdict.problem
        assert not verdict.taken
        assert not verdict.refused
        assert not verdict.is_too_much


def test_the_wait_that_the_server_asks_for_is_kept() -> None:
    assert judged(problem(503, "unavailable", [], retry_after="7"), THREE).after_seconds == 7.0


@pytest.mark.parametrize(("status", "word"), [(401, "key"), (403, "key"), (404, "origin"), (308, "origin")])
def test_what_no_waiting_heals_comes_with_its_usual_cause(status: int, word: str) -> None:
    assert word in str(judged(Answer(status, {}, b""), THREE).problem)


def test_pointers_beyond_the_batch_name_no_item() -> None:
    assert judged(problem(400, "invalid", [("/3/verb", *FAULT)]), THREE).is_too_much


def test_events_are_put_aside_by_a_server_that_takes_none() -> None:
    items: list[Item] = [item(event())]
    assert request_for(items, is_gzipped=False, is_bulk=False).path == "/v1/events"
    assert judged(problem(405, "method-not-allowed"), items).refused[0].code == "unsupported"
