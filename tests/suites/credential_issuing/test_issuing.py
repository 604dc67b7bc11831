"""Who earns a credential gets one: once, whatever is told twice, whoever consumes, wherever it crashes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.credential_issuing.domain.status_list import drawn_index
from shared.events.identity import PersonMerged, PersonSplit
from shared.events.skill_estimates import EstimateWithdrawn
from shared.kernel.hashing import digest_text, sha256
from shared.kernel.ids import PersonId
from shared.runtime import faults
from shared.runtime.postgres import subject_key
from tests.suites.credential_issuing.house import (
    OTHER_SKILL,
    PARTS,
    SKILL,
    earn,
    estimate,
    graded,
    issued_to,
    review,
    told,
)
from tests.suites.record_log.child import start_child
from tests.suites.record_log.house import House, eventually, new, person

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def kept(house: House, subject: str) -> list[Any]:
    """Return the credentials of a person as they lie in the database."""
    query = "SELECT * FROM credentials WHERE person = $1 ORDER BY estimate_number"
    return await house.rows("credential_issuing", query, subject)


async def levels(house: House, subject: str) -> list[tuple[str, int]]:
    """Return skill and level of each credential told of a person, and check that as many are kept."""
    found = [(told(fact).skill, told(fact).level) for fact in await issued_to(house, subject)]
    assert [(row["skill"], row["level"]) for row in await kept(house, subject)] == found
    return found


async def test_an_estimate_that_satisfies_the_rule_is_issued_stored_and_told(house: House) -> None:
    ada = person()
    (fact,) = await house.tell("skill_inference", estimate(ada, 3))
    (issued,) = await issued_to(house, ada)
    event, (row,) = told(issued), await kept(house, ada)
    assert (event.skill, event.level, event.policy, event.release) == (SKILL, 3, "deedlog-rule-1", "0")
    assert (event.estimate, event.credential) == (fact.id, row["id"])
    assert event.digest == digest_text(sha256(row["document"]))
    assert (event.status_list, event.status_index) == ("http://127.0.0.1:8484/v1/status-lists/1", row["index"])
    assert str(row["fact_id"]) == issued.id
    assert event.valid_until == row["valid_until"] == row["issued_at"] + timedelta(days=730)


@pytest.mark.parametrize(
    "changes",
    [
        {"works": 2},
        {"raters": 1},
        {"level_probabilities": (0.89, 0.5, 0.4, 0.3, 0.2)},
        {"half_life_days": 0.5},
    ],
    ids=["works", "raters", "probability", "age"],
)
async def test_one_that_does_not_is_not(house: House, changes: dict[str, Any]) -> None:
    ada = person()
    await house.tell("skill_inference", estimate(ada, **changes))
    assert await levels(house, ada) == []


async def test_the_same_level_is_issued_once_and_a_higher_one_beside_it(house: House) -> None:
    ada = person()
    for level in (1, 1, 2, 1, 2):
        await house.tell("skill_inference", estimate(ada, level))
    await house.tell("skill_inference", estimate(ada, 1, skill=OTHER_SKILL))
    assert await levels(house, ada) == [(SKILL, 1), (SKILL, 2), (OTHER_SKILL, 1)]


async def test_however_estimates_come_in_batches_each_is_decided_by_itself(house: House) -> None:
    ada = person()
    await house.tell("skill_inference", estimate(ada, 1), estimate(ada, 3), estimate(ada, 2), estimate(ada, 3))
    assert await levels(house, ada) == [(SKILL, 1), (SKILL, 3)]


async def test_facts_told_twice_issue_nothing_more(house: House) -> None:
    people = [person() for _ in range(5)]
    for one in people:
        await house.tell("skill_inference", estimate(one), estimate(one))
    await house.until_heard("credential_issuing")
    consumer = house.running["credential_issuing"].backbone.consumer
    assert consumer is not None
    before = consumer.counts["skill_inference"].duplicates
    await house.tell_again("skill_inference")

    async def has_counted() -> bool:
        return consumer.counts["skill_inference"].duplicates > before

    await eventually(has_counted)
    for one in people:
        assert await levels(house, one) == [(SKILL, 2)]


async def test_two_processes_issue_to_everybody_once(house: House) -> None:
    second = await house.start_service("credential_issuing")
    try:
        people = [person() for _ in range(20)]
        for level in (1, 2, 2):
            await asyncio.gather(*(house.tell("skill_inference", estimate(one, level)) for one in people))
        for one in people:
            assert await levels(house, one) == [(SKILL, 1), (SKILL, 2)]
    finally:
        await second.stop()
    rows = await house.rows("credential_issuing", "SELECT list, index FROM credentials")
    assert len({tuple(row) for row in rows}) == len(rows)


POINTS = ("consumer.applied:1", "consumer.applied:4", "consumer.committed:2", "relay.produced:2")


@pytest.mark.parametrize("point", POINTS)
async def test_a_process_that_ends_by_kill_issues_nothing_twice_and_loses_nothing(
    house: House, tmp_path: Path, point: str
) -> None:
    await house.until_heard("credential_issuing")
    await house.stop_service("record_log")
    await house.stop_service("credential_issuing")
    people = [person() for _ in range(4)]
    child = start_child(house, point, tmp_path / "child.log", "tests.suites.credential_issuing.child")
    rounds = 0
    try:
        while not await child.exited(0.25) and rounds < 60:
            rounds += 1
            await house.tell("skill_inference", *(estimate(one, 1 + rounds % 5) for one in people))
        assert await child.exited(20), (tmp_path / "child.log").read_text()
        assert child.exit_code == faults.EXIT_CODE, (tmp_path / "child.log").read_text()
    finally:
        await child.end()
        for name in PARTS:
            await house.restart_service(name)
    for one in people:
        expected: list[tuple[str, int]] = []
        for number in range(1, rounds + 1):
            level = 1 + number % 5
            if not expected or level > expected[-1][1]:
                expected.append((SKILL, level))
        assert await levels(house, one) == expected
        for issued in await issued_to(house, one):
            await house.proof(one, issued.id)


async def test_an_estimate_waits_for_the_evidence_it_rests_on(house: House) -> None:
    ada = person()
    reviewed, evidence = review(ada), graded(ada)
    await house.tell("skill_inference", estimate(ada, contributed=(reviewed.id,)))
    assert await levels(house, ada) == []
    await house.tell("project_submissions", reviewed, evidence)

    async def is_issued() -> bool:
        return await levels(house, ada) == [(SKILL, 2)]

    await eventually(is_issued)
    (row,) = await kept(house, ada)
    found = await house.get("credential_issuing", f"/v1/credentials/{row['id']}")
    assert len(found["credential"]["evidence"]) == 2
    assert await house.rows("credential_issuing", "SELECT 1 FROM waiting WHERE person = $1", ada) == []


async def test_who_waited_is_decided_under_the_locks_of_all_who_are_one_person_with_them(house: House) -> None:
    """An operator holds the alias; the other's evidence comes, and the round waits for the alias before it decides."""
    ada, bea = person(), person()
    merged = PersonMerged(canonical=bea, alias=ada)
    await house.tell("identity", new(merged, ada), new(merged, bea))
    reviewed = review(bea)
    await house.tell("skill_inference", estimate(bea, contributed=(reviewed.id,)))
    await house.until_heard("credential_issuing")
    waiters = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND objid::bigint = $1 & 4294967295"
    async with house.operator("credential_issuing") as connection:
        await connection.execute("SELECT pg_advisory_lock($1)", subject_key(ada))
        await house.tell("project_submissions", reviewed)

        async def is_waited_for() -> bool:
            return bool(await house.rows("credential_issuing", waiters, subject_key(ada)))

        await eventually(is_waited_for)
        assert await kept(house, bea) == []

    async def is_issued() -> bool:
        return await levels(house, bea) == [(SKILL, 2)]

    await eventually(is_issued)


