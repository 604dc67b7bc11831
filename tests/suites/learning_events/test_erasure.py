"""A person's statements and what they told can be emptied, and do not come back."""

from __future__ import annotations

import pytest

from services.learning_events.handlers.reading import erase_person
from services.learning_events.store.statements import PostgresStatements
from shared.events.erasure import is_erasure
from tests.suites.learning_events.house import House, Platform, statement, voiding

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_after_an_erasure_nothing_a_person_did_can_be_read_or_comes_back(
    house: House, platform: Platform
) -> None:
    mine, others = [statement("ada") for _ in range(3)], statement("ben")
    await platform.post([*mine, others])
    person = platform.person("ada")
    await erase_person(PostgresStatements(house.backbone), person)
    *facts, told = await house.stream(person)
    assert [fact.number for fact in facts] == [1, 2, 3]
    assert all(fact.is_erased for fact in facts)
    assert is_erasure(told.type)
    assert [await platform.read(one["id"]) for one in mine] == [None, None, None]
    assert await platform.read(others["id"]) is not None
    assert [item["id"] for item in (await platform.get("/v1/events")).json()["items"]] == [others["id"]]
    assert await platform.post(mine) == [one["id"] for one in mine]
    assert [await platform.read(one["id"]) for one in mine] == [None, None, None]
    assert len(await house.stream(person)) == 4


async def test_nothing_of_an_erased_statement_is_left_but_its_id_and_times(house: House, platform: Platform) -> None:
    await platform.post(statement("ada"))
    await erase_person(PostgresStatements(house.backbone), platform.person("ada"))
    async with house.backbone.reading() as connection:
        row = await connection.fetchrow("SELECT * FROM statements WHERE organisation = $1", platform.organisation)
    assert [row[name] for name in ("account", "original")] == [None, None]


async def test_an_erasure_reaches_every_organisation_and_may_be_repeated(house: House, platform: Platform) -> None:
    stranger = house.platform()
    person = platform.person("ada")
    house.identity.move(stranger.organisation, "account:https://lms.example|ada", person)
    first, second = statement("ada"), statement("ada")
    await platform.post(first)
    await stranger.post(second)
    for _ in range(2):
        await erase_person(PostgresStatements(house.backbone), person)
        assert (await platform.read(first["id"]), await stranger.read(second["id"])) == (None, None)
        assert len(await house.stream(person)) == 3


async def test_more_statements_than_one_transaction_takes_are_erased_to_the_last(
    house: House, platform: Platform
) -> None:
    for _ in range(3):
        await platform.post([statement("ada") for _ in range(400)])
    await erase_person(PostgresStatements(house.backbone), platform.person("ada"))
    async with house.backbone.reading() as connection:
        left = "SELECT count(*) FROM statements WHERE organisation = $1 AND original IS NOT NULL"
        assert await connection.fetchval(left, platform.organisation) == 0
    assert sum(fact.is_erased for fact in await house.stream(platform.person("ada"))) == 1_200


async def test_an_erased_statement_is_not_told_to_be_void_any_more(house: House, platform: Platform) -> None:
    target = statement("ada")
    await platform.post(target)
    person = platform.person("ada")
    await erase_person(PostgresStatements(house.backbone), person)
    await platform.post(voiding(target["id"]))
    assert len(await house.stream(person)) == 2
