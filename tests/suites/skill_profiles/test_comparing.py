"""A gap is read as a profile is; explanations are the person's alone."""

from __future__ import annotations

import pytest

from shared.events.event import decode
from shared.events.profiles import ProfileRead
from tests.suites.skill_profiles.house import ProfilesHouse
from tests.suites.skill_profiles.inference import ROLE
from tests.suites.skill_profiles.samples import estimate

pytestmark = pytest.mark.asyncio(loop_scope="session")
ORGANISATION = "org_COMPARING"


async def test_a_person_sees_their_gap_and_what_would_help(house: ProfilesHouse) -> None:
    person = house.identity.person()
    found = await house.person_client(person).get(f"/v1/people/self/gap?role={ROLE}")
    assert (found["person"], found["role"], found["readiness"]) == (person, ROLE, 0.75)
    assert (found["as_of"], found["grant"]) == ("1970-01-01T00:00:00.000001Z", None)
    assert found["skills"][0]["is_reached"] is False, "what is nought is said too"
    assert [one["kind"] for one in found["suggestions"]] == ["task"]


async def test_an_organisation_without_consent_sees_no_gap(house: ProfilesHouse) -> None:
    person = house.identity.person()
    await house.tell(person, estimate())
    refused = await house.reader(ORGANISATION).get(f"/v1/people/{person}/gap?role={ROLE}", 403)
    assert "skills" not in refused


async def test_an_organisation_with_consent_sees_the_gap_and_the_look_is_told(house: ProfilesHouse) -> None:
    person = house.identity.person()
    await house.tell(person, estimate())
    grant = (await house.identity.give(person, ORGANISATION)).grant
    found = await house.reader(ORGANISATION).get(f"/v1/people/{person}/gap?role={ROLE}")
    assert (found["person"], found["grant"]) == (person, grant)
    assert "suggestions" not in found, "advice is the person's"
    looks = [decode(fact.type, fact.data) for fact in await house.told(person) if fact.data]
    assert [one.organisation for one in looks if isinstance(one, ProfileRead)] == [ORGANISATION]


async def test_an_explanation_is_the_persons_alone(house: ProfilesHouse) -> None:
    person = house.identity.person()
    path = "/v1/people/self/explanation?skill=integration.apis&without=a&without=b"
    found = await house.person_client(person).get(path)
    assert found["estimate"]["contributions"][0]["fact"] == person
    assert found["without"] == {"removed": ["a", "b"]}
    await house.reader(ORGANISATION).get(f"/v1/people/{person}/explanation?skill=integration.apis", 403)
    other = house.identity.person()
    await house.person_client(other).get(f"/v1/people/{person}/explanation?skill=integration.apis", 403)


async def test_predictions_are_the_persons_alone_and_of_any_reviewer(house: ProfilesHouse) -> None:
    person, other = house.identity.person(), house.identity.person()
    task = "prediction?organisation=org_1&activity=https://lms.example/quiz"
    found = await house.person_client(person).get(f"/v1/people/self/{task}")
    assert (found["person"], found["chance"], found["as_of"]) == (person, 0.75, "1970-01-01T00:00:00.000001Z")
    assert found["rests_on"] == "org_1; https://lms.example/quiz; own"
    skills = "prediction?skill=integration.apis&skill=operationalization.drift%3D0.5&difficulty=-1.5"
    found = await house.person_client(person).get(f"/v1/people/self/{skills}")
    assert found["rests_on"] == "; ; integration.apis 1.0; operationalization.drift 0.5; -1.5; own"
    work = "mark-prediction?work=prj_1&criterion=style%3Dof%3Dcode%3Dintegration.apis&reviewer=prs_1"
    found = await house.person_client(person).get(f"/v1/people/self/{work}")
    assert (found["marks"][0]["criterion"], found["marks"][0]["skill"]) == ("style=of=code", "integration.apis")
    assert found["rests_on"] == "prj_1/", "nobody learns how severe somebody is who marked them"
    for path in (task, work):
        await house.reader(ORGANISATION).get(f"/v1/people/{person}/{path}", 403)
        await house.person_client(other).get(f"/v1/people/{person}/{path}", 403)


async def test_a_prediction_that_cannot_be_read_is_refused_by_its_parameter(house: ProfilesHouse) -> None:
    client = house.person_client(house.identity.person())
    for asked, parameter in (
        ("prediction?skill=integration.apis%3Dmuch", "skill"),
        ("prediction?skill=integration.apis&difficulty=hard", "difficulty"),
        ("mark-prediction?criterion=style", "criterion"),
    ):
        refused = await client.get(f"/v1/people/self/{asked}", 400)
        assert refused["errors"][0]["pointer"] == parameter


async def test_a_role_that_is_missing_or_unknown_is_named(house: ProfilesHouse) -> None:
    client = house.person_client(house.identity.person())
    assert "role" in str(await client.get("/v1/people/self/gap", 400))
    assert ROLE in (await client.get("/v1/people/self/gap?role=astronaut", 404))["detail"]