async def test_an_estimate_that_is_withdrawn_waits_no_more(house: House) -> None:
    ada = person()
    reviewed = review(ada)
    await house.tell("skill_inference", estimate(ada, contributed=(reviewed.id,)))
    await house.tell("skill_inference", new(EstimateWithdrawn(skill=SKILL, reason="no-evidence"), ada))
    await house.until_heard("credential_issuing")
    assert await house.rows("credential_issuing", "SELECT 1 FROM waiting WHERE person = $1", ada) == []
    await house.tell("project_submissions", reviewed)
    await house.until_heard("credential_issuing")
    assert await levels(house, ada) == []


async def test_an_estimate_withdrawn_in_the_batch_it_came_in_waits_no_more_and_a_later_one_does(house: House) -> None:
    ada = person()
    reviewed, again = review(ada), review(ada)
    withdrawn = new(EstimateWithdrawn(skill=SKILL, reason="no-evidence"), ada)
    first, later = estimate(ada, contributed=(reviewed.id,)), estimate(ada, 3, contributed=(again.id,))
    await house.tell("skill_inference", first, withdrawn, later)
    await house.until_heard("credential_issuing")
    await house.tell("project_submissions", reviewed)
    await house.until_heard("credential_issuing")
    assert await levels(house, ada) == []
    await house.tell("project_submissions", again)
    assert await levels(house, ada) == [(SKILL, 3)]


async def test_one_who_opts_out_keeps_what_was_issued_and_nothing_that_waits_is_issued(house: House) -> None:
    ada = person()
    await earn(house, ada, 2)
    reviewed = review(ada)
    await house.tell("skill_inference", estimate(ada, 4, contributed=(reviewed.id,)))
    await house.tell("skill_inference", new(EstimateWithdrawn(skill=SKILL, reason="opted-out"), ada))
    await house.until_heard("credential_issuing")
    await house.tell("project_submissions", reviewed)
    await house.until_heard("credential_issuing")
    assert await levels(house, ada) == [(SKILL, 2)]
    (held,) = (await house.get("credential_issuing", f"/v1/people/{ada}/credentials", ada))["items"]
    assert not held["is_revoked"]


