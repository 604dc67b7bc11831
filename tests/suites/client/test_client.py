"""What a platform's developer relies on, shown of both clients against a running learning_events."""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest

from shared.client import (
    AsyncClient,
    Client,
    ClientClosed,
    NotSendable,
    Options,
    Progress,
    SpoolFull,
    SpoolInUse,
)
from shared.client.options import SILENCE_SECONDS_MAX
from tests.suites.client.both import Kind, opened
from tests.suites.client.gate import Gate
from tests.suites.learning_events.house import House, Platform, statement

FLUSH_SECONDS = 20.0

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture(params=[Client, AsyncClient], ids=["thread", "task"])
def kind(request: pytest.FixtureRequest) -> Kind:
    chosen: Kind = request.param
    return chosen


def bare(**changes: Any) -> dict[str, Any]:
    return {name: value for name, value in statement(**changes).items() if name not in ("id", "timestamp")}


@pytest.mark.parametrize("is_gzipped", [True, False])
async def test_what_was_sent_can_be_read_back_under_the_id_that_send_gave(
    kind: Kind, gate: Gate, platform: Platform, spool: Path, is_gzipped: bool
) -> None:
    async with opened(kind, gate.origin, platform.secret, spool, Options(is_gzipped=is_gzipped)) as client:
        first = await client.send(bare())
        many = await client.send_many([bare() for _ in range(30)])
        assert await client.flush(FLUSH_SECONDS)
        assert await client.progress() == Progress(delivered=31, waiting=0, refused=0, problem=None)
    for statement_id in (first, *many):
        kept = await platform.read(statement_id)
        assert kept is not None
        assert kept["timestamp"] <= kept["stored"]


async def test_a_bad_statement_is_put_aside_with_its_reasons_and_the_good_ones_arrive(
    kind: Kind, gate: Gate, house: House, platform: Platform, spool: Path
) -> None:
    good = [statement() for _ in range(5)]
    bad = statement(actor={"mbox": "no address"})
    async with opened(kind, gate.origin, platform.secret, spool) as client:
        await client.send_many([*good[:2], bad, *good[2:]])
        assert await client.flush(FLUSH_SECONDS)
        (refused,) = await client.refused()
        assert (refused.id, refused.source, refused.item) == (bad["id"], "", bad)
        assert refused.refusal.code == "invalid"
        assert {reason.pointer for reason in refused.refusal.reasons} == {"/actor/mbox"}
        assert all(reason.rule and reason.mend for reason in refused.refusal.reasons)
        assert await house.counts(platform.organisation) == (5, 5)
        mended = {**bad, "actor": good[0]["actor"]}
        del mended["id"]
        assert await client.resend(bad["id"], mended) == bad["id"]
        assert await client.flush(FLUSH_SECONDS)
        assert await client.refused() == []
    assert await house.counts(platform.organisation) == (6, 6)


async def test_what_stays_refused_can_be_discarded(kind: Kind, gate: Gate, platform: Platform, spool: Path) -> None:
    bad = statement(verb={})
    async with opened(kind, gate.origin, platform.secret, spool) as client:
        await client.send(bad)
        assert await client.flush(FLUSH_SECONDS)
        await client.discard(bad["id"])
        assert (await client.progress()).refused == 0
        with pytest.raises(KeyError):
            await client.discard(bad["id"])


async def test_sent_again_under_its_id_it_is_a_duplicate_and_another_under_that_id_is_a_conflict(
    kind: Kind, gate: Gate, house: House, platform: Platform, spool: Path
) -> None:
    timeless = statement()
    del timeless["timestamp"]
    async with opened(kind, gate.origin, platform.secret, spool) as client:
        for _ in range(3):
            await client.send(timeless)
            assert await client.flush(FLUSH_SECONDS)
        assert (await client.progress()).refused == 0
        await client.send({**timeless, "verb": {"id": "http://example.org/other"}})
        assert await client.flush(FLUSH_SECONDS)
        (refused,) = await client.refused()
    assert refused.refusal.code == "conflict"
    assert await house.counts(platform.organisation) == (1, 1)


