"""The connection test, and what a wrong set-up is told on the paths themselves."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from shared.kernel.clock import rfc3339
from shared.runtime.auth import Principal
from tests.suites.learning_events.house import House, Platform, statement

pytestmark = pytest.mark.asyncio(loop_scope="session")
PATH = "/v1/connection-test"
ADDRESS = "https://deedlog.example/xapi"


async def answer_to(house: House, query: str = "", body: Any = None, **headers: str) -> dict[str, Any]:
    """Return what the test answers to a sender of these headers; with a body, as a POST."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    method = "GET" if body is None else "POST"
    content = None if body is None else json.dumps(body).encode()
    sent = {"content-type": "application/json", **named}
    response = await house.http.request(method, PATH + query, content=content, headers=sent)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def failed(answer: dict[str, Any]) -> dict[str, str]:
    return {one["check"]: one["rule"] for one in answer["checks"] if one["verdict"] == "failed"}


async def test_a_set_up_that_works_is_told_so_and_nothing_of_it_is_stored(house: House, platform: Platform) -> None:
    now = format_datetime(datetime.now(UTC), usegmt=True)
    query = f"?endpoint={ADDRESS}&organisation={platform.organisation}"
    answer = await answer_to(house, query, [statement(), statement()], date=now, **platform.basic)
    assert (answer["is_ready"], failed(answer)) == (True, {})
    assert {one["verdict"] for one in answer["checks"]} == {"passed"}
    assert answer["key"] == {
        "id": platform.key,
        "organisation": platform.organisation,
        "scopes": ["read", "read/mine", "write"],
        "is_test": False,
    }
    assert await house.counts(platform.organisation) == (0, 0)


async def test_what_a_get_does_not_show_is_called_unseen_with_the_way_to_show_it(
    house: House, platform: Platform
) -> None:
    answer = await answer_to(house, **platform.bearer)
    unseen = {one["check"]: one["mend"] for one in answer["checks"] if one["verdict"] == "unseen"}
    assert set(unseen) == {"address", "transport", "clock", "statements"}
    assert all(unseen.values())
    assert answer["is_ready"]


async def test_a_key_that_exists_with_another_id_and_one_that_does_not_are_told_the_same(
    house: House, platform: Platform
) -> None:
    other = base64.b64encode(f"{house.platform().key}:{platform.secret}".encode()).decode()
    nobody = base64.b64encode(f"{platform.key}:dlk_nobody".encode()).decode()
    told = [failed(await answer_to(house, authorization=f"Basic {one}"))["credential"] for one in (other, nobody)]
    assert told[0] == told[1]


@pytest.mark.parametrize(
    ("principal", "check", "word"),
    [
        (Principal("admin", "admin"), "credential", "admin key"),
        (Principal("key", "key_x", "org_x", None, frozenset({"read"})), "scope", "has read"),  # type: ignore[arg-type]
        (Principal("key", "key_x", "org_x", None, frozenset()), "scope", "has none"),  # type: ignore[arg-type]
    ],
    ids=["admin", "reader", "no-scope"],
)
async def test_a_valid_credential_that_cannot_send_is_told_why(
    house: House, principal: Principal, check: str, word: str
) -> None:
    secret = f"dlk_{principal.id}-{word.replace(' ', '-')}"
    house.identity.keys[secret] = principal
    assert word in failed(await answer_to(house, authorization=f"Bearer {secret}"))[check]


async def test_a_key_of_another_tenant_is_named_where_the_expected_one_is_told(
    house: House, platform: Platform
) -> None:
    answer = await answer_to(house, "?organisation=org_expected", **platform.bearer)
    assert "another organisation" in failed(answer)["organisation"]


async def test_a_test_key_works_and_is_told_that_its_data_are_test_data(house: House) -> None:
    answer = await answer_to(house, **house.platform(is_test=True).bearer)
    assert answer["is_ready"]
    (noted,) = [one for one in answer["checks"] if one["verdict"] == "noted"]
    assert "test data" in noted["rule"]


