"""Events over gRPC: the good are kept, each bad one comes back with its place, its rule and its mend."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from deedlog.learning_events.v1 import learning_events_pb2 as pb2
from deedlog.learning_events.v1 import service_pb2_grpc
from shared.kernel.errors import Forbidden, Rejected, TooLarge, Unavailable
from tests.suites.learning_events.house import House, Platform, items_of, statement

pytestmark = pytest.mark.asyncio(loop_scope="session")

XAPI = pb2.EVENT_FORMAT_XAPI
STORED, DUPLICATE = pb2.ITEM_OUTCOME_STORED, pb2.ITEM_OUTCOME_DUPLICATE
CONFLICT, INVALID = pb2.ITEM_OUTCOME_CONFLICT, pb2.ITEM_OUTCOME_INVALID
OTHER_VERB = {"id": "https://x.example/other"}


async def test_good_items_are_kept_and_bad_ones_come_back_with_their_reason(house: House, platform: Platform) -> None:
    kept = statement("ada")
    await platform.post(kept)
    bad = statement(actor={"mbox": "nobody"})
    sent: list[Any] = [
        statement("ben"),
        kept,
        statement(id=kept["id"], verb=OTHER_VERB),
        bad,
        b"{",
        b"[]",
        statement("cem"),
    ]
    results = await platform.publish(sent)
    assert [result.outcome for result in results] == [STORED, DUPLICATE, CONFLICT, INVALID, INVALID, INVALID, STORED]
    assert [result.id for result in results[:4]] == [sent[0]["id"], kept["id"], kept["id"], bad["id"]]
    assert [(result.id, result.pointer) for result in results[3:6]] == [(bad["id"], "/actor/mbox"), ("", ""), ("", "")]
    assert all(bool(result.rule and result.mend) == (result.outcome in {CONFLICT, INVALID}) for result in results)
    assert await house.counts(platform.organisation) == (3, 3)


async def test_what_is_acknowledged_can_be_read_at_once(platform: Platform) -> None:
    sent = statement()
    (result,) = await platform.publish([sent])
    assert (await platform.read(result.id) or {})["actor"] == sent["actor"]


async def test_an_event_without_an_id_is_told_the_one_it_was_given(platform: Platform) -> None:
    sent = statement()
    del sent["id"]
    (result,) = await platform.publish([sent])
    assert result.outcome == STORED
    assert await platform.read(result.id) is not None


async def test_of_one_id_in_a_batch_the_first_is_stored_and_the_others_stand_beside_it(
    house: House, platform: Platform
) -> None:
    first = statement()
    results = await platform.publish([first, {**first, "verb": OTHER_VERB}, first])
    assert [result.outcome for result in results] == [STORED, CONFLICT, DUPLICATE]
    assert (await platform.read(first["id"]) or {})["verb"] == first["verb"]
    assert await house.counts(platform.organisation) == (1, 1)


async def test_an_event_over_a_mebibyte_is_invalid_and_the_others_are_kept(platform: Platform) -> None:
    large = statement(result={"response": "x" * (1 << 20)})
    results = await platform.publish([large, statement()])
    assert [result.outcome for result in results] == [INVALID, STORED]


async def test_a_batch_at_its_bound_is_taken_and_one_more_is_too_large(house: House, platform: Platform) -> None:
    sent = [statement(f"person-{number}") for number in range(501)]
    with pytest.raises(TooLarge):
        await platform.publish(sent)
    assert await house.counts(platform.organisation) == (0, 0)
    assert {result.outcome for result in await platform.publish(sent[:500])} == {STORED}


async def test_an_empty_batch_and_an_unnamed_format_are_refused(platform: Platform) -> None:
    with pytest.raises(Rejected) as caught:
        await platform.publish([])
    assert caught.value.faults[0].pointer == "/items"
    async with platform.stub() as stub:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await stub.PublishBatch(pb2.PublishBatchRequest(items=items_of([statement()])))
    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_stream_is_acknowledged_batch_by_batch_in_order(house: House, platform: Platform) -> None:
    batches = [[statement(f"person-{batch}-{number}") for number in range(20)] for batch in range(5)]

    async def sending() -> AsyncIterator[pb2.PublishStreamRequest]:
        for number, batch in enumerate(batches):
            yield pb2.PublishStreamRequest(batch=number + 7, format=XAPI, items=items_of(batch))

    async with platform.stub() as stub:
        replies = [reply async for reply in stub.PublishStream(sending())]
    assert [reply.batch for reply in replies] == [7, 8, 9, 10, 11]
    assert [[result.id for result in reply.results] for reply in replies] == [
        [one["id"] for one in batch] for batch in batches
    ]
    assert await house.counts(platform.organisation) == (100, 100)


async def test_a_stream_that_breaks_keeps_what_it_acknowledged_and_nothing_else(
    house: House, platform: Platform
) -> None:
    async def sending() -> AsyncIterator[pb2.PublishStreamRequest]:
        yield pb2.PublishStreamRequest(batch=1, format=XAPI, items=items_of([statement()]))
        yield pb2.PublishStreamRequest(batch=2, items=items_of([statement()]))

    replies: list[pb2.PublishStreamResponse] = []

    async def receive(stub: service_pb2_grpc.LearningEventsServiceStub) -> None:
        async for reply in stub.PublishStream(sending()):
            replies.append(reply)  # noqa: PERF401 - what came before the stream broke is looked at

    async with platform.stub() as stub:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await receive(stub)
    assert failed.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert [reply.batch for reply in replies] == [1]
    assert await house.counts(platform.organisation) == (1, 1)


async def test_publishing_needs_a_key_that_may_write(house: House) -> None:
    with pytest.raises(Forbidden):
        await house.platform(["read"]).publish([statement()])
    stranger = house.platform()
    house.identity.keys.pop(stranger.secret)
    async with stranger.stub() as stub:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await stub.PublishBatch(pb2.PublishBatchRequest(format=XAPI, items=items_of([statement()])))
    assert failed.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_while_identity_is_away_a_batch_is_unavailable_and_nothing_is_stored(
    house: House, platform: Platform
) -> None:
    await platform.publish([statement("known")])
    house.identity.is_away = True
    try:
        with pytest.raises(Unavailable) as caught:
            await platform.publish([statement("new")])
    finally:
        house.identity.is_away = False
    assert caught.value.retry_after_seconds == 2
    assert await house.counts(platform.organisation) == (1, 1)
