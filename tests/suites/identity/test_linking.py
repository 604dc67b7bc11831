"""Two people become one with proof from both sides, are told in both streams, and become two again."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest

from deedlog.identity.v1 import identity_pb2
from shared.events.identity import PersonMerged, PersonSplit
from shared.kernel.errors import Rejected
from shared.runtime.grpc import kernel_errors
from tests.suites.identity.house import Client, IdentityHouse
from tests.suites.identity.test_consents import check, terms

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def someone(house: IdentityHouse, name: str | None = None) -> tuple[str, Client]:
    person = await house.person(name)
    return person, await house.signed_in(person)


async def account_holder(house: IdentityHouse, organisation: str) -> tuple[str, str]:
    """Return an identifier and the person minted for it."""
    identifier = f"account:https://lms.example|{uuid.uuid4()}"
    (person,) = await house.resolve(organisation, identifier)
    return identifier, person


async def link(one: Client, other: Client) -> dict[str, Any]:
    """Link two people by their sessions."""
    proposed = await one.post("/v1/account-links", {})
    path = f"/v1/account-links/{proposed['id']}:confirm"
    linked: dict[str, Any] = await other.post(path, {"code": proposed["code"]}, 200)
    return linked


async def canonical(house: IdentityHouse, *people: str) -> list[str]:
    answer = await house.rpc.LookUpPeople(identity_pb2.LookUpPeopleRequest(people=people))
    return [one.canonical for one in answer.people]


async def heard(house: IdentityHouse, person: str) -> str | None:
    """Return whom a person is an alias of, as told in their own stream alone."""
    now: str | None = None
    for event in await house.told(person):
        if isinstance(event, PersonMerged) and event.alias == person:
            assert now is None
            now = event.canonical
        elif isinstance(event, PersonSplit) and event.alias == person:
            assert now == event.canonical
            now = None
    return now


async def test_two_sessions_make_two_people_one_and_the_older_is_canonical(house: IdentityHouse) -> None:
    older, newer = await someone(house, "Ada"), await someone(house)
    linked = await link(newer[1], older[1])
    assert (linked["state"], linked["canonical"], linked["proof"]) == ("linked", older[0], "session")
    assert await canonical(house, older[0], newer[0]) == [older[0], older[0]]
    told = PersonMerged(canonical=older[0], alias=newer[0])
    assert (await house.told(older[0]))[1:] == [told]
    assert (await house.told(newer[0]))[1:] == [told]


async def test_both_streams_hear_of_a_merge_from_one_transaction(house: IdentityHouse) -> None:
    older, newer = await someone(house), await someone(house)
    await link(older[1], newer[1])
    async with house.backbone.reading() as connection:
        xids = await connection.fetch(
            "SELECT DISTINCT xid::text FROM backbone.facts WHERE subject = ANY ($1) AND type LIKE '%person-merged%'",
            [older[0], newer[0]],
        )
    assert len(xids) == 1


async def test_accounts_resolve_to_the_canonical_person_at_once_and_back_after_a_split(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    owner, session = await someone(house)
    identifier, minted = await account_holder(house, organisation)
    linked = await link(session, await house.signed_in(minted))
    assert await house.resolve(organisation, identifier) == [owner]
    await session.delete(f"/v1/account-links/{linked['id']}")
    assert await house.resolve(organisation, identifier) == [minted]
    assert (await house.told(minted))[-1] == PersonSplit(canonical=owner, alias=minted)
    assert (await house.told(owner))[-1] == PersonSplit(canonical=owner, alias=minted)


async def test_a_platform_vouches_for_an_account_of_its_own(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    platform = await house.platform(organisation)
    owner, session = await someone(house)
    identifier, minted = await account_holder(house, organisation)
    proposed = await session.post("/v1/account-links", {})
    body = {"code": proposed["code"].lower().replace("-", " "), "identifier": identifier}
    linked = await platform.post(f"/v1/account-links/{proposed['id']}:attest", body, 200)
    assert (linked["canonical"], linked["proof"], linked["organisation"]) == (owner, "attestation", organisation)
    assert await house.resolve(organisation, identifier) == [owner]
    assert await heard(house, minted) == owner


async def test_an_organisation_is_told_the_accounts_of_one_person_that_are_its_own(house: IdentityHouse) -> None:
    mine, theirs = await house.organisation(), await house.organisation()
    (one, person), (other, another) = await account_holder(house, mine), await account_holder(house, mine)
    _, there = await account_holder(house, theirs)
    session = await house.signed_in(person)
    assert await listed(house, mine, one) == [one]
    await link(session, await house.signed_in(another))
    await link(session, await house.signed_in(there))
    assert await listed(house, mine, one) == await listed(house, mine, other) == sorted([one, other])
    assert await listed(house, theirs, one) == await listed(house, mine, "mbox:nobody@example.org") == []
    with pytest.raises(Rejected, match="/organisation"):
        await listed(house, "", one)


async def listed(house: IdentityHouse, organisation: str, identifier: str) -> list[str]:
    request = identity_pb2.ListAccountsRequest(organisation=organisation, identifier=identifier)
    with kernel_errors("identity"):
        return [one.identifier for one in (await house.rpc.ListAccounts(request)).accounts]


async def test_a_platform_cannot_give_away_what_others_wrote(house: IdentityHouse) -> None:
    """The attack: an accomplice's key vouches that the victim's account is the thief's."""
    school, accomplice = await house.organisation(), await house.organisation()
    _, at_school = await account_holder(house, school)
    identifier, there = await account_holder(house, accomplice)
    await link(await house.signed_in(at_school), await house.signed_in(there))
    thief, session = await someone(house)
    proposed = await session.post("/v1/account-links", {})
    body = {"code": proposed["code"], "identifier": identifier}
    platform = await house.platform(accomplice)
    await platform.post(f"/v1/account-links/{proposed['id']}:attest", body, 403)
    assert await canonical(house, thief, at_school) == [thief, at_school]


