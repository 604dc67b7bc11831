"""An organisation asks, the person answers once; each side sees its own and nobody else's."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.events.event import decode
from shared.events.profiles import VerificationDeclined, VerificationRequested
from shared.kernel.clock import rfc3339
from shared.kernel.ids import system_id
from tests.suites.skill_profiles.house import Client, ProfilesHouse

pytestmark = pytest.mark.asyncio(loop_scope="session")
PATH = "/v1/verification-requests"
PURPOSE = "A position as deployment engineer"


def terms(days: int = 30, **more: Any) -> dict[str, Any]:
    return {"expires_at": rfc3339(datetime.now(UTC) + timedelta(days=days))} | more


async def asked(house: ProfilesHouse, org: str, person: str) -> tuple[Client, Client, str]:
    """The asking organisation, the person asked, and the request."""
    reader, answerer = house.reader(org), house.person_client(person)
    request = await reader.post(PATH, {"person": person, "purpose": PURPOSE}, 201)
    return reader, answerer, request["id"]


async def test_an_approved_request_opens_the_profile_under_its_terms(house: ProfilesHouse, org: str) -> None:
    person = house.identity.person()
    reader, answerer, request = await asked(house, org, person)
    await reader.profile(person, 403)

    approved = await answerer.post(f"{PATH}/{request}:approve", terms())

    assert (approved["state"], approved["scopes"]) == ("approved", ["evidence", "profile"])
    assert (await reader.profile(person))["grant"] == approved["grant"]
    assert (await reader.get(f"{PATH}/{request}"))["state"] == "approved"
    given = house.identity.consents[approved["grant"]]
    assert (given.purpose, given.request, given.organisation) == (PURPOSE, request, org)


async def test_a_request_is_told_in_the_persons_stream(house: ProfilesHouse, org: str) -> None:
    person = house.identity.person()
    _, _, request = await asked(house, org, person)

    (fact,) = await house.told(person)

    told = decode(fact.type, fact.data or b"")
    assert told == VerificationRequested(request=request, organisation=org, purpose=PURPOSE)
    assert fact.organisation == org


async def test_a_declined_request_is_told_and_opens_nothing(house: ProfilesHouse, org: str) -> None:
    person = house.identity.person()
    reader, answerer, request = await asked(house, org, person)

    declined = await answerer.post(f"{PATH}/{request}:decline")

    assert declined["state"] == "declined"
    _, fact = await house.told(person)
    assert decode(fact.type, fact.data or b"") == VerificationDeclined(request=request, organisation=org)
    await reader.profile(person, 403)


async def test_a_withdrawn_consent_shows_on_the_request(house: ProfilesHouse, org: str) -> None:
    person = house.identity.person()
    reader, answerer, request = await asked(house, org, person)
    approved = await answerer.post(f"{PATH}/{request}:approve", terms())

    await house.identity.take_back(house.identity.consents[approved["grant"]])

    assert (await reader.get(f"{PATH}/{request}"))["state"] == "withdrawn"
    assert (await answerer.get(f"{PATH}/{request}"))["state"] == "withdrawn"


@pytest.mark.parametrize("verb", ["approve", "decline"])
async def test_a_request_is_answered_once(house: ProfilesHouse, org: str, verb: str) -> None:
    person = house.identity.person()
    _, answerer, request = await asked(house, org, person)
    await answerer.post(f"{PATH}/{request}:decline")

    refusal = await answerer.post(f"{PATH}/{request}:{verb}", terms(), 409)

    assert refusal["code"] == "already-answered"


async def test_an_answer_that_was_lost_on_the_way_is_given_again_under_its_key(house: ProfilesHouse, org: str) -> None:
    person = house.identity.person()
    _, answerer, request = await asked(house, org, person)
    body = terms()

    first = await answerer.post(f"{PATH}/{request}:approve", body, idempotency_key="k-1")
    again = await answerer.post(f"{PATH}/{request}:approve", body, idempotency_key="k-1")

    assert first == again
    assert [one.request for one in house.identity.consents.values()].count(request) == 1


async def test_asking_twice_under_one_key_asks_once(house: ProfilesHouse, org: str) -> None:
    person, reader = house.identity.person(), house.reader(org)
    body = {"person": person, "purpose": PURPOSE}

    first = await reader.post(PATH, body, 201, idempotency_key="k")
    again = await reader.post(PATH, body, 201, idempotency_key="k")

    assert first == again
    assert len((await reader.get(PATH))["items"]) == 1


async def test_a_crash_between_consent_and_answer_is_settled_by_hearing_the_consent(
    house: ProfilesHouse, org: str
) -> None:
    person = house.identity.person()
    reader, _, request = await asked(house, org, person)

    await house.identity.give(person, org, purpose=PURPOSE, request=request)

    settled = await reader.get(f"{PATH}/{request}")
    assert settled["state"] == "approved"
    assert settled["scopes"] == ["evidence", "profile"]


async def test_a_consent_granted_while_the_request_was_declined_is_taken_back(house: ProfilesHouse, org: str) -> None:
    person = house.identity.person()
    reader, answerer, request = await asked(house, org, person)

    # Interleaving: approve has its consent from identity; decline answers the request; approve comes to save.
    async def decline() -> None:
        house.identity.between = None
        await answerer.post(f"{PATH}/{request}:decline")

    house.identity.hear = None
    house.identity.between = decline
    await answerer.post(f"{PATH}/{request}:approve", terms(), 409)

    (consent,) = [one for one in house.identity.consents.values() if one.request == request]
    assert consent.is_withdrawn
    assert (await reader.get(f"{PATH}/{request}"))["state"] == "declined"


async def test_each_side_sees_its_own_requests_only(house: ProfilesHouse, org: str) -> None:
    person, stranger = house.identity.person(), house.identity.person()
    reader, answerer, request = await asked(house, org, person)
    other_reader = house.reader(system_id("organisation"))

    assert [one["id"] for one in (await reader.get(PATH))["items"]] == [request]
    assert [one["id"] for one in (await answerer.get(PATH))["items"]] == [request]
    assert (await other_reader.get(PATH))["items"] == []
    assert (await house.person_client(stranger).get(PATH))["items"] == []
    await other_reader.get(f"{PATH}/{request}", 404)
    await house.person_client(stranger).get(f"{PATH}/{request}", 404)
    await house.person_client(stranger).post(f"{PATH}/{request}:approve", terms(), 404)
    await house.person_client(stranger).post(f"{PATH}/{request}:decline", status=404)


async def test_the_database_itself_keeps_tenants_apart(house: ProfilesHouse, org: str) -> None:
    person = house.identity.person()
    await asked(house, org, person)
    await house.identity.give(person, org)
    await house.reader(org).profile(person)
    seen = {}
    for acting in (org, system_id("organisation"), ""):
        async with house.backbone.door(acting) as tx:
            seen[acting] = [
                await tx.connection.fetchval(f"SELECT count(*) FROM {table} WHERE person = $1", person)
                for table in ("verification_requests", "accesses", "grants")
            ] + [await tx.connection.fetchval("SELECT count(*) FROM changes WHERE organisation = $1", org)]

    assert seen.pop(org) == [1, 1, 1, 1]
    assert all(counts == [0, 0, 0, 0] for counts in seen.values())


async def test_an_organisation_presses_with_five_unanswered_requests_at_most(house: ProfilesHouse, org: str) -> None:
    person, reader = house.identity.person(), house.reader(org)

    sent = [reader.send("POST", PATH, {"person": person, "purpose": f"Reason {place}"}) for place in range(8)]
    statuses = sorted(response.status_code for response in await asyncio.gather(*sent))

    assert statuses == [201] * 5 + [409] * 3


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"person": "prs_X", "purpose": ""}, "/purpose"),
        ({"person": "prs_X", "purpose": "x" * 201}, "/purpose"),
        ({"person": "prs_X", "purpose": "with\nlines"}, "/purpose"),
        ({"purpose": PURPOSE}, "/person"),
        ({"person": "prs_X", "purpose": PURPOSE, "level": 5}, "/level"),
    ],
)
async def test_a_faulty_request_names_its_field(
    house: ProfilesHouse, org: str, body: dict[str, Any], pointer: str
) -> None:
    refusal = await house.reader(org).post(PATH, body, 400)

    assert [error["pointer"] for error in refusal["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("faulty", "pointers"),
    [
        ({"expires_at": "2020-01-01T00:00:00Z"}, ["/expires_at"]),
        ({"expires_at": "2199-01-01T00:00:00Z"}, ["/expires_at"]),
        ({"expires_at": "tomorrow"}, ["/expires_at"]),
        (terms(scopes=["evidence"]), ["/scopes"]),
        (terms(scopes=["profile", "everything"]), ["/scopes"]),
        ({"scopes": []}, ["/expires_at"]),
    ],
)
async def test_faulty_terms_name_their_fields_and_nothing_is_granted(
    house: ProfilesHouse, org: str, faulty: dict[str, Any], pointers: list[str]
) -> None:
    person = house.identity.person()
    _, answerer, request = await asked(house, org, person)

    refusal = await answerer.post(f"{PATH}/{request}:approve", faulty, 400)

    assert [error["pointer"] for error in refusal["errors"]] == pointers
    assert not any(one.request == request for one in house.identity.consents.values())


async def test_nobody_is_asked_who_does_not_exist(house: ProfilesHouse, org: str) -> None:
    await house.reader(org).post(PATH, {"person": system_id("person"), "purpose": PURPOSE}, 404)


async def test_asking_needs_the_scope_profile(house: ProfilesHouse, org: str) -> None:
    person = house.identity.person()
    for caller in (house.client(house.identity.key(org, "read")), house.person_client(person)):
        await caller.post(PATH, {"person": person, "purpose": PURPOSE}, 403)


async def test_without_identity_nothing_is_asked_and_nothing_answered(house: ProfilesHouse, org: str) -> None:
    person = house.identity.person()
    _, answerer, request = await asked(house, org, person)
    house.identity.is_away = True

    await house.reader(org).post(PATH, {"person": person, "purpose": PURPOSE}, 503)
    await answerer.post(f"{PATH}/{request}:approve", terms(), 503)

    assert (await answerer.get(f"{PATH}/{request}"))["state"] == "pending"


async def test_requests_come_in_pages_newest_first(house: ProfilesHouse, org: str) -> None:
    reader = house.reader(org)
    made = [
        (await reader.post(PATH, {"person": house.identity.person(), "purpose": PURPOSE}, 201))["id"] for _ in range(3)
    ]

    first = await reader.get(f"{PATH}?limit=2")
    second = await reader.get(f"{PATH}?limit=2&cursor={first['next_cursor']}")

    assert [one["id"] for one in (*first["items"], *second["items"])] == made[::-1]


async def test_whoever_was_asked_under_an_alias_answers_as_the_person_they_are_now(
    house: ProfilesHouse, org: str
) -> None:
    canonical, alias = house.identity.person(), house.identity.person()
    reader, _, request = await asked(house, org, alias)
    await house.identity.merge(canonical, alias)

    answerer = house.person_client(canonical)
    shown = (await answerer.get(PATH))["items"]
    approved = await answerer.post(f"{PATH}/{request}:approve", terms())

    assert [one["id"] for one in shown] == [request]
    assert house.identity.consents[approved["grant"]].person == canonical
    assert (await reader.profile(alias))["person"] == canonical
