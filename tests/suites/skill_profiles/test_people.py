"""Merges, splits and erasures: what a profile holds follows who the person is now."""

from __future__ import annotations

import asyncio

import pytest

from shared.events.erasure import facts_erased
from shared.events.identity import PersonMerged, PersonSplit
from shared.events.project_submissions import ProjectRegistered
from shared.events.skill_estimates import EstimateWithdrawn
from shared.events.sources import IDENTITY, LEARNING_EVENTS, PROJECT_SUBMISSIONS, SKILL_PROFILES
from tests.suites.skill_profiles.house import ProfilesHouse
from tests.suites.skill_profiles.samples import credential, estimate, evidence, statement

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def two_people(house: ProfilesHouse) -> tuple[str, str]:
    """Two people with one piece of evidence, one credential, one estimate and one statement each."""
    people = house.identity.person(), house.identity.person()
    for place, person in enumerate(people):
        await house.tell(person, estimate(mean=float(place)), evidence(summary=f"of {place}"), credential())
        await house.tell(person, statement())
    return people


async def test_a_merge_folds_the_aliases_items_in_and_a_split_takes_them_out(house: ProfilesHouse) -> None:
    canonical, alias = await two_people(house)
    client, other = house.person_client(canonical), house.person_client(alias)
    before = await client.profile("self")

    await house.identity.merge(canonical, alias)
    merged = await client.profile("self")
    await house.identity.split(canonical, alias)
    after = await client.profile("self")

    assert [len(one["evidence"]) for one in (before, merged, after)] == [1, 2, 1]
    assert [len(one["credentials"]) for one in (before, merged, after)] == [1, 2, 1]
    assert [one["learning"]["statements"] for one in (before, merged, after)] == [1, 2, 1]
    assert [item["summary"] for item in (await other.profile("self"))["evidence"]] == ["of 1"]


async def test_the_version_grows_through_merge_and_split(house: ProfilesHouse) -> None:
    canonical, alias = await two_people(house)
    client = house.person_client(canonical)
    versions = [(await client.profile("self"))["version"]]

    await house.identity.merge(canonical, alias)
    versions.append((await client.profile("self"))["version"])
    await house.identity.split(canonical, alias)
    versions.append((await client.profile("self"))["version"])
    await house.tell(canonical, evidence())
    versions.append((await client.profile("self"))["version"])

    assert versions == sorted(set(versions))


async def test_the_canonical_persons_estimate_is_the_one_shown(house: ProfilesHouse) -> None:
    canonical, alias = await two_people(house)
    await house.tell(alias, estimate("integration.testing"))

    await house.identity.merge(canonical, alias)

    skills = (await house.person_client(canonical).profile("self"))["skills"]
    assert [(one["skill"], one["estimate"]["mean"]) for one in skills] == [("integration.apis", 0.0)]


async def test_the_newest_estimate_of_a_skill_holds_and_a_withdrawn_one_goes(house: ProfilesHouse) -> None:
    person = house.identity.person()
    client = house.person_client(person)

    await house.tell(person, estimate(mean=1.0), estimate(mean=2.0), estimate("integration.testing"))
    newest = await client.profile("self")
    await house.tell(person, EstimateWithdrawn(skill="integration.testing", reason="no-evidence"))
    after = await client.profile("self")

    assert [one["estimate"]["mean"] for one in newest["skills"]] == [2.0, 1.0]
    assert [one["skill"] for one in after["skills"]] == ["integration.apis"]


async def test_a_split_holds_for_readers_before_we_hear_of_it(house: ProfilesHouse, org: str) -> None:
    canonical, alias = await two_people(house)
    await house.identity.merge(canonical, alias)
    await house.identity.give(canonical, org)
    reader = house.reader(org)
    assert len((await reader.profile(canonical))["evidence"]) == 2
    house.identity.hear = None

    await house.identity.split(canonical, alias)

    assert [item["summary"] for item in (await reader.profile(canonical))["evidence"]] == ["of 0"]


async def test_an_alias_is_read_as_the_canonical_person(house: ProfilesHouse, org: str) -> None:
    canonical, alias = await two_people(house)
    await house.identity.merge(canonical, alias)
    await house.identity.give(canonical, org)

    assert (await house.reader(org).profile(alias))["person"] == canonical
    assert (await house.person_client(canonical).profile(alias))["person"] == canonical


async def test_looks_at_an_alias_are_shown_to_the_person_they_are_part_of(house: ProfilesHouse, org: str) -> None:
    canonical, alias = await two_people(house)
    await house.identity.give(alias, org)
    await house.reader(org).profile(alias)

    await house.identity.merge(canonical, alias)

    assert len((await house.person_client(canonical).get("/v1/accesses"))["items"]) == 1


