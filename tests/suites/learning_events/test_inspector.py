"""The live inspector: what is taken and refused, as it happens."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from services.learning_events.domain.delivery import Delivery
from services.learning_events.handlers.inspecting import Look, Place, moment
from services.learning_events.handlers.ports import Reader
from services.learning_events.http import inspector
from services.learning_events.http.inspector import SLOW_SECONDS_MAX, STREAMS_OF_ORGANISATION_MAX, InspectorDoor
from shared.kernel.clock import FixedClock
from shared.kernel.ids import system_uuid7
from shared.runtime import telemetry
from tests.suites.learning_events.house import House, Platform, statement

pytestmark = pytest.mark.asyncio(loop_scope="session")
PATH = "/v1/events/stream"


class Watch:
    """One stream. last: the id told last."""

    def __init__(self, lines: AsyncIterator[str]) -> None:
        self._lines = lines
        self.last = ""

    async def message(self) -> tuple[str, dict[str, Any]]:
        """Return the next message with data. Raises TimeoutError."""
        fields: dict[str, str] = {}
        async with asyncio.timeout(10):
            async for line in self._lines:
                name, _, value = line.partition(": ")
                fields[name] = value
                if not line:
                    self.last = fields.get("id", self.last)
                    if "data" in fields:
                        return fields["event"], json.loads(fields["data"])
                    if "retry" in fields:
                        return "begun", {}
                    fields = {}
        raise AssertionError("the stream ended")


@asynccontextmanager
async def watching(platform: Platform, last: str = "") -> AsyncIterator[Watch]:
    headers = {**platform.bearer, **({"last-event-id": last} if last else {})}
    async with platform.house.http.stream("GET", PATH, headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        assert response.headers["content-type"] == "text/event-stream"
        watch = Watch(response.aiter_lines())
        assert (await watch.message())[0] == "begun"
        yield watch


async def test_what_is_taken_and_what_is_refused_shows_as_it_happens(platform: Platform) -> None:
    await platform.post(statement())
    async with watching(platform) as watch:
        (sent,) = await platform.post(statement())
        kind, told = await watch.message()
        assert (kind, told["id"]) == ("accepted", sent)
        assert (await platform.send(statement(verb={}))).status_code == 400
        kind, told = await watch.message()
        assert (kind, told["status"], told["errors"][0]["pointer"]) == ("refused", 400, "/verb/id")
        assert (await platform.get(f"/v1/deliveries/{told['id']}")).status_code == 200


async def test_whoever_comes_back_goes_on_behind_the_last_id(platform: Platform) -> None:
    async with watching(platform) as watch:
        await platform.post(statement())
        await watch.message()
        last = watch.last
    (missed,) = await platform.post(statement())
    await platform.send(statement(verb={}))
    async with watching(platform, last) as watch:
        seen = [await watch.message(), await watch.message()]
    assert {kind for kind, _ in seen} == {"accepted", "refused"}
    assert missed in {told["id"] for _, told in seen}


async def test_a_sync_token_of_the_list_is_an_id_of_the_stream(platform: Platform) -> None:
    await platform.post(statement())
    token = (await platform.get("/v1/events")).json()["sync_token"]
    (sent,) = await platform.post(statement())
    async with watching(platform, token) as watch:
        assert (await watch.message())[1]["id"] == sent


async def test_a_test_key_sees_test_data_only_and_a_stranger_nothing(house: House, platform: Platform) -> None:
    trial = house.platform(organisation=platform.organisation, is_test=True)
    stranger = house.platform()
    async with watching(trial) as tested, watching(stranger) as strange:
        await platform.post(statement())
        await platform.send(statement(verb={}))
        await asyncio.sleep(2)
        (own,) = await trial.post(statement())
        (theirs,) = await stranger.post(statement())
        assert (await tested.message())[1]["id"] == own
        assert (await strange.message())[1]["id"] == theirs


async def test_one_more_than_may_watch_is_told_to_come_later_and_may_once_another_left(
    house: House, platform: Platform
) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(STREAMS_OF_ORGANISATION_MAX):
            await stack.enter_async_context(watching(platform))
        response = await platform.get(PATH)
        assert response.status_code == 503
        assert "retry-after" in response.headers
        async with watching(house.platform()):
            pass
    async with asyncio.timeout(10):
        while (await platform.house.http.head(PATH, headers=platform.bearer)).status_code == 503:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("last", ["nonsense", "~", "WyJldmVudHMiLDAsMCwwXQ~x"])
async def test_an_id_that_is_none_of_the_stream_is_refused(platform: Platform, last: str) -> None:
    response = await platform.get(PATH, last_event_id=last)
    assert response.status_code == 400
    assert response.json()["errors"]


async def test_watching_needs_the_scope_read(house: House) -> None:
    assert (await house.platform(["write", "read/mine"]).get(PATH)).status_code == 403


class Flowing:
    """Every look finds something new, as under load."""

    def __init__(self) -> None:
        self.looks = 0

    async def now(self, reader: Reader, now: datetime) -> Place:
        return Place((0, 0, 0), moment(now))

    async def look(self, reader: Reader, place: Place, now: datetime) -> Look:
        self.looks += 1
        one = Delivery(
            str(system_uuid7()), reader.organisation, False, "key_x", now, "POST", "/caliper", 400, "", "", 2, 1
        )
        return Look((), {}, (one,), Place((0, 0, self.looks), one.id))


async def test_a_reader_that_is_too_slow_is_told_so_and_cut_and_comes_back_behind_what_it_saw() -> None:
    clock = FixedClock(datetime(2026, 3, 1, tzinfo=UTC))
    flowing = Flowing()
    door = InspectorDoor(flowing, clock)  # type: ignore[arg-type]
    who = Reader("org_slow", False)
    start = Place((0, 0, 0), moment(clock.now()))
    taken: list[bytes] = []
    async for chunk in door._chunks(who, start):
        taken.append(chunk)
        clock.advance(SLOW_SECONDS_MAX + 1 if len(taken) == 4 else SLOW_SECONDS_MAX / 2)
    assert flowing.looks == 3  # one look a chunk that was taken: nothing is kept for who is slow
    assert taken[-1].startswith(b"event: cut\ndata: ")
    told = json.loads(taken[-1].split(b"data: ")[1])
    assert "longer than 10 s" in told["rule"]
    assert "Last-Event-ID" in told["mend"]
    last = taken[-2].rpartition(b"id: ")[2].strip().decode()
    assert door._place(last).events == (0, 0, 3)
    assert door._watching.total() == 0


async def test_a_reader_that_takes_nothing_is_cut_and_gives_its_place_back(
    house: House, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inspector, "STALL_SECONDS_MAX", 0.5)
    before = telemetry.BOUND_REACHED.labels("http-stall-seconds")._value.get()
    with socket.socket() as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        stalled.connect(("127.0.0.1", house.http.base_url.port))
        head = f"GET {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: {platform.bearer['authorization']}\r\n\r\n"
        stalled.sendall(head.encode())
        async with asyncio.timeout(60):
            while telemetry.BOUND_REACHED.labels("http-stall-seconds")._value.get() == before:
                # Written to while it reads nothing, until the buffers on the way are full.
                long = [statement(object={"id": f"https://lms.example/{'x' * 1200}"}) for _ in range(500)]
                await platform.post(long)
                await asyncio.sleep(0.3)
    async with AsyncExitStack() as stack:
        for _ in range(STREAMS_OF_ORGANISATION_MAX):
            await stack.enter_async_context(watching(platform))


async def test_a_follower_that_comes_back_again_and_again_under_load_misses_nothing(platform: Platform) -> None:
    sent: set[str] = set()

    async def load() -> None:
        for _ in range(40):
            sent.update(await platform.post([statement() for _ in range(20)]))
            await asyncio.sleep(0.02)

    seen: set[str] = set()
    last = (await platform.get("/v1/events")).json()["sync_token"]
    loading = asyncio.create_task(load())
    async with asyncio.timeout(60):
        while not (loading.done() and seen >= sent):
            async with watching(platform, last) as watch:
                read = 0
                while read < 70 or watch.last == last:  # an id stands at the last message of a chunk
                    seen.add((await watch.message())[1]["id"])
                    read += 1
                    if loading.done() and seen >= sent:
                        break
                last = watch.last
    await loading
    assert seen == sent
    assert len(sent) == 800
