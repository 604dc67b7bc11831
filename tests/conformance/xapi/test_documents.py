"""State, agent profiles and activity profiles: what every document resource does (part 3, 2.2, 2.3, 2.6, 2.7)."""

from __future__ import annotations

from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from shared.kernel.clock import SystemClock, rfc3339
from tests.conformance.xapi.documents import DOCUMENT, NEW, RESOURCES, Resource, make, names_of
from tests.conformance.xapi.lrs import Lrs, case
from tests.conformance.xapi.statements import BEN

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.parametrize("resource", RESOURCES, ids=str),
]


async def test_what_is_put_is_given_back(lrs: Lrs, resource: Resource) -> None:
    """XAPI-00188, XAPI-00190, XAPI-00192, XAPI-00217, XAPI-00259, XAPI-00269, XAPI-00273, XAPI-00274, XAPI-00287,
    XAPI-00288, XAPI-00290, XAPI-00293; the resources are where they should be: XAPI-00230, XAPI-00282, XAPI-00311.
    """
    query = resource.query()
    put = await lrs.ask("PUT", resource.path, query, DOCUMENT, {**NEW})
    assert (put.status_code, put.content) == (204, b"")
    found = await lrs.ask("GET", resource.path, query)
    assert (found.status_code, found.json()) == (200, DOCUMENT)
    assert found.headers["content-type"].startswith("application/json")


async def test_bytes_of_any_type_are_given_back_as_they_came(lrs: Lrs, resource: Resource) -> None:
    """2.2."""
    query, body = resource.query(), bytes(range(256))
    await lrs.ask("PUT", resource.path, query, body, {**NEW, "content-type": "image/x-page"})
    found = await lrs.ask("GET", resource.path, query)
    assert found.content == body
    assert found.headers["content-type"] == "image/x-page"


async def test_a_document_that_is_not_there_is_not_found(lrs: Lrs, resource: Resource) -> None:
    """3.2."""
    assert (await lrs.ask("GET", resource.path, resource.query())).status_code == 404


async def test_what_is_deleted_is_gone(lrs: Lrs, resource: Resource) -> None:
    """XAPI-00191, XAPI-00216, XAPI-00271, XAPI-00285, XAPI-00291."""
    query = resource.query()
    tag = await make(lrs, resource, query)
    response = await lrs.ask("DELETE", resource.path, query, None, {"if-match": tag})
    assert (response.status_code, response.content) == (204, b"")
    assert (await lrs.ask("GET", resource.path, query)).status_code == 404


async def test_names_are_listed_and_since_leaves_out_the_older(lrs: Lrs, resource: Resource) -> None:
    """XAPI-00193, XAPI-00195, XAPI-00221, XAPI-00270, XAPI-00275, XAPI-00289, XAPI-00294.

    XAPI-00268, XAPI-00303.
    """
    query = resource.query()
    before = SystemClock().now() - timedelta(minutes=5)
    await make(lrs, resource, query)
    everything = resource.all_of(query)
    name = query[resource.name]
    assert name in await names_of(lrs, resource, everything)
    assert name in await names_of(lrs, resource, {**everything, "since": rfc3339(before)})
    assert name not in await names_of(lrs, resource, {**everything, "since": rfc3339(before + timedelta(minutes=10))})


@pytest.mark.parametrize("since", ["yesterday", "2026-03-01", "", "2026-13-01T00:00:00Z"])
async def test_since_is_a_timestamp(lrs: Lrs, resource: Resource, since: str) -> None:
    """XAPI-00204, XAPI-00260, XAPI-00295."""
    query = resource.all_of(resource.query())
    assert (await lrs.ask("GET", resource.path, {**query, "since": since})).status_code == 400


@pytest.mark.parametrize("method", ["PUT", "POST", "GET", "DELETE"])
async def test_a_request_that_leaves_out_what_it_is_about_is_refused(lrs: Lrs, resource: Resource, method: str) -> None:
    """XAPI-00206 to XAPI-00215, XAPI-00261 to XAPI-00267, XAPI-00296 to XAPI-00302."""
    is_writing = method in {"PUT", "POST"}
    for name in resource.required if is_writing else resource.subjects:
        query = {key: value for key, value in resource.query().items() if key != name}
        body, headers = (DOCUMENT, dict(NEW)) if is_writing else (None, {})
        response = await lrs.ask(method, resource.path, query, body, {**headers})
        assert response.status_code == 400, name