async def test_a_merge_whose_other_half_is_not_heard_yet_shows_nothing_of_a_third(house: ProfilesHouse) -> None:
    canonical, alias = await two_people(house)
    (fact, _) = house.book.tell(
        canonical, PersonMerged(canonical=canonical, alias=alias), PersonSplit(canonical=canonical, alias=alias)
    )

    await house.hear([fact])

    assert len((await house.person_client(canonical).profile("self"))["evidence"]) == 1


async def test_erased_evidence_leaves_the_profile(house: ProfilesHouse) -> None:
    person = house.identity.person()
    client = house.person_client(person)
    await house.tell(person, ProjectRegistered(project="prj_1", title="To be forgotten"), evidence(), estimate())

    await house.hear(house.book.erase(PROJECT_SUBMISSIONS, person))
    await house.tell(person, evidence(summary="told after"))

    profile = await client.profile("self")
    assert profile["projects"] == []
    assert [item["summary"] for item in profile["evidence"]] == ["told after"]
    assert profile["skills"]


async def test_erasure_and_what_follows_it_may_come_in_one_batch(house: ProfilesHouse) -> None:
    person = house.identity.person()
    before = house.book.tell(person, evidence(summary="before"), statement())
    erasures = [*house.book.erase(PROJECT_SUBMISSIONS, person), *house.book.erase(LEARNING_EVENTS, person)]
    after = house.book.tell(person, evidence(summary="after"), statement())

    await house.hear([*before, *erasures, *after])

    profile = await house.person_client(person).profile("self")
    assert [item["summary"] for item in profile["evidence"]] == ["after"]
    assert profile["learning"]["statements"] == 1


async def test_an_erased_person_leaves_no_request_and_no_look(house: ProfilesHouse, org: str) -> None:
    person = house.identity.person()
    reader = house.reader(org)
    await reader.post("/v1/verification-requests", {"person": person, "purpose": "To be forgotten"}, 201)
    await house.identity.give(person, org)
    await reader.profile(person)

    await house.hear(house.book.erase(IDENTITY, person))

    client = house.person_client(person)
    assert (await client.get("/v1/verification-requests"))["items"] == []
    assert (await client.get("/v1/accesses"))["items"] == []


async def test_what_was_told_about_an_erased_person_is_emptied(house: ProfilesHouse, org: str) -> None:
    person = house.identity.person()
    reader = house.reader(org)
    asked = {"person": person, "purpose": "To be forgotten"}
    await reader.post("/v1/verification-requests", asked, 201, idempotency_key=org)
    await house.identity.give(person, org)
    await reader.profile(person)
    before = await house.told(person)
    assert [fact.data is None for fact in before] == [False, False]

    await house.hear(house.book.erase(IDENTITY, person))
    async with asyncio.timeout(30.0):
        while any(fact.data is not None for fact in (await house.told(person))[:2]):
            await asyncio.sleep(0.05)

    *emptied, last = await house.told(person)
    assert emptied == [fact._replace(data=None) for fact in before]
    assert last.type == facts_erased(SKILL_PROFILES, 0).type
    async with house.operator() as connection:
        assert not await connection.fetchval("SELECT count(*) FROM idempotency_keys WHERE key = $1", org)


async def test_an_act_that_asked_identity_before_the_erasure_records_nothing_after_it(
    house: ProfilesHouse, org: str
) -> None:
    """The small identity goes on answering as it did before."""
    person = house.identity.person()
    reader = house.reader(org)
    await house.identity.give(person, org)

    await house.hear(house.book.erase(IDENTITY, person))

    assert (await reader.profile(person, 403))["code"] == "no-consent"
    await reader.post("/v1/verification-requests", {"person": person, "purpose": "Too late"}, 404)
    client = house.person_client(person)
    assert (await client.get("/v1/verification-requests"))["items"] == []
    assert (await client.get("/v1/accesses"))["items"] == []
    assert await house.told(person) == []


async def test_a_merge_in_a_strangers_stream_parks_it(house: ProfilesHouse, org: str) -> None:
    person = house.identity.person()
    await house.identity.give(person, org)

    await house.tell(person, PersonMerged(canonical="prs_A", alias="prs_B"))

    assert (await house.reader(org).profile(person, 503))["code"] == "record-closed"
    (letter,) = [one for one in await house.backbone.dead_letters().list(500) if one.subject == person]
    assert letter.kind == "parked"
