"""`deedlog events tail`: what it makes of a stream."""

from __future__ import annotations

import json

import httpx
import pytest

from cli.answers import Refusal
from cli.api import Api, Away
from cli.events import _refusal

STREAM = b"""retry: 1000
id: a

event: accepted
data: {"id": 1}

event: accepted
data: {"id": 2}
id: b

: nothing new
id: c

"""


def api(answer: httpx.Response, asked: list[httpx.Request]) -> Api:
    def handle(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answer

    client = httpx.Client(base_url="http://house", transport=httpx.MockTransport(handle))
    return Api("http://house", "dlk_x", client)


def test_a_message_comes_with_the_last_id_told_even_where_it_has_none() -> None:
    asked: list[httpx.Request] = []
    found = list(api(httpx.Response(200, content=STREAM), asked).messages("/v1/events/stream", "start"))
    assert found == [("", "", "a"), ("accepted", '{"id": 1}', "a"), ("accepted", '{"id": 2}', "b"), ("", "", "c")]
    assert asked[0].headers["last-event-id"] == "start"
    assert asked[0].headers["accept"] == "text/event-stream"


@pytest.mark.parametrize("mark", ["\u2028", "\u2029", "\x85"])
@pytest.mark.parametrize("size", [1, 7, 4_096])
def test_what_only_looks_like_the_end_of_a_line_ends_none(mark: str, size: int) -> None:
    one = json.dumps({"object": f"https://lms.example/a{mark}b"}, ensure_ascii=False)

    def parts(text: str) -> httpx.Response:
        told = text.encode()
        return httpx.Response(200, content=(told[at : at + size] for at in range(0, len(told), size)))

    found = list(api(parts(f"event: accepted\r\ndata: {one}\nid: a\n\n"), []).messages("/", ""))
    assert found == [("accepted", one, "a")]
    assert list(api(parts(f"{one}\n\n{one}"), []).lines("/", {})) == [json.loads(one)] * 2


def test_a_refusal_and_a_house_that_is_away_are_told_apart() -> None:
    with pytest.raises(Refusal):
        list(api(httpx.Response(403, json={"title": "no"}), []).messages("/", ""))

    def cut(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    client = httpx.Client(base_url="http://house", transport=httpx.MockTransport(cut))
    with pytest.raises(Away):
        list(Api("http://house", None, client).messages("/", ""))


def test_a_refused_delivery_is_one_line_with_place_rule_and_mend() -> None:
    fault = {"pointer": "/1/verb/id", "rule": "it is missing", "mend": "Send it."}
    told = {"received_at": "2026-03-01T09:30:00Z", "status": 400, "path": "/xapi/statements", "id": "7"}
    line = _refusal({**told, "errors": [fault]}).plain
    assert "refused 400" in line
    assert "/1/verb/id: it is missing. Send it." in line
    assert "it was not taken" in _refusal({**told, "errors": []}).plain
