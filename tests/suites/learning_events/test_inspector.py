"""The live inspector: what is taken and refused, as it happens."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from services.learning_events.http.inspector import STREAMS_OF_ORGANISATION_MAX
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
