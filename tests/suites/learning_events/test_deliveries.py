"""The delivery log: what was sent, what came of it, and how it is mended."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.learning_events.domain.delivery import FAULT_CHARACTERS_MAX, FAULTS_MAX, Delivery
from services.learning_events.domain.refused_items import ITEMS_BYTES_MAX
from services.learning_events.handlers.delivering import TRIES_MAX, WAITING_BYTES_MAX, WAITING_MAX, DeliveryLog
from services.learning_events.store.deliveries import (
    KEPT_DAYS,
    KEPT_MAX,
    REFUSED_KEPT_HOURS,
    REFUSED_KEPT_MAX,
    PostgresDeliveries,
)
from shared.kernel.ids import system_uuid7
from shared.runtime.background import Task
from tests.suites.learning_events.house import House, Platform, statement

pytestmark = pytest.mark.asyncio(loop_scope="session")
PATH = "/v1/deliveries"


async def deliveries(platform: Platform, count: int) -> list[dict[str, Any]]:
    """Return the newest deliveries, once there are so many. Raises TimeoutError."""
    async with asyncio.timeout(10):
        while True:
            page = (await platform.get(PATH)).json()
            if len(page["items"]) >= count:
                found: list[dict[str, Any]] = page["items"]
                return found
            await asyncio.sleep(0.05)


async def bulk(platform: Platform, items: list[Any]) -> dict[str, Any]:
    response = await platform.send(items, "/v1/statements:bulk")
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_a_request_that_was_taken_is_told_with_its_figures(platform: Platform) -> None:
    sent = [statement(), statement()]
    await platform.send(sent, x_request_id="moodle-7", x_experience_api_version="1.0.3")
    (told,) = await deliveries(platform, 1)
    assert told["milliseconds"] >= 0
    assert abs(datetime.now(UTC) - datetime.fromisoformat(told["received_at"])) < timedelta(minutes=1)
    expected = {
        "key": platform.key, "is_test": False, "method": "POST", "path": "/xapi/statements", "status": 200,
        "request_id": "moodle-7", "bytes": len(json.dumps(sent)), "counts": {"taken": 2}, "errors": [],
    }  # fmt: skip
    assert {name: told[name] for name in expected} == expected


async def test_what_was_refused_whole_is_mended_and_sent_again(house: House, platform: Platform) -> None:
    good, bad = statement(), statement(verb={})
    assert (await platform.send([good, bad])).status_code == 400
    (told,) = await deliveries(platform, 1)
    assert (told["status"], told["errors"][0]["pointer"]) == (400, "/1/verb/id")
    whole = (await platform.get(f"{PATH}/{told['id']}")).json()
    assert [one["item"] for one in whole["refused"]] == [good, bad]
    assert whole["refused"][1]["errors"][0]["pointer"] == "/verb/id"
    mended = {"items": [{"index": 1, "item": {**bad, "verb": {"id": "https://x.example/verb"}}}]}
    response = await platform.send(mended, f"{PATH}/{told['id']}:resend")
    assert [(one["index"], one["outcome"]) for one in response.json()["items"]] == [(0, "stored"), (1, "stored")]
    assert await house.counts(platform.organisation) == (2, 2)
    again = await platform.send({}, f"{PATH}/{told['id']}:resend")
    assert [one["outcome"] for one in again.json()["items"]] == ["stored", "stored"]
    assert await house.counts(platform.organisation) == (2, 2)


async def test_of_a_bulk_request_only_what_was_refused_is_kept_and_sent_again(house: House, platform: Platform) -> None:
    items = [statement(), statement(verb={}), statement()]
    await bulk(platform, items)
    (told,) = await deliveries(platform, 1)
    assert told["counts"] == {"stored": 2, "duplicate": 0, "conflict": 0, "invalid": 1}
    refused = (await platform.get(f"{PATH}/{told['id']}")).json()["refused"]
    assert [(one["index"], one["item"]) for one in refused] == [(1, items[1])]
    mended = {"items": [{"index": 1, "item": {**items[1], "verb": {"id": "https://x.example/verb"}}}]}
    answer = (await platform.send(mended, f"{PATH}/{told['id']}:resend")).json()
    assert [(one["index"], one["outcome"]) for one in answer["items"]] == [(1, "stored")]
    assert await house.counts(platform.organisation) == (3, 3)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"items": [{"index": 7, "item": {}}]}, "/items/0/index"),
        ({"items": [{"index": 0, "item": {}}, {"index": 0, "item": {}}]}, "/items"),
        ({"mended": []}, "/mended"),
    ],
)
async def test_a_resend_that_names_what_was_not_refused_is_refused(
    platform: Platform, body: dict[str, Any], pointer: str
) -> None:
    await platform.send(statement(verb={}))
    (told,) = await deliveries(platform, 1)
    response = await platform.send(body, f"{PATH}/{told['id']}:resend")
    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == pointer


async def test_other_tenants_other_keys_and_the_other_kind_of_data_are_not_seen(
    house: House, platform: Platform
) -> None:
    trial = house.platform(organisation=platform.organisation, is_test=True)
    mine = house.platform(["write", "read/mine"], platform.organisation)
    await platform.send(statement(verb={}))
    await trial.send(statement())
    (told,) = await deliveries(platform, 1)
    assert [one["is_test"] for one in await deliveries(trial, 1)] == [True]
    for stranger in (trial, mine, house.platform()):
        assert told["id"] not in {one["id"] for one in (await stranger.get(PATH)).json()["items"]}
        assert (await stranger.get(f"{PATH}/{told['id']}")).status_code == 404
        assert (await stranger.send({}, f"{PATH}/{told['id']}:resend")).status_code == 404
    assert (await house.platform(["write"], platform.organisation).get(PATH)).status_code == 403
    async with house.backbone.door("org_stranger") as tx:
        assert await tx.connection.fetchval("SELECT count(*) FROM deliveries") == 0


async def test_a_list_goes_back_page_by_page_without_a_gap(platform: Platform) -> None:
    for _ in range(5):
        await platform.post(statement())
    whole = [one["id"] for one in await deliveries(platform, 5)]
    paged: list[str] = []
    cursor, has_more = "", True
    for _ in range(3):
        page = (await platform.get(f"{PATH}?limit=2{cursor}")).json()
        paged += [one["id"] for one in page["items"]]
        cursor, has_more = f"&cursor={page['next_cursor']}", page["has_more"]
    assert paged == whole
    assert not has_more


async def test_too_large_a_refusal_is_told_without_its_items(platform: Platform) -> None:
    await platform.send(statement(verb={}, result={"response": "x" * ITEMS_BYTES_MAX}))
    (told,) = await deliveries(platform, 1)
    assert (await platform.get(f"{PATH}/{told['id']}")).json()["refused"] is None
    assert (await platform.send({}, f"{PATH}/{told['id']}:resend")).status_code == 404


async def test_what_is_old_goes_the_items_first_and_an_erasure_empties_all_items(
    house: House, platform: Platform
) -> None:
    store = PostgresDeliveries(house.backbone)
    now = datetime.now(UTC)
    fresh, older, oldest = (
        noted(platform, now - age, b"[]")
        for age in (timedelta(), timedelta(hours=REFUSED_KEPT_HOURS + 1), timedelta(days=KEPT_DAYS, hours=1))
    )
    await store.add([fresh, older, oldest])
    await store.sweep(now)
    assert await kept(house, platform) == {fresh.id: b"[]", older.id: None}
    await store.erase("prs_anybody")
    assert await kept(house, platform) == {fresh.id: None, older.id: None}


async def test_of_each_organisation_the_newest_stay_and_of_those_the_newest_items(
    house: House, platform: Platform
) -> None:
    store = PostgresDeliveries(house.backbone)
    now = datetime.now(UTC)
    many = [noted(platform, now, b"[]" if place % 80 == 0 else None) for place in range(KEPT_MAX + 3)]
    many.sort(key=lambda one: one.id)  # of one millisecond
    for start in range(0, len(many), 2_000):
        await store.add(many[start : start + 2_000])
    other = house.platform()
    alone = noted(other, now, b"[]")
    await store.add([alone])
    await store.sweep(now)
    standing = await kept(house, platform)
    assert set(standing) == {one.id for one in many[3:]}
    refused = [one.id for one in many if one.refused is not None][-REFUSED_KEPT_MAX:]
    assert {delivery for delivery, content in standing.items() if content is not None} == set(refused)
    assert await kept(house, other) == {alone.id: b"[]"}


async def test_beyond_the_bound_a_note_is_dropped_and_counted_and_nobody_waits(
    house: House, platform: Platform
) -> None:
    dropped: list[int] = []
    log = DeliveryLog(PostgresDeliveries(house.backbone), dropped.append)
    for _ in range(WAITING_MAX + 3):
        log.note(noted(platform, datetime.now(UTC), None))
    assert sum(dropped) == 3
    heavy = DeliveryLog(PostgresDeliveries(house.backbone), dropped.append)
    for _ in range(WAITING_BYTES_MAX // ITEMS_BYTES_MAX + 1):
        heavy.note(noted(platform, datetime.now(UTC), b"x" * ITEMS_BYTES_MAX))
    assert sum(dropped) == 4


async def test_a_row_is_bounded_whatever_the_names_in_what_was_refused(house: House, platform: Platform) -> None:
    name = "n" * 190
    deep: Any = 1
    for _ in range(30):
        deep = {name: deep}
    bad = statement(context={"extensions": deep}, verb={})
    for number in range(30):
        bad[f"{name}{number}"] = deep
    assert (await platform.send(bad)).status_code == 400
    await deliveries(platform, 1)
    async with house.backbone.reading() as connection:
        size = await connection.fetchval(
            "SELECT octet_length(faults) FROM deliveries WHERE organisation = $1", platform.organisation
        )
    assert size <= FAULTS_MAX * 3 * (FAULT_CHARACTERS_MAX + 20)


async def test_what_waits_is_written_when_the_log_is_stopped(house: House, platform: Platform) -> None:
    dropped: list[int] = []
    log = DeliveryLog(PostgresDeliveries(house.backbone), dropped.append)
    running = asyncio.create_task(log.run())
    await asyncio.sleep(0)
    made = [noted(platform, datetime.now(UTC), b"[]") for _ in range(450)]
    for one in made:
        log.note(one)
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert set(await kept(house, platform)) == {one.id for one in made}
    assert dropped == []


async def test_a_write_that_is_broken_off_is_done_once_more_and_an_erasure_meanwhile_comes_after_it(
    house: House, platform: Platform
) -> None:
    class Slow(PostgresDeliveries):
        """Takes its time after the rows are there, before that is told."""

        is_written = asyncio.Event()

        async def add(self, deliveries: Any) -> None:
            await super().add(deliveries)
            self.is_written.set()
            await asyncio.sleep(0.2)

    store = Slow(house.backbone)
    log = DeliveryLog(store, lambda times: None)
    running = asyncio.create_task(log.run())
    log.note(noted(platform, datetime.now(UTC), b"[]"))
    await store.is_written.wait()
    log.note(noted(platform, datetime.now(UTC), b"[]"))
    erasing = asyncio.create_task(log.erase("prs_anybody"))
    await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, erasing, return_exceptions=True)
    assert list((await kept(house, platform)).values()) == [None, None]


class Stumbling(PostgresDeliveries):
    """Fails as nobody foresaw, so many times."""

    failures = 0
    tries = 0

    async def add(self, deliveries: Any) -> None:
        self.tries += 1
        if self.tries <= self.failures:
            raise ValueError("a row that no table takes")
        await super().add(deliveries)


@pytest.mark.parametrize(("failures", "lost"), [(TRIES_MAX - 1, 0), (TRIES_MAX, 1)])
async def test_a_write_that_fails_as_nobody_foresaw_is_tried_again_and_then_dropped_and_counted_and_the_next_is_written(
    house: House, platform: Platform, caplog: pytest.LogCaptureFixture, failures: int, lost: int
) -> None:
    dropped: list[int] = []
    store = Stumbling(house.backbone)
    store.failures = failures
    log = DeliveryLog(store, dropped.append)
    task = Task("learning_events.deliveries", log.run, pause_seconds_min=0.01)
    await task.start()
    first, second = noted(platform, datetime.now(UTC), None), noted(platform, datetime.now(UTC), None)
    log.note(first)
    async with asyncio.timeout(10):
        while store.tries < TRIES_MAX:
            await asyncio.sleep(0.02)
        log.note(second)
        while second.id not in await kept(house, platform):
            await asyncio.sleep(0.02)
        await task.stop()
    assert set(await kept(house, platform)) == ({second.id} if lost else {first.id, second.id})
    assert sum(dropped) == lost
    assert ("deliveries were dropped from their log" in caplog.messages) is bool(lost)


async def test_a_stop_is_not_held_up_by_a_write_that_fails_as_nobody_foresaw(house: House, platform: Platform) -> None:
    dropped: list[int] = []
    store = Stumbling(house.backbone)
    store.failures = 1_000
    log = DeliveryLog(store, dropped.append)
    task = Task("learning_events.deliveries", log.run)
    await task.start()
    await asyncio.sleep(0)
    log.note(noted(platform, datetime.now(UTC), None))
    async with asyncio.timeout(5):
        await task.stop()
    assert sum(dropped) == 1


async def test_a_body_that_is_too_large_and_never_ends_is_answered_without_waiting_for_its_rest(
    house: House, platform: Platform
) -> None:
    reader, writing = await asyncio.open_connection("127.0.0.1", house.http.base_url.port)
    head = f"POST /v1/events HTTP/1.1\r\nhost: x\r\nauthorization: {platform.bearer['authorization']}\r\n"
    writing.write(f"{head}content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n".encode())
    size = 11 << 20
    writing.write(b"%x\r\n" % size + b" " * size + b"\r\n")
    async with asyncio.timeout(10):
        assert b" 413 " in await reader.readline()
        (told,) = await deliveries(platform, 1)
    writing.close()
    assert told["status"] == 413
    assert (await platform.get(f"{PATH}/{told['id']}")).json()["refused"] is None


def noted(platform: Platform, at: datetime, refused: bytes | None) -> Delivery:
    head = (str(system_uuid7()), platform.organisation, False, platform.key, at, "POST", "/xapi/statements", 400)
    return Delivery(*head, request_id="", version="", body_bytes=2, milliseconds=1, refused=refused)


async def kept(house: House, platform: Platform) -> dict[str, bytes | None]:
    async with house.backbone.reading() as connection:
        rows = await connection.fetch(
            "SELECT id, refused FROM deliveries WHERE organisation = $1", platform.organisation
        )
    return {str(row[0]): row[1] for row in rows}
