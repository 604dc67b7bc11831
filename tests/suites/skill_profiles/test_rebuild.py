"""The read model is a function of the set of facts: rebuilt it is the same, down to the digest."""

from __future__ import annotations

import random

import pytest

from shared.events.credentials import CredentialRevoked
from shared.events.fact import Fact
from shared.events.identity import OrganisationRegistered
from shared.events.learning_events import StatementVoided
from shared.events.project_submissions import ProjectRegistered, SubmissionAccepted
from shared.events.record_checkpoints import CheckpointPublished
from shared.events.skill_estimates import EstimateWithdrawn
from shared.events.sources import IDENTITY, LEARNING_EVENTS, PROJECT_SUBMISSIONS, SKILL_INFERENCE
from tests.suites.skill_profiles.house import ProfilesHouse
from tests.suites.skill_profiles.samples import credential, estimate, evidence, review, statement

pytestmark = pytest.mark.asyncio(loop_scope="session")
ORG = "org_A"


async def told_house(house: ProfilesHouse) -> list[str]:
    """Three people of whom everything is told that there is to tell."""
    people = [house.identity.person() for _ in range(3)]
    await house.tell(ORG, OrganisationRegistered(organisation=ORG, name="Northwind"))
    for person in people:
        await house.tell(person, estimate(), estimate("integration.testing"), estimate(mean=2.0))
        await house.tell(person, EstimateWithdrawn(skill="integration.testing", reason="no-evidence"))
        submitted = SubmissionAccepted(
            submission="sub_1",
            project="prj_1",
            bundle_digest="d",
            head_commit="c",
            commits=34,
            authorship_share=0.75,
        )
        await house.tell(person, ProjectRegistered(project="prj_1", title="A project"), submitted)
        await house.tell(person, evidence("A"), evidence("C"), review("prs_R"))
        await house.tell(person, credential(f"vcr_{person}"), CredentialRevoked(credential="vcr_x", reason="unknown"))
        await house.tell(person, CredentialRevoked(credential=f"vcr_{person}", reason="superseded"))
        await house.tell(person, statement(), StatementVoided(statement="s", voiding_statement="v"))
        given = await house.identity.give(person, ORG)
        await house.identity.give(person, ORG)
        await house.identity.take_back(given)
    await house.identity.merge(people[0], people[1])
    await house.tell("log", CheckpointPublished(origin="log", size=10, root="r", note="n"))
    await house.tell("log", CheckpointPublished(origin="log", size=12, root="s", note="n"))
    return people


async def test_rebuilt_state_has_the_digest_of_the_live_one(new_house: ProfilesHouse) -> None:
    await told_house(new_house)

    report = await new_house.rebuilt(is_check_only=True)

    assert report.live_digest == report.rebuilt_digest


async def test_after_erasure_the_digests_are_equal_still(new_house: ProfilesHouse) -> None:
    first, second, third = await told_house(new_house)
    for source, person in ((PROJECT_SUBMISSIONS, first), (LEARNING_EVENTS, second), (SKILL_INFERENCE, first)):
        await new_house.hear(new_house.book.erase(source, person))
    await new_house.hear(new_house.book.erase(IDENTITY, third))
    await new_house.tell(first, evidence(), estimate())

    report = await new_house.rebuilt(is_check_only=True)

    assert report.live_digest == report.rebuilt_digest


async def test_a_rebuild_tells_nothing_and_keeps_what_is_owned(new_house: ProfilesHouse) -> None:
    house = new_house
    person = (await told_house(house))[2]
    reader = house.reader(ORG)
    request = await reader.post("/v1/verification-requests", {"person": person, "purpose": "A look"}, 201)
    await reader.profile(person)
    told = await house.told(person)

    await house.rebuilt(is_check_only=False)

    assert await house.told(person) == told
    assert (await reader.get(f"/v1/verification-requests/{request['id']}"))["state"] == "pending"
    assert (await reader.profile(person))["skills"]


async def test_duplicates_and_any_order_across_streams_lead_to_one_state(
    new_house: ProfilesHouse, rng: random.Random
) -> None:
    await told_house(new_house)
    streams: dict[tuple[str, str], list[Fact]] = {}
    for fact in new_house.book.facts:
        streams.setdefault((fact.source, fact.subject), []).append(fact)
    facts = _interleaved(list(streams.values()), rng)
    async with new_house.operator() as connection:
        before = await connection.fetchval("SELECT count(*) FROM changes")

    for start in range(0, len(facts), 7):
        await new_house.hear(facts[start : start + 7] * 2)

    report = await new_house.rebuilt(is_check_only=True)
    async with new_house.operator() as connection:
        after = await connection.fetchval("SELECT count(*) FROM changes")
    assert report.live_digest == report.rebuilt_digest
    assert before == after


def _interleaved(streams: list[list[Fact]], rng: random.Random) -> list[Fact]:
    """Return all facts, each stream in its order and the streams in any."""
    places = [place for place, stream in enumerate(streams) for _ in stream]
    rng.shuffle(places)
    iterators = [iter(stream) for stream in streams]
    return [next(iterators[place]) for place in places]
