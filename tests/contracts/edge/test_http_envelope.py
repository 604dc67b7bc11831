"""A request may carry another one for the same path, which is then judged as if it had come by itself."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import replace

import pytest

from shared.kernel.errors import Rejected
from shared.runtime.http import Call, Endpoint, Reply, endpoint
from shared.runtime.resource import Request
from tests.contracts.edge.doors import READER, WRITER, http_door


class Letter:
    """Stands for GET, or for what its first bytes name; `key:` in it shows the writer's credential."""

    def __init__(self) -> None:
        self.opened = 0

    def is_one(self, request: Request) -> bool:
        """As Envelope."""
        return request.query_string == "letter"

    async def open(self, request: Request) -> Request:
        """As Envelope."""
        self.opened += 1
        body = await request.body.read()
        if body == b"broken":
            raise Rejected.of("", "it is torn", "Send another.")
        headers = {**request.headers, "x-inside": "yes"}
        if body == b"key:":
            headers["authorization"] = "Basic " + base64.b64encode(":".join(WRITER).encode()).decode()
        return Request("DELETE" if body == b"DELETE" else "GET", headers, "a=1", request.body)


def endpoints(letter: Letter) -> list[Endpoint]:
    async def told(call: Call) -> Reply:
        return Reply.json({"method": call.method, "query": call.query, "caller": call.principal.id})

    def finish(headers: Mapping[str, str], reply: Reply) -> Reply:
        return reply.with_headers(("X-Finished", headers.get("x-inside", "no")))

    post = endpoint("POST", "/v1/a", told, scopes=frozenset({"write"}), finish=finish)
    get = endpoint("GET", "/v1/a", told, scopes=frozenset({"read"}), finish=finish)
    delete = endpoint("DELETE", "/v1/a", told, scopes=frozenset({"write"}), finish=finish)
    return [replace(post, envelope=letter), get, delete]


async def test_the_request_within_is_answered_by_its_own_operation_under_its_own_scope() -> None:
    async with http_door(endpoints(Letter())) as client:
        reply = await client.post("/v1/a?letter", auth=READER)
        assert (reply.status_code, reply.headers["x-finished"]) == (200, "yes")
        assert reply.json() == {"method": "GET", "query": {"a": "1"}, "caller": READER[0]}
        assert (await client.post("/v1/a?letter", content=b"DELETE", auth=READER)).status_code == 403
        assert (await client.post("/v1/a?letter", content=b"DELETE", auth=WRITER)).json()["method"] == "DELETE"


async def test_a_request_that_carries_none_is_answered_as_ever() -> None:
    async with http_door(endpoints(Letter())) as client:
        reply = await client.post("/v1/a?a=2", auth=WRITER)
    assert reply.json() == {"method": "POST", "query": {"a": "2"}, "caller": WRITER[0]}
    assert reply.headers["x-finished"] == "no"


@pytest.mark.parametrize(("body", "status"), [(b"broken", 400), (b"", 401), (b"key:", 200)])
async def test_a_credential_may_come_within_and_without_any_nothing_is_answered(body: bytes, status: int) -> None:
    async with http_door(endpoints(Letter())) as client:
        assert (await client.post("/v1/a?letter", content=body)).status_code == status


async def test_a_wrong_credential_outside_is_refused_before_anything_is_read() -> None:
    letter = Letter()
    async with http_door(endpoints(letter)) as client:
        assert (await client.post("/v1/a?letter", content=b"key:", auth=("key_1", "wrong"))).status_code == 401
    assert letter.opened == 0


async def test_a_method_that_the_path_does_not_have_is_refused() -> None:
    async with http_door(endpoints(Letter())[:2]) as client:
        reply = await client.post("/v1/a?letter", content=b"DELETE", auth=WRITER)
    assert (reply.status_code, reply.headers["allow"]) == (405, "GET, HEAD, POST")