async def test_a_full_spool_is_said_at_once_or_waited_for_and_never_dropped_from(
    kind: Kind, gate: Gate, house: House, platform: Platform, spool: Path
) -> None:
    await gate.shut()
    async with opened(kind, gate.origin, platform.secret, spool, Options(items_max=10)) as client:
        await client.send_many([statement() for _ in range(10)])
        with pytest.raises(SpoolFull, match="10 items wait"):
            await client.send(statement(), wait_seconds=0)
        began = time.monotonic()
        with pytest.raises(SpoolFull):
            await client.send(statement(), wait_seconds=0.3)
        assert 0.3 <= time.monotonic() - began < Options().wait_seconds
        waiting = [asyncio.create_task(client.send(statement(), wait_seconds=FLUSH_SECONDS)) for _ in range(25)]
        await asyncio.sleep(0.1)
        await gate.open()
        await asyncio.wait_for(asyncio.gather(*waiting), FLUSH_SECONDS)
        assert await client.flush(FLUSH_SECONDS)
    assert await house.counts(platform.organisation) == (35, 35)


async def test_what_a_client_could_not_deliver_the_next_one_of_the_spool_does(
    kind: Kind, gate: Gate, house: House, platform: Platform, spool: Path
) -> None:
    await gate.shut()
    async with opened(kind, gate.origin, platform.secret, spool) as client:
        await client.send_many([statement() for _ in range(3)])
        assert not await client.flush(0.2)
        assert "not reached" in str((await client.progress()).problem)
    await gate.open()
    async with opened(kind, gate.origin, platform.secret, spool) as client:
        assert await client.flush(FLUSH_SECONDS)
    assert await house.counts(platform.organisation) == (3, 3)


async def test_send_does_not_wait_for_a_server_that_never_answers(kind: Kind, platform: Platform, spool: Path) -> None:
    callers: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: callers.append(writer), "127.0.0.1", 0)
    origin = f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}"
    began = time.monotonic()
    async with opened(kind, origin, platform.secret, spool) as client:
        for _ in range(100):
            await client.send(statement())
    # Of a reply it would wait this long, be it in a `send` or in its end.
    assert time.monotonic() - began < SILENCE_SECONDS_MAX
    silent.close()
    assert callers
    for caller in callers:
        caller.transport.abort()
        with contextlib.suppress(ConnectionError):
            await caller.wait_closed()


async def test_a_wrong_key_is_said_in_words_and_loses_nothing(
    kind: Kind, gate: Gate, house: House, platform: Platform, spool: Path
) -> None:
    told: list[Progress] = []
    async with opened(kind, gate.origin, "dlk_wrong", spool, on_progress=told.append) as client:
        await client.send(statement())
        assert not await client.flush(0.5)
    assert "401" in str(told[0].problem)
    assert "key" in str(told[0].problem)
    assert told[0].waiting == 1
    async with opened(kind, gate.origin, platform.secret, spool) as client:
        assert await client.flush(FLUSH_SECONDS)
    assert await house.counts(platform.organisation) == (1, 1)


async def test_progress_is_told_after_each_batch_and_a_teller_that_fails_ends_nothing(
    kind: Kind, gate: Gate, platform: Platform, spool: Path
) -> None:
    told: list[Progress] = []

    def tell(progress: Progress) -> None:
        told.append(progress)
        raise RuntimeError("the teller's own fault")

    async with opened(kind, gate.origin, platform.secret, spool, on_progress=tell) as client:
        for _ in range(3):
            await client.send(statement())
            assert await client.flush(FLUSH_SECONDS)
    assert [one.delivered for one in told][-1] == 3


async def test_bad_input_is_refused_at_send_and_none_of_its_company_is_kept(
    kind: Kind, gate: Gate, platform: Platform, spool: Path
) -> None:
    async with opened(kind, gate.origin, platform.secret, spool) as client:
        with pytest.raises(NotSendable):
            await client.send_many([statement(), statement(id="no uuid")])
        assert (await client.progress()).waiting == 0


