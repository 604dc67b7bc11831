"""A revocation is one bit, set for ever, and lost by nobody; the list says so at once and is never stale."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from shared.events.credentials import CredentialRevoked
from shared.events.event import decode
from shared.kernel import bitstring
from shared.kernel.clock import parse_rfc3339
from shared.kernel.data_integrity import verify_proof
from shared.kernel.signing import decode_multikey
from tests.suites.credential_issuing.house import OTHER_SKILL, SKILL, earn, estimate, issued_to, told
from tests.suites.record_log.house import House, eventually, person

pytestmark = pytest.mark.asyncio(loop_scope="session")
BODY = {"reason": "issued-in-error"}


async def revoke(house: House, credential: str, word: str = "admin", body: Any = None) -> Any:
    path = f"/v1/credentials/{credential}:revoke"
    return await house.send("credential_issuing", "POST", path, word, BODY if body is None else body)


async def bits(house: House, url: str) -> bytes:
    """Return the bits of a list, having checked its signature under a key of the issuer's document."""
    document = await house.get("credential_issuing", url.partition("8484")[2], "")
    keys = (await house.get("credential_issuing", "/.well-known/did.json", ""))["verificationMethod"]
    (key,) = [each for each in keys if each["id"] == document["proof"]["verificationMethod"]]
    verify_proof(document, decode_multikey(key["publicKeyMultibase"]), house.clock.now())
    return bitstring.decode(document["credentialSubject"]["encodedList"])


async def test_the_bit_of_the_revoked_one_is_set_and_no_other(house: House) -> None:
    first, second = await earn(house, person()), await earn(house, person())
    before = await bits(house, first.status_list)
    assert (await revoke(house, first.credential)).status_code == 200
    after = await bits(house, first.status_list)
    assert bitstring.is_set(after, first.status_index)
    assert not bitstring.is_set(after, second.status_index)
    changed = [place for place in range(len(before)) if before[place] != after[place]]
    assert changed == [first.status_index // 8]


async def test_it_is_told_in_the_person_s_stream_and_shown(house: House) -> None:
    ada = person()
    credential = (await earn(house, ada)).credential
    answer = (await revoke(house, credential)).json()
    assert (answer["id"], answer["is_revoked"], answer["reason"]) == (credential, True, "issued-in-error")
    facts, _ = await house.feed.read("credential_issuing", ada, 1, 10)
    assert [decode(fact.type, fact.data or b"") for fact in facts] == [
        CredentialRevoked(credential=credential, reason="issued-in-error")
    ]
    await house.proof(ada, facts[0].id)
    shown = await house.get("credential_issuing", f"/v1/credentials/{credential}", ada)
    assert (shown["is_revoked"], shown["revoked_at"]) == (True, answer["revoked_at"])


async def test_of_two_revocations_the_first_counts_and_one_is_told(house: House) -> None:
    ada = person()
    credential = (await earn(house, ada)).credential
    answers = await asyncio.gather(
        *(revoke(house, credential, body={"reason": f"reason-{number}"}) for number in range(8))
    )
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    facts, head = await house.feed.read("credential_issuing", ada, 1, 10)
    assert (len(facts), head) == (1, 2)


async def test_concurrent_revocations_over_two_processes_lose_none(house: House) -> None:
    people = [person() for _ in range(60)]
    for skill in (SKILL, OTHER_SKILL):
        await house.tell("skill_inference", *(estimate(one, 2, skill=skill) for one in people))
    await house.until_heard("credential_issuing")
    issued = [told(fact) for one in people for fact in await issued_to(house, one)]
    assert len(issued) == 120
    second = await house.start_service("credential_issuing")
    doors = [house.running["credential_issuing"].http, second.http]
    before = await bits(house, issued[0].status_list)
    try:
        answers = await asyncio.gather(
            *(
                doors[number % 2].post(
                    f"/v1/credentials/{each.credential}:revoke", json=BODY, headers={"authorization": "Bearer admin"}
                )
                for number, each in enumerate(issued[:100])
            )
        )
    finally:
        await second.stop()
    assert {answer.status_code for answer in answers} == {200}
    after = await bits(house, issued[0].status_list)
    expected = bytearray(before)
    for each in issued[:100]:
        expected[each.status_index >> 3] |= 0x80 >> (each.status_index & 7)
    assert after == bytes(expected)


async def test_a_revoked_level_is_not_issued_again_by_rule(house: House) -> None:
    ada = person()
    await revoke(house, (await earn(house, ada, 2)).credential)
    await house.tell("skill_inference", estimate(ada, 2), estimate(ada, 3))
    assert [told(fact).level for fact in await issued_to(house, ada)] == [2, 3]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [({}, "/reason"), ({"reason": "Because he left"}, "/reason"), ({"reason": "ok", "more": 1}, "/more"), ([], "")],
)
async def test_a_reason_that_is_no_code_is_refused_by_name_and_revokes_nothing(
    house: House, body: Any, pointer: str
) -> None:
    credential = (await earn(house, person())).credential
    response = await revoke(house, credential, body=body)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (400, pointer)
    assert (await house.get("credential_issuing", f"/v1/credentials/{credential}"))["is_revoked"] is False


