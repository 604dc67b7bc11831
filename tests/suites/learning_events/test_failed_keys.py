"""What was refused before a door was reached is told to whom it concerns, and to nobody else."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deedlog.learning_events.v1 import learning_events_pb2, service_pb2_grpc
from services.learning_events.clients import IdentityKeys
from services.learning_events.handlers.barring import (
    ASKED_AT_ONCE,
    WAITING_MAX,
    Attempt,
    FailedKey,
    FailedKeyLog,
    MeantKey,
)
from services.learning_events.store.deliveries import KEPT_DAYS
from services.learning_events.store.failed_keys import ROWS_OF_KEY_MAX, PostgresFailedKeys
from shared.kernel.clock import SystemClock
from shared.kernel.errors import Broken, Fault, Forbidden, Rejected, TooLarge, Unavailable
from shared.kernel.ids import system_id, system_uuid7
from shared.runtime import telemetry
from shared.runtime.grpc import channel, kernel_errors
from tests.suites.learning_events.house import House, Platform, items_of, statement
from tests.suites.learning_events.test_deliveries import deliveries

pytestmark = pytest.mark.asyncio(loop_scope="session")
PATH = "/v1/deliveries"
FAULT = Fault("authorization", "this key was revoked at noon", "Use another.")


def basic(key: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()


def refused_callers(reason: str) -> float:
    return float(telemetry.CALLERS_REFUSED.labels("learning_events", reason)._value.get())


async def test_a_key_id_with_a_wrong_secret_shows_to_the_organisation_of_that_key(
    house: House, platform: Platform
) -> None:
    headers = {"authorization": basic(platform.key, "dlk_wrong"), "content-type": "application/json"}
    for _ in range(3):
        response = await house.http.post(
            "/xapi/statements", content=b"{}", headers={**headers, "x-request-id": "lms-1"}
        )
        assert response.status_code == 401
        assert "secret" not in response.json()["detail"]
    found = await deliveries(platform, 1)
    assert sum(one["times"] for one in found) == 3
    told = found[0]
    expected = {"key": platform.key, "is_test": False, "method": "POST", "path": "/xapi/statements", "status": 401,
                "request_id": "lms-1"}  # fmt: skip
    assert {name: told[name] for name in expected} == expected
    (error,) = told["errors"]
    assert error["rule"] == "the secret that came with this key's id is not the key's"
    assert error["mend"]
    assert "dlk_wrong" not in str(found)
    assert (await platform.get(f"{PATH}/{told['id']}")).json()["refused"] is None
    assert (await platform.send({}, f"{PATH}/{told['id']}:resend")).status_code == 404


async def test_a_key_that_is_over_shows_with_its_reason_to_other_keys_of_its_organisation_alone(
    house: House, platform: Platform
) -> None:
    over = house.platform(organisation=platform.organisation)
    house.identity.ended[over.secret] = "this key was revoked at 2026-03-01T00:00:00Z"
    for path in ("/caliper", "/v1/events", "/xapi/statements"):
        assert (await over.send(statement(), path)).status_code == 401
    found = await deliveries(platform, 3)
    assert {one["path"] for one in found} == {"/caliper", "/v1/events", "/xapi/statements"}
    assert {(one["key"], one["errors"][0]["rule"]) for one in found} == {
        (over.key, "this key was revoked at 2026-03-01T00:00:00Z")
    }
    for stranger in (
        house.platform(),
        house.platform(["read/mine"], platform.organisation),
        house.platform(organisation=platform.organisation, is_test=True),
    ):
        assert (await stranger.get(PATH)).json()["items"] == []
        assert (await stranger.get(f"{PATH}/{found[0]['id']}")).status_code == 404
    async with house.backbone.door("org_stranger") as tx:
        assert await tx.connection.fetchval("SELECT count(*) FROM failed_keys") == 0


async def test_what_names_no_key_that_was_ever_made_is_counted_and_shown_to_nobody(
    house: House, platform: Platform
) -> None:
    before = refused_callers("unknown-key"), refused_callers("no-credential")
    headers = {"authorization": basic("key_nobody", "dlk_nobody")}
    assert (await house.http.post("/v1/events", content=b"[]", headers=headers)).status_code == 401
    assert (await house.http.post("/v1/events", content=b"[]")).status_code == 401
    async with asyncio.timeout(10):
        while refused_callers("unknown-key") == before[0]:
            await asyncio.sleep(0.05)
    assert refused_callers("no-credential") == before[1] + 1
    async with house.backbone.reading() as connection:
        assert await connection.fetchval("SELECT count(*) FROM failed_keys WHERE key = 'key_nobody'") == 0


async def test_a_missing_scope_a_wrong_type_and_too_large_a_body_show_with_rule_and_mend(
    house: House, platform: Platform
) -> None:
    mute = house.platform(["read"], platform.organisation)
    assert (await mute.send(statement())).status_code == 403
    assert (await platform.send(b"<xml/>", "/v1/events", content_type="text/xml")).status_code == 415
    assert (await platform.send(b"[" + b" " * (11 << 20) + b"]", "/v1/events")).status_code == 413
    found = {one["status"]: one for one in await deliveries(platform, 3)}
    assert set(found) == {403, 415, 413}
    assert found[403]["key"] == mute.key
    assert "it needs the scope write, and the credential has read" in found[403]["errors"][0]["rule"]
    for one in found.values():
        assert one["errors"][0]["rule"]
        assert one["errors"][0]["mend"]


async def test_what_came_by_grpc_shows_batch_by_batch_and_what_was_refused_of_it(
    house: House, platform: Platform
) -> None:
    bad = statement(verb={})
    results = await platform.publish([statement(), bad])
    assert [one.pointer for one in results] == ["", "/verb/id"]
    format_xapi = learning_events_pb2.EVENT_FORMAT_XAPI
    stream = [
        learning_events_pb2.PublishStreamRequest(batch=number, format=format_xapi, items=items_of([statement()]))
        for number in (1, 2)
    ]
    async with platform.stub() as stub:
        assert [one.batch async for one in stub.PublishStream(iter(stream))] == [1, 2]
        with pytest.raises(TooLarge), kernel_errors("learning_events"):
            await stub.PublishBatch(
                learning_events_pb2.PublishBatchRequest(format=format_xapi, items=items_of([b"1"] * 501))
            )
        with pytest.raises(Rejected), kernel_errors("learning_events"):
            await stub.PublishBatch(learning_events_pb2.PublishBatchRequest(items=items_of([statement()])))
    found = await deliveries(platform, 5)
    assert {one["method"] for one in found} == {"gRPC"}
    assert sorted(one["path"].rpartition("/")[2] for one in found) == ["PublishBatch"] * 3 + ["PublishStream"] * 2
    assert sorted(one["status"] for one in found) == [200, 200, 200, 400, 413]
    (partly,) = [one for one in found if one["counts"].get("invalid")]
    assert partly["counts"] == {"stored": 1, "invalid": 1}
    assert partly["errors"][0]["pointer"] == "/1/verb/id"
    refused = (await platform.get(f"{PATH}/{partly['id']}")).json()["refused"]
    assert [(one["index"], one["item"]) for one in refused] == [(1, bad)]


async def test_who_is_turned_away_by_grpc_shows_too(house: House, platform: Platform) -> None:
    over, mute = house.platform(organisation=platform.organisation), house.platform(["read"], platform.organisation)
    house.identity.ended[over.secret] = "this key expired at 2026-03-01T00:00:00Z"
    format_xapi = learning_events_pb2.EVENT_FORMAT_XAPI
    request = learning_events_pb2.PublishBatchRequest(format=format_xapi, items=items_of([statement()]))
    for caller, error in ((over, Broken), (mute, Forbidden)):
        async with channel(f"127.0.0.1:{house.rpc_port}", caller.secret) as opened:
            publish = service_pb2_grpc.LearningEventsServiceStub(opened).PublishBatch
            with pytest.raises(error), kernel_errors("learning_events"):
                await publish(request, metadata=(("x-request-id", "lms-7"), ("x-any-bin", b"\x00")))
    found = {one["status"]: one for one in await deliveries(platform, 2)}
    assert {status: one["key"] for status, one in found.items()} == {401: over.key, 403: mute.key}
    assert {(one["method"], one["request_id"]) for one in found.values()} == {("gRPC", "lms-7")}
    assert "expired" in found[401]["errors"][0]["rule"]


async def test_the_inspector_and_the_list_of_refused_show_failed_keys_among_deliveries(
    house: House, platform: Platform
) -> None:
    await platform.send(statement(verb={}))
    await platform.post(statement())
    await house.http.post("/v1/events", content=b"[]", headers={"authorization": basic(platform.key, "x")})
    await deliveries(platform, 3)
    first = (await platform.get(f"{PATH}?refused=true&limit=1")).json()
    second = (await platform.get(f"{PATH}?refused=true&limit=1&cursor={first['next_cursor']}")).json()
    assert sorted(one["status"] for page in (first, second) for one in page["items"]) == [400, 401]
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert (await platform.get(f"{PATH}?refused=yes")).status_code == 400


def failed(platform: Platform, at: datetime, times: int = 1) -> FailedKey:
    head = (platform.organisation, str(system_uuid7()), False, platform.key, at, "POST", "/caliper", "")
    return FailedKey(*head, times, FAULT)


async def test_of_each_key_the_newest_rows_stay_and_those_that_are_old_go(house: House, platform: Platform) -> None:
    store = PostgresFailedKeys(house.backbone)
    other = house.platform(organisation=platform.organisation)
    now = datetime.now(UTC)
    await store.add([failed(other, now)])
    made = [failed(platform, now, times) for times in range(1, ROWS_OF_KEY_MAX + 6)]
    made.sort(key=lambda one: one.id)  # of one millisecond
    for start in range(0, len(made), 50):
        await store.add(made[start : start + 50])
    async with house.backbone.reading() as connection:
        rows = await connection.fetch(
            "SELECT key, times FROM failed_keys WHERE organisation = $1 ORDER BY id", platform.organisation
        )
    assert [row[1] for row in rows if row[0] == platform.key] == [one.times for one in made[5:]]
    assert [row[1] for row in rows if row[0] == other.key] == [1]
    await store.sweep(now + timedelta(days=KEPT_DAYS, minutes=1))
    async with house.backbone.reading() as connection:
        assert await connection.fetchval("SELECT count(*) FROM failed_keys") == 0


class Names:
    """Knows one key, counts what it is asked, and may be away."""

    def __init__(self) -> None:
        self.asked = 0
        self.is_away = False
        self.key = MeantKey(system_id("key"), system_id("organisation"), False, True)

    async def meant(self, secret: str, key_id: str) -> MeantKey | None:
        self.asked += 1
        if self.is_away:
            raise Unavailable("identity is away")
        return self.key if secret == "known" else None


def attempt(number: int = 0, secret: str = "known") -> Attempt:
    return Attempt(secret, "", "POST", f"/{number}", "", datetime.now(UTC), FAULT)


async def test_a_flood_is_bounded_counted_and_costs_identity_one_question_a_secret(house: House) -> None:
    names, lost = Names(), {"dropped": 0, "unknown": 0}

    def count(what: str) -> Any:
        return lambda times: lost.__setitem__(what, lost[what] + times)

    store = PostgresFailedKeys(house.backbone)
    log = FailedKeyLog(store, names, SystemClock(), lambda: str(system_uuid7()), count("dropped"), count("unknown"))
    for _ in range(5_000):
        log.note(attempt())
    await log.settle()
    async with house.backbone.reading() as connection:
        question = "SELECT times FROM failed_keys WHERE key = $1"
        assert [row[0] for row in await connection.fetch(question, names.key.key)] == [5_000]
    log.note(attempt(1))
    await log.settle()
    assert names.asked == 1
    for number in range(WAITING_MAX + 7):
        log.note(attempt(secret=f"nobody-{number}"))
    assert lost == {"dropped": 7, "unknown": 0}
    await log.settle()
    assert (names.asked, lost["unknown"]) == (1 + ASKED_AT_ONCE, ASKED_AT_ONCE)
    names.is_away = True
    await log.settle()
    assert lost["dropped"] == 7 + ASKED_AT_ONCE
    assert "nobody" not in repr(attempt(secret="nobody"))


async def test_what_identity_answers_is_read_over_its_own_contract(house: House, platform: Platform) -> None:
    port = house.settings.rpc_address("identity")
    async with channel(port, house.settings.service_token.get_secret_value()) as opened:
        names = IdentityKeys(opened)
        assert await names.meant(platform.secret, "") == MeantKey(platform.key, platform.organisation, False, True)
        assert await names.meant("wrong", platform.key) == MeantKey(platform.key, platform.organisation, False, False)
        assert await names.meant("wrong", "") is None
