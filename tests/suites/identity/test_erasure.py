"""Erasure: nothing is left of a person but an id, and an account that comes again is a stranger's."""

from __future__ import annotations

import pytest

from deedlog.identity.v1 import identity_pb2
from shared.kernel.errors import NotFound, Unauthenticated
from tests.suites.identity.house import IdentityHouse
from tests.suites.identity.test_consents import check, grant, terms
from tests.suites.identity.test_linking import account_holder, canonical, link, someone
from tests.suites.scan import tables_holding

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_the_data_of_every_fact_goes_and_numbers_and_types_stay(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    person, session = await someone(house, "Ada")
    await session.post("/v1/consents", terms(house, organisation))
    before = await house.stream(person)
    erased = await session.post("/v1/erasures", {"person": person})
    assert erased["people"] == [person]
    after = await house.stream(person)
    assert [(fact.number, fact.id, fact.type) for fact in after[: len(before)]] == [
        (fact.number, fact.id, fact.type) for fact in before
    ]
    names = [fact.type.removeprefix("deedlog.identity.") for fact in after]
    assert names == ["person-registered.v1", "consent-granted.v1", "consent-withdrawn.v1", "facts-erased.v1"]
    assert [fact.is_erased for fact in after] == [True, True, True, False]


async def test_an_erased_person_is_nowhere(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    person, session = await someone(house, "Ada Erased")
    await session.post("/v1/consents", terms(house, organisation))
    await session.post("/v1/account-links", {})
    await house.admin.post("/v1/erasures", {"person": person})
    await house.admin.get(f"/v1/people/{person}", 404)
    assert (await house.admin.get("/v1/people?name=Ada%20Erased"))["items"] == []
    assert await canonical(house, person) == []
    assert not (await check(house, person, organisation)).is_allowed
    with pytest.raises(Unauthenticated):
        await house.authenticate(session.secret)
    with pytest.raises(NotFound):
        await grant(house, person=person, organisation=organisation)
    await house.admin.post("/v1/sessions", {"person": person}, 404)
    await house.admin.post("/v1/erasures", {"person": person}, 404)
    async with house.backbone.reading() as connection:
        for table, column in [("consents", "person"), ("sessions", "person"), ("account_links", "proposer")]:
            assert not await connection.fetchval(f"SELECT count(*) FROM {table} WHERE {column} = $1", person)


async def test_an_account_that_comes_again_is_a_strangers(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    identifier, person = await account_holder(house, organisation)
    await house.admin.post("/v1/erasures", {"person": person})
    (stranger,) = await house.resolve(organisation, identifier)
    assert stranger != person
    assert not any(identifier in str(fact.data) for fact in await house.stream(person))


async def test_all_who_are_one_are_erased_together(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    owner, session = await someone(house, "Ada")
    identifier, minted = await account_holder(house, organisation)
    await link(session, await house.signed_in(minted))
    erased = await session.post("/v1/erasures", {"person": owner})
    assert erased["people"] == sorted([owner, minted])
    for person in (owner, minted):
        *emptied, last = await house.stream(person)
        assert all(fact.is_erased for fact in emptied)
        assert last.type.endswith("facts-erased.v1")
    assert await house.resolve(organisation, identifier) not in ([owner], [minted])


async def test_nobody_erases_another(house: IdentityHouse) -> None:
    person, _ = await someone(house)
    _, stranger = await someone(house)
    await stranger.post("/v1/erasures", {"person": person}, 404)
    assert await canonical(house, person) == [person]


async def test_what_was_kept_for_repetitions_goes_too(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    person, session = await someone(house)
    body = terms(house, organisation, purpose="A very private purpose")
    await session.post("/v1/consents", body, idempotency_key="private-purpose")
    await house.admin.post("/v1/erasures", {"person": person})
    async with house.backbone.reading() as connection:
        assert not await connection.fetchval("SELECT count(*) FROM idempotency_keys WHERE key = 'private-purpose'")


async def test_what_was_kept_for_repetitions_of_others_goes_where_it_names_them(house: IdentityHouse) -> None:
    made = [
        await house.admin.post("/v1/people", {"name": name}, idempotency_key=name) for name in ("Kept Ada", "Kept Ben")
    ]
    await house.admin.post("/v1/erasures", {"person": made[0]["id"]})
    async with house.backbone.reading() as connection:
        rows = await connection.fetch("SELECT key, content FROM idempotency_keys WHERE key LIKE 'Kept %'")
    assert [row["key"] for row in rows] == ["Kept Ben"]
    assert made[1]["id"].encode() in rows[0]["content"]


async def test_identifiers_are_told_to_whoever_must_remove_them_and_then_forgotten(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    identifier, person = await account_holder(house, organisation)
    ask = identity_pb2.ListErasedAccountsRequest(person=person)
    assert list((await house.rpc.ListErasedAccounts(ask)).accounts) == []
    async with house.backbone.reading() as connection:
        assert await tables_holding(connection, identifier) == ["backbone.facts", "public.accounts"]
    await house.admin.post("/v1/erasures", {"person": person})
    (told,) = (await house.rpc.ListErasedAccounts(ask)).accounts
    assert (told.organisation, told.identifier) == (organisation, identifier)
    for _ in range(2):
        await house.rpc.ForgetErasedAccounts(identity_pb2.ForgetErasedAccountsRequest(person=person))
        assert list((await house.rpc.ListErasedAccounts(ask)).accounts) == []
    async with house.backbone.reading() as connection:
        assert await tables_holding(connection, identifier) == []
