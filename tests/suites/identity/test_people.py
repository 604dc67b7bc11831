"""People and sessions: registered and told, seen by themselves and by operators, signed in and out."""

from __future__ import annotations

import pytest

import services.identity.__main__ as identity
from deedlog.identity.v1 import identity_pb2
from shared.events.identity import PersonalName, PersonRegistered
from shared.kernel.errors import TooLarge, Unauthenticated
from shared.runtime.grpc import kernel_errors
from shared.runtime.service import Peers
from tests.suites.identity.house import ADMIN_SECRET, IdentityHouse

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_registered_person_is_told_with_the_name_apart(house: IdentityHouse) -> None:
    person = await house.person("Grace Hopper")
    (told,) = await house.told(person)
    assert told == PersonRegistered(person=person, origin="admin", personal=PersonalName(name="Grace Hopper"))


async def test_a_person_sees_themselves_and_nobody_else(house: IdentityHouse) -> None:
    person, other = await house.person("Ada"), await house.person("Grace")
    session = await house.signed_in(person)
    seen = await session.get(f"/v1/people/{person}")
    assert (seen["id"], seen["name"], seen["canonical"], seen["aliases"]) == (person, "Ada", person, [])
    stranger = await session.get(f"/v1/people/{other}", 404)
    nobody = await session.get("/v1/people/prs_00000000000000000000000000", 404)
    assert stranger["detail"] == nobody["detail"]
    await session.get("/v1/people", 403)
    assert (await house.admin.get(f"/v1/people/{other}"))["name"] == "Grace"


async def test_people_are_found_by_a_part_of_their_name_whatever_its_case(house: IdentityHouse) -> None:
    wanted = [await house.person(f"Zuse %_ {number}") for number in range(3)]
    await house.person("Zuse without signs")
    first = await house.admin.get("/v1/people?name=zuse%20%25_&limit=2")
    second = await house.admin.get(f"/v1/people?name=zuse%20%25_&limit=2&cursor={first['next_cursor']}")
    assert [item["id"] for item in first["items"] + second["items"]] == wanted
    assert not second["has_more"]


@pytest.mark.parametrize("name", ["", "  ", "x" * 201, "a\nb", "a\u202eb"])
async def test_a_name_that_is_none_is_refused(house: IdentityHouse, name: str) -> None:
    refusal = await house.admin.post("/v1/people", {"name": name}, 400)
    assert refusal["errors"][0]["pointer"] == "/name"


async def test_a_session_speaks_for_its_person_until_it_expires(house: IdentityHouse) -> None:
    person = await house.person()
    session = await house.signed_in(person)
    caller = await house.authenticate(session.secret)
    assert (caller.kind, caller.person, caller.organisation) == ("person", person, "")
    house.clock.advance(12 * 3600 + 1)
    with pytest.raises(Unauthenticated, match="session expired"):
        await house.authenticate(session.secret)


async def test_signing_out_ends_this_session_and_no_other(house: IdentityHouse) -> None:
    person = await house.person()
    one, other = await house.signed_in(person), await house.signed_in(person)
    await one.delete("/v1/sessions/own")
    with pytest.raises(Unauthenticated):
        await house.authenticate(one.secret)
    assert (await house.authenticate(other.secret)).person == person


async def test_the_twenty_first_session_ends_the_oldest(house: IdentityHouse) -> None:
    person = await house.person()
    sessions = [await house.signed_in(person) for _ in range(21)]
    with pytest.raises(Unauthenticated):
        await house.authenticate(sessions[0].secret)
    assert (await house.authenticate(sessions[1].secret)).person == person


async def test_only_an_operator_signs_somebody_in_and_only_who_exists(house: IdentityHouse) -> None:
    person = await house.person()
    session = await house.signed_in(person)
    await session.post("/v1/sessions", {"person": person}, 403)
    await house.admin.post("/v1/sessions", {"person": "prs_00000000000000000000000000"}, 404)


async def test_development_sign_in_is_said_loudly_and_exists_in_embedded_mode_only(
    house: IdentityHouse, caplog: pytest.LogCaptureFixture
) -> None:
    def operations(is_embedded: bool) -> set[tuple[str, str]]:
        settings = house.backbone.settings.model_copy(update={"is_embedded": is_embedded})
        service = identity.build(settings, Peers(settings, house.clock))
        return {(one.method, one.path) for one in service.endpoints}

    assert operations(True) - operations(False) == {("POST", "/v1/sessions")}
    assert [record.levelname for record in caplog.records if "SIGN-IN IS ON" in record.message] == ["WARNING"]


async def test_a_token_is_kept_as_a_digest_alone(house: IdentityHouse) -> None:
    session = await house.signed_in(await house.person())
    async with house.backbone.reading() as connection:
        rows = await connection.fetch("SELECT s::text FROM sessions AS s")
    assert not any(session.secret in row[0] for row in rows)
    assert not any(ADMIN_SECRET in row[0] for row in rows)


async def test_services_look_people_up_and_strangers_are_left_out(house: IdentityHouse) -> None:
    named, nameless = await house.person("Ada"), await house.person()
    people = [nameless, "prs_00000000000000000000000000", named, nameless]
    answer = await house.rpc.LookUpPeople(identity_pb2.LookUpPeopleRequest(people=people))
    assert [(one.person, one.canonical, one.name) for one in answer.people] == [
        (nameless, nameless, ""),
        (named, named, "Ada"),
    ]
    with pytest.raises(TooLarge), kernel_errors("identity"):
        await house.rpc.LookUpPeople(identity_pb2.LookUpPeopleRequest(people=["x"] * 1_001))


async def test_a_repeated_registration_makes_one_person(house: IdentityHouse) -> None:
    first = await house.admin.post("/v1/people", {"name": "Once"}, idempotency_key="people-once")
    again = await house.admin.post("/v1/people", {"name": "Once"}, idempotency_key="people-once")
    assert first == again
    assert len((await house.admin.get("/v1/people?name=Once"))["items"]) == 1
