"""Consents: given, told, asked about, withdrawn at once, and never wider than they were given."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from deedlog.identity.v1 import identity_pb2
from shared.events.identity import ConsentGranted, ConsentWithdrawn
from shared.kernel.clock import rfc3339
from shared.kernel.errors import Conflict, NotFound, Rejected
from shared.runtime.grpc import kernel_errors
from tests.suites.identity.house import Client, IdentityHouse

pytestmark = pytest.mark.asyncio(loop_scope="session")


def terms(house: IdentityHouse, organisation: str, **more: Any) -> dict[str, Any]:
    expires_at = rfc3339(house.clock.now() + timedelta(days=30))
    return {"organisation": organisation, "purpose": "A job", "scopes": ["profile"], "expires_at": expires_at} | more


async def someone(house: IdentityHouse) -> tuple[str, Client]:
    person = await house.person()
    return person, await house.signed_in(person)


async def check(
    house: IdentityHouse, person: str, organisation: str, scope: str = "profile"
) -> identity_pb2.CheckConsentResponse:
    request = identity_pb2.CheckConsentRequest(person=person, organisation=organisation, scope=scope)
    return await house.rpc.CheckConsent(request)


async def grant(house: IdentityHouse, **fields: Any) -> identity_pb2.Consent:
    expires_at_us = int((house.clock.now() + timedelta(days=30)).timestamp()) * 1_000_000
    defaults: dict[str, Any] = {"purpose": "A job", "scopes": ["profile"], "expires_at_us": expires_at_us}
    with kernel_errors("identity"):
        return (await house.rpc.GrantConsent(identity_pb2.GrantConsentRequest(**defaults | fields))).consent


async def test_a_consent_lets_one_organisation_read_what_it_names(house: IdentityHouse) -> None:
    organisation, other = await house.organisation(), await house.organisation()
    person, session = await someone(house)
    given = await session.post("/v1/consents", terms(house, organisation))
    answer = await check(house, person, organisation)
    assert (answer.is_allowed, answer.consent.grant, answer.person) == (True, given["id"], person)
    assert not (await check(house, person, organisation, "evidence")).is_allowed
    assert not (await check(house, person, other)).is_allowed


async def test_a_consent_is_told_with_its_purpose_and_its_end(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    person, session = await someone(house)
    given = await session.post("/v1/consents", terms(house, organisation, scopes=["profile", "evidence", "profile"]))
    _, told = await house.told(person)
    assert isinstance(told, ConsentGranted)
    assert (told.grant, told.organisation, told.purpose) == (given["id"], organisation, "A job")
    assert told.scopes == ("evidence", "profile")
    assert rfc3339(told.expires_at) == given["expires_at"]


async def test_a_withdrawal_holds_for_the_next_question_and_is_told_once(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    person, session = await someone(house)
    given = await session.post("/v1/consents", terms(house, organisation))
    await session.delete(f"/v1/consents/{given['id']}")
    assert not (await check(house, person, organisation)).is_allowed
    await session.delete(f"/v1/consents/{given['id']}")
    assert (await house.told(person))[2:] == [ConsentWithdrawn(grant=given["id"], organisation=organisation)]
    (listed,) = (await session.get("/v1/consents"))["items"]
    assert listed["withdrawn_at"] is not None


async def test_a_consent_ends_by_itself(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    person, session = await someone(house)
    end = rfc3339(house.clock.now() + timedelta(seconds=60))
    await session.post("/v1/consents", terms(house, organisation, expires_at=end))
    assert (await check(house, person, organisation)).is_allowed
    house.clock.advance(61)
    assert not (await check(house, person, organisation)).is_allowed


async def test_nobody_withdraws_the_consent_of_another(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    person, session = await someone(house)
    _, stranger = await someone(house)
    given = await session.post("/v1/consents", terms(house, organisation))
    await stranger.delete(f"/v1/consents/{given['id']}", 404)
    assert (await check(house, person, organisation)).is_allowed


async def test_every_wrong_term_is_named_at_once(house: IdentityHouse) -> None:
    _, session = await someone(house)
    wrong = {"purpose": "", "scopes": ["salary"], "expires_at": "2020-01-01T00:00:00Z"}
    refusal = await session.post("/v1/consents", terms(house, await house.organisation(), **wrong), 400)
    assert [error["pointer"] for error in refusal["errors"]] == ["/purpose", "/scopes", "/expires_at"]


@pytest.mark.parametrize(
    ("field", "value"), [("purpose", "p" * 201), ("scopes", []), ("expires_at", "2999-01-01T00:00:00Z")]
)
async def test_terms_are_bounded(house: IdentityHouse, field: str, value: object) -> None:
    _, session = await someone(house)
    refusal = await session.post("/v1/consents", terms(house, await house.organisation(), **{field: value}), 400)
    assert [error["pointer"] for error in refusal["errors"]] == [f"/{field}"]


async def test_a_consent_to_an_organisation_that_is_not_there_tells_nothing(house: IdentityHouse) -> None:
    person, session = await someone(house)
    refusal = await session.post("/v1/consents", terms(house, "org_00000000000000000000000000"), 400)
    assert refusal["errors"][0]["pointer"] == "/organisation"
    assert len(await house.told(person)) == 1


async def test_an_answer_to_a_request_is_recorded_once_however_often_it_is_sent(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    person = await house.person()
    fields = {"person": person, "organisation": organisation, "request": f"vrq_{person[4:]}"}
    first, *others = await asyncio.gather(*(grant(house, **fields) for _ in range(8)))
    assert all(other == first for other in others)
    assert len(await house.told(person)) == 2
    with pytest.raises(Conflict):
        await grant(house, **fields | {"purpose": "Another job"})
    with pytest.raises(Conflict):
        await grant(house, **fields | {"person": await house.person()})


async def test_services_list_and_withdraw_for_a_person_they_know(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    person = await house.person()
    older, newer = [await grant(house, person=person, organisation=organisation) for _ in range(2)]
    listed = (await house.rpc.ListConsents(identity_pb2.ListConsentsRequest(person=person))).consents
    assert [one.grant for one in listed] == [newer.grant, older.grant]
    request = identity_pb2.WithdrawConsentRequest(person=person, grant=older.grant)
    assert (await house.rpc.WithdrawConsent(request)).consent.withdrawn_at_us > 0
    assert (await check(house, person, organisation)).consent.grant == newer.grant


async def test_consent_of_a_stranger_or_at_no_time_is_refused(house: IdentityHouse) -> None:
    organisation, person = await house.organisation(), await house.person()
    with pytest.raises(NotFound):
        await grant(house, person="prs_00000000000000000000000000", organisation=organisation)
    for expires_at_us in (0, -1, 2**63 - 1):
        with pytest.raises(Rejected):
            await grant(house, person=person, organisation=organisation, expires_at_us=expires_at_us)


async def test_consents_come_in_pages_newest_first(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    _, session = await someone(house)
    given = [(await session.post("/v1/consents", terms(house, organisation)))["id"] for _ in range(5)]
    first = await session.get("/v1/consents?limit=3")
    second = await session.get(f"/v1/consents?limit=3&cursor={first['next_cursor']}")
    assert [item["id"] for item in first["items"] + second["items"]] == given[::-1]
    assert (first["has_more"], second["has_more"]) == (True, False)