@pytest.mark.parametrize("method", ["PUT", "POST", "GET", "DELETE"])
@pytest.mark.parametrize(
    "more", [case("XAPI-00324", "unknown", {"colour": "red"}), case("XAPI-00325", "other case", {"Since": "x"})]
)
async def test_an_unknown_field_is_refused(lrs: Lrs, resource: Resource, method: str, more: Any) -> None:
    body = DOCUMENT if method in {"PUT", "POST"} else None
    headers: dict[str, str | None] = dict(NEW) if method == "PUT" else {}
    response = await lrs.ask(method, resource.path, {**resource.query(), **more}, body, headers)
    assert response.status_code == 400


async def test_post_makes_a_document_where_none_is(lrs: Lrs, resource: Resource) -> None:
    """XAPI-00189, XAPI-00231, XAPI-00233, XAPI-00272, XAPI-00280, XAPI-00283, XAPI-00286, XAPI-00292, XAPI-00310,
    XAPI-00312.
    """
    query = resource.query()
    await make(lrs, resource, query)
    assert (await lrs.ask("GET", resource.path, query)).json() == DOCUMENT


async def test_post_merges_the_top_level_and_replaces_what_is_deeper(lrs: Lrs, resource: Resource) -> None:
    """XAPI-00183, XAPI-00184, XAPI-00234, XAPI-00279, XAPI-00308."""
    query = resource.query()
    await make(lrs, resource, query, {"a": 1, "b": {"x": 1, "y": 2}, "c": [1, 2]})
    await make(lrs, resource, query, {"b": {"z": 3}, "c": [3], "d": None})
    assert (await lrs.ask("GET", resource.path, query)).json() == {"a": 1, "b": {"z": 3}, "c": [3], "d": None}


@pytest.mark.parametrize(
    ("kept", "posted"),
    [
        case("XAPI-00232", "the new one is text", (b'{"a":1}', "application/json"), (b"a", "text/plain")),
        case("XAPI-00232", "the old one is text", (b"a", "text/plain"), (b'{"a":1}', "application/json")),
        case("XAPI-00229", "the new one is an array", (b'{"a":1}', "application/json"), (b"[1]", "application/json")),
        case("XAPI-00229", "the old one is an array", (b"[1]", "application/json"), (b'{"a":1}', "application/json")),
        case("XAPI-00235", "the new one is no JSON", (b'{"a":1}', "application/json"), (b"{a}", "application/json")),
    ],
)
async def test_what_cannot_be_merged_is_refused_and_changes_nothing(
    lrs: Lrs, resource: Resource, kept: Any, posted: Any
) -> None:
    """XAPI-00182, XAPI-00278, XAPI-00309, XAPI-00313."""
    query = resource.query()
    await lrs.ask("PUT", resource.path, query, kept[0], {**NEW, "content-type": kept[1]})
    response = await lrs.ask("POST", resource.path, query, posted[0], {"content-type": posted[1]})
    assert response.status_code == 400
    assert (await lrs.ask("GET", resource.path, query)).content == kept[0]


async def test_a_first_post_that_says_json_and_is_none_is_refused(lrs: Lrs, resource: Resource) -> None:
    """XAPI-00235, XAPI-00281, XAPI-00284, XAPI-00314."""
    query = resource.query()
    response = await lrs.ask("POST", resource.path, query, b"{a}", {"content-type": "application/json"})
    assert response.status_code == 400
    assert (await lrs.ask("GET", resource.path, query)).status_code == 404


async def test_a_document_says_when_it_was_last_changed(lrs: Lrs, resource: Resource) -> None:
    """2.0, 4.1.6.2."""
    query = resource.query()
    before = SystemClock().now() - timedelta(seconds=2)
    await make(lrs, resource, query)
    found = await lrs.ask("GET", resource.path, query)
    assert before < parsedate_to_datetime(found.headers["last-modified"]) < before + timedelta(minutes=1)


async def test_head_is_get_without_the_body(lrs: Lrs, resource: Resource) -> None:
    """XAPI-00125, XAPI-00126."""
    query = resource.query()
    await make(lrs, resource, query)
    got, head = [await lrs.ask(method, resource.path, query) for method in ("GET", "HEAD")]
    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "content-type", "content-length", "last-modified"):
        assert head.headers[name] == got.headers[name]


async def test_documents_of_two_agents_or_activities_are_apart(lrs: Lrs, resource: Resource) -> None:
    """2.2."""
    query = resource.query()
    await make(lrs, resource, query)
    name = resource.subjects[-1]
    other = {**query, name: BEN if name == "agent" else "https://lms.example/another"}
    assert (await lrs.ask("GET", resource.path, other)).status_code == 404