@pytest.mark.parametrize(
    ("query", "headers", "word"),
    [
        ("", {"x-experience-api-version": "0.95"}, "none that is spoken"),
        ("", {"experience-api-version": "1.0.3"}, "another name"),
        (f"?endpoint={ADDRESS}/1", {}, "does not say which version"),
    ],
)
async def test_a_wrong_or_missing_version_header_is_named(
    house: House, platform: Platform, query: str, headers: dict[str, str], word: str
) -> None:
    assert word in failed(await answer_to(house, query, **platform.bearer, **headers))["version"]


async def test_a_clock_that_is_off_shows_by_date_and_by_statement(house: House, platform: Platform) -> None:
    off = datetime.now(UTC) + timedelta(minutes=7)
    by_date = await answer_to(house, date=format_datetime(off, usegmt=True), **platform.bearer)
    assert "ahead of ours" in failed(by_date)["clock"]
    by_statement = await answer_to(house, body=statement(timestamp=rfc3339(off)), **platform.bearer)
    assert "timestamp" in failed(by_statement)["clock"]


async def test_a_date_that_is_none_is_named_and_one_without_a_zone_is_read(house: House, platform: Platform) -> None:
    assert "no HTTP date" in failed(await answer_to(house, date="tomorrow", **platform.bearer))["clock"]
    now = format_datetime(datetime.now(UTC).replace(tzinfo=None))
    assert failed(await answer_to(house, date=now, **platform.bearer)) == {}


async def test_a_sample_with_faults_is_told_all_of_them(house: House, platform: Platform) -> None:
    answer = await answer_to(house, body=[statement(), statement(verb={}), {}], **platform.bearer)
    (told,) = [one for one in answer["checks"] if one["check"] == "statements"]
    assert {one["pointer"] for one in told["errors"]} >= {"/1/verb/id", "/2/actor"}
    assert "/1/verb/id" in answer["summary"]
    plain = await answer_to(house, body=statement(), **{"content-type": "text/plain"}, **platform.bearer)
    assert "statements" in failed(plain)


async def test_a_field_that_the_test_does_not_know_is_refused(house: House) -> None:
    response = await house.http.get(f"{PATH}?url=x")
    assert response.status_code == 400
    long = await house.http.get(f"{PATH}?endpoint={'x' * 2001}")
    assert long.json()["errors"][0]["pointer"] == "endpoint"


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    ("path", "word"),
    [
        ("/xapi/statement", "plural"),
        ("/xAPI/statements", "lower case"),
        ("/data/xAPI/statements", "begins with /xapi"),
        ("/xapi/statements/", "slash too many"),
        ("/xapi/statements/statements", "twice"),
        ("/xapi", "appends /statements"),
        ("/xapi/2/", "appends /statements"),
    ],
)
async def test_a_path_that_is_nearly_right_is_answered_with_the_right_one(
    house: House, platform: Platform, method: str, path: str, word: str
) -> None:
    response = await platform.send(statement(), path, method)
    assert response.status_code == 404
    assert word in response.json()["detail"]
    assert "https://deedlog.example/xapi" in response.json()["detail"]
    assert response.headers["x-experience-api-version"]


async def test_a_path_that_is_served_still_answers_405_to_another_method(platform: Platform) -> None:
    assert (await platform.send(statement(), method="DELETE")).status_code == 405


@pytest.mark.parametrize(
    ("header", "word"),
    [
        ("Bearer " + base64.b64encode(b"key_1:dlk_1").decode(), "which is what Basic takes"),
        ("Basic " + base64.b64encode(b"dlk_1").decode(), "without the key's id"),
        ("Bearer key_1", "got the key's id"),
        ("Bearer dlk_nobody", "nobody issued"),
    ],
)
async def test_a_credential_that_is_sent_wrong_is_told_how_where_it_is_sent(
    house: House, header: str, word: str
) -> None:
    response = await house.http.post("/xapi/statements", content=b"{}", headers={"authorization": header})
    assert response.status_code == 401
    assert word in response.json()["detail"]
    assert "www-authenticate" in response.headers
    assert response.headers["x-experience-api-version"] == "2.0.0"
