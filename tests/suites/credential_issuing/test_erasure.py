"""Erasure destroys what was made of the erased facts, and leaves every bit of every list as it is."""

from __future__ import annotations

from typing import Any

import pytest

from shared.events.erasure import is_erasure
from shared.events.identity import PersonRegistered
from shared.kernel import bitstring
from shared.kernel.ids import PersonId
from tests.suites.credential_issuing.house import earn, estimate, graded, issued_to, presented, review
from tests.suites.credential_issuing.test_presentation import pins, verdict
from tests.suites.credential_issuing.test_revoking import bits, revoke
from tests.suites.record_log.house import House, eventually, new, person

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def registered(house: House) -> PersonId:
    """Return somebody identity knows."""
    ada = person()
    await house.tell("identity", new(PersonRegistered(person=ada, origin="admin"), ada))
    return ada


async def erased(house: House, source: str, subject: str) -> None:
    """Erase at the source and wait until the issuer has carried it out."""
    await house.erase(source, subject)
    await house.until_heard("credential_issuing")

    async def is_done() -> bool:
        return not await house.rows("credential_issuing", "SELECT 1 FROM erasures")

    await eventually(is_done)


async def left(house: House, subject: str) -> dict[str, int]:
    """Return how much of what says something of the person is kept, by table."""
    ((documents, testimonies, waiting, facts),) = await house.rows(
        "credential_issuing",
        """SELECT (SELECT count(*) FROM credentials WHERE person = $1 AND document IS NOT NULL),
                  (SELECT count(*) FROM testimonies WHERE person = $1 AND data IS NOT NULL),
                  (SELECT count(*) FROM waiting WHERE person = $1),
                  (SELECT count(*) FROM backbone.facts WHERE subject = $1 AND data IS NOT NULL
                   AND type NOT LIKE '%facts-erased%')""",
        subject,
    )
    return {"documents": documents, "testimonies": testimonies, "waiting": waiting, "facts": facts}


async def test_of_a_person_who_was_erased_nothing_is_left_and_nothing_is_issued_to_them(house: House) -> None:
    ada = await registered(house)
    credential = (await earn(house, ada)).credential
    await house.tell("skill_inference", estimate(ada, 3, contributed=(review(ada).id,)))
    await house.until_heard("credential_issuing")
    assert await left(house, ada) == {"documents": 1, "testimonies": 2, "waiting": 1, "facts": 1}
    await erased(house, "identity", ada)
    assert await left(house, ada) == {"documents": 0, "testimonies": 0, "waiting": 0, "facts": 0}
    response = await house.send("credential_issuing", "GET", f"/v1/credentials/{credential}", ada)
    assert (response.status_code, response.json()["code"]) == (404, "erased")
    await house.tell("skill_inference", estimate(ada, 5))
    await house.until_heard("credential_issuing")
    assert len(await issued_to(house, ada)) == 1


async def test_an_estimate_that_cannot_be_decided_keeps_nobody_from_being_erased(house: House) -> None:
    ada = await registered(house)
    await earn(house, ada)
    await house.rows(
        "credential_issuing",
        """INSERT INTO waiting (fact_id, person, skill, number, at, data, needed)
           VALUES (gen_random_uuid(), 'prs_nobody', 'x', 1, now(), '{}', '{}')""",
    )
    try:
        await erased(house, "identity", ada)
        assert (await left(house, ada))["documents"] == 0
    finally:
        await house.rows("credential_issuing", "DELETE FROM waiting WHERE person = 'prs_nobody'")


async def test_our_own_facts_are_erased_and_told_so_once(house: House) -> None:
    ada = await registered(house)
    await earn(house, ada)
    for source in ("identity", "skill_inference"):
        await erased(house, source, ada)
    facts, _ = await house.feed.read("credential_issuing", ada, 0, 10)
    assert [is_erasure(fact.type) for fact in facts] == [False, True]
    assert facts[0].is_erased


async def test_what_the_person_holds_is_neither_revoked_nor_made_valid(house: House) -> None:
    ada, bea = await registered(house), await registered(house)
    kept, revoked = await earn(house, ada), await earn(house, bea)
    await revoke(house, revoked.credential)
    trust, file = await pins(house), await presented(house, kept.credential)
    before = await bits(house, kept.status_list)
    await erased(house, "identity", ada)
    await erased(house, "identity", bea)
    after = await bits(house, kept.status_list)
    assert after == before
    assert bitstring.is_set(after, revoked.status_index)
    assert verdict(file, trust).is_valid


async def test_erased_evidence_takes_the_documents_with_it_and_leaves_what_was_told(house: House) -> None:
    ada = person()
    await earn(house, ada)
    await erased(house, "project_submissions", ada)
    found: dict[str, Any] = await left(house, ada)
    assert found == {"documents": 0, "testimonies": 0, "waiting": 0, "facts": 1}
    await house.tell("project_submissions", review(ada, "sub_2"), graded(ada, "sub_2"))
    await house.tell("skill_inference", estimate(ada, 3))
    (_, later) = await issued_to(house, ada)
    rows = await house.rows("credential_issuing", "SELECT document FROM credentials WHERE fact_id = $1", later.id)
    assert b"urn:deedlog:review" in rows[0][0]


async def test_erased_estimates_take_their_credentials_documents_with_them(house: House) -> None:
    ada, bea = person(), person()
    await earn(house, ada)
    await earn(house, bea)
    await erased(house, "skill_inference", ada)
    assert await left(house, ada) == {"documents": 0, "testimonies": 2, "waiting": 0, "facts": 0}
    assert await left(house, bea) == {"documents": 1, "testimonies": 2, "waiting": 0, "facts": 1}
