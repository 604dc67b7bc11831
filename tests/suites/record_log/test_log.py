"""The log only grows, says so by signed checkpoints, and never signs as anybody else."""

from __future__ import annotations

import base64
import itertools
import random
import shutil
from typing import Any

import pytest

from services.record_log.jobs import log_origin
from shared.events.event import decode
from shared.events.record_checkpoints import CheckpointPublished
from shared.kernel.checkpoint import Checkpoint, open_checkpoint
from shared.kernel.merkle import verify_consistency
from shared.kernel.signed_note import parse_vkey
from tests.suites.record_log.house import LOG, House, eventually, person, statement

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def checkpoints(house: House) -> list[Checkpoint]:
    """Return every checkpoint the log has told, opened under its key, in the order told."""
    vkey = parse_vkey((await house.send("record_log", "GET", "/log/vkey", "")).text.strip())
    rows = await house.rows(
        "record_log", "SELECT type, data FROM backbone.facts WHERE subject = $1 ORDER BY number", LOG
    )
    told = [decode(row[0], row[1]) for row in rows]
    assert all(isinstance(event, CheckpointPublished) for event in told)
    return [open_checkpoint(event.note, [vkey]).checkpoint for event in told if isinstance(event, CheckpointPublished)]


async def proof(house: House, old: int, new: int) -> list[bytes]:
    answer: dict[str, Any] = await house.get("record_log", f"/log/consistency?old={old}&new={new}", "")
    assert (answer["old"], answer["new"]) == (old, new)
    return [base64.b64decode(each) for each in answer["proof"]]


async def test_every_checkpoint_grows_from_each_one_before_it(house: House, rng: random.Random) -> None:
    for _ in range(12):
        people = [person() for _ in range(rng.randint(1, 5))]
        facts = await house.tell("learning_events", *(statement(one) for one in people))
        await house.proof(people[0], facts[0].id)
    history = await checkpoints(house)
    sizes = [checkpoint.size for checkpoint in history]
    assert sizes == sorted(set(sizes))
    assert len(history) > 10
    for old, new in itertools.pairwise(history):
        if old.size:
            verify_consistency(old.size, new.size, old.root, new.root, await proof(house, old.size, new.size))
    for _ in range(20):
        old, new = sorted(rng.sample(history, 2), key=lambda checkpoint: checkpoint.size)
        if old.size:
            verify_consistency(old.size, new.size, old.root, new.root, await proof(house, old.size, new.size))


async def test_a_log_that_does_not_grow_signs_nothing(house: House) -> None:
    await house.until_heard("record_log")

    async def is_signed() -> bool:
        ((waiting, is_level),) = await house.rows(
            "record_log",
            """SELECT (SELECT count(*) FROM heads WHERE log_index IS NULL),
                      (SELECT count(*) FROM log_leaves) = checkpoint_size FROM log""",
        )
        return bool(waiting == 0 and is_level)

    await eventually(is_signed)
    before = await checkpoints(house)
    sequencing = house.running["record_log"].service.components[0]
    await sequencing.stop()
    await sequencing.start()
    ada = person()
    (fact,) = await house.tell("learning_events", statement(ada))
    await house.proof(ada, fact.id)
    assert len(await checkpoints(house)) == len(before) + 1


async def test_the_log_keeps_its_name_when_the_house_moves(house: House) -> None:
    await house.stop_service("record_log")
    part = house.parts["record_log"]
    part.more["origin"] = "https://deedlog.example"
    try:
        await house.restart_service("record_log")
        ada = person()
        (fact,) = await house.tell("learning_events", statement(ada))
        assert LOG in (await house.proof(ada, fact.id))["log_proof"]
    finally:
        del part.more["origin"]
        await house.stop_service("record_log")
        await house.restart_service("record_log")


async def test_a_log_whose_key_was_replaced_signs_nothing_and_says_why(house: House) -> None:
    await house.stop_service("record_log")
    file = house.keys_folder("record_log") / "log.pem"
    shutil.move(file, file.with_suffix(".kept"))
    try:
        await house.restart_service("record_log")
        sequencing = house.running["record_log"].service.components[0]
        before = await checkpoints(house)

        async def is_told() -> bool:
            return "another key" in sequencing.readiness().reason

        await eventually(is_told)
        ada = person()
        (fact,) = await house.tell("learning_events", statement(ada))
        await house.until_heard("record_log")
        path = f"/v1/people/{ada}/record/proofs/{fact.id}"
        assert (await house.send("record_log", "GET", path)).status_code == 409
        assert await checkpoints(house) == before
    finally:
        await house.stop_service("record_log")
        shutil.move(file.with_suffix(".kept"), file)
        await house.restart_service("record_log")
    await house.proof(ada, fact.id)


async def test_a_log_is_named_by_where_the_house_is() -> None:
    assert log_origin("https://deedlog.example") == "deedlog.example/log"
    assert log_origin("http://127.0.0.1:8484/house/") == "127.0.0.1:8484/house/log"
