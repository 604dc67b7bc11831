"""A person sees every account that is theirs, by which proof, and takes a wrong one away. Who looks is seen."""

from __future__ import annotations

import pytest

from tests.suites.identity.house import IdentityHouse
from tests.suites.identity.test_linking import account_holder, canonical, link, someone

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_each_account_says_where_since_when_and_by_which_proof_it_is_theirs(house: IdentityHouse) -> None:
    organisation = await house.organisation("Lernhaus")
    (one, oldest), (two, newer) = [await account_holder(house, organisation) for _ in range(2)]
    session = await house.signed_in(oldest)
    linked = await link(session, await house.signed_in(newer))
    seen = await session.get("/v1/people/me/accounts")
    assert seen == await (await house.signed_in(newer)).get("/v1/people/me/accounts")
    assert [row["identifier"] for row in seen["accounts"]] == [one, two]
    assert [row["proof_words"] for row in seen["accounts"]] == [
        "the account the others were linked with",
        "proven by both sides",
    ]
    assert seen["accounts"][1]["link"] == linked["id"]
    assert seen["accounts"][1]["is_yours_since"] == linked["linked_at"]


async def test_taking_an_account_away_takes_what_hangs_on_it_and_leaves_the_others_one(house: IdentityHouse) -> None:
    """A chain a-b-c-d: without b's link to a, b, c and d stay one."""
    organisation = await house.organisation()
    names = [await account_holder(house, organisation) for _ in range(4)]
    people = [person for _, person in names]
    sessions = [await house.signed_in(person) for person in people]
    for one, other in ((2, 3), (1, 2), (0, 1)):
        await link(sessions[one], sessions[other])
    accounts = {row["identifier"]: row for row in (await sessions[0].get("/v1/people/me/accounts"))["accounts"]}
    await sessions[0].post(f"/v1/people/me/accounts/{accounts[names[1][0]]['id']}:unlink", {}, 200)
    assert await canonical(house, *people) == [people[0], people[1], people[1], people[1]]


async def test_the_oldest_account_hangs_on_none(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    _, person = await account_holder(house, organisation)
    session = await house.signed_in(person)
    (mine,) = (await session.get("/v1/people/me/accounts"))["accounts"]
    refusal = await session.post(f"/v1/people/me/accounts/{mine['id']}:unlink", {}, 409)
    assert (refusal["code"], refusal["errors"][0]["pointer"]) == ("nothing-to-undo", "/account")


async def test_nobody_takes_away_anothers_account(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    (_, one), (_, other) = [await account_holder(house, organisation) for _ in range(2)]
    await link(await house.signed_in(one), await house.signed_in(other))
    rows = (await (await house.signed_in(one)).get("/v1/people/me/accounts"))["accounts"]
    _, stranger = await someone(house)
    await stranger.post(f"/v1/people/me/accounts/{rows[1]['id']}:unlink", {}, 404)
    await house.admin.post(f"/v1/people/me/accounts/{rows[1]['id']}:unlink", {}, 403)
    await house.admin.get("/v1/people/me/accounts", 404)
    assert await canonical(house, one, other) == [one, one]


async def test_an_operator_who_looks_is_seen_by_the_person(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    identifier, person = await account_holder(house, organisation)
    session = await house.signed_in(person)
    assert (await session.get("/v1/people/me/accounts"))["readings"] == []
    told = await house.admin.get(f"/v1/people/{person}/accounts")
    assert [row["identifier"] for row in told["accounts"]] == [identifier]
    (reading,) = (await session.get("/v1/people/me/accounts"))["readings"]
    assert reading["reader"] == "admin"


async def test_only_the_last_hundred_looks_are_kept(house: IdentityHouse) -> None:
    person, session = await someone(house)
    for _ in range(102):
        await house.admin.get(f"/v1/people/{person}/accounts")
    assert len((await session.get("/v1/people/me/accounts"))["readings"]) == 100
