"""What arrived, in the order in which it did, in its normal form, for whoever follows."""

from __future__ import annotations

import pytest

from tests.suites.learning_events.house import House, Platform, statement, voiding
from tests.unit.learning_events.samples import full

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_without_a_cursor_the_newest_are_listed_oldest_first(platform: Platform) -> None:
    ids = [(await platform.post(statement()))[0] for _ in range(5)]
    page = (await platform.get("/v1/events?limit=3")).json()
    assert [item["id"] for item in page["items"]] == ids[2:]
    assert (page["has_more"], page["next_cursor"]) == (False, None)


async def test_a_request_arrives_in_the_order_in_which_it_was_written(platform: Platform) -> None:
    sent = [statement(id=f"00000000-0000-4000-8000-{number:012}") for number in (3, 1, 2)]
    ids = await platform.post(sent)
    assert [item["id"] for item in (await platform.get("/v1/events")).json()["items"]] == ids


async def test_pages_follow_one_another_to_the_end_and_go_on_when_more_arrives(platform: Platform) -> None:
    start = (await platform.get("/v1/events")).json()["sync_token"]
    ids = await platform.post([statement(f"person-{number}") for number in range(7)])
    first = (await platform.get(f"/v1/events?limit=5&cursor={start}")).json()
    assert [item["id"] for item in first["items"]] == ids[:5]
    assert first["has_more"]
    second = (await platform.get(f"/v1/events?limit=5&cursor={first['next_cursor']}")).json()
    assert [item["id"] for item in second["items"]] == ids[5:]
    assert not second["has_more"]
    (more,) = await platform.post(statement())
    third = (await platform.get(f"/v1/events?cursor={second['sync_token']}")).json()
    assert [item["id"] for item in third["items"]] == [more]


async def test_an_event_says_what_its_fact_says(house: House, platform: Platform) -> None:
    sent = full()
    await platform.post(sent)
    (item,) = (await platform.get("/v1/events")).json()["items"]
    person = house.identity.account(platform.organisation, "account:https://lms.example|4711")
    (event,) = await house.told(person.person)
    told = event.model_dump(mode="json")
    assert {name: item[name] for name in told if name in item} == {k: v for k, v in told.items() if k in item}
    assert (item["id"], item["person"], item["is_void"]) == (sent["id"], person.person, False)
    assert item["occurred_at"] == "2026-03-01T09:30:00.123456Z"


async def test_a_void_statement_is_listed_as_such(platform: Platform) -> None:
    target = statement()
    await platform.post([target, voiding(target["id"])])
    items = (await platform.get("/v1/events")).json()["items"]
    assert [item["is_void"] for item in items] == [True, False]


async def test_only_the_own_organisation_and_the_own_kind_of_data_are_listed(house: House, platform: Platform) -> None:
    await platform.post(statement())
    assert (await house.platform().get("/v1/events")).json()["items"] == []
    trial = house.platform(organisation=platform.organisation, is_test=True)
    assert (await trial.get("/v1/events")).json()["items"] == []


@pytest.mark.parametrize("scopes", [["write"], ["read/mine"], ["profile"]])
async def test_listing_needs_the_scope_read(house: House, scopes: list[str]) -> None:
    assert (await house.platform(scopes).get("/v1/events")).status_code == 403


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "cursor=x", "cursor=WyJvdGhlciIsMV0", "from=1"])
async def test_a_query_that_is_not_understood_is_refused(platform: Platform, query: str) -> None:
    response = await platform.get(f"/v1/events?{query}")
    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == query.partition("=")[0]
