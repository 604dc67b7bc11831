"""The version header of requests and replies, and who may speak at all (part 3, 3.3 and 4)."""

from __future__ import annotations

import base64
from typing import Any, Final

import pytest

from shared.kernel.ids import system_uuid7
from tests.conformance.xapi.lrs import ONE, TWO, VERSION_HEADER, Lrs, Version, case
from tests.conformance.xapi.statements import ADA, BEN, QUESTION, TEAM, changed, stating

pytestmark = pytest.mark.asyncio(loop_scope="session")

SPOKEN: Final = [
    case("XAPI-00331", "1.0", "1.0", ONE),
    case("XAPI-00331", "1.0.0", "1.0.0", ONE),
    case("XAPI-00331", "1.0.2", "1.0.2", ONE),
    case("XAPI-00331", "1.0.99", "1.0.99", ONE),
    case("XAPI-00331", "2.0", "2.0", TWO),
    case("XAPI-00331", "2.0.0", "2.0.0", TWO),
]
UNSPOKEN: Final = ["", "0.8", "0.9", "0.95", "1", "1.1", "1.1.0", "2.1.0", "3.0", "1.0.", "1.0.3.1", "one"]


@pytest.mark.parametrize(("header", "version"), SPOKEN)
async def test_a_version_that_is_spoken_is_answered_in_its_newest_form(lrs: Lrs, header: str, version: Version) -> None:
    """XAPI-00333."""
    response = await lrs.post(stating(), x_experience_api_version=header)
    assert response.status_code == 200
    assert response.headers[VERSION_HEADER] == version.name


@pytest.mark.parametrize("header", UNSPOKEN)
async def test_a_version_that_is_not_spoken_is_refused(lrs: Lrs, header: str) -> None:
    """XAPI-00331."""
    response = await lrs.post(stating(), x_experience_api_version=header)
    assert response.status_code == 400
    assert response.headers[VERSION_HEADER] == lrs.version.name


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
async def test_a_request_without_a_version_is_refused(lrs: Lrs, method: str) -> None:
    """XAPI-00321."""
    query = {} if method == "POST" else {"statementId": str(system_uuid7())}
    body = None if method == "GET" else stating()
    response = await lrs.ask(method, "/statements", query, body, {VERSION_HEADER: None})
    assert response.status_code == 400
    assert response.headers[VERSION_HEADER] == lrs.version.name


async def test_about_is_answered_without_a_version_and_without_a_key(lrs: Lrs) -> None:
    """XAPI-00315 to XAPI-00319."""
    response = await lrs.ask("GET", "/about", headers={VERSION_HEADER: None, "authorization": None})
    assert response.status_code == 200
    versions = response.json()["version"]
    assert {"1.0.3", "2.0.0"} <= set(versions)
    assert all(type(one) is str for one in versions)


@pytest.mark.parametrize("version", ["1.0", "1.0.0", "1.0.1"])
async def test_a_statement_of_an_older_version_is_not_converted(lrs: Lrs, version: str) -> None:
    """XAPI-00330."""
    sent = stating(version=version, actor=changed(TEAM, member=[BEN, ADA]), context={"team": TEAM})
    found = await lrs.stored(sent)
    assert {name: found[name] for name in sent} == sent


@pytest.mark.parametrize(
    "authorization",
    [
        case("XAPI-00334", "none", None),
        case("XAPI-00334", "no key", "Basic " + base64.b64encode(b"nobody:nothing").decode()),
        case("XAPI-00334", "no base64", "Basic !!!"),
        case("XAPI-00334", "no colon", "Basic " + base64.b64encode(b"nobody").decode()),
        case("XAPI-00334", "unknown scheme", "Digest x"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
async def test_who_is_not_known_is_answered_401(lrs: Lrs, method: str, authorization: Any) -> None:
    query = {} if method == "POST" else {"statementId": str(system_uuid7())}
    body = None if method == "GET" else stating()
    response = await lrs.ask(method, "/statements", query, body, {"authorization": authorization})
    assert response.status_code == 401
    assert response.headers[VERSION_HEADER] == lrs.version.name


async def test_basic_authentication_is_spoken(lrs: Lrs) -> None:
    """XAPI-00335."""
    assert lrs.headers["authorization"].startswith("Basic ")
    await lrs.takes(stating(object=QUESTION))
