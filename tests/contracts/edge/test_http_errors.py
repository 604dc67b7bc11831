"""Every failure of the HTTP door is an answer: the right status, problem details, and a way on."""

from __future__ import annotations

import pytest

from shared.kernel import errors
from shared.kernel.errors import DeedlogError
from shared.runtime.http import Call, Reply, application, endpoint, one_origin
from tests.contracts.edge.doors import ANYBODY, READER, WRITER, http_door

WRITE = frozenset({"write"})


async def echo(call: Call) -> Reply:
    return Reply.json({"path": dict(call.path), "query": call.query, "caller": call.principal.id})


async def whoever(call: Call) -> Reply:
    return Reply.json({"caller": call.caller and call.caller.id})


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (errors.Rejected.of("/a", "a rule", "Mend it."), 400),
        (errors.Unauthenticated("Who?"), 401),
        (errors.Forbidden("Not you."), 403),
        (errors.NotFound("Nothing."), 404),
        (errors.Conflict("Moved."), 409),
        (errors.TooLarge("Much."), 413),
        (errors.Unsupported("What?"), 415),
        (errors.Unavailable("Later.", 3), 503),
        (errors.Broken("our secret"), 500),
        (ValueError("our secret"), 500),
    ],
    ids=lambda value: type(value).__name__,
)
async def test_each_error_a_handler_raises_becomes_its_status(failure: Exception, status: int) -> None:
    async def fail(call: Call) -> Reply:
        raise failure

    async with http_door([endpoint("GET", "/v1/fail", fail, scopes=None)]) as client:
        reply = await client.get("/v1/fail")
    body = reply.json()
    assert reply.status_code == body["status"] == status
    assert reply.headers["content-type"] == "application/problem+json"
    assert "our secret" not in reply.text
    assert ("incident" in body) == (status == 500)
    if isinstance(failure, DeedlogError):
        assert body["code"] == failure.code
    if status == 503:
        assert reply.headers["retry-after"] == "3"


async def test_a_path_nobody_serves_is_a_problem_too() -> None:
    async with http_door([endpoint("GET", "/v1/things", echo, scopes=None)]) as client:
        for path in ("/v1/thing", "/v1/things/", "/"):
            reply = await client.get(path)
            assert (reply.status_code, reply.json()["code"]) == (404, "not-found")


async def test_a_method_that_is_not_answered_names_all_those_that_are() -> None:
    endpoints = [endpoint(method, "/v1/things/{id}", echo, scopes=None) for method in ("GET", "PUT")]
    async with http_door(endpoints) as client:
        reply = await client.post("/v1/things/1")
    assert (reply.status_code, reply.json()["code"]) == (405, "method-not-allowed")
    assert reply.headers["allow"] == "GET, HEAD, PUT"


async def test_without_a_credential_both_schemes_are_offered() -> None:
    async with http_door([endpoint("GET", "/v1/things", echo, scopes=ANYBODY)]) as client:
        reply = await client.get("/v1/things")
    assert reply.status_code == 401
    assert [value.split()[0] for value in reply.headers.get_list("www-authenticate")] == ["Bearer", "Basic"]


async def test_a_wrong_credential_is_401_a_missing_scope_403_and_identity_being_away_503() -> None:
    async with http_door([endpoint("POST", "/v1/things", echo, scopes=WRITE)]) as client:
        assert (await client.post("/v1/things", auth=("key_1", "wrong"))).status_code == 401
        assert (await client.post("/v1/things", auth=WRITER)).json()["caller"] == "key_1"
        forbidden = await client.post("/v1/things", auth=READER)
        assert forbidden.status_code == 403
        assert forbidden.json()["errors"][0]["rule"] == "it needs the scope write, and the credential has read"
        away = await client.post("/v1/things", headers={"authorization": "Bearer down"})
        assert (away.status_code, away.headers["retry-after"]) == (503, "2")


@pytest.mark.parametrize(
    ("sent", "status", "challenges"),
    [
        (None, 401, ['Bearer realm="deedlog"', 'Basic realm="deedlog", charset="UTF-8"']),
        (
            "Bearer unknown",
            401,
            ['Bearer realm="deedlog", error="invalid_token"', 'Basic realm="deedlog", charset="UTF-8"'],
        ),
        ("Basic a2V5XzE6d3Jvbmc=", 401, ['Bearer realm="deedlog"', 'Basic realm="deedlog", charset="UTF-8"']),
        (
            "Basic a2V5XzI6cmVhZGVyLXNlY3JldA==",
            403,
            ['Bearer realm="deedlog", error="insufficient_scope", scope="write"'],
        ),
    ],
    ids=["nothing", "unknown token", "wrong key", "lacking a scope"],
)
async def test_a_refusal_challenges_in_the_words_of_bearer_tokens(
    sent: str | None, status: int, challenges: list[str]
) -> None:
    headers = {} if sent is None else {"authorization": sent}
    async with http_door([endpoint("POST", "/v1/things", echo, scopes=WRITE)]) as client:
        reply = await client.post("/v1/things", headers=headers)
    assert (reply.status_code, reply.headers.get_list("www-authenticate")) == (status, challenges)
    assert reply.json()["code"] == {401: "unauthenticated", 403: "forbidden"}[status]