@pytest.mark.parametrize(("word", "status"), [("", 401), ("key", 403), ("self", 403)])
async def test_only_an_operator_revokes(house: House, word: str, status: int) -> None:
    ada = person()
    credential = (await earn(house, ada)).credential
    assert (await revoke(house, credential, ada if word == "self" else word)).status_code == status


async def test_what_was_never_issued_cannot_be_revoked(house: House) -> None:
    assert (await revoke(house, "vcr_06BZ8Q0T3V7M1N5K2R4W6Y8ZAC")).status_code == 404


async def test_keys_of_requests_long_past_are_forgotten(house: House) -> None:
    await house.rows(
        "credential_issuing",
        """INSERT INTO idempotency_keys (caller, key, request_digest, started_at, expires_at)
           VALUES ('admin:admin', 'long-past', decode(repeat('00', 32), 'hex'), now() - interval '2 days',
                   now() - interval '1 day')""",
    )
    await house.stop_service("credential_issuing")
    await house.restart_service("credential_issuing")

    async def is_forgotten() -> bool:
        query = "SELECT 1 FROM idempotency_keys WHERE key = 'long-past'"
        return not await house.rows("credential_issuing", query)

    await eventually(is_forgotten)


async def test_a_repeated_request_is_done_once(house: House) -> None:
    credential = (await earn(house, person())).credential
    client = house.running["credential_issuing"].http
    headers = {"authorization": "Bearer admin", "idempotency-key": f"once-{credential}"}
    path = f"/v1/credentials/{credential}:revoke"
    first = await client.post(path, json=BODY, headers=headers)
    again = await client.post(path, json=BODY, headers=headers)
    assert (again.text, again.headers["idempotency-replayed"]) == (first.text, "true")
    other = await client.post(path, json={"reason": "other"}, headers=headers)
    assert other.status_code == 422


async def test_a_list_that_is_half_over_is_signed_anew_and_one_that_is_not_stays(house: House) -> None:
    told_of = await earn(house, person())
    path = told_of.status_list.partition("8484")[2]
    first = await house.get("credential_issuing", path, "")
    assert await house.get("credential_issuing", path, "") == first
    until = parse_rfc3339(first["validUntil"])
    assert until - parse_rfc3339(first["validFrom"]) == timedelta(days=7)
    house.clock.ahead = timedelta(days=3.6)
    try:
        later = await house.get("credential_issuing", path, "")
    finally:
        house.clock.ahead = timedelta()
    assert parse_rfc3339(later["validUntil"]) > until
    assert later["credentialSubject"] == first["credentialSubject"]


async def test_a_list_that_was_signed_by_a_clock_which_ran_ahead_is_signed_anew(house: House) -> None:
    path = (await earn(house, person())).status_list.partition("8484")[2]
    house.clock.ahead = timedelta(days=9)
    try:
        ahead = await house.get("credential_issuing", path, "")
    finally:
        house.clock.ahead = timedelta()
    now = house.clock.now()
    back = await house.get("credential_issuing", path, "")
    assert (
        parse_rfc3339(back["validFrom"])
        <= house.clock.now()
        < now + timedelta(days=1)
        < parse_rfc3339(ahead["validFrom"])
    )


async def test_a_list_is_public_and_asked_for_by_its_tag(house: House) -> None:
    told_of = await earn(house, person())
    client, path = house.running["credential_issuing"].http, told_of.status_list.partition("8484")[2]
    first = await client.get(path)
    assert (first.status_code, first.headers["content-type"]) == (200, "application/vc")
    again = await client.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("number", ["0", "999", "x", "01", "99999999999999999999"])
async def test_no_other_list_is_there(house: House, number: str) -> None:
    assert (await house.send("credential_issuing", "GET", f"/v1/status-lists/{number}", "")).status_code == 404