async def test_people_who_are_one_hold_their_credentials_together(house: House) -> None:
    ada, bea, cyd = person(), person(), person()
    await earn(house, ada, 2)
    merged = PersonMerged(canonical=bea, alias=ada)
    await house.tell("identity", new(merged, ada), new(merged, bea))
    await house.until_heard("credential_issuing")
    await house.tell("skill_inference", estimate(bea, 2), estimate(bea, 3))
    await house.tell("skill_inference", estimate(cyd, 2))
    assert await levels(house, bea) == [(SKILL, 3)]
    assert await levels(house, cyd) == [(SKILL, 2)]
    listed = await house.get("credential_issuing", f"/v1/people/{bea}/credentials", ada)
    assert {item["person"] for item in listed["items"]} == {ada, bea}
    split = PersonSplit(canonical=bea, alias=ada)
    await house.tell("identity", new(split, ada), new(split, bea))
    await house.until_heard("credential_issuing")
    await house.tell("skill_inference", estimate(bea, 2, skill=OTHER_SKILL))
    assert await levels(house, bea) == [(SKILL, 3), (OTHER_SKILL, 2)]


async def test_a_level_that_ran_out_is_issued_again(house: House) -> None:
    ada = person()
    await house.tell("skill_inference", estimate(ada))
    assert await levels(house, ada) == [(SKILL, 2)]
    house.clock.ahead = timedelta(days=731)
    try:
        await house.tell("skill_inference", estimate(ada))
        assert await levels(house, ada) == [(SKILL, 2), (SKILL, 2)]
    finally:
        house.clock.ahead = timedelta()
    assert [row["renewal"] for row in await kept(house, ada)] == [0, 1]


async def test_evidence_is_as_old_as_it_was_at_the_estimate(house: House) -> None:
    ada = person()
    await house.tell("skill_inference", estimate(ada, at=house.clock.now() - timedelta(days=3_000)))
    assert await levels(house, ada) == [(SKILL, 2)]


async def test_a_skill_that_is_no_achievement_of_ours_is_set_aside_with_the_reason(house: House) -> None:
    ada = person()
    await house.tell("skill_inference", estimate(ada, skill="integration.unheard-of"), estimate(ada))
    assert await levels(house, ada) == [(SKILL, 2)]
    rows = await house.rows("credential_issuing", "SELECT reason FROM derived.set_aside WHERE subject = $1", ada)
    assert [row[0] for row in rows] == ["there is no achievement for integration.unheard-of"]


async def test_an_estimate_that_contradicts_itself_parks_its_stream_and_no_other(house: House) -> None:
    ada, bea = person(), person()
    await house.tell("skill_inference", estimate(ada, level_probabilities=(0.5, 0.9)))
    await house.tell("skill_inference", estimate(bea))
    assert await levels_of_other(house, bea) == [(SKILL, 2)]
    rows = await house.rows(
        "credential_issuing", "SELECT parked_number, parked_reason FROM derived.positions WHERE subject = $1", ada
    )
    assert rows[0][0] == 1
    assert "rises with k" in rows[0][1]
    await house.running["credential_issuing"].backbone.dead_letters().skip("skill_inference", ada, 1)


async def levels_of_other(house: House, subject: PersonId) -> list[tuple[str, int]]:
    """Return the levels told of a person while another's stream is parked."""

    async def is_issued() -> bool:
        return bool(await kept(house, subject))

    await eventually(is_issued)
    return [(row["skill"], row["level"]) for row in await kept(house, subject)]


async def test_entries_of_the_list_are_drawn_all_over_it(house: House) -> None:
    # So many that an eighth stays empty once in a hundred million runs.
    people = [person() for _ in range(160)]
    await house.tell("skill_inference", *(estimate(one) for one in people))
    await house.until_heard("credential_issuing")
    rows = await house.rows("credential_issuing", "SELECT index FROM credentials")
    eighths = {row[0] * 8 // 131_072 for row in rows}
    assert len(eighths) == 8
    assert drawn_index(b"\xff" * 8) == 131_071


async def test_a_list_that_is_half_full_is_followed_by_the_next(house: House) -> None:
    ada, bea = person(), person()
    await house.tell("skill_inference", estimate(ada))
    (first,) = await issued_to(house, ada)
    number = int(told(first).status_list.rpartition("/")[2])
    async with house.operator("credential_issuing") as connection:
        await connection.execute("UPDATE status_lists SET allocated = 65535 WHERE id = $1", number)
    for level in (1, 2, 3):
        await house.tell("skill_inference", estimate(bea, level))
        await house.until_heard("credential_issuing")
    lists = [told(fact).status_list for fact in await issued_to(house, bea)]
    assert lists[0] == told(first).status_list
    assert lists[1] == lists[2] != lists[0]
    await house.get("credential_issuing", lists[1].partition("8484")[2], "")
