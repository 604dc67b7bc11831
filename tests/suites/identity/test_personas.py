"""A platform declares accounts of its own to be one person's: weaker than a person's proof, named so, and undone."""

from __future__ import annotations

import asyncio
import uuid

import pytest

from deedlog.identity.v1 import identity_pb2
from shared.events.identity import PersonMerged, PersonSplit
from shared.kernel.clock import rfc3339
from tests.suites.identity.house import Client, IdentityHouse
from tests.suites.identity.test_linking import account_holder, canonical, heard, link, listed, someone
from tests.suites.scan import tables_holding

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def declaring(house: IdentityHouse, organisation: str, **more: object) -> Client:
    return Client(house.http, (await house.key(organisation, ("admin",), **more))["secret"])


def mailbox() -> str:
    return f"mbox:{uuid.uuid4()}@example.org"


async def test_accounts_that_were_declared_are_one_person_until_that_is_taken_back(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    platform = await declaring(house, organisation)
    (one, older), (two, newer), new = *[await account_holder(house, organisation) for _ in range(2)], mailbox()
    persona = await platform.post("/v1/personas", {"identifiers": [two, one, new]})
    assert (persona["canonical"], persona["proof"], persona["ended_at"]) == (older, "declaration", None)
    assert set(await house.resolve(organisation, one, two, new)) == {older}
    assert await listed(house, organisation, new) == sorted([one, two, new])
    assert (await house.told(newer))[-1] == PersonMerged(canonical=older, alias=newer)
    assert (await platform.get("/v1/personas"))["items"] == [{k: v for k, v in persona.items() if k != "canonical"}]
    for _ in range(2):
        await platform.delete(f"/v1/personas/{persona['id']}")
    assert await canonical(house, older, newer) == [older, newer]
    assert (await house.told(newer))[-1] == PersonSplit(canonical=older, alias=newer)
    (ended,) = (await platform.get("/v1/personas"))["items"]
    assert ended["ended_by"] == persona["key"]
    again = await platform.post("/v1/personas", {"identifiers": [one, two]})
    assert again["canonical"] == older


async def test_the_person_sees_that_it_was_only_declared_and_undoes_it_for_good(house: IdentityHouse) -> None:
    organisation = await house.organisation("Lernhaus")
    platform = await declaring(house, organisation)
    (one, older), two = await account_holder(house, organisation), mailbox()
    await platform.post("/v1/personas", {"identifiers": [one, two]})
    session = await house.signed_in(older)
    seen = await session.get("/v1/people/me/accounts")
    kept, declared = seen["accounts"]
    assert (kept["proof"], kept["link"], kept["organisation_name"]) == ("first-seen", None, "Lernhaus")
    assert (declared["proof"], declared["proof_words"]) == ("declaration", "declared by the platform")
    assert two not in str(seen), "who was taken for another reads no address of theirs"
    assert declared["identifier"] == f"mbox:{two[5]}…@example.org"
    undone = await session.post(f"/v1/people/me/accounts/{declared['id']}:unlink", {}, 200)
    assert undone == {"id": declared["id"], "link": declared["link"], "is_linked": False}
    (left,) = (await session.get("/v1/people/me/accounts"))["accounts"]
    assert left["identifier"] == one
    (ended,) = (await platform.get("/v1/personas"))["items"]
    assert ended["ended_by"] == "person"
    refusal = await platform.post("/v1/personas", {"identifiers": [two, one]}, 409)
    assert refusal["code"] == "persona-refused"
    assert refusal["errors"][0]["pointer"] == "/identifiers/1"
    (_, there) = await house.resolve(organisation, one, two)
    linked = await link(session, await house.signed_in(there))
    assert linked["proof"] == "session", "their own proof makes them one again"


async def test_what_was_undone_is_not_declared_by_way_of_another_account_of_that_persona(house: IdentityHouse) -> None:
    """The attack: the platform takes back what is left of the persona, and declares its other pairs."""
    organisation = await house.organisation()
    platform = await declaring(house, organisation)
    (one, older), two, three = await account_holder(house, organisation), mailbox(), mailbox()
    persona = await platform.post("/v1/personas", {"identifiers": [one, two, three]})
    session = await house.signed_in(older)
    undone = (await session.get("/v1/people/me/accounts"))["accounts"][2]
    await session.post(f"/v1/people/me/accounts/{undone['id']}:unlink", {}, 200)
    await platform.delete(f"/v1/personas/{persona['id']}")
    known = {account.account: account.identifier for account in await house.accounts(organisation, two, three)}
    gone = known.pop(undone["id"])
    (kept,) = known.values()
    for pair in ([kept, gone], [gone, kept], [gone, mailbox(), kept]):
        refusal = await platform.post("/v1/personas", {"identifiers": pair}, 409)
        assert refusal["code"] == "persona-refused"
    assert (await platform.post("/v1/personas", {"identifiers": [one, kept]}))["canonical"] == older


async def test_a_proof_takes_the_place_of_a_declaration(house: IdentityHouse) -> None:
    """Signed in as the one, they type the code in at the platform as the other: that is proof from both sides."""
    organisation = await house.organisation()
    platform = await declaring(house, organisation)
    writer = await house.platform(organisation)
    (one, older), two = await account_holder(house, organisation), mailbox()
    persona = await platform.post("/v1/personas", {"identifiers": [one, two]})
    session = await house.signed_in(older)
    facts = len(await house.told(older))
    opened = await session.post("/v1/account-links", {})
    path = f"/v1/account-links/{opened['id']}:attest"
    linked = await writer.post(path, {"code": opened["code"], "identifier": two}, 200)
    assert (linked["state"], linked["canonical"]) == ("linked", older)
    seen = await session.get("/v1/people/me/accounts")
    assert [row["proof"] for row in seen["accounts"]] == ["first-seen", "attestation"]
    assert [row["identifier"] for row in seen["accounts"]] == [one, two], "and nothing is shortened any more"
    assert len(await house.told(older)) == facts, "nobody became or ceased to be one person"
    await platform.delete(f"/v1/personas/{persona['id']}")
    assert await house.resolve(organisation, one, two) == [older, older]
    proposed = await session.post("/v1/account-links", {})
    body = {"code": proposed["code"], "identifier": two}
    again = await writer.post(f"/v1/account-links/{proposed['id']}:attest", body, 409)
    assert again["code"] == "already-one"


async def test_nobody_is_declared_who_is_known_by_more_than_this_platforms_accounts(house: IdentityHouse) -> None:
    """The attack: a platform declares that its accomplice's account is that of somebody known elsewhere too."""
    school, other = await house.organisation(), await house.organisation()
    platform = await declaring(house, school)
    one, mine = await account_holder(house, school)
    two, _ = await account_holder(house, school)
    _, elsewhere = await account_holder(house, other)
    await link(await house.signed_in(mine), await house.signed_in(elsewhere))
    refusal = await platform.post("/v1/personas", {"identifiers": [two, one]}, 403)
    assert refusal["errors"][0]["pointer"] == "/identifiers/1"
    owner, session = await someone(house, "Registered")
    third, minted = await account_holder(house, school)
    await link(session, await house.signed_in(minted))
    await platform.post("/v1/personas", {"identifiers": [two, third]}, 403)
    assert await canonical(house, owner, mine) == [owner, mine]


async def test_the_same_identifier_at_another_platform_is_somebody_else(house: IdentityHouse) -> None:
    here, there = await house.organisation(), await house.organisation()
    one, two = mailbox(), mailbox()
    (elsewhere,) = await house.resolve(there, one)
    persona = await (await declaring(house, here)).post("/v1/personas", {"identifiers": [one, two]})
    assert persona["canonical"] != elsewhere
    assert await house.resolve(there, one) == [elsewhere]


async def test_who_may_not_declare_is_told_why(house: IdentityHouse) -> None:
    organisation, other = await house.organisation(), await house.organisation()
    platform = await declaring(house, organisation)
    body = {"identifiers": [mailbox(), mailbox()]}
    await Client(house.http, (await house.key(organisation, ("all",)))["secret"]).post("/v1/personas", body, 403)
    await (await declaring(house, organisation, is_test=True)).post("/v1/personas", body, 403)
    await house.admin.post("/v1/personas", body, 403)
    persona = await platform.post("/v1/personas", body)
    stranger = await declaring(house, other)
    await stranger.delete(f"/v1/personas/{persona['id']}", 404)
    assert (await stranger.get("/v1/personas"))["items"] == []
    assert (await platform.post("/v1/personas", body, 409))["code"] == "already-one"


@pytest.mark.parametrize(
    ("identifiers", "pointer"),
    [
        (["mbox:a@x.example"], "/identifiers"),
        ([f"mbox:{n}@x.example" for n in range(17)], "/identifiers"),
        (["mbox:a@x.example", "mbox:b@x.example", "mbox:a@x.example"], "/identifiers/2"),
        (["mbox:a@x.example", "no identifier"], "/identifiers/1"),
    ],
)
async def test_what_is_no_persona_is_refused(house: IdentityHouse, identifiers: list[str], pointer: str) -> None:
    platform = await declaring(house, await house.organisation())
    refusal = await platform.post("/v1/personas", {"identifiers": identifiers}, 400)
    assert refusal["errors"][0]["pointer"] == pointer


async def test_two_who_declare_at_once_end_with_one_tree(house: IdentityHouse) -> None:
    """Interleaving: rings of declarations over the same accounts; each must see what the others made of them."""
    organisation = await house.organisation()
    platform = await declaring(house, organisation)
    names = [(await account_holder(house, organisation))[0] for _ in range(5)]
    people = await house.resolve(organisation, *names)
    pairs = [[names[number], names[(number + 1) % 5]] for number in range(5)]
    replies = await asyncio.gather(*(platform.send("POST", "/v1/personas", {"identifiers": two}) for two in pairs))
    assert sorted(reply.status_code for reply in replies) == [201] * 4 + [409]
    assert set(await house.resolve(organisation, *names)) == {people[0]}
    assert [await heard(house, person) for person in people] == [None] + [people[0]] * 4


async def test_an_erasure_ends_a_persona_and_leaves_no_identifier(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    platform = await declaring(house, organisation)
    one, two = mailbox(), mailbox()
    persona = await platform.post("/v1/personas", {"identifiers": [one, two]}, idempotency_key=str(uuid.uuid4()))
    session = await house.signed_in(persona["canonical"])
    for caller in (house.admin, session):
        refusal = await caller.post("/v1/erasures", {"person": persona["canonical"]}, 409)
        assert refusal["code"] == "only-declared", "the word may be wrong, and this cannot be undone"
    body = {"person": persona["canonical"], "including_declared": True}
    erased = await session.post("/v1/erasures", body)
    assert len(erased["people"]) == 2
    (ended,) = (await platform.get("/v1/personas"))["items"]
    assert ended["ended_by"] == "person"
    for person in erased["people"]:
        await house.rpc.ForgetErasedAccounts(identity_pb2.ForgetErasedAccountsRequest(person=person))
    async with house.backbone.reading() as connection:
        assert [await tables_holding(connection, name) for name in (one, two)] == [[], []]


async def test_the_erasure_of_who_had_parted_leaves_the_others_their_persona(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    platform = await declaring(house, organisation)
    (one, older), two, three = await account_holder(house, organisation), mailbox(), mailbox()
    await platform.post("/v1/personas", {"identifiers": [one, two, three]})
    session = await house.signed_in(older)
    parted = (await session.get("/v1/people/me/accounts"))["accounts"][2]
    await session.post(f"/v1/people/me/accounts/{parted['id']}:unlink", {}, 200)
    (gone,) = {*await house.resolve(organisation, two, three)} - {older}
    await house.admin.post("/v1/erasures", {"person": gone})
    (persona,) = (await platform.get("/v1/personas"))["items"]
    assert (persona["ended_at"], persona["ended_by"]) == (None, None)
    house.clock.advance(60)
    began = rfc3339(house.clock.now())
    erased = await session.post("/v1/erasures", {"person": older, "including_declared": True})
    assert len(erased["people"]) == 2
    (persona,) = (await platform.get("/v1/personas"))["items"]
    assert persona["ended_by"] == "person"
    assert began <= persona["ended_at"] <= rfc3339(house.clock.now()), "by the clock of the house"