async def test_a_platform_cannot_vouch_for_who_signed_in_without_it(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    identifier, there = await account_holder(house, organisation)
    _, registered = await someone(house)
    await link(registered, await house.signed_in(there))
    _, thief = await someone(house)
    proposed = await thief.post("/v1/account-links", {})
    body = {"code": proposed["code"], "identifier": identifier}
    await (await house.platform(organisation)).post(f"/v1/account-links/{proposed['id']}:attest", body, 403)


async def test_nobody_vouches_with_a_test_key_or_a_foreign_account_or_without_scope(house: IdentityHouse) -> None:
    mine, theirs = await house.organisation(), await house.organisation()
    identifier, _ = await account_holder(house, theirs)
    _, session = await someone(house)
    proposed = await session.post("/v1/account-links", {})
    path, body = f"/v1/account-links/{proposed['id']}:attest", {"code": proposed["code"], "identifier": identifier}
    refusal = await (await house.platform(mine)).post(path, body, 400)
    assert refusal["errors"][0]["pointer"] == "/identifier"
    test_key = Client(house.http, (await house.key(theirs, is_test=True))["secret"])
    await test_key.post(path, body, 403)
    reader = Client(house.http, (await house.key(theirs, ["read"]))["secret"])
    await reader.post(path, body, 403)
    await session.post(path, body, 403)


async def test_five_wrong_codes_close_a_link_and_the_right_one_comes_too_late(house: IdentityHouse) -> None:
    (one, session), (_, other) = await someone(house), await someone(house)
    proposed = await session.post("/v1/account-links", {})
    path = f"/v1/account-links/{proposed['id']}:confirm"
    for left in (4, 3, 2, 1):
        refusal = await other.post(path, {"code": "AAAA-AAAA-AAAA-AAAA"}, 400)
        assert refusal["code"] == "wrong-code"
        assert f"{left} more" in refusal["detail"]
    assert "closed" in (await other.post(path, {"code": ""}, 400))["detail"]
    refusal = await other.post(path, {"code": proposed["code"]}, 409)
    assert refusal["code"] == "link-not-open"
    assert len(await house.told(one)) == 1


async def test_eight_wrong_codes_at_once_are_five_tries(house: IdentityHouse) -> None:
    """Interleaving: all read the link as open before the first is counted."""
    (_, session), (_, other) = await someone(house), await someone(house)
    proposed = await session.post("/v1/account-links", {})
    path = f"/v1/account-links/{proposed['id']}:confirm"
    replies = await asyncio.gather(*(other.send("POST", path, {"code": "wrong"}) for _ in range(8)))
    assert sorted(reply.status_code for reply in replies) == [400] * 5 + [409] * 3


async def test_a_code_works_once_and_for_a_quarter_of_an_hour(house: IdentityHouse) -> None:
    (_, session), (_, other), (_, third) = [await someone(house) for _ in range(3)]
    used = await session.post("/v1/account-links", {})
    await other.post(f"/v1/account-links/{used['id']}:confirm", {"code": used["code"]}, 200)
    refusal = await third.post(f"/v1/account-links/{used['id']}:confirm", {"code": used["code"]}, 409)
    assert "was used" in refusal["detail"]
    late = await session.post("/v1/account-links", {})
    house.clock.advance(901)
    refusal = await third.post(f"/v1/account-links/{late['id']}:confirm", {"code": late["code"]}, 409)
    assert "expired" in refusal["detail"]


async def test_two_who_bring_the_code_at_once_are_not_both_linked(house: IdentityHouse) -> None:
    (_, session), *others = [await someone(house) for _ in range(3)]
    proposed = await session.post("/v1/account-links", {})
    path, body = f"/v1/account-links/{proposed['id']}:confirm", {"code": proposed["code"]}
    replies = await asyncio.gather(*(other.send("POST", path, body) for _, other in others))
    assert sorted(reply.status_code for reply in replies) == [200, 409]


async def test_a_code_is_shown_once_and_kept_as_a_digest(house: IdentityHouse) -> None:
    _, session = await someone(house)
    key = str(uuid.uuid4())
    first = await session.post("/v1/account-links", {}, idempotency_key=key)
    again = await session.post("/v1/account-links", {}, idempotency_key=key)
    assert again == first | {"code": None}
    async with house.backbone.reading() as connection:
        rows = await connection.fetch(
            "SELECT l::text FROM account_links l UNION ALL SELECT k::text FROM idempotency_keys k"
        )
    assert not any(first["code"] in row[0] for row in rows)


async def test_nobody_is_linked_with_themselves(house: IdentityHouse) -> None:
    person, session = await someone(house)
    proposed = await session.post("/v1/account-links", {})
    path = f"/v1/account-links/{proposed['id']}:confirm"
    assert (await session.post(path, {"code": proposed["code"]}, 409))["code"] == "already-one"
    assert len(await house.told(person)) == 1


async def test_a_chain_of_merges_has_one_canonical_person_and_no_ring(house: IdentityHouse) -> None:
    """The youngest two first, so that the middle one is canonical and then becomes an alias."""
    (a, as_a), (b, as_b), (c, as_c) = [await someone(house) for _ in range(3)]
    await link(as_b, as_c)
    assert await canonical(house, a, b, c) == [a, b, b]
    await link(as_c, as_a)
    assert await canonical(house, a, b, c) == [a, a, a]
    assert [await heard(house, one) for one in (a, b, c)] == [None, a, a]
    proposed = await as_a.post("/v1/account-links", {})
    path = f"/v1/account-links/{proposed['id']}:confirm"
    assert (await as_b.post(path, {"code": proposed["code"]}, 409))["code"] == "already-one"
    assert (await as_c.get(f"/v1/people/{a}"))["aliases"] == [b, c]


async def test_a_split_in_a_chain_gives_back_what_was_there_before(house: IdentityHouse) -> None:
    (a, as_a), (b, as_b), (c, as_c) = [await someone(house) for _ in range(3)]
    lower = await link(as_b, as_c)
    upper = await link(as_c, as_a)
    await as_b.delete(f"/v1/account-links/{upper['id']}")
    assert await canonical(house, a, b, c) == [a, b, b]
    assert [await heard(house, one) for one in (a, b, c)] == [None, None, b]
    await as_c.delete(f"/v1/account-links/{lower['id']}")
    assert await canonical(house, a, b, c) == [a, b, c]
    await as_c.delete(f"/v1/account-links/{lower['id']}")
    assert [await heard(house, one) for one in (a, b, c)] == [None, None, None]


async def test_a_stranger_undoes_nobodys_link(house: IdentityHouse) -> None:
    (a, as_a), (b, as_b), (_, stranger) = [await someone(house) for _ in range(3)]
    linked = await link(as_a, as_b)
    await stranger.delete(f"/v1/account-links/{linked['id']}", 404)
    await stranger.delete("/v1/account-links/lnk_00000000000000000000000000", 404)
    assert await canonical(house, a, b) == [a, a]


async def test_a_proposal_is_taken_back_by_its_proposer(house: IdentityHouse) -> None:
    (_, session), (_, other) = await someone(house), await someone(house)
    proposed = await session.post("/v1/account-links", {})
    await other.delete(f"/v1/account-links/{proposed['id']}", 404)
    await session.delete(f"/v1/account-links/{proposed['id']}")
    await other.post(f"/v1/account-links/{proposed['id']}:confirm", {"code": proposed["code"]}, 409)


async def test_the_sixth_open_link_is_refused(house: IdentityHouse) -> None:
    _, session = await someone(house)
    for _ in range(5):
        await session.post("/v1/account-links", {})
    assert (await session.post("/v1/account-links", {}, 409))["code"] == "too-many-links"


async def test_crossing_merges_of_six_people_end_in_one_tree(house: IdentityHouse) -> None:
    """Interleaving: merges that share people run at once; each must see what the others made of them."""
    people = [await someone(house) for _ in range(6)]
    pairs = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0)]
    proposals = [await people[one][1].post("/v1/account-links", {}) for one, _ in pairs]

    async def confirm(proposal: dict[str, Any], other: Client) -> int:
        path, body = f"/v1/account-links/{proposal['id']}:confirm", {"code": proposal["code"]}
        for _ in range(20):
            reply = await other.send("POST", path, body)
            if reply.status_code != 503:
                return reply.status_code
        return 503

    work = (confirm(proposal, people[other][1]) for proposal, (_, other) in zip(proposals, pairs, strict=True))
    assert sorted(await asyncio.gather(*work)) == [200] * 5 + [409]
    names = [person for person, _ in people]
    assert await canonical(house, *names) == [names[0]] * 6
    assert [await heard(house, name) for name in names] == [None] + [names[0]] * 5


