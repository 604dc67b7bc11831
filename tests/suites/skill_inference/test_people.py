"""Several ids of one person: evidence is read for all of them together, and told of the one that stands for them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shared.events.skill_estimates import EstimateWithdrawn
from shared.events.sources import IDENTITY
from shared.kernel.ids import system_id
from tests.suites.skill_inference.house import House, Tenant, line
from tests.suites.skill_inference.owners import NOW
from tests.unit.skill_inference.people import APIS, DRIFT

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUIZ = "https://lms.example/quiz/7"
EXAM = "https://lms.example/exam/1"


async def two_people(house: House, tenant: Tenant) -> tuple[str, str]:
    """Two people with a success each: the one on interfaces, the other on drift."""
    await tenant.align(line(QUIZ, APIS), line(EXAM, DRIFT))
    one, other = system_id("person"), system_id("person")
    await house.hear(
        house.owners.statement(one, tenant.id, QUIZ, at=NOW - timedelta(days=2)),
        house.owners.statement(other, tenant.id, EXAM, at=NOW - timedelta(days=1)),
    )
    return one, other


async def test_a_merged_person_has_the_evidence_of_both_and_the_alias_withdraws(house: House, tenant: Tenant) -> None:
    one, other = await two_people(house, tenant)
    await house.hear(house.owners.merged(one, other))
    assert set(await house.estimates(one)) == {APIS, DRIFT}
    assert await house.estimates(other) == await house.estimates(one)
    assert set(await house.standing(one)) == {APIS, DRIFT}
    assert await house.standing(other) == {}
    assert (await house.told(other))[-1] == EstimateWithdrawn(skill=DRIFT, reason="merged")


async def test_facts_of_an_alias_are_told_of_the_canonical_person(house: House, tenant: Tenant) -> None:
    one, other = await two_people(house, tenant)
    await house.hear(house.owners.merged(one, other))
    told = len(await house.stream(other))
    await house.hear(house.owners.statement(other, tenant.id, QUIZ), house.owners.statement(one, tenant.id, EXAM))
    said = await house.estimates(one)
    assert (said[APIS].observations, said[DRIFT].observations) == (2, 2)
    assert len(await house.stream(other)) == told


async def test_split_people_are_as_if_they_had_never_been_one(house: House, tenant: Tenant) -> None:
    one, other = await two_people(house, tenant)
    before = await house.estimates(one), await house.estimates(other)
    await house.hear(house.owners.merged(one, other))
    await house.hear(house.owners.split(one, other))
    assert (await house.estimates(one), await house.estimates(other)) == before
    assert set(await house.standing(one)) == {APIS}
    assert set(await house.standing(other)) == {DRIFT}
    assert (await house.told(one))[-1] == EstimateWithdrawn(skill=DRIFT, reason="no-evidence")


async def test_three_ids_in_a_chain_are_one_person_whatever_is_heard_first(house: House, tenant: Tenant) -> None:
    one, other = await two_people(house, tenant)
    third = system_id("person")
    first, second = house.owners.merged(one, other), house.owners.merged(third, one)
    await house.hear(second)
    await house.hear(first)
    assert set(await house.estimates(third)) == {APIS, DRIFT}
    assert set(await house.standing(third)) == {APIS, DRIFT}
    assert (await house.standing(one), await house.standing(other)) == ({}, {})


async def test_merge_split_and_evidence_in_one_batch_end_where_they_end_one_by_one(
    house: House, tenant: Tenant
) -> None:
    one, other = await two_people(house, tenant)
    facts = [
        *house.owners.merged(one, other),
        house.owners.statement(other, tenant.id, QUIZ),
        *house.owners.split(one, other),
        *house.owners.merged(other, one),
        house.owners.statement(one, tenant.id, EXAM),
    ]
    await house.hear(facts)
    assert set(await house.standing(other)) == {APIS, DRIFT}
    assert await house.standing(one) == {}
    assert (await house.estimates(one))[DRIFT].observations == 2


async def test_erasing_who_is_whom_separates_them_and_empties_what_was_told_of_both_as_one(
    house: House, tenant: Tenant
) -> None:
    one, other = await two_people(house, tenant)
    await house.hear(house.owners.merged(one, other))
    before = len(await house.stream(one))
    await house.hear(house.owners.erased(IDENTITY, other))
    await house.settle()
    assert [fact.data for fact in (await house.stream(one))[:before]] == [None] * before
    assert set(await house.standing(one)) == {APIS}
    assert set(await house.standing(other)) == {DRIFT}


async def test_a_voiding_heard_under_one_id_voids_what_was_heard_under_the_other(house: House, tenant: Tenant) -> None:
    one, other = await two_people(house, tenant)
    await house.hear(house.owners.merged(one, other))
    await house.hear(house.owners.statement(other, tenant.id, QUIZ, statement="mine"))
    await house.hear(house.owners.voided(one, tenant.id, "mine"))
    assert (await house.estimates(one))[APIS].observations == 1
    progress = await house.rebuild()
    assert progress.live_digest == progress.rebuilt_digest
