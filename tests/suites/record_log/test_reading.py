"""Who may read what of the record, and what a reader is told when it is not there."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from shared.events.identity import PersonMerged, PersonSplit
from shared.kernel.checkpoint import open_checkpoint
from shared.kernel.ids import PersonId, system_fact_id
from shared.kernel.signed_note import parse_vkey
from shared.runtime import faults
from tests.suites.record_log.house import LOG, House, eventually, new, person, statement

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def recorded(house: House) -> tuple[PersonId, str]:
    """Return somebody with one fact in their record."""
    ada = person()
    (fact,) = await house.tell("learning_events", statement(ada))
    await house.proof(ada, fact.id)
    return ada, fact.id


async def test_a_person_and_an_operator_read_the_record(house: House) -> None:
    ada, fact = await recorded(house)
    own = await house.get("record_log", f"/v1/people/{ada}/record", ada)
    assert own == await house.get("record_log", f"/v1/people/{ada}/record", "admin")
    assert own["person"] == ada
    assert (await house.proof(ada, fact, ada))["index"] == 1


@pytest.mark.parametrize("path", ["record", "record/proofs/{fact}"])
@pytest.mark.parametrize(("word", "status"), [("", 401), ("nobody", 401), ("key", 403), ("other", 403)])
async def test_nobody_else_does(house: House, path: str, word: str, status: int) -> None:
    ada, fact = await recorded(house)
    caller = person() if word == "other" else word
    response = await house.send("record_log", "GET", f"/v1/people/{ada}/{path.format(fact=fact)}", caller)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"


async def test_a_fact_of_another_person_is_not_found_in_one_s_own_record(house: House) -> None:
    _, fact = await recorded(house)
    bea, _ = await recorded(house)
    response = await house.send("record_log", "GET", f"/v1/people/{bea}/record/proofs/{fact}", bea)
    assert response.status_code == 404


async def test_a_fact_that_was_not_heard_yet_is_to_be_asked_for_again(house: House) -> None:
    ada, _ = await recorded(house)
    response = await house.send("record_log", "GET", f"/v1/people/{ada}/record/proofs/{system_fact_id()}")
    assert (response.status_code, response.headers["retry-after"]) == (404, "1")


async def test_what_is_no_fact_id_is_refused_by_name(house: House) -> None:
    response = await house.send("record_log", "GET", f"/v1/people/{person()}/record/proofs/vcr_1")
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (400, "fact")


async def test_an_entry_that_no_checkpoint_covers_is_to_be_asked_for_again(house: House) -> None:
    ada = person()
    go_on = asyncio.Event()
    with faults.arm("record-log.written", _waiting(go_on)):
        (fact,) = await house.tell("learning_events", statement(ada))
        await house.until_heard("record_log")
        response = await house.send("record_log", "GET", f"/v1/people/{ada}/record/proofs/{fact.id}")
        go_on.set()
    assert (response.status_code, response.json()["code"]) == (409, "not-yet-covered")
    assert response.headers["retry-after"] == "1"
    await house.proof(ada, fact.id)


def _waiting(event: asyncio.Event) -> Any:
    async def wait() -> None:
        await event.wait()

    return wait


async def test_merged_people_read_each_other_s_record_until_they_are_split(house: House) -> None:
    (ada, fact), (bea, _) = await recorded(house), await recorded(house)
    merged = PersonMerged(canonical=bea, alias=ada)
    await house.tell("identity", new(merged, ada), new(merged, bea))
    path = f"/v1/people/{bea}/record"

    async def shows(streams: int) -> bool:
        return len((await house.get("record_log", path, bea))["streams"]) == streams

    await eventually(lambda: shows(2))
    assert (await house.proof(bea, fact, bea))["event"]["subject"] == ada
    await house.get("record_log", path, ada)
    split = PersonSplit(canonical=bea, alias=ada)
    await house.tell("identity", new(split, bea), new(split, ada))
    await eventually(lambda: shows(1))
    assert (await house.send("record_log", "GET", path, ada)).status_code == 403


@pytest.mark.parametrize("doubtful", [0, 1], ids=["alias", "canonical"])
async def test_a_merge_opens_no_record_to_the_other_while_an_identity_stream_is_parked(
    house: House, doubtful: int
) -> None:
    (ada, fact), (bea, _) = await recorded(house), await recorded(house)
    merged = PersonMerged(canonical=bea, alias=ada)
    await house.tell("identity", new(merged, ada), new(merged, bea))
    await house.until_heard("record_log")
    get, path = ("record_log", "GET"), f"/v1/people/{bea}/record"
    assert (await house.send(*get, path, ada)).status_code == 200
    async with house.parked("record_log", "identity", (ada, bea)[doubtful]):
        assert (await house.send(*get, path, ada)).status_code == 403
        assert (await house.send(*get, f"{path}/proofs/{fact}", bea)).status_code == 404
        assert {each["person"] for each in (await house.get("record_log", path, bea))["streams"]} == {bea}
    assert (await house.send(*get, path, ada)).status_code == 200


async def test_the_log_s_checkpoint_and_key_are_public(house: House) -> None:
    await recorded(house)
    vkey = (await house.send("record_log", "GET", "/log/vkey", "")).text
    note = await house.send("record_log", "GET", "/log/checkpoint", "")
    assert note.headers["content-type"].startswith("text/plain")
    opened = open_checkpoint(note.text, [parse_vkey(vkey.strip())])
    assert opened.checkpoint.origin == LOG
    assert opened.checkpoint.size > 0


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("", "old"),
        ("old=1&new=99999999", "new"),
        ("old=3&new=2", "old"),
        ("old=-1", "old"),
        ("old=01", "old"),
        ("old=1&old=2", "old"),
    ],
)
async def test_sizes_that_were_never_signed_are_refused_by_name(house: House, query: str, pointer: str) -> None:
    response = await house.send("record_log", "GET", f"/log/consistency?{query}", "")
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (400, pointer)