async def test_a_session_speaks_for_the_canonical_person_while_merged(house: IdentityHouse) -> None:
    older, newer = await someone(house), await someone(house)
    linked = await link(older[1], newer[1])
    assert (await house.authenticate(newer[1].secret)).person == older[0]
    await older[1].delete(f"/v1/account-links/{linked['id']}")
    assert (await house.authenticate(newer[1].secret)).person == newer[0]


async def test_people_see_their_accounts_and_links_together(house: IdentityHouse) -> None:
    organisation = await house.organisation()
    identifier, minted = await account_holder(house, organisation)
    owner, session = await someone(house)
    linked = await link(session, await house.signed_in(minted))
    seen = await session.get(f"/v1/people/{owner}/accounts")
    assert seen["person"] == minted
    assert [(one["identifier"], one["person"]) for one in seen["accounts"]] == [(identifier, minted)]
    assert [(one["id"], one["state"]) for one in seen["links"]] == [(linked["id"], "linked")]
    _, stranger = await someone(house)
    await stranger.get(f"/v1/people/{owner}/accounts", 404)


async def test_a_merge_widens_no_consent_of_the_alias_and_a_split_gives_it_back(house: IdentityHouse) -> None:
    organisation, other = await house.organisation(), await house.organisation()
    older, newer = await someone(house), await someone(house)
    await older[1].post("/v1/consents", terms(house, organisation))
    await newer[1].post("/v1/consents", terms(house, other))
    linked = await link(older[1], newer[1])
    for person in (older[0], newer[0]):
        answer = await check(house, person, organisation)
        assert (answer.is_allowed, answer.person) == (True, older[0])
        assert not (await check(house, person, other)).is_allowed
    given = (await older[1].get("/v1/consents"))["items"]
    assert {item["person"] for item in given} == {older[0], newer[0]}
    await older[1].delete(f"/v1/account-links/{linked['id']}")
    assert (await check(house, newer[0], other)).is_allowed
    assert not (await check(house, newer[0], organisation)).is_allowed
