"""Whose account is this: minted once, told once, the same for all who ask at once, and kept apart by tenant."""

from __future__ import annotations

import asyncio
import uuid

import asyncpg
import pytest

from deedlog.identity.v1 import identity_pb2
from shared.events.identity import AccountLinked, PersonRegistered
from shared.kernel.errors import Rejected, TooLarge
from shared.runtime.grpc import kernel_errors
from tests.suites.identity.house import IdentityHouse

pytestmark = pytest.mark.asyncio(loop_scope="session")


def fresh(count: int = 1) -> list[str]:
    return [f"account:https://lms.example|{uuid.uuid4()}" for _ in range(count)]


async def test_a_new_account_gets_a_person_who_is_told_with_it(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    (identifier,) = fresh()
    (account,) = await house.accounts(organisation, identifier)
    registered, linked = await house.told(account.person)
    assert registered == PersonRegistered(person=account.person, origin="account")
    assert isinstance(linked, AccountLinked)
    assert (linked.account, linked.organisation, linked.proof) == (account.account, organisation, "first-seen")
    assert linked.personal is not None
    assert linked.personal.identifier == identifier


async def test_answers_come_in_the_order_asked_and_repeat_where_the_question_does(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    one, other = fresh(2)
    accounts = await house.accounts(organisation, other, one, other)
    assert [account.identifier for account in accounts] == [other, one, other]
    assert accounts[0] == accounts[2]


async def test_asking_again_finds_the_same_people_and_tells_nothing(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    identifiers = fresh(20)
    people = await house.resolve(organisation, *identifiers)
    house.clock.advance(2)
    assert await house.resolve(organisation, *identifiers) == people
    assert [len(await house.stream(person)) for person in people] == [2] * 20


async def test_eight_who_ask_at_once_in_different_orders_get_the_same_people(house: IdentityHouse) -> None:
    """Interleaving: every call misses the cache, and all insert the same identifiers; one wins each."""
    organisation = await house.organisation()
    identifiers = fresh(200)
    orders = [identifiers[start * 25 :] + identifiers[: start * 25] for start in range(8)]
    before = await orphans(house)
    answers = await asyncio.gather(*(house.resolve(organisation, *order) for order in orders))
    found = [dict(zip(order, answer, strict=True)) for order, answer in zip(orders, answers, strict=True)]
    assert all(answer == found[0] for answer in found)
    assert len(set(found[0].values())) == 200
    assert [len(await house.stream(person)) for person in found[0].values()] == [2] * 200
    assert await orphans(house) == before


async def orphans(house: IdentityHouse) -> int:
    """Return how many people were minted for an account and have none; an erased person is left without."""
    async with house.backbone.reading() as connection:
        found: int = await connection.fetchval(
            "SELECT count(*) FROM people p WHERE origin = 'account' AND NOT EXISTS "
            "(SELECT FROM accounts WHERE person = p.id)"
        )
        return found


async def test_two_organisations_that_name_one_identifier_have_two_people(house: IdentityHouse) -> None:
    identifiers = fresh()
    mine = await house.resolve(await house.organisation("Mine"), *identifiers)
    theirs = await house.resolve(await house.organisation("Theirs"), *identifiers)
    assert mine != theirs


async def test_a_thousand_are_resolved_in_one_call_and_one_more_is_refused(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    identifiers = fresh(1_001)
    assert len(set(await house.resolve(organisation, *identifiers[:1_000]))) == 1_000
    with pytest.raises(TooLarge):
        await house.resolve(organisation, *identifiers)


async def test_an_identifier_that_is_none_is_named_and_nobody_is_minted(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    good, bad = fresh()[0], "no colon here"
    with pytest.raises(Rejected) as refusal:
        await house.resolve(organisation, good, bad)
    assert [fault.pointer for fault in refusal.value.faults] == ["/identifiers/1"]
    async with house.backbone.reading() as connection:
        assert not await connection.fetchval("SELECT count(*) FROM accounts WHERE identifier = $1", good)


async def test_an_organisation_that_does_not_exist_mints_nobody(house: IdentityHouse) -> None:
    with pytest.raises(Rejected) as refusal:
        await house.resolve("org_00000000000000000000000000", *fresh())
    assert refusal.value.faults[0].pointer == "/organisation"


async def test_the_longest_identifier_is_told_and_one_byte_more_is_refused(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    unique = str(uuid.uuid4())
    longest = f"account:{unique}|".ljust(1_500, '"')
    (person,) = await house.resolve(organisation, longest)
    _, linked = await house.told(person)
    assert isinstance(linked, AccountLinked)
    with pytest.raises(Rejected):
        await house.resolve(organisation, longest + "x")


async def test_the_door_sees_the_accounts_of_its_own_organisation_only(house: IdentityHouse) -> None:
    mine, theirs = await house.organisation("Mine"), await house.organisation("Theirs")
    await house.resolve(mine, *fresh(2))
    await house.resolve(theirs, *fresh(3))
    async with house.backbone.door(mine) as tx:
        rows = await tx.connection.fetch("SELECT DISTINCT organisation FROM accounts")
    assert [row[0] for row in rows] == [mine]
    async with house.backbone.door(None) as tx:
        assert await tx.connection.fetchval("SELECT count(*) FROM accounts") == 0


async def test_the_door_cannot_write_an_account_for_another_organisation(house: IdentityHouse) -> None:
    mine, theirs = await house.organisation("Mine"), await house.organisation("Theirs")
    person = await house.person()
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        async with house.backbone.door(mine) as tx:
            await tx.connection.execute(
                "INSERT INTO accounts VALUES ('acc_foreign', $1, 'a:b', $2, now())", theirs, person
            )


async def test_looking_accounts_up_finds_those_that_exist_and_mints_nobody(house: IdentityHouse) -> None:
    organisation, other = await house.organisation(), await house.organisation()
    known, unknown = fresh(2)
    (account,) = await house.accounts(organisation, known)
    assert await looked_up(house, organisation, unknown, known) == [account]
    assert await looked_up(house, other, known) == []
    assert await looked_up(house, organisation, unknown) == []
    with pytest.raises(Rejected, match="/organisation"):
        await looked_up(house, "", known)
    with pytest.raises(TooLarge, match="/identifiers"):
        await looked_up(house, organisation, *fresh(1_001))


async def looked_up(house: IdentityHouse, organisation: str, *identifiers: str) -> list[identity_pb2.ResolvedAccount]:
    request = identity_pb2.LookUpAccountsRequest(organisation=organisation, identifiers=identifiers)
    with kernel_errors("identity"):
        return list((await house.rpc.LookUpAccounts(request)).accounts)
