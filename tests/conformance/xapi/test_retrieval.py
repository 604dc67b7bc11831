"""GET of statements: what fits a query, in which order, on which pages (part 2, 2.5; part 3, 2.1.3)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import pytest

from shared.kernel.clock import SystemClock, parse_rfc3339
from tests.conformance.xapi.lrs import VERSION_HEADER, Lrs, case
from tests.conformance.xapi.retrieval import CONSISTENT, OTHER, REGISTRATION, found, kept, result
from tests.conformance.xapi.statements import ADA, BEN, REFERENCE, TEAM, VOIDED, changed, stating

pytestmark = pytest.mark.asyncio(loop_scope="session")

VERB: Final = {"id": "https://example.org/verbs/other"}
FILTERS: Final = [
    case("XAPI-00181", "agent", {"agent": BEN}),
    case("XAPI-00180", "verb", {"verb": VERB["id"]}),
    case("XAPI-00179", "activity", {"activity": OTHER["id"]}),
    case("XAPI-00178", "registration", {"registration": REGISTRATION}),
    case("XAPI-00177", "related_activities", {"activity": OTHER["id"], "related_activities": "true"}),
    case("XAPI-00176", "related_agents", {"agent": BEN, "related_agents": "true"}),
    case("XAPI-00175", "since", {"since": "2026-03-01T09:30:00Z"}),
    case("XAPI-00174", "until", {"until": "2999-03-01T09:30:00Z"}),
    case("XAPI-00173", "limit", {"limit": "1"}),
    case("XAPI-00168", "format ids", {"format": "ids"}),
    case("XAPI-00169", "format exact", {"format": "exact"}),
    case("XAPI-00170", "format canonical", {"format": "canonical"}),
    case("XAPI-00167", "attachments", {"attachments": "false"}),
    case("XAPI-00166", "ascending", {"ascending": "true"}),
]


async def test_a_get_without_an_id_answers_a_list_and_where_it_goes_on(lrs: Lrs) -> None:
    """XAPI-00110, XAPI-00113, XAPI-00139, XAPI-00154, XAPI-00159."""
    statement_id = await kept(lrs)
    response = await lrs.get()
    assert set(response.json()) <= {"statements", "more"}
    assert [one["id"] for one in result(response)] == [statement_id]
    assert response.json().get("more", "") == ""


@pytest.mark.parametrize("query", FILTERS)
async def test_each_field_of_the_query_is_understood(lrs: Lrs, query: Any) -> None:
    """XAPI-00153, XAPI-00160, XAPI-00164: the reply says through when it is complete."""
    before = SystemClock().now()
    statement_id = await kept(
        lrs, actor=BEN, verb=VERB, object=OTHER, context={"registration": REGISTRATION, "instructor": ADA}
    )
    response = await lrs.get(**query)
    assert [one["id"] for one in result(response)] == [statement_id]
    assert parse_rfc3339(response.headers[CONSISTENT]) >= before - timedelta(seconds=5)
    assert response.headers[VERSION_HEADER] == lrs.version.name


@pytest.mark.parametrize(
    "query",
    [
        case("XAPI-00181", "agent", {"agent": ADA}),
        case("XAPI-00180", "verb", {"verb": "https://example.org/verbs/none"}),
        case("XAPI-00179", "activity", {"activity": "https://example.org/none"}),
        case("XAPI-00178", "registration", {"registration": "00000000-0000-4000-8000-000000000000"}),
        case("XAPI-00175", "since", {"since": "2999-03-01T09:30:00Z"}),
        case("XAPI-00174", "until", {"until": "2013-03-01T09:30:00Z"}),
    ],
)
async def test_what_fits_nothing_is_an_empty_list(lrs: Lrs, query: Any) -> None:
    """XAPI-00112, XAPI-00149, XAPI-00164."""
    await kept(lrs, actor=BEN, verb=VERB, object=OTHER)
    assert await found(lrs, **query) == set()


async def test_related_activities_are_those_of_context_and_substatement(lrs: Lrs) -> None:
    """XAPI-00177."""
    in_context = await kept(lrs, context={"contextActivities": {"category": [OTHER]}})
    nested = await kept(lrs, object={"objectType": "SubStatement", **stating(object=OTHER)})
    await kept(lrs)
    assert await found(lrs, activity=OTHER["id"]) == set()
    assert await found(lrs, activity=OTHER["id"], related_activities="true") == {in_context, nested}


async def test_related_agents_are_those_of_object_context_and_groups(lrs: Lrs) -> None:
    """XAPI-00176."""
    expected = {
        await kept(lrs, object=BEN),
        await kept(lrs, context={"instructor": BEN}),
        await kept(lrs, context={"team": TEAM}),
    }
    await kept(lrs)
    assert expected <= await found(lrs, agent=BEN, related_agents="true")
    assert expected.isdisjoint(
        await found(lrs, agent=changed(BEN, mbox="mailto:eva@example.org"), related_agents="true")
    )


async def test_a_group_is_found_by_its_identifier_and_its_members(lrs: Lrs) -> None:
    """XAPI-00181."""
    statement_id = await kept(lrs, actor=TEAM)
    assert await found(lrs, agent={"objectType": "Group", "mbox": TEAM["mbox"]}) == {statement_id}
    assert await found(lrs, agent=BEN) == {statement_id}


async def test_what_refers_to_a_fitting_statement_fits(lrs: Lrs) -> None:
    """2.1.3: the filters look through a StatementRef."""
    target = await kept(lrs, actor=BEN, verb=VERB)
    referring = await kept(lrs, object=changed(REFERENCE, id=target))
    assert await found(lrs, verb=VERB["id"]) == {target, referring}


async def test_a_void_statement_is_listed_no_more_and_what_refers_to_it_is(lrs: Lrs) -> None:
    """XAPI-00162, XAPI-00163, XAPI-00165."""
    target = await kept(lrs, actor=BEN, verb=VERB)
    voiding = await kept(lrs, verb=VOIDED, object=changed(REFERENCE, id=target))
    assert await found(lrs) == {voiding}
    assert await found(lrs, verb=VERB["id"]) == {voiding}


async def test_since_leaves_out_and_until_takes_in_the_moment_itself(lrs: Lrs) -> None:
    """XAPI-00174, XAPI-00175."""
    first, second = await kept(lrs), await kept(lrs)
    moment = (await lrs.get(statementId=first)).json()["stored"]
    assert await found(lrs, until=moment) == {first}
    assert await found(lrs, since=moment) == {second}


async def test_the_newest_come_first_unless_asked_otherwise(lrs: Lrs) -> None:
    """XAPI-00166."""
    ids = [await kept(lrs) for _ in range(4)]
    assert [one["id"] for one in result(await lrs.get())] == ids[::-1]
    assert [one["id"] for one in result(await lrs.get(ascending="true"))] == ids


@pytest.mark.parametrize("ascending", ["true", "false"])
async def test_more_goes_on_by_the_same_filter_without_gap_or_double(lrs: Lrs, ascending: str) -> None:
    """XAPI-00108, XAPI-00109, XAPI-00111, XAPI-00114."""
    ids = []
    for number in range(7):
        ids.append(await kept(lrs, verb=VERB))
        if number % 2:
            await kept(lrs)
    response = await lrs.get(verb=VERB["id"], limit="3", ascending=ascending)
    seen = [one["id"] for one in result(response)]
    while more := response.json().get("more"):
        response = await lrs.platform.house.http.get(more, headers=lrs.headers)
        seen += [one["id"] for one in result(response)]
        assert len(seen) <= 7
    assert seen == (ids if ascending == "true" else ids[::-1])
