"""Erasure destroys what opens a person's entries and ties heads to them; nobody else's proof notices."""

from __future__ import annotations

from typing import Any

import pytest

from services.record_log.handlers.erasing import ROWS_AT_ONCE
from services.record_log.handlers.sequencing import place_heads
from services.record_log.store.log import PostgresErasures, PostgresGlobalLog
from shared.events.fact import Fact
from shared.events.identity import PersonRegistered
from shared.events.project_submissions import ProjectRegistered
from shared.kernel.ids import PersonId
from tests.suites.record_log.house import LOG, House, eventually, new, person, statement
from tests.suites.record_log.test_recording import check

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def lived(house: House) -> tuple[PersonId, list[Fact]]:
    """Return somebody with facts of three sources in their record, and these facts."""
    ada = person()
    facts = await house.tell("identity", new(PersonRegistered(person=ada, origin="admin"), ada))
    facts += await house.tell("project_submissions", new(ProjectRegistered(project=f"prj_{ada}", title="A"), ada))
    for _ in range(3):
        facts += await house.tell("learning_events", statement(ada), statement(ada))
        await house.proof(ada, facts[-1].id)
    for fact in facts:
        await house.proof(ada, fact.id)
    return ada, facts


async def entries(house: House, subject: str, where: str = "true") -> list[Any]:
    return await house.rows(
        "record_log",
        f"""SELECT e.*, s.name, s.first_blind FROM entries e JOIN streams s ON s.id = e.stream
            WHERE s.person = $1 AND {where} ORDER BY s.name, e.index""",
        subject,
    )


async def erased(house: House, source: str, subject: str) -> Fact:
    """Erase at the source and wait until the record has carried it out."""
    fact = await house.erase(source, subject)
    await house.proof(subject, fact.id)

    async def is_done() -> bool:
        return not await house.rows("record_log", "SELECT 1 FROM erasures")

    await eventually(is_done)
    return fact


async def test_what_opens_the_erased_entries_is_destroyed_and_their_leaves_stay(house: House) -> None:
    ada, facts = await lived(house)
    before = await entries(house, ada, "source = 'learning_events'")
    await erased(house, "learning_events", ada)
    after = await entries(house, ada, "source = 'learning_events'")
    assert [row["leaf"] for row in after][:-1] == [row["leaf"] for row in before]
    gone = ("kind", "kind_salt", "event_salt", "event")
    assert all(row[name] is None for row in after[:-1] for name in gone)
    assert after[-1]["event"] is not None
    outline = await house.get("record_log", f"/v1/people/{ada}/record")
    assert outline["streams"][0]["erased"] == len(before)
    response = await house.send("record_log", "GET", f"/v1/people/{ada}/record/proofs/{facts[-1].id}")
    assert (response.status_code, response.json()["code"]) == (404, "erased")
    assert "retry-after" not in response.headers


async def test_entries_of_other_sources_are_still_proved(house: House) -> None:
    ada, facts = await lived(house)
    before = {fact.id: await house.proof(ada, fact.id) for fact in facts[:2]}
    await erased(house, "learning_events", ada)
    for fact in facts[:2]:
        proof = await house.proof(ada, fact.id)
        await check(house, proof)
        assert proof["event"] == before[fact.id]["event"]
        await check(house, before[fact.id])


async def test_heads_that_brought_erased_entries_are_tied_to_the_person_no_more(house: House) -> None:
    ada, _ = await lived(house)
    tied = """SELECT h.first_index, h.size, h.log_index FROM heads h JOIN streams s ON s.id = h.stream
              WHERE s.person = $1 AND s.name = 'main' ORDER BY h.size"""
    before = await house.rows("record_log", tied, ada)
    public = await house.rows("record_log", "SELECT index, leaf FROM log_leaves ORDER BY index")
    await erased(house, "learning_events", ada)
    after = await house.rows("record_log", tied, ada)
    emptied = {row["index"] for row in await entries(house, ada, "s.name = 'main' AND e.event IS NULL")}
    assert emptied
    newest = after[-1]
    for row in after[:-1]:
        assert emptied.isdisjoint(range(row["first_index"], row["size"]))
    assert newest["size"] > before[-1]["size"]
    now = await house.rows("record_log", "SELECT index, leaf FROM log_leaves ORDER BY index")
    assert now[: len(public)] == public


async def test_proofs_of_everybody_else_hold_as_before(house: House) -> None:
    (ada, _), (bea, facts) = await lived(house), await lived(house)
    old = [await house.proof(bea, fact.id) for fact in facts]
    for source in ("learning_events", "project_submissions", "identity"):
        await erased(house, source, ada)
    for fact, before in zip(facts, old, strict=True):
        await check(house, before)
        now = await house.proof(bea, fact.id)
        await check(house, now)
        assert {name: now[name] for name in now if name != "log_proof"} == {
            name: before[name] for name in before if name != "log_proof"
        }


async def test_an_erased_person_keeps_entries_that_say_only_that_they_were_erased(house: House) -> None:
    ada, _ = await lived(house)
    told = [await erased(house, source, ada) for source in ("learning_events", "project_submissions", "identity")]
    left = await entries(house, ada, "e.event IS NOT NULL")
    assert {str(row["fact_id"]) for row in left} == {fact.id for fact in told}
    assert all(row["first_blind"] is None for row in await entries(house, ada))


async def test_a_head_that_another_process_places_meanwhile_is_untied_before_the_erasure_ends(house: House) -> None:
    """One process unties heads; another places one that waited; then the first would end the erasure."""
    ada, _ = await lived(house)
    running = house.running["record_log"]
    sequencing = running.service.components[0]
    await sequencing.stop()
    try:
        await house.tell("learning_events", statement(ada))
        await house.until_heard("record_log")
        await house.erase("learning_events", ada)
        await house.until_heard("record_log")
        erasures = PostgresErasures(running.backbone)
        erasure = await erasures.due(None)
        assert erasure is not None
        await erasures.empty_entries(erasure, ROWS_AT_ONCE)
        await erasures.untie_heads(erasure, ROWS_AT_ONCE)
        assert await place_heads(PostgresGlobalLog(running.backbone), LOG) == 2
        assert not await erasures.close(erasure)
        assert await erasures.untie_heads(erasure, ROWS_AT_ONCE) == 1
        assert await erasures.close(erasure)
    finally:
        await sequencing.start()


async def test_an_erasure_that_is_due_is_kept_over_a_restart_and_opens_nothing_meanwhile(house: House) -> None:
    ada, facts = await lived(house)
    sequencing = house.running["record_log"].service.components[0]
    await sequencing.stop()
    await house.erase("learning_events", ada)
    await house.until_heard("record_log")
    response = await house.send("record_log", "GET", f"/v1/people/{ada}/record/proofs/{facts[-1].id}")
    assert response.json()["code"] == "erased"
    assert (await entries(house, ada, "source = 'learning_events'"))[0]["event"] is not None
    await house.stop_service("record_log")
    await house.restart_service("record_log")

    async def is_destroyed() -> bool:
        return (await entries(house, ada, "source = 'learning_events'"))[0]["event"] is None

    await eventually(is_destroyed)
