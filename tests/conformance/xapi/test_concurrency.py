"""ETags and preconditions of the document resources (part 3, 3.1; 2.0: 4.1.4)."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import pytest

from tests.conformance.xapi.documents import ACTIVITY_PROFILE, AGENT_PROFILE, DOCUMENT, NEW, RESOURCES, Resource, make
from tests.conformance.xapi.lrs import Lrs

pytestmark = pytest.mark.asyncio(loop_scope="session")

OTHER = {"name": "Ben"}
STALE = '"0000000000000000000000000000000000000000"'
ALL = pytest.mark.parametrize("resource", RESOURCES, ids=str)
PROFILES = pytest.mark.parametrize("resource", [AGENT_PROFILE, ACTIVITY_PROFILE], ids=str)


async def kept(lrs: Lrs, resource: Resource, query: Any) -> Any:
    return (await lrs.ask("GET", resource.path, query)).json()


@ALL
async def test_an_etag_is_the_quoted_sha_1_of_the_document(lrs: Lrs, resource: Resource) -> None:
    """XAPI-00322."""
    query, body = resource.query(), b'{"name": "Ada"}'
    await lrs.ask("PUT", resource.path, query, body, {**NEW, "content-type": "application/json"})
    tag = (await lrs.ask("GET", resource.path, query)).headers["etag"]
    assert re.fullmatch('"[0-9a-f]{40}"', tag)
    assert tag == f'"{hashlib.sha1(body, usedforsecurity=False).hexdigest()}"'


@ALL
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
async def test_a_stale_etag_is_refused_and_changes_nothing(lrs_2: Lrs, resource: Resource, method: str) -> None:
    """XAPI-00322; 2.0: 4.1.4."""
    query = resource.query()
    await make(lrs_2, resource, query)
    body = None if method == "DELETE" else OTHER
    response = await lrs_2.ask(method, resource.path, query, body, {"if-match": STALE})
    assert response.status_code == 412
    assert await kept(lrs_2, resource, query) == DOCUMENT


@PROFILES
async def test_a_stale_etag_is_refused_by_profiles_in_1_too(lrs_1: Lrs, resource: Resource) -> None:
    """XAPI-00322."""
    query = resource.query()
    await make(lrs_1, resource, query)
    assert (await lrs_1.ask("PUT", resource.path, query, OTHER, {"if-match": STALE})).status_code == 412
    assert await kept(lrs_1, resource, query) == DOCUMENT


@ALL
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
async def test_the_current_etag_lets_through(lrs: Lrs, resource: Resource, method: str) -> None:
    """XAPI-00322; 2.0: 4.1.4."""
    query = resource.query()
    tag = await make(lrs, resource, query)
    body = None if method == "DELETE" else OTHER
    response = await lrs.ask(method, resource.path, query, body, {"if-match": tag})
    assert response.status_code == 204
    found = await lrs.ask("GET", resource.path, query)
    if method == "DELETE":
        assert found.status_code == 404
    else:
        assert found.json()["name"] == "Ben"
        assert found.headers["etag"] != tag


@PROFILES
async def test_if_none_match_keeps_what_is_there(lrs: Lrs, resource: Resource) -> None:
    """XAPI-00322."""
    query = resource.query()
    assert (await lrs.ask("PUT", resource.path, query, DOCUMENT, {**NEW})).status_code == 204
    assert (await lrs.ask("PUT", resource.path, query, OTHER, {**NEW})).status_code == 412
    assert await kept(lrs, resource, query) == DOCUMENT


@PROFILES
async def test_put_without_a_precondition_is_a_conflict_that_is_explained(lrs: Lrs, resource: Resource) -> None:
    """XAPI-00322."""
    query = resource.query()
    await make(lrs, resource, query)
    response = await lrs.ask("PUT", resource.path, query, OTHER)
    assert response.status_code == 409
    assert response.text
    assert await kept(lrs, resource, query) == DOCUMENT


@PROFILES
async def test_put_of_a_new_profile_without_a_precondition_is_refused_in_1(lrs_1: Lrs, resource: Resource) -> None:
    """XAPI-00273, XAPI-00287."""
    response = await lrs_1.ask("PUT", resource.path, resource.query(), DOCUMENT)
    assert response.status_code == 400