async def test_where_one_of_several_scopes_would_do_the_body_tells_them() -> None:
    either = frozenset({"state", "profile"})
    async with http_door([endpoint("GET", "/v1/things", echo, scopes=either)]) as client:
        reply = await client.get("/v1/things", auth=READER)
    assert reply.headers["www-authenticate"] == 'Bearer realm="deedlog", error="insufficient_scope"'
    assert "it needs the scope profile or state" in reply.json()["detail"]


async def test_another_kind_of_caller_is_forbidden() -> None:
    operation = endpoint("GET", "/v1/consents", echo, scopes=ANYBODY, kinds=frozenset({"person"}))
    async with http_door([operation]) as client:
        reply = await client.get("/v1/consents", auth=WRITER)
    assert reply.status_code == 403
    assert "this is for person" in reply.json()["detail"]


async def test_an_open_operation_asks_for_nothing_and_knows_nobody() -> None:
    async with http_door([endpoint("GET", "/v1/roles", whoever, scopes=None)]) as client:
        reply = await client.get("/v1/roles", auth=("key_1", "wrong"))
    assert reply.json() == {"caller": None}


async def test_what_a_known_caller_reads_is_not_stored_on_the_way() -> None:
    endpoints = [
        endpoint("GET", "/v1/mine", echo, scopes=ANYBODY),
        endpoint("GET", "/v1/roles", whoever, scopes=None),
    ]
    async with http_door(endpoints) as client:
        assert (await client.get("/v1/mine", auth=READER)).headers["cache-control"] == "no-store"
        assert "cache-control" not in (await client.get("/v1/roles")).headers


async def test_path_parameters_and_action_suffixes_lead_to_their_operation() -> None:
    async def rotate(call: Call) -> Reply:
        return Reply.json({"rotated": call.path["id"]})

    endpoints = [
        endpoint("POST", "/v1/webhook-endpoints/{id}:rotate-secret", rotate, scopes=ANYBODY),
        endpoint("POST", "/v1/webhook-endpoints/{id}", echo, scopes=ANYBODY),
    ]
    async with http_door(endpoints) as client:
        assert (await client.post("/v1/webhook-endpoints/whe_1:rotate-secret", auth=WRITER)).json() == {
            "rotated": "whe_1"
        }
        assert (await client.post("/v1/webhook-endpoints/whe_1?a=b", auth=WRITER)).json() == {
            "path": {"id": "whe_1"},
            "query": {"a": "b"},
            "caller": "key_1",
        }


async def test_head_answers_as_get_does_without_the_content() -> None:
    async with http_door([endpoint("GET", "/v1/roles", whoever, scopes=None)]) as client:
        got, headed = await client.get("/v1/roles"), await client.head("/v1/roles")
    assert (headed.status_code, headed.content) == (200, b"")
    assert headed.headers["content-length"] == got.headers["content-length"]


async def test_finish_sees_replies_and_problems_alike() -> None:
    def finish(headers: object, reply: Reply) -> Reply:
        return reply.with_headers(("X-Experience-API-Version", "2.0.0"))

    async with http_door([endpoint("GET", "/xapi/about", whoever, scopes=ANYBODY, finish=finish)]) as client:
        for auth in (READER, ("key_1", "wrong")):
            assert (await client.get("/xapi/about", auth=auth)).headers["x-experience-api-version"] == "2.0.0"


async def test_one_origin_hands_each_path_to_the_service_that_serves_it() -> None:
    async def answer(call: Call) -> Reply:
        return Reply.json(call.route)

    first = application([endpoint("GET", "/v1/a/{id}", answer, scopes=None)], service="first")
    second = application([endpoint("GET", "/v1/b", answer, scopes=None)], service="second")
    async with http_door([], app=one_origin([first, second])) as client:
        assert (await client.get("/v1/a/7")).json() == "/v1/a/{id}"
        assert (await client.get("/v1/b")).json() == "/v1/b"
        assert (await client.post("/v1/a/7")).status_code == 405
        assert (await client.get("/v1/c")).json()["code"] == "not-found"
    async with http_door([], app=one_origin([])) as client:
        assert (await client.get("/v1/c")).status_code == 404


def test_an_operation_that_stands_twice_or_cannot_check_its_callers_is_refused_at_start() -> None:
    twice = [endpoint("GET", "/v1/a", whoever, scopes=None)] * 2
    with pytest.raises(ValueError, match="GET /v1/a is there twice"):
        application(twice, service="test")
    with pytest.raises(ValueError, match="there is no authenticator"):
        application([endpoint("GET", "/v1/a", whoever, scopes=ANYBODY)], service="test")
