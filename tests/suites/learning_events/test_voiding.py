"""What is void is a function of the set of statements, and is told once, in the stream that told the statement."""

from __future__ import annotations

import asyncio
import random

import pytest

from shared.events.learning_events import StatementRecorded, StatementVoided
from tests.suites.learning_events.house import House, Platform, statement, voiding

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def voided(house: House, platform: Platform, name: str) -> list[StatementVoided]:
    return [event for event in await house.told(platform.person(name)) if isinstance(event, StatementVoided)]


async def test_a_voided_statement_is_told_so_in_its_own_persons_stream(house: House, platform: Platform) -> None:
    target = statement("ada")
    void = voiding(target["id"].upper(), timestamp="2026-03-02T08:00:00Z")
    await platform.post(target)
    await platform.post(void)
    recorded, told = await house.stream(platform.person("ada"))
    (event,) = await voided(house, platform, "ada")
    assert (event.statement, event.voiding_statement, event.voided_fact) == (target["id"], void["id"], recorded.id)
    assert told.occurred_at.isoformat() == "2026-03-02T08:00:00+00:00"
    (own,) = await house.told(platform.person("operator"))
    assert isinstance(own, StatementRecorded)
    assert (own.object_type, own.object) == ("StatementRef", target["id"])


async def test_a_void_statement_is_found_only_as_one(platform: Platform) -> None:
    target = statement()
    await platform.post(target)
    await platform.post(voiding(target["id"]))
    assert await platform.read(target["id"]) is None
    found = await platform.get(f"/xapi/statements?voidedStatementId={target['id']}")
    assert (found.status_code, found.json()["id"]) == (200, target["id"])
    kept = statement()
    await platform.post(kept)
    assert (await platform.get(f"/xapi/statements?voidedStatementId={kept['id']}")).status_code == 404


async def test_a_void_that_comes_first_counts_when_its_target_comes(house: House, platform: Platform) -> None:
    target = statement("late")
    void = voiding(target["id"])
    await platform.post(void)
    await platform.post(target)
    kinds = [type(event) for event in await house.told(platform.person("late"))]
    assert kinds == [StatementRecorded, StatementVoided]
    assert await platform.read(target["id"]) is None


@pytest.mark.parametrize("is_void_first", [True, False])
async def test_a_void_and_its_target_in_one_request_count_in_either_order(
    house: House, platform: Platform, is_void_first: bool
) -> None:
    target = statement("ada")
    sent = [target, voiding(target["id"])]
    await platform.post(sent[::-1] if is_void_first else sent)
    assert [event.statement for event in await voided(house, platform, "ada")] == [target["id"]]


async def test_further_voids_of_one_statement_tell_nothing_more(house: House, platform: Platform) -> None:
    target = statement("ada")
    await platform.post(target)
    first = voiding(target["id"])
    await platform.post(first)
    await platform.post([voiding(target["id"]), first])
    assert len(await voided(house, platform, "ada")) == 1


async def test_a_voiding_statement_cannot_be_voided(house: House, platform: Platform) -> None:
    target = statement("ada")
    void = voiding(target["id"])
    await platform.post([target, void, voiding(void["id"], "other")])
    assert await voided(house, platform, "operator") == []
    assert await platform.read(void["id"]) is not None
    assert await platform.read(target["id"]) is None


async def test_nobody_voids_another_organisations_statement_or_real_data_by_a_test_key(
    house: House, platform: Platform
) -> None:
    target = statement("ada")
    await platform.post(target)
    await house.platform().post(voiding(target["id"]))
    await house.platform(organisation=platform.organisation, is_test=True).post(voiding(target["id"]))
    assert await voided(house, platform, "ada") == []
    assert await platform.read(target["id"]) is not None


async def test_what_is_void_does_not_depend_on_the_order_of_arrival(house: House, rng: random.Random) -> None:
    targets = [statement(f"person-{number}", id=f"00000000-0000-4000-8000-{number:012}") for number in range(6)]
    voids = [voiding(targets[number]["id"]) for number in (0, 0, 1, 3)]
    voids.append(voiding(voids[2]["id"]))
    for _ in range(12):
        platform = house.platform()
        order = rng.sample([*targets, *voids], len(targets) + len(voids))
        while order:
            cut = rng.randint(1, len(order))
            await platform.post(order[:cut])
            order = order[cut:]
        is_void = [await platform.read(target["id"]) is None for target in targets]
        assert is_void == [True, True, False, True, False, False]
        told = [len(await voided(house, platform, f"person-{number}")) for number in range(6)]
        assert told == [1, 1, 0, 1, 0, 0]


async def test_a_void_and_its_target_that_race_meet_each_other_every_time(house: House, platform: Platform) -> None:
    second = house.platform(organisation=platform.organisation)
    for number in range(40):
        target = statement(f"racer-{number}")
        await asyncio.gather(platform.post(target), second.post(voiding(target["id"], f"operator-{number}")))
        assert len(await voided(house, platform, f"racer-{number}")) == 1