async def test_a_second_client_of_a_spool_is_locked_out_until_the_first_is_closed(
    kind: Kind, gate: Gate, platform: Platform, spool: Path
) -> None:
    async with opened(kind, gate.origin, platform.secret, spool):
        with pytest.raises(SpoolInUse, match="give each process a spool file of its own"):
            async with opened(kind, gate.origin, platform.secret, spool):
                raise AssertionError("two clients hold one spool")
    async with opened(kind, gate.origin, platform.secret, spool):
        pass


async def test_a_closed_client_says_so_and_may_be_closed_again(
    kind: Kind, gate: Gate, platform: Platform, spool: Path
) -> None:
    async with opened(kind, gate.origin, platform.secret, spool) as client:
        await client.close()
        with pytest.raises(ClientClosed):
            await client.send(statement())
        with pytest.raises(ClientClosed):
            await client.flush()
        await client.close()


async def test_many_senders_at_once_lose_nothing(
    kind: Kind, gate: Gate, house: House, platform: Platform, spool: Path
) -> None:
    async def send_some() -> None:
        for _ in range(25):
            await client.send(statement())

    async with opened(kind, gate.origin, platform.secret, spool) as client:
        await asyncio.gather(*(send_some() for _ in range(8)))
        assert await client.flush(FLUSH_SECONDS)
    assert await house.counts(platform.organisation) == (200, 200)


def event(**changes: Any) -> dict[str, Any]:
    data = {
        "actor": {"account": {"homePage": "https://lms.example", "name": "ada"}},
        "verb": "http://adlnet.gov/expapi/verbs/completed",
        "object": "https://lms.example/courses/1",
    }
    made = {"specversion": "1.0", "source": "https://lms.example", "type": "deedlog.learning-event.v1", "data": data}
    return {**made, **changes}


async def test_events_and_statements_go_through_one_spool(
    kind: Kind, gate: Gate, house: House, platform: Platform, spool: Path
) -> None:
    async with opened(kind, gate.origin, platform.secret, spool) as client:
        await client.send(event())
        await client.send(statement())
        await client.send(event(id="lesson-7"))
        await client.send(event(id="lesson-7"))
        bad = await client.send(event(data={"actor": {}}))
        assert await client.flush(FLUSH_SECONDS)
        (refused,) = await client.refused()
        assert (refused.id, refused.source) == (bad, "https://lms.example")
        assert all(reason.pointer.startswith("/data") for reason in refused.refusal.reasons)
        await client.resend(bad, event(id=bad), source="https://lms.example")
        assert await client.flush(FLUSH_SECONDS)
        await client.send(event(id="lesson-7"))
        assert await client.flush(FLUSH_SECONDS)
        assert await client.progress() == Progress(delivered=5, waiting=0, refused=0, problem=None)
    assert await house.counts(platform.organisation) == (4, 4)


class WithoutBulk(httpx.HTTPTransport):
    """The way to a server that has the standard's door only."""

    asked: ClassVar[list[str]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.path)
        if request.url.path.startswith("/v1/"):
            return httpx.Response(404, content=b"nothing here")
        return super().handle_request(request)


async def test_a_server_without_the_bulk_door_is_asked_by_the_standards(
    gate: Gate, house: House, platform: Platform, spool: Path
) -> None:
    def use() -> None:
        with Client(gate.origin, platform.secret, spool, transport=WithoutBulk()) as client:
            client.send_many([statement(), statement(verb={}), statement()])
            assert client.flush(FLUSH_SECONDS)
            client.send(statement())
            assert client.flush(FLUSH_SECONDS)
            assert client.progress() == Progress(delivered=3, waiting=0, refused=1, problem=None)

    await asyncio.to_thread(use)
    assert await house.counts(platform.organisation) == (3, 3)
    assert WithoutBulk.asked[0] == "/v1/statements:bulk"
    assert set(WithoutBulk.asked[1:]) == {"/xapi/statements"}
