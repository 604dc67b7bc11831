"""Statements are found by every filter of xAPI, page by page, and never before all of them can be seen."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from urllib.parse import urlencode

import pytest

from services.learning_events.domain.arrival import Writer
from services.learning_events.handlers import searching
from services.learning_events.store.statements import PostgresStatements
from shared.kernel.clock import parse_rfc3339
from shared.kernel.ids import system_uuid7
from tests.suites.learning_events.house import HOME_PAGE, House, Platform, statement, voiding

pytestmark = pytest.mark.asyncio(loop_scope="session")
THROUGH = "X-Experience-API-Consistent-Through"


def account(name: str) -> dict[str, Any]:
    return {"account": {"homePage": HOME_PAGE, "name": name}}


def reference(target: str, **changes: Any) -> dict[str, Any]:
    return statement("commentator", object={"objectType": "StatementRef", "id": target}, **changes)


async def page(platform: Platform, more: str = "", **query: Any) -> dict[str, Any]:
    named = {name: json.dumps(value) if isinstance(value, dict) else value for name, value in query.items()}
    response = await platform.get(more or f"/xapi/statements?{urlencode(named)}")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


async def found(platform: Platform, **query: Any) -> list[str]:
    """Return the ids of all that is found, following every `more`."""
    answer = await page(platform, **query)
    ids = [one["id"] for one in answer["statements"]]
    while answer["more"]:
        answer = await page(platform, answer["more"])
        ids += [one["id"] for one in answer["statements"]]
    return ids


async def test_statements_come_newest_first_or_oldest_first_and_page_by_page(platform: Platform) -> None:
    ids = [statement_id for _ in range(4) for statement_id in await platform.post([statement(), statement()])]
    assert await found(platform) == ids[::-1]
    assert await found(platform, limit=3) == ids[::-1]
    assert await found(platform, limit=3, ascending="true") == ids
    answer = await page(platform, limit=8)
    assert (len(answer["statements"]), answer["more"]) == (8, "")


@pytest.mark.parametrize("mount", ["/xapi", "/xapi/1", "/xapi/2"])
async def test_a_more_link_stays_on_its_mount_and_repeats_what_was_asked(platform: Platform, mount: str) -> None:
    await platform.post([statement(), statement()])
    version = "1.0.3" if mount == "/xapi/1" else "2.0.0"
    query = urlencode({"verb": "http://adlnet.gov/expapi/verbs/answered", "limit": 1, "format": "ids"})
    response = await platform.get(f"{mount}/statements?{query}", x_experience_api_version=version)
    more = response.json()["more"]
    assert more.startswith(f"{mount}/statements?")
    assert query in more
    again = await platform.get(more, x_experience_api_version=version)
    assert len(again.json()["statements"]) == 1


async def test_a_more_link_of_another_key_is_refused(house: House, platform: Platform) -> None:
    await platform.post([statement(), statement()])
    more = (await page(platform, limit=1))["more"]
    response = await house.platform(organisation=platform.organisation).get(more)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (400, "cursor")


SUB_STATEMENT = {
    "objectType": "SubStatement",
    "actor": account("planned"),
    "verb": {"id": "https://x.example/plans"},
    "object": {"id": "https://x.example/planned"},
    "context": {"contextActivities": {"grouping": {"id": "https://x.example/plan"}}},
}
GROUP = {"objectType": "Group", "mbox": "mailto:team@Example.org", "member": [account("member")]}
CONTEXT = {
    "registration": "EC531277-B57B-4C15-8D91-D292C5B2B8F7",
    "instructor": account("instructor"),
    "team": GROUP,
    "contextActivities": {"parent": [{"id": "https://x.example/course"}]},
    "contextAgents": [{"objectType": "contextAgent", "agent": account("helper")}],
    "contextGroups": [{"objectType": "contextGroup", "group": {"objectType": "Group", "member": [account("peer")]}}],
}


@pytest.mark.parametrize(
    ("changes", "query", "is_found"),
    [
        ({}, {"agent": account("ada")}, True),
        ({}, {"agent": {**account("ada"), "name": "Ada", "objectType": "Agent"}}, True),
        ({}, {"agent": account("ben")}, False),
        ({"object": {"objectType": "Agent", **account("ben")}}, {"agent": account("ben")}, True),
        ({"actor": GROUP}, {"agent": {"mbox": "mailto:team@example.org"}}, True),
        ({"actor": GROUP}, {"agent": account("member")}, True),
        ({"context": CONTEXT}, {"agent": account("instructor")}, False),
        ({"context": CONTEXT}, {"agent": account("instructor"), "related_agents": "true"}, True),
        ({"context": CONTEXT}, {"agent": account("member"), "related_agents": "true"}, True),
        ({"context": CONTEXT}, {"agent": account("helper"), "related_agents": "true"}, True),
        ({"context": CONTEXT}, {"agent": account("peer"), "related_agents": "true"}, True),
        ({"object": SUB_STATEMENT}, {"agent": account("planned")}, False),
        ({"object": SUB_STATEMENT}, {"agent": account("planned"), "related_agents": "true"}, True),
        ({}, {"verb": "http://adlnet.gov/expapi/verbs/answered"}, True),
        ({}, {"verb": "http://adlnet.gov/expapi/verbs/Answered"}, False),
        ({"object": SUB_STATEMENT}, {"verb": "https://x.example/plans"}, False),
        ({}, {"activity": "https://lms.example/questions/1"}, True),
        ({"context": CONTEXT}, {"activity": "https://x.example/course"}, False),
        ({"context": CONTEXT}, {"activity": "https://x.example/course", "related_activities": "true"}, True),
        ({"object": SUB_STATEMENT}, {"activity": "https://x.example/planned"}, False),
        ({"object": SUB_STATEMENT}, {"activity": "https://x.example/planned", "related_activities": "true"}, True),
        ({"object": SUB_STATEMENT}, {"activity": "https://x.example/plan", "related_activities": "true"}, True),
        ({"context": CONTEXT}, {"registration": "ec531277-b57b-4c15-8d91-d292c5b2b8f7"}, True),
        ({"context": CONTEXT}, {"registration": "ec531277-b57b-4c15-8d91-d292c5b2b8f8"}, False),
        ({"context": CONTEXT}, {"agent": account("ada"), "activity": "https://lms.example/questions/1"}, True),
        ({"context": CONTEXT}, {"agent": account("ben"), "activity": "https://lms.example/questions/1"}, False),
    ],
)
async def test_a_statement_is_found_by_what_it_names(
    platform: Platform, changes: dict[str, Any], query: dict[str, Any], is_found: bool
) -> None:
    (kept, _) = await platform.post(
        [
            statement(**changes),
            statement("other", object={"id": "https://x.example/o"}, verb={"id": "https://x.example/v"}),
        ]
    )
    assert (kept in await found(platform, **query)) is is_found


async def test_filters_together_find_what_keeps_all_of_them(platform: Platform) -> None:
    verbs = ["https://x.example/read", "https://x.example/wrote"]
    sent = [
        statement(name, verb={"id": verb}, object={"id": f"https://x.example/{number}"})
        for name in ("ada", "ben")
        for verb in verbs
        for number in (1, 2)
    ]
    for batch in (sent[:3], sent[3:5], sent[5:]):
        await platform.post(batch)
    query = {"agent": account("ben"), "verb": verbs[1], "activity": "https://x.example/2"}
    assert await found(platform, **query) == [sent[7]["id"]]
    del query["activity"]
    assert await found(platform, **query, ascending="true") == [sent[6]["id"], sent[7]["id"]]


async def test_the_key_is_the_authority_by_which_its_statements_are_found(house: House, platform: Platform) -> None:
    other = house.platform(organisation=platform.organisation)
    (mine,), (others,) = await platform.post(statement()), await other.post(statement())
    authority = {"account": {"homePage": "https://deedlog.example", "name": other.key}}
    assert await found(platform, agent=authority, related_agents="true") == [others]
    assert await found(platform, agent=authority) == []
    assert await found(platform) == [others, mine]


async def test_since_is_exclusive_and_until_is_inclusive(platform: Platform) -> None:
    ids = [(await platform.post(statement()))[0] for _ in range(3)]
    stored = (await platform.read(ids[1]) or {})["stored"]
    assert await found(platform, since=stored) == [ids[2]]
    assert await found(platform, until=stored) == [ids[1], ids[0]]
    assert await found(platform, since=stored, until=stored) == []


async def test_who_may_read_their_own_find_their_own_and_test_keys_find_test_data(house: House) -> None:
    owner = house.platform()
    mine = house.platform(["write", "read/mine"], owner.organisation)
    test = house.platform(organisation=owner.organisation, is_test=True)
    stranger = house.platform()
    ids = [(await key.post(statement()))[0] for key in (owner, mine, test, stranger)]
    assert await found(owner) == [ids[1], ids[0]]
    assert await found(mine) == [ids[1]]
    assert await found(mine, verb="http://adlnet.gov/expapi/verbs/answered") == [ids[1]]
    assert await found(test) == [ids[2]]
    assert await found(stranger) == [ids[3]]


async def test_what_is_void_is_not_found_and_what_voids_it_is(platform: Platform) -> None:
    verb = {"id": f"https://x.example/verbs/{system_uuid7()}"}
    (kept,) = await platform.post(statement(verb=verb))
    (comment,) = await platform.post(reference(kept, verb={"id": "https://x.example/commented"}))
    assert await found(platform, verb=verb["id"]) == [comment, kept]
    (void,) = await platform.post(voiding(kept))
    assert await found(platform, verb=verb["id"]) == [void, comment]
    assert await found(platform, verb=verb["id"], limit=1) == [void, comment]


async def test_what_refers_to_a_statement_is_found_by_it_whichever_comes_first(platform: Platform) -> None:
    last = statement("ada", verb={"id": f"https://x.example/verbs/{system_uuid7()}"})
    middle = reference(last["id"], context={"registration": str(system_uuid7())})
    first = reference(middle["id"])
    await platform.post(first)
    await platform.post(last)
    assert await found(platform, verb=last["verb"]["id"]) == [last["id"]]
    await platform.post(middle)
    assert set(await found(platform, verb=last["verb"]["id"])) == {one["id"] for one in (first, middle, last)}
    registration = middle["context"]["registration"]
    assert await found(platform, registration=registration) == [middle["id"], first["id"]]
    late = reference(first["id"])
    await platform.post([late])
    assert late["id"] in await found(platform, agent=account("ada"), registration=registration)


async def test_references_in_a_ring_end(platform: Platform) -> None:
    ids = [str(system_uuid7()) for _ in range(3)]
    ring = [reference(ids[(number + 1) % 3], id=ids[number]) for number in range(3)]
    assert await platform.post(ring) == ids
    assert set(await found(platform, agent=account("commentator"))) == set(ids)


async def test_a_search_that_looked_enough_goes_on_by_more(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "LOOKS", (1, 2))
    rare = {"id": "https://x.example/rare"}
    verb = {"id": "https://x.example/seldom"}
    (first,) = await platform.post(statement(object=rare, verb=verb))
    for _ in range(9):
        await platform.post(statement(object=rare))
    for _ in range(12):
        await platform.post(statement(verb=verb))
    answer = await page(platform, verb=verb["id"], activity=rare["id"])
    assert (answer["statements"], answer["more"] != "") == ([], True)
    assert await found(platform, verb=verb["id"], activity=rare["id"]) == [first]


async def test_everything_is_found_once_while_others_write(platform: Platform) -> None:
    written: list[str] = []

    async def write(writer: int) -> None:
        for _ in range(8):
            written.extend(await platform.post([statement(f"writer-{writer}") for _ in range(5)]))

    async def follow() -> list[str]:
        """Follow by `since`, trusting nothing but what the header promises."""
        seen: list[str] = []
        since = "2020-01-01T00:00:00Z"
        while len(seen) < 160:
            response = await platform.get(f"/xapi/statements?{urlencode({'since': since, 'ascending': 'true'})}")
            through = response.headers[THROUGH]
            for one in response.json()["statements"]:
                if one["stored"] <= through:
                    seen.append(one["id"])
                    since = one["stored"]
            if not response.json()["more"]:
                since = max(since, through)
        return seen

    async with asyncio.timeout(30):
        following = asyncio.ensure_future(follow())
        await asyncio.gather(*(write(writer) for writer in range(4)))
        seen = await following
    assert sorted(seen) == sorted(written)


async def test_consistent_through_stays_behind_an_open_write(house: House, platform: Platform) -> None:
    store = PostgresStatements(house.backbone)
    writer = Writer(platform.organisation, platform.key, is_test=False)
    async with store.opened(writer, is_referring=False) as ledger:
        await asyncio.sleep(0.15)
        through = parse_rfc3339((await platform.get("/xapi/statements")).headers[THROUGH])
        assert through < ledger.stored_at
    after = parse_rfc3339((await platform.get("/xapi/statements")).headers[THROUGH])
    assert after > ledger.stored_at


@pytest.mark.parametrize("status", [200, 204, 400, 401, 404])
async def test_every_reply_says_up_to_when_everything_was_seen(house: House, platform: Platform, status: int) -> None:
    sent = statement()
    requests = {
        200: lambda: platform.send(sent),
        204: lambda: platform.send(sent, f"/xapi/statements?statementId={sent['id']}", "PUT"),
        400: lambda: platform.get("/xapi/statements?verb=x"),
        401: lambda: house.http.get("/xapi/statements"),
        404: lambda: platform.get(f"/xapi/statements?statementId={system_uuid7()}"),
    }
    response = await requests[status]()
    assert response.status_code == status
    parse_rfc3339(response.headers[THROUGH])


async def test_a_statement_without_a_timestamp_happened_when_it_was_stored(house: House, platform: Platform) -> None:
    sent = statement()
    del sent["timestamp"]
    await platform.post(sent)
    kept = await platform.read(sent["id"]) or {}
    (fact,) = await house.stream(platform.person("ada"))
    assert kept["timestamp"] == kept["stored"]
    assert fact.occurred_at == parse_rfc3339(kept["stored"])


async def test_head_is_get_without_a_body(platform: Platform) -> None:
    (kept,) = await platform.post(statement())
    for path in ("/xapi/statements", f"/xapi/statements?statementId={kept}", "/xapi/statements?attachments=true"):
        get = await platform.get(path)
        head = await platform.send(b"", path, "HEAD")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-type"].partition(";")[0] == get.headers["content-type"].partition(";")[0]
        assert THROUGH in head.headers


async def test_one_statement_has_a_tag_and_the_time_it_was_stored(platform: Platform) -> None:
    (kept,) = await platform.post(statement())
    path = f"/xapi/statements?statementId={kept}"
    response = await platform.get(path)
    assert response.headers["last-modified"].endswith(" GMT")
    again = await platform.get(path, if_none_match=response.headers["etag"])
    assert (again.status_code, again.content) == (304, b"")


async def test_who_acted_is_found_no_more_after_an_erasure(house: House, platform: Platform) -> None:
    ids = await platform.post([statement("erased"), statement("other")])
    await PostgresStatements(house.backbone).erase(platform.person("erased"))
    assert await found(platform) == [ids[1]]
    assert await found(platform, agent=account("erased"), related_agents="true") == []
    async with house.backbone.reading() as connection:
        left = await connection.fetchval(
            "SELECT count(*) FROM searchable WHERE organisation = $1 AND cardinality(places) = 1", platform.organisation
        )
    assert left == 2
