"""Several ids of one reviewer are one reviewer: in what is believed and told, and whenever it is heard."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import timedelta

import pytest

from shared.events.fact import Fact
from shared.events.project_submissions import Mark
from shared.events.sources import IDENTITY
from shared.kernel.ids import system_id
from tests.suites.skill_inference.house import House
from tests.suites.skill_inference.owners import NOW
from tests.unit.skill_inference.people import APIS, DRIFT

pytestmark = pytest.mark.asyncio(loop_scope="session")

MARKS = tuple(
    Mark(criterion=f"c {skill}", skill=skill, layer=skill.partition(".")[0], value=value)
    for skill, value in ((APIS, 4), (DRIFT, 3))
)


def reviewed(house: House, person: str, *reviewers: str, project: str = "prj_one") -> list[Fact]:
    """The person's project was marked by each of them, an hour apart."""
    return [
        house.owners.review(person, project, reviewer, MARKS, at=NOW - timedelta(days=9, hours=n))
        for n, reviewer in enumerate(reviewers)
    ]


async def raters(house: House, person: str) -> set[int]:
    return {one.raters for one in (await house.estimates(person)).values()}


async def told_raters(house: House, person: str) -> set[int]:
    await house.settle()
    return {one.raters for one in (await house.standing(person)).values()}


async def test_two_ids_of_one_reviewer_count_once_from_the_moment_they_are_one(house: House) -> None:
    person, one, other = (system_id("person") for _ in range(3))
    await house.hear(reviewed(house, person, one, other))
    assert (await raters(house, person), await told_raters(house, person)) == ({2}, {2})
    apart = await house.estimates(person)
    await house.hear(house.owners.merged(one, other))
    assert await raters(house, person) == {1}
    together = await house.estimates(person)
    assert together[APIS].variance > apart[APIS].variance
    assert await told_raters(house, person) == {1}


async def test_a_second_look_under_another_id_is_what_a_second_look_under_the_same_id_is(house: House) -> None:
    person, same, one, other = (system_id("person") for _ in range(4))
    await house.hear(house.owners.merged(one, other))
    await house.hear(reviewed(house, person, one, other), reviewed(house, same, one, one))
    merged, plain = await house.estimates(person), await house.estimates(same)
    assert {s: (e.mean, e.variance) for s, e in merged.items()} == {s: (e.mean, e.variance) for s, e in plain.items()}


async def test_reviewers_who_are_split_again_count_as_before(house: House) -> None:
    person, one, other = (system_id("person") for _ in range(3))
    await house.hear(reviewed(house, person, one, other))
    before = await house.estimates(person)
    await house.hear(house.owners.merged(one, other))
    assert await told_raters(house, person) == {1}
    await house.hear(house.owners.split(one, other))
    assert await house.estimates(person) == before
    assert await told_raters(house, person) == {2}


async def test_erasing_who_a_reviewer_is_lets_their_ids_count_apart_again(house: House) -> None:
    person, one, other = (system_id("person") for _ in range(3))
    await house.hear(reviewed(house, person, one, other), house.owners.merged(one, other))
    assert await told_raters(house, person) == {1}
    await house.hear(house.owners.erased(IDENTITY, other))
    assert await told_raters(house, person) == {2}


async def test_everybody_whom_either_id_reviewed_is_told_anew_and_nobody_else(house: House) -> None:
    one, other, third = (system_id("person") for _ in range(3))
    people = [system_id("person") for _ in range(5)]
    for person in people:
        await house.hear(reviewed(house, person, one, other))
    bystander = system_id("person")
    await house.hear(reviewed(house, bystander, one, third))
    before = len(await house.stream(bystander))
    await house.hear(house.owners.merged(one, other))
    await house.settle()
    assert [await told_raters(house, person) for person in people] == [{1}] * len(people)
    assert len(await house.stream(bystander)) == before


async def test_a_reviewer_whose_other_id_is_the_person_has_made_a_claim(house: House) -> None:
    person, alias = system_id("person"), system_id("person")
    await house.hear(reviewed(house, person, alias))
    assert await raters(house, person) == {1}
    await house.hear(house.owners.merged(person, alias))
    assert await house.estimates(person) == {}


async def test_merges_splits_and_reviews_in_any_order_come_to_the_same_bits(house: House, rng: random.Random) -> None:
    ends = []
    for _ in range(8):
        person, one, other, third = (system_id("person") for _ in range(4))
        facts: list[Sequence[Fact]] = [
            [review]
            for review in (
                *reviewed(house, person, one, other, third, one),
                *reviewed(house, person, other, third, project="prj_two"),
            )
        ]
        links = [house.owners.merged(one, other), house.owners.split(one, other), house.owners.merged(third, other)]
        places = sorted(rng.sample(range(len(facts) + len(links)), len(links)))
        mixed = list(facts)
        for place, link in zip(places, links, strict=True):
            mixed.insert(place, link)
        for batch in mixed:
            await house.hear(batch)
        said = await house.estimates(person)
        ends.append({skill: (one.mean, one.variance, one.raters) for skill, one in said.items()})
        assert {raters for _, _, raters in ends[-1].values()} == {2}
    assert ends == ends[:1] * len(ends)
    progress = await house.rebuild()
    assert progress.live_digest == progress.rebuilt_digest
