"""Every fact about a person enters their record once, in its final form, and is proved from the log's checkpoint."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from services.record_log.domain.opening import STREAM_OPENED
from shared.events.identity import OrganisationRegistered
from shared.events.project_submissions import ProjectRegistered
from shared.kernel import canonical_json
from shared.kernel.merkle import leaf_hash, verify_inclusion
from shared.kernel.record_leaf import HeadLeaf, event_leaf, opens_kind, tag_commitment
from shared.kernel.signed_note import parse_vkey
from shared.kernel.tlog_proof import decode_tlog_proof, verify_tlog_proof
from tests.suites.record_log.house import LOG, House, new, person, statement

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def vkey(house: House) -> str:
    response = await house.send("record_log", "GET", "/log/vkey", "")
    return response.text.strip()


def raw(text: str) -> bytes:
    return base64.b64decode(text)


async def check(house: House, proof: dict[str, Any]) -> HeadLeaf:
    """Climb from the opened event to the signed checkpoint; return the head passed on the way."""
    event, head = proof["event"], HeadLeaf.decode(raw(proof["head"]))
    leaf = event_leaf(raw(proof["kind_salt"]), event["type"], raw(proof["event_salt"]), canonical_json.dumps(event))
    verify_inclusion(leaf_hash(leaf), proof["index"], head.size, [raw(each) for each in proof["path"]], head.root)
    key = parse_vkey(await vkey(house))
    signed = verify_tlog_proof(decode_tlog_proof(proof["log_proof"]), leaf_hash(raw(proof["head"])), [key])
    assert signed.checkpoint.origin == LOG
    return head


async def test_a_fact_is_proved_up_to_the_signed_checkpoint(house: House) -> None:
    ada = person()
    first, second = await house.tell("learning_events", statement(ada, "tried"), statement(ada, "passed"))
    proof = await house.proof(ada, second.id)
    await check(house, proof)
    assert proof["index"] == 2
    assert proof["event"] == {**second.attributes(), "data": canonical_json.loads(second.data or b"")}
    await check(house, await house.proof(ada, first.id))


async def test_a_stream_opens_with_the_log_s_own_event_which_binds_the_first_tag(house: House) -> None:
    ada = person()
    await house.tell("learning_events", statement(ada))
    await house.until_heard("record_log")
    (row,) = await house.rows(
        "record_log",
        """SELECT e.kind, e.kind_salt, e.event, e.leaf, e.fact_id, s.first_blind
           FROM entries e JOIN streams s ON s.id = e.stream WHERE s.person = $1 AND e.index = 0""",
        ada,
    )
    event: Any = canonical_json.loads(row["event"])
    assert (row["kind"], row["fact_id"], event["data"]["stream"]) == (STREAM_OPENED, None, "main")
    assert opens_kind(row["leaf"], row["kind_salt"], STREAM_OPENED)
    proof = await house.proof(ada, await only_fact(house, ada))
    tag = HeadLeaf.decode(raw(proof["head"])).tag
    assert event["data"]["first_tag"] == tag_commitment(row["first_blind"], tag).hex()


async def only_fact(house: House, subject: str) -> str:
    (row,) = await house.rows(
        "record_log",
        "SELECT fact_id FROM entries JOIN streams ON id = stream WHERE person = $1 AND fact_id IS NOT NULL",
        subject,
    )
    return str(row[0])


async def test_heads_of_a_stream_form_one_chain_of_tags(house: House) -> None:
    ada = person()
    for _ in range(4):
        (told,) = await house.tell("learning_events", statement(ada))
        await house.proof(ada, told.id)
    rows = await house.rows(
        "record_log",
        """SELECT h.blind, l.leaf, h.size FROM heads h JOIN log_leaves l ON l.index = h.log_index
           JOIN streams s ON s.id = h.stream WHERE s.person = $1 ORDER BY h.size""",
        ada,
    )
    heads = [HeadLeaf.decode(row["leaf"]) for row in rows]
    assert [head.size for head in heads] == [2, 3, 4, 5]
    for row, head, following in zip(rows, heads, heads[1:], strict=False):
        assert head.next_tag == tag_commitment(row["blind"], following.tag)


async def test_facts_of_a_project_have_a_stream_of_their_own_that_main_knows_of(house: House) -> None:
    ada = person()
    (lesson,) = await house.tell("learning_events", statement(ada))
    await house.proof(ada, lesson.id)
    (opened,) = await house.tell("project_submissions", new(ProjectRegistered(project="prj_1", title="A"), ada))
    proof = await house.proof(ada, opened.id)
    await check(house, proof)
    assert proof["index"] == 1
    outline = await house.get("record_log", f"/v1/people/{ada}/record")
    assert [(each["stream"], each["size"]) for each in outline["streams"]] == [("main", 3), ("prj_1", 2)]
    assert outline["streams"][0]["kinds"] == {STREAM_OPENED: 2, lesson.type: 1}
    assert outline["streams"][1]["head"]["size"] == 2


async def test_facts_about_nobody_enter_no_record(house: House) -> None:
    before = await house.rows("record_log", "SELECT count(*) FROM streams WHERE person NOT LIKE 'prs~_%' ESCAPE '~'")
    event = OrganisationRegistered(organisation="org_1", name="A platform")
    await house.tell("identity", new(event, "org_1"))
    await house.until_heard("record_log")
    after = await house.rows("record_log", "SELECT count(*) FROM streams WHERE person NOT LIKE 'prs~_%' ESCAPE '~'")
    assert before == after


async def test_facts_told_twice_are_entered_once(house: House) -> None:
    ada = person()
    facts = await house.tell("learning_events", *(statement(ada) for _ in range(20)))
    await house.until_heard("record_log")
    consumer = house.running["record_log"].backbone.consumer
    assert consumer is not None
    before = consumer.counts["learning_events"].duplicates
    await house.tell_again("learning_events")
    (last,) = await house.tell("learning_events", statement(ada))
    await house.proof(ada, last.id)
    rows = await house.rows(
        "record_log",
        """SELECT e.fact_id::text, e.number FROM entries e JOIN streams s ON s.id = e.stream
           WHERE s.person = $1 AND e.fact_id IS NOT NULL ORDER BY e.index""",
        ada,
    )
    assert [tuple(row) for row in rows] == [(fact.id, number) for number, fact in enumerate([*facts, last], 1)]
    assert consumer.counts["learning_events"].duplicates > before


async def test_two_processes_share_the_work_and_one_writes_the_log(house: House) -> None:
    second = await house.start_service("record_log")
    try:
        people = [person() for _ in range(12)]
        for _ in range(5):
            for one in people:
                await house.tell("learning_events", statement(one))
        await house.until_heard("record_log")
        facts = {one: await house.tell("learning_events", statement(one)) for one in people}
        for one, (fact,) in facts.items():
            await check(house, await house.proof(one, fact.id))
    finally:
        await second.stop()
    rows = await house.rows("record_log", "SELECT count(*), max(index) + 1 FROM log_leaves")
    assert rows[0][0] == rows[0][1]
