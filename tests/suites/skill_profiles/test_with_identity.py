"""Beside a real identity, over a real broker: what is granted there opens here, and what ends there closes here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from shared.kernel.clock import rfc3339
from tests.suites.identity.house import IdentityHouse, identity_house
from tests.suites.skill_profiles.house import Client, ProfilesHouse, profiles_house
from tests.suites.skill_profiles.samples import estimate, evidence
from tests.suites.skill_profiles.test_following import following

pytestmark = pytest.mark.asyncio(loop_scope="session")
PATH = "/v1/verification-requests"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def both(servers: Any) -> AsyncIterator[tuple[IdentityHouse, ProfilesHouse]]:
    """identity and skill_profiles, the one telling the other by the broker."""
    postgres, broker = servers
    async with identity_house(postgres.admin_dsn, broker.address) as identity:
        address = f"127.0.0.1:{identity.backbone.settings.rpc_port}"
        async with profiles_house(postgres.admin_dsn, broker.address, 800, identity_address=address) as profiles:
            yield identity, profiles


async def reader_of(both: tuple[IdentityHouse, ProfilesHouse], name: str) -> Client:
    """A client of skill_profiles by an organisation's key."""
    identity, profiles = both
    return profiles.client((await identity.key(await identity.organisation(name), ("profile",)))["secret"])


async def shown(client: Client, path: str, key: str, wanted: Any) -> Any:
    """Return what is shown there once `key` in it is `wanted`."""
    async with asyncio.timeout(20):
        while (found := await client.get(path))[key] != wanted:
            await asyncio.sleep(0.05)
    return found


async def test_from_a_request_to_a_profile_and_to_its_end(both: tuple[IdentityHouse, ProfilesHouse]) -> None:
    identity, profiles = both
    person = await identity.person()
    signed_in = await identity.signed_in(person)
    reader, own = await reader_of(both, "Northwind"), profiles.client(signed_in.secret)
    await profiles.tell(person, estimate(), evidence())
    request = await reader.post(PATH, {"person": person, "purpose": "A position"}, 201)
    await reader.profile(person, 403)

    expires_at = rfc3339(datetime.now(UTC) + timedelta(days=3))
    approved = await own.post(f"{PATH}/{request['id']}:approve", {"expires_at": expires_at})
    async with following(reader) as follower:
        read = await reader.profile(person)
        opened = await follower.next()
        await signed_in.delete(f"/v1/consents/{approved['grant']}")
        while not (closed := await follower.next()).is_closed:
            pass

    assert read["grant"] == approved["grant"]
    assert (opened.person, opened.is_closed) == (person, False)
    assert closed.person == person
    await reader.profile(person, 403)
    await shown(reader, f"{PATH}/{request['id']}", "state", "withdrawn")
    (listed, *_) = (await own.get("/v1/accesses"))["items"]
    assert listed["organisation_name"] == "Northwind"


async def test_two_accounts_proven_to_be_one_person_are_one_profile(both: tuple[IdentityHouse, ProfilesHouse]) -> None:
    identity, profiles = both
    older, younger = await identity.person(), await identity.person()
    await profiles.tell(older, evidence(summary="of the older"))
    await profiles.tell(younger, evidence(summary="of the younger"))
    one, other = await identity.signed_in(older), await identity.signed_in(younger)
    own = profiles.client(one.secret)

    link = await one.post("/v1/account-links", {})
    await other.post(f"/v1/account-links/{link['id']}:confirm", {"code": link["code"]}, 200)
    merged = await shown(own, "/v1/people/self/profile", "evidence_grades", {"B": 2})
    await one.send("DELETE", f"/v1/account-links/{link['id']}")
    split = await own.profile("self")

    assert merged["person"] == older
    assert [item["summary"] for item in split["evidence"]] == ["of the older"]
