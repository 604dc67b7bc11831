"""Organisations, API keys and the operator's key: made, shown once, found by digest, expired and revoked."""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime, timedelta

import pytest

from shared.events.identity import OrganisationRegistered
from shared.kernel.clock import rfc3339
from shared.kernel.errors import Unauthenticated
from tests.suites.identity.house import ADMIN_SECRET, Client, IdentityHouse

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_organisation_is_told_in_a_stream_of_its_own(house: IdentityHouse) -> None:
    organisation = await house.organisation("A school")
    assert await house.told(organisation) == [OrganisationRegistered(organisation=organisation, name="A school")]


async def test_organisations_come_in_pages(house: IdentityHouse) -> None:
    made = [await house.organisation(f"Number {number}") for number in range(3)]
    listed: list[str] = []
    cursor = ""
    while True:
        page = await house.admin.get(f"/v1/organisations?limit=2{cursor}")
        listed += [item["id"] for item in page["items"]]
        if not page["has_more"]:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert sorted(set(listed)) == sorted(listed)
    assert set(made) <= set(listed)


async def test_a_key_speaks_for_its_organisation_with_its_scopes(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    key = await house.key(organisation, ["write", "read"], name="LMS")
    caller = await house.authenticate(key["secret"])
    assert key["secret"].startswith("dlk_")
    assert (caller.kind, caller.id, caller.organisation) == ("key", key["id"], organisation)
    assert set(caller.scopes) == {"read", "write"}
    assert not caller.is_test


async def test_a_test_key_says_that_it_is_one(house: IdentityHouse) -> None:
    key = await house.key(await house.organisation(), is_test=True)
    assert key["secret"].startswith("dlt_")
    assert (await house.authenticate(key["secret"])).is_test


async def test_a_secret_is_shown_once_and_kept_as_a_digest_alone(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    key = await house.key(organisation)
    (listed,) = (await house.admin.get(f"/v1/api-keys?organisation={organisation}"))["items"]
    assert "secret" not in listed
    async with house.backbone.reading() as connection:
        for table in ("api_keys", "idempotency_keys", "backbone.facts"):
            rows = await connection.fetch(f"SELECT t::text FROM {table} AS t")
            assert not any(key["secret"] in row[0] for row in rows)


async def test_a_repeated_request_for_a_key_makes_one_key_and_shows_no_second_secret(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    body = {"organisation": organisation, "scopes": ["write"]}
    token = str(uuid.uuid4())
    first = await house.admin.post("/v1/api-keys", body, idempotency_key=token)
    again = await house.admin.post("/v1/api-keys", body, idempotency_key=token)
    assert again == first | {"secret": None}
    assert len((await house.admin.get(f"/v1/api-keys?organisation={organisation}"))["items"]) == 1
    async with house.backbone.reading() as connection:
        kept = await connection.fetchval("SELECT content FROM idempotency_keys WHERE key = $1", token)
    assert first["secret"].encode() not in kept


async def test_two_keys_live_at_once_so_that_one_can_replace_the_other(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    old, new = await house.key(organisation), await house.key(organisation)
    assert (await house.authenticate(old["secret"])).id == old["id"]
    assert (await house.authenticate(new["secret"])).id == new["id"]
    await house.admin.delete(f"/v1/api-keys/{old['id']}")
    with pytest.raises(Unauthenticated, match="was revoked at"):
        await house.authenticate(old["secret"])
    assert (await house.authenticate(new["secret"])).id == new["id"]


async def test_revoking_twice_keeps_the_first_time_and_an_unknown_key_is_not_found(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    key = await house.key(organisation)
    await house.admin.delete(f"/v1/api-keys/{key['id']}")
    (before,) = (await house.admin.get(f"/v1/api-keys?organisation={organisation}"))["items"]
    house.clock.advance(5)
    await house.admin.delete(f"/v1/api-keys/{key['id']}")
    (after,) = (await house.admin.get(f"/v1/api-keys?organisation={organisation}"))["items"]
    assert before["revoked_at"] == after["revoked_at"]
    await house.admin.delete("/v1/api-keys/key_00000000000000000000000000", 404)


async def test_an_expired_key_is_refused_with_the_time_it_ended(house: IdentityHouse) -> None:
    expires_at = house.clock.now() + timedelta(seconds=60)
    key = await house.key(await house.organisation(), expires_at=rfc3339(expires_at))
    assert (await house.authenticate(key["secret"])).id == key["id"]
    house.clock.advance(61)
    with pytest.raises(Unauthenticated, match="expired at"):
        await house.authenticate(key["secret"])


async def test_basic_needs_the_id_of_the_very_key(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    key, other = await house.key(organisation), await house.key(organisation)
    assert (await house.authenticate(key["secret"], key["id"])).id == key["id"]
    with pytest.raises(Unauthenticated):
        await house.authenticate(key["secret"], other["id"])


@pytest.mark.parametrize(
    "secret", ["", "x", "dlk_", "dlt_AAAA", "dls_AAAA", "dlk_" + "A" * 43, ADMIN_SECRET + " ", "s" * 5_000]
)
async def test_a_secret_nobody_issued_is_nobodys(house: IdentityHouse, secret: str) -> None:
    with pytest.raises(Unauthenticated):
        await house.authenticate(secret)


async def test_the_operator_is_known_by_the_digest_in_the_settings(house: IdentityHouse) -> None:
    caller = await house.authenticate(ADMIN_SECRET)
    assert (caller.kind, caller.id) == ("admin", "admin")
    assert "admin" in caller.scopes
    basic = base64.b64encode(f"admin:{ADMIN_SECRET}".encode()).decode()
    reply = await house.http.get("/v1/organisations", headers={"authorization": f"Basic {basic}"})
    assert reply.status_code == 200


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"scopes": []}, "/scopes"),
        ({"scopes": ["write", "rule"]}, "/scopes"),
        ({"expires_at": rfc3339(datetime(2020, 1, 1, tzinfo=UTC))}, "/expires_at"),
        ({"expires_at": rfc3339(datetime(2200, 1, 1, tzinfo=UTC))}, "/expires_at"),
        ({"expires_at": "tomorrow"}, "/expires_at"),
        ({"name": " "}, "/name"),
        ({"colour": "red"}, "/colour"),
    ],
)
async def test_a_wrong_order_for_a_key_names_the_field(
    house: IdentityHouse, change: dict[str, object], pointer: str
) -> None:
    body = {"organisation": await house.organisation(), "scopes": ["write"]} | change
    refusal = await house.admin.post("/v1/api-keys", body, 400)
    assert refusal["errors"][0]["pointer"] == pointer


async def test_a_key_for_an_organisation_that_is_not_there_is_refused(house: IdentityHouse) -> None:
    body = {"organisation": "org_00000000000000000000000000", "scopes": ["write"]}
    assert (await house.admin.post("/v1/api-keys", body, 404))["errors"][0]["pointer"] == "/organisation"


async def test_the_twenty_first_live_key_is_refused_until_one_is_revoked(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    keys = [await house.key(organisation) for _ in range(20)]
    body = {"organisation": organisation, "scopes": ["write"]}
    assert (await house.admin.post("/v1/api-keys", body, 409))["code"] == "too-many-keys"
    await house.admin.delete(f"/v1/api-keys/{keys[0]['id']}")
    await house.admin.post("/v1/api-keys", body)


async def test_only_an_operator_sets_up_tenants(house: IdentityHouse) -> None:
    key = await house.key(await house.organisation(), ["all", "admin"])
    stranger = Client(house.http, key["secret"])
    await stranger.post("/v1/organisations", {"name": "Mine"}, 403)
    await stranger.get("/v1/organisations", 403)
    await stranger.post("/v1/api-keys", {"organisation": key["organisation"], "scopes": ["write"]}, 403)
    await stranger.delete(f"/v1/api-keys/{key['id']}", 403)


async def test_the_door_sees_the_keys_of_its_own_organisation_only(house: IdentityHouse) -> None:
    mine, theirs = await house.organisation("Mine"), await house.organisation("Theirs")
    await house.key(mine)
    await house.key(theirs)
    async with house.backbone.door(mine) as tx:
        assert [row[0] for row in await tx.connection.fetch("SELECT organisation FROM api_keys")] == [mine]
        assert [row[0] for row in await tx.connection.fetch("SELECT id FROM organisations")] == [mine]
