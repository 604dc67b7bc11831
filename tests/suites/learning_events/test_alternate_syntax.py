"""The alternate request syntax of xAPI 1.0.3: a form by POST does what the request it stands for would have done."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from services.learning_events.http.alternate import STRANGERS_BYTES_MAX
from tests.suites.learning_events.documents import ADA, activity_profile, agent_profile, state
from tests.suites.learning_events.house import House, Platform, statement

pytestmark = pytest.mark.asyncio(loop_scope="session")

V1 = {"x-experience-api-version": "1.0.3"}
ANYTHING: Any = "x"
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def keeper(house: House) -> Platform:
    """A tenant's key that may do everything a platform does."""
    return house.platform(("all",))


async def form(
    keeper: Platform,
    method: str,
    where: str = "/xapi/1/statements",
    headers: dict[str, str] | None = None,
    **fields: Any,
) -> httpx.Response:
    """Send a form; underscores in the names of fields become hyphens."""
    sent = {
        name.replace("_", "-"): value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()
    }
    outside = {**keeper.bearer, **V1} if headers is None else headers
    return await keeper.house.http.post(
        f"{where}?method={method}", content=urlencode(sent).encode(), headers={**FORM, **outside}
    )


async def test_a_statement_is_put_and_read_by_forms(keeper: Platform) -> None:
    sent = statement()
    assert (await form(keeper, "PUT", statementId=sent["id"], content=sent)).status_code == 204
    assert (await keeper.read(sent["id"])) is not None
    found = await form(keeper, "GET", statementId=sent["id"])
    assert (found.status_code, found.json()["id"]) == (200, sent["id"])
    assert found.headers["x-experience-api-version"] == "1.0.3"


async def test_a_statement_is_posted_by_a_form(keeper: Platform) -> None:
    sent = statement()
    assert (await form(keeper, "POST", content=[sent])).json() == [sent["id"]]


async def test_a_document_lives_and_dies_by_forms_under_the_headers_in_them(keeper: Platform) -> None:
    place: dict[str, Any] = {"agent": ADA, "profileId": "likes"}
    where = "/xapi/1/agents/profile"
    made = await form(keeper, "PUT", where, content="tea", Content_Type="text/plain", If_None_Match="*", **place)
    assert made.status_code == 204
    found = await form(keeper, "GET", where, **place)
    assert (found.text, found.headers["content-type"]) == ("tea", "text/plain")
    assert (await form(keeper, "PUT", where, content="milk", If_None_Match="*", **place)).status_code == 412
    changed = await form(keeper, "PUT", where, content="milk", If_Match=found.headers["etag"], **place)
    assert changed.status_code == 204
    assert (await keeper.get(agent_profile())).headers["content-type"] == "application/json"
    assert (await form(keeper, "DELETE", where, **place)).status_code == 204
    assert (await keeper.get(agent_profile())).status_code == 404


async def test_credential_and_version_may_stand_in_the_form_alone(keeper: Platform) -> None:
    sent = statement()
    inside: dict[str, Any] = {"Authorization": keeper.basic["authorization"], "X_Experience_API_Version": "1.0.3"}
    told = await form(keeper, "PUT", headers={}, statementId=sent["id"], content=sent, **inside)
    assert told.status_code == 204
    assert (await keeper.read(sent["id"])) is not None
    on_the_loose_mount = await form(keeper, "GET", "/xapi/statements", headers={}, statementId=sent["id"], **inside)
    assert on_the_loose_mount.headers["x-experience-api-version"] == "1.0.3"


async def test_a_form_needs_the_scope_of_what_it_stands_for(house: House) -> None:
    writer = house.platform(("write",))
    reader = house.platform(("read",), writer.organisation)
    sent = statement()
    assert (await form(reader, "PUT", statementId=sent["id"], content=sent)).status_code == 403
    assert (await form(writer, "PUT", statementId=sent["id"], content=sent)).status_code == 204
    assert (await form(writer, "GET", statementId=sent["id"])).status_code == 403
    assert (await form(reader, "GET", statementId=sent["id"])).status_code == 200


