"""A profile is read by the person, and by others with consent, asked for at every reading, logged and told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import grpc
import pytest

from shared.events.credentials import CredentialRevoked
from shared.events.event import decode
from shared.events.identity import OrganisationRegistered
from shared.events.profiles import ProfileRead
from shared.events.project_submissions import ProjectRegistered
from tests.suites.skill_profiles.house import ProfilesHouse
from tests.suites.skill_profiles.samples import credential, estimate, evidence, review, statement

pytestmark = pytest.mark.asyncio(loop_scope="session")
OTHER = "org_OTHER"


async def told_person(house: ProfilesHouse) -> str:
    """A person of whom every service has told something."""
    person = house.identity.person()
    await house.tell(person, estimate("operationalization.monitoring"), estimate("integration.apis", 1.5))
    await house.tell(person, ProjectRegistered(project="prj_1", title="Invoice triage in production"))
    await house.tell(person, evidence("A"), evidence("B"), evidence("B"), review("prs_R1"), review("prs_R2", 3))
    await house.tell(person, credential("vcr_1"), credential("vcr_2"))
    await house.tell(person, CredentialRevoked(credential="vcr_1", reason="superseded"))
    await house.tell(person, statement(), statement(), statement(is_test=True))
    return person


async def test_a_person_sees_everything_told_of_them(house: ProfilesHouse) -> None:
    person = await told_person(house)

    profile = await house.person_client(person).profile("self")

    assert profile["person"] == person
    assert [skill["skill"] for skill in profile["skills"]] == ["integration.apis", "operationalization.monitoring"]
    assert profile["evidence_grades"] == {"A": 1, "B": 2}
    assert len(profile["evidence"]) == 3
    assert [mark["value"] for one in profile["reviews"] for mark in one["marks"]] in ([3, 4], [4, 3])
    assert {one["id"]: one["is_revoked"] for one in profile["credentials"]} == {"vcr_1": True, "vcr_2": False}
    assert profile["learning"]["statements"] == 2, "statements of test keys do not count"
    assert profile["grant"] is None


async def test_a_level_never_stands_without_its_uncertainty_evidence_and_release(house: ProfilesHouse) -> None:
    person = await told_person(house)

    skill = (await house.person_client(person).profile(person))["skills"][0]

    assert skill["estimate"]["interval"]["low"] < skill["estimate"]["mean"] < skill["estimate"]["interval"]["high"]
    assert [one["level"] for one in skill["level_probabilities"]] == [1, 2, 3, 4, 5]
    assert skill["evidence"]["works"] == 3
    assert skill["release"] == "0"


async def test_without_consent_the_refusal_says_what_to_do(house: ProfilesHouse, org: str) -> None:
    person = await told_person(house)

    refusal = await house.reader(org).profile(person, 403)

    assert refusal["code"] == "no-consent"
    assert "/v1/verification-requests" in refusal["detail"]


async def test_a_stranger_is_refused_as_one_who_did_not_consent(house: ProfilesHouse, org: str) -> None:
    refusal = await house.reader(org).profile("prs_00000000000000000000000000", 403)

    assert refusal["code"] == "no-consent"


async def test_consent_of_one_organisation_opens_nothing_to_another(house: ProfilesHouse, org: str) -> None:
    person = await told_person(house)
    await house.identity.give(person, org)

    assert (await house.reader(org).profile(person))["skills"]
    await house.reader(OTHER).profile(person, 403)


async def test_a_withdrawn_consent_closes_the_very_next_reading(house: ProfilesHouse, org: str) -> None:
    person = await told_person(house)
    given = await house.identity.give(person, org)
    reader = house.reader(org)
    await reader.profile(person)
    house.identity.hear = None  # identity knows; we have not heard yet

    await house.identity.take_back(given)

    await reader.profile(person, 403)


async def test_an_expired_consent_opens_nothing(house: ProfilesHouse, org: str) -> None:
    person = await told_person(house)
    await house.identity.give(person, org, expires_at=datetime.now(UTC) - timedelta(seconds=1))

    await house.reader(org).profile(person, 403)


async def test_without_the_scope_evidence_only_its_grades_are_shown(house: ProfilesHouse, org: str) -> None:
    person = await told_person(house)
    await house.identity.give(person, org, ("profile",))

    profile = await house.reader(org).profile(person)

    assert profile["evidence_grades"] == {"A": 1, "B": 2}
    assert profile["evidence"] == profile["reviews"] == profile["projects"] == profile["submissions"] == []
    assert profile["skills"]


async def test_a_consent_to_evidence_alone_opens_no_profile(house: ProfilesHouse, org: str) -> None:
    person = await told_person(house)
    await house.identity.give(person, org, ("evidence",))

    await house.reader(org).profile(person, 403)


async def test_every_reading_is_logged_and_told_before_it_is_answered(house: ProfilesHouse, org: str) -> None:
    person = await told_person(house)
    given = await house.identity.give(person, org, purpose="Deployment lead")
    await house.tell(org, OrganisationRegistered(organisation=org, name="Northwind"))

    await house.reader(org).profile(person)

    (fact,) = await house.told(person)
    read = decode(fact.type, fact.data or b"")
    assert isinstance(read, ProfileRead)
    assert (read.organisation, read.grant, read.purpose) == (org, given.grant, "Deployment lead")
    (access,) = (await house.person_client(person).get("/v1/accesses"))["items"]
    assert access["id"] == read.access
    assert (access["organisation_name"], access["manner"]) == ("Northwind", "read")


async def test_a_reading_that_is_refused_is_neither_logged_nor_told(house: ProfilesHouse, org: str) -> None:
    person = await told_person(house)

    await house.reader(org).profile(person, 403)

    assert await house.told(person) == []
    assert (await house.person_client(person).get("/v1/accesses"))["items"] == []


async def test_the_log_of_looks_comes_in_pages_newest_first_and_shows_nobody_elses(
    house: ProfilesHouse, org: str
) -> None:
    person, other = await told_person(house), house.identity.person()
    await house.identity.give(person, org)
    await house.identity.give(other, org)
    reader = house.reader(org)
    for _ in range(3):
        await reader.profile(person)
    await reader.profile(other)
    client = house.person_client(person)

    first = await client.get("/v1/accesses?limit=2")
    second = await client.get(f"/v1/accesses?limit=2&cursor={first['next_cursor']}")

    ids = [access["id"] for access in (*first["items"], *second["items"])]
    assert len(ids) == 3
    assert ids == sorted(ids, reverse=True)
    assert second["has_more"] is False


async def test_identity_away_closes_profiles_to_others_and_not_to_oneself(house: ProfilesHouse, org: str) -> None:
    person = await told_person(house)
    await house.identity.give(person, org)
    reader, own = house.reader(org), house.person_client(person)
    await reader.profile(person)
    house.identity.is_away = True

    refusal = await reader.send("GET", f"/v1/people/{person}/profile")

    assert refusal.status_code == 503
    assert "retry-after" in refusal.headers
    assert (await own.profile("self"))["skills"]


async def test_a_parked_identity_stream_closes_the_record_to_others(house: ProfilesHouse, org: str) -> None:
    person = await told_person(house)
    await house.identity.give(person, org)
    async with house.operator() as connection:
        await connection.execute(
            """UPDATE derived.positions SET parked_number = number + 1, parked_reason = 'a test', parked_since = now()
               WHERE source = 'identity' AND subject = $1""",
            person,
        )

    refusal = await house.reader(org).profile(person, 503)

    assert refusal["code"] == "record-closed"
    assert (await house.person_client(person).profile("self"))["skills"]


async def test_nobody_reads_another_persons_profile_by_their_own_session(house: ProfilesHouse) -> None:
    person, stranger = await told_person(house), house.identity.person()

    await house.person_client(stranger).profile(person, 403)


@pytest.mark.parametrize("scopes", [("read",), ("write", "state")])
async def test_a_key_without_the_scope_profile_reads_none(
    house: ProfilesHouse, org: str, scopes: tuple[str, ...]
) -> None:
    person = await told_person(house)
    await house.identity.give(person, org)
    client = house.client(house.identity.key(org, *scopes))

    await client.profile(person, 403)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await client.rpc_profile(person)
    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED


async def test_a_test_key_sees_no_real_profile(house: ProfilesHouse, org: str) -> None:
    person = await told_person(house)
    await house.identity.give(person, org)

    refusal = await house.client(house.identity.key(org, "profile", is_test=True)).profile(person, 403)

    assert "test key" in refusal["detail"]


async def test_the_operator_reads_no_profile(house: ProfilesHouse) -> None:
    person = await told_person(house)

    await house.client(house.identity.admin()).profile(person, 403)


async def test_grpc_shows_what_http_shows_under_the_same_rules(house: ProfilesHouse, org: str) -> None:
    person = await told_person(house)
    reader = house.reader(org)
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await reader.rpc_profile(person)
    given = await house.identity.give(person, org)

    answer = await reader.rpc_profile(person)
    shown = await reader.profile(person)

    assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert answer.grant == given.grant == shown["grant"]
    assert [skill.skill for skill in answer.profile.skills] == [skill["skill"] for skill in shown["skills"]]
    assert list(answer.profile.skills[0].level_probabilities) == [
        one["at_least"] for one in shown["skills"][0]["level_probabilities"]
    ]
    assert [item.grade for item in answer.profile.evidence] == [item["grade"] for item in shown["evidence"]]
    assert answer.profile.version == shown["version"]
    assert len((await house.person_client(person).get("/v1/accesses"))["items"]) == 2


async def test_a_person_reads_their_own_by_grpc_without_being_logged(house: ProfilesHouse) -> None:
    person = await told_person(house)

    answer = await house.person_client(person).rpc_profile("")

    assert answer.profile.person == person
    assert answer.grant == ""
    assert await house.told(person) == []
