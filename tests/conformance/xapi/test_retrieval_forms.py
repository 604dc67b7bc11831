"""GET of statements: formats, languages, what is refused, and what every reply says (part 3, 2.1.3)."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import pytest

from shared.kernel.clock import SystemClock, parse_rfc3339, rfc3339
from tests.conformance.xapi.lrs import Lrs, case
from tests.conformance.xapi.retrieval import CONSISTENT, OTHER, REGISTRATION, kept, result
from tests.conformance.xapi.statements import BEN, changed, defined

pytestmark = pytest.mark.asyncio(loop_scope="session")

BEN_IDENTIFIED: Final = {"mbox": BEN["mbox"]}
NOT_WITH_AN_ID: Final = [
    {"agent": BEN},
    {"verb": "a:b"},
    {"activity": "a:b"},
    {"registration": REGISTRATION},
    {"related_activities": "true"},
    {"related_agents": "true"},
    {"since": "2026-03-01T09:30:00Z"},
    {"until": "2026-03-01T09:30:00Z"},
    {"limit": "1"},
    {"ascending": "true"},
]


async def test_ids_leave_only_what_identifies(lrs: Lrs) -> None:
    """XAPI-00168."""
    activity = defined(name={"en": "Question"})
    await kept(lrs, actor=BEN, object=activity)
    (one,) = result(await lrs.get(format="ids"))
    assert one["actor"] in (BEN_IDENTIFIED, changed(BEN_IDENTIFIED, objectType="Agent"))
    assert "definition" not in one["object"]
    assert "display" not in one["verb"]


async def test_exact_leaves_all_as_it_came(lrs: Lrs) -> None:
    """XAPI-00169."""
    sent = {"actor": BEN, "object": defined(name={"en": "Question", "de": "Frage"})}
    await kept(lrs, **sent)
    (one,) = result(await lrs.get(format="exact"))
    assert {name: one[name] for name in sent} == sent


async def test_canonical_has_one_language_the_one_that_was_asked_for(lrs: Lrs) -> None:
    """XAPI-00170, XAPI-00172."""
    activity = changed(OTHER, definition={"name": {"en": "Question", "de": "Frage"}})
    statement_id = await kept(lrs, object=activity)
    for tag, text in (("de", "Frage"), ("en", "Question")):
        query = {"statementId": statement_id, "format": "canonical"}
        one = await lrs.ask("GET", "/statements", query, None, {"accept-language": tag})
        assert one.json()["object"]["definition"]["name"] == {tag: text}


@pytest.mark.parametrize(
    "query",
    [
        case("XAPI-00012", "agent is no JSON", {"agent": "ben"}),
        case("XAPI-00012", "agent without identifier", {"agent": {"name": "Ben"}}),
        case("XAPI-00012", "verb is no IRI", {"verb": "answered"}),
        case("XAPI-00012", "activity is no IRI", {"activity": "question"}),
        case("XAPI-00012", "registration is no UUID", {"registration": "course-7"}),
        case("XAPI-00012", "since is no time", {"since": "yesterday"}),
        case("XAPI-00012", "until is no time", {"until": "tomorrow"}),
        case("XAPI-00012", "limit is no number", {"limit": "many"}),
        case("XAPI-00012", "limit is negative", {"limit": "-1"}),
        case("XAPI-00012", "related_agents is no boolean", {"related_agents": "maybe"}),
        case("XAPI-00012", "related_activities is no boolean", {"related_activities": "1"}),
        case("XAPI-00012", "ascending is no boolean", {"ascending": "up"}),
        case("XAPI-00012", "attachments is no boolean", {"attachments": "some"}),
        case("XAPI-00171", "format is unknown", {"format": "long"}),
        case("XAPI-00324", "an unknown field", {"colour": "red"}),
        case("XAPI-00325", "other case", {"Verb": "https://example.org/verbs/other"}),
    ],
)
async def test_a_field_that_is_not_in_its_form_is_refused(lrs: Lrs, query: Any) -> None:
    response = await lrs.get(**query)
    assert response.status_code == 400
    assert CONSISTENT in response.headers


@pytest.mark.parametrize(
    "name", [case("XAPI-00151", "id", "statementId"), case("XAPI-00150", "void", "voidedStatementId")]
)
@pytest.mark.parametrize("more", NOT_WITH_AN_ID, ids=lambda more: next(iter(more)))
async def test_an_id_goes_with_no_filter(lrs: Lrs, name: str, more: Any) -> None:
    statement_id = await kept(lrs)
    assert (await lrs.get(**{name: statement_id}, **more)).status_code == 400


async def test_both_ids_at_once_are_refused(lrs: Lrs) -> None:
    """2.1.3."""
    statement_id = await kept(lrs)
    assert (await lrs.get(statementId=statement_id, voidedStatementId=statement_id)).status_code == 400


@pytest.mark.parametrize("more", [{"format": "exact"}, {"attachments": "false"}], ids=["format", "attachments"])
async def test_an_id_goes_with_format_and_attachments(lrs: Lrs, more: Any) -> None:
    """XAPI-00150, XAPI-00151, XAPI-00156, XAPI-00158, XAPI-00161."""
    statement_id = await kept(lrs)
    response = await lrs.get(statementId=statement_id, **more)
    assert (response.status_code, response.json()["id"]) == (200, statement_id)
    assert response.headers["content-type"].startswith("application/json")


@pytest.mark.parametrize("status", [200, 400, 404])
async def test_every_reply_says_through_when_it_is_complete_and_never_the_future(lrs: Lrs, status: int) -> None:
    """XAPI-00153, XAPI-00160."""
    statement_id = await kept(lrs)
    queries = {200: {"statementId": statement_id}, 400: {"limit": "x"}, 404: {"voidedStatementId": statement_id}}
    for method in ("GET", "HEAD"):
        response = await lrs.ask(method, "/statements", queries[status])
        assert response.status_code == status
        assert parse_rfc3339(response.headers[CONSISTENT]) <= SystemClock().now()


async def test_a_refused_get_says_through_when_it_is_complete_as_of_now(lrs: Lrs) -> None:
    """XAPI-00153: who waits for a statement by a query that is refused does not wait for ever."""
    before = SystemClock().now()
    deadline = before + timedelta(seconds=10)
    while SystemClock().now() < deadline:
        response = await lrs.get(limit="x")
        if parse_rfc3339(response.headers[CONSISTENT]) >= before:
            return
        await asyncio.sleep(0.1)
    pytest.fail("the header stands still")


async def test_head_is_get_without_the_body(lrs: Lrs) -> None:
    """XAPI-00125, XAPI-00126."""
    statement_id = await kept(lrs)
    for query in ({}, {"statementId": statement_id}, {"since": rfc3339(SystemClock().now())}):
        got, head = [await lrs.ask(method, "/statements", query) for method in ("GET", "HEAD")]
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"] == got.headers["content-type"]


async def test_one_statement_says_when_it_was_stored(lrs_2: Lrs) -> None:
    """2.0, 4.1.6.1."""
    response = await lrs_2.get(statementId=await kept(lrs_2))
    stored = parse_rfc3339(response.json()["stored"])
    assert parsedate_to_datetime(response.headers["last-modified"]) == stored.replace(microsecond=0)