async def test_without_a_valid_credential_nothing_is_done_and_little_is_read(keeper: Platform) -> None:
    sent = statement()
    assert (await form(keeper, "PUT", headers=V1, statementId=sent["id"], content=sent)).status_code == 401
    wrong = {**V1, "authorization": "Bearer nobody"}
    assert (await form(keeper, "PUT", headers=wrong, statementId=sent["id"], content=sent)).status_code == 401
    much = "x" * STRANGERS_BYTES_MAX
    inside: dict[str, Any] = {"Authorization": keeper.basic["authorization"]}
    assert (await form(keeper, "PUT", headers=V1, content=much, **inside)).status_code == 413
    assert await keeper.read(sent["id"]) is None


@pytest.mark.parametrize(
    ("method", "fields", "field"),
    [
        ("PUT", {"statementId": "x"}, "content"),
        ("GET", {"content": "{}"}, "content"),
        ("PUT", {"content": "{}", "X_Experience_API_Version": "0.8"}, "X-Experience-API-Version"),
        ("PUT", {"content": "{}", "X_Experience_API_Version": "2.0.0"}, "method"),
        ("HEAD", {}, "method"),
        ("put", {"content": "{}"}, "method"),
        ("PUT&statementId=x", {"content": "{}"}, "statementId"),
        ("PUT&method=GET", {"content": "{}"}, "method"),
    ],
)
async def test_a_form_that_says_too_much_or_too_little_is_refused_with_its_field(
    keeper: Platform, method: str, fields: dict[str, Any], field: str
) -> None:
    refused = await form(keeper, method, **fields)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == field


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b"", "application/json"),
        (b'{"statementId":"x","content":"{}"}', FORM["content-type"]),
        (b"content=%FF", FORM["content-type"]),
        (b"content=a&content=b", FORM["content-type"]),
    ],
    ids=["no-form", "json-in-a-form", "no-utf-8", "twice"],
)
async def test_what_is_no_form_is_refused(keeper: Platform, content: bytes, content_type: str) -> None:
    headers = {**keeper.bearer, **V1, "content-type": content_type}
    refused = await keeper.house.http.post("/xapi/1/statements?method=PUT", content=content, headers=headers)
    assert refused.status_code == 400


async def test_a_form_of_too_many_fields_is_refused(keeper: Platform) -> None:
    assert (await form(keeper, "GET", **dict.fromkeys(map(str, range(101)), ANYTHING))).status_code == 413


async def test_a_put_that_names_a_method_is_refused(keeper: Platform) -> None:
    sent = statement()
    spoken = {"x_experience_api_version": "1.0.3"}
    told = await keeper.send(sent, f"/xapi/1/statements?method=POST&statementId={sent['id']}", "PUT", **spoken)
    assert told.status_code == 400


@pytest.mark.parametrize("where", ["/xapi/statements", "/xapi/1/statements", "/xapi/2/statements"])
async def test_2_0_knows_no_such_syntax(keeper: Platform, where: str) -> None:
    spoken = {**keeper.bearer, "x-experience-api-version": "2.0.0"}
    sent = statement()
    refused = await form(keeper, "PUT", where, headers=spoken, statementId=sent["id"], content=sent)
    assert refused.status_code == 400
    assert await keeper.read(sent["id"]) is None


async def test_on_the_2_0_mount_a_form_of_1_0_is_taken_when_the_header_says_so(keeper: Platform) -> None:
    sent = statement()
    assert (await form(keeper, "PUT", "/xapi/2/statements", statementId=sent["id"], content=sent)).status_code == 204


async def test_what_can_only_be_read_is_read_by_forms_too_and_not_posted(keeper: Platform) -> None:
    activity = "https://lms.example/courses/1"
    found = await form(keeper, "GET", "/xapi/1/activities", activityId=activity)
    assert found.json() == {"objectType": "Activity", "id": activity}
    assert (await form(keeper, "GET", "/xapi/1/agents", agent=ADA)).json()["account"] == [ADA["account"]]
    assert (await form(keeper, "GET", "/xapi/1/about")).status_code == 200
    for where in ("agents", "activities", "about"):
        refused = await keeper.send({}, f"/xapi/1/{where}", x_experience_api_version="1.0.3")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET")


@pytest.mark.parametrize("where", [state(), activity_profile()])
async def test_every_document_resource_takes_forms(keeper: Platform, where: str) -> None:
    base, _, query = where.replace("/xapi/", "/xapi/1/").partition("?")
    fields: dict[str, Any] = dict(httpx.QueryParams(query))
    assert (await form(keeper, "POST", base, content={"a": 1}, **fields)).status_code == 204
    assert (await form(keeper, "GET", base, **fields)).json() == {"a": 1}
