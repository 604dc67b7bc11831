"""The feed over a real gRPC door: what it serves, what it bounds, and what a caller makes of an owner that is away."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import grpc
import pytest

from deedlog.facts.v1 import facts_pb2, service_pb2_grpc
from infra.embedded.ports import free_port
from shared.kernel.errors import Broken, NotFound, Rejected, Unavailable
from shared.kernel.ids import system_fact_id
from shared.runtime.auth import ServiceTokenAuthenticator
from shared.runtime.feed import FeedServicer, RpcFeed
from shared.runtime.grpc import RpcServer, channel, kernel_errors
from shared.runtime.postgres import Pool
from shared.runtime.stream_store import HEADS_MAX, READ_MAX, SCAN_MAX, SUBJECTS_MAX, Head, LogPosition, StreamStore

from .house import SERVICE_TOKEN, House, new_fact

pytestmark = pytest.mark.parametrize("broker", ["embedded"], indirect=True)


@pytest.fixture
async def door(house: House) -> AsyncIterator[RpcServer]:
    """The teller's gRPC door."""
    await house.start_teller()

    def present_teller() -> tuple[StreamStore, Pool]:
        return house.teller.feed_store()

    server = RpcServer("127.0.0.1", 0, ServiceTokenAuthenticator(SERVICE_TOKEN))
    server.add(
        FeedServicer({house.source.name: present_teller}),
        service_pb2_grpc.add_FactFeedServiceServicer_to_server,
    )
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
async def wire(door: RpcServer) -> AsyncIterator[grpc.aio.Channel]:
    """A channel of one of our services to that door."""
    opened = channel(f"127.0.0.1:{door.port}", SERVICE_TOKEN)
    yield opened
    await opened.close()


@pytest.fixture
def feed(house: House, wire: grpc.aio.Channel) -> RpcFeed:
    """The teller's feed as another process sees it."""
    return RpcFeed({house.source.name: wire})


async def test_read_gives_the_facts_after_a_number_and_the_head(house: House, feed: RpcFeed) -> None:
    told = await house.tell(*(new_fact("ada", organisation=None) for _ in range(5)))
    assert await feed.read(house.source.name, "ada", 2, 2) == (told[2:4], 5)
    assert await feed.read(house.source.name, "ada", 5, 10) == ([], 5)
    assert await feed.read(house.source.name, "nobody", 0, 10) == ([], 0)


async def test_an_erased_fact_and_one_of_an_organisation_cross_the_wire_unchanged(house: House, feed: RpcFeed) -> None:
    async with house.teller.door("org_a") as tx:
        await tx.lock(["ada"])
        await house.teller.store.append(tx, [new_fact("ada", organisation="org_a")])
    async with house.teller.backbone() as tx:
        await tx.lock(["ada"])
        await house.teller.store.erase(tx, "ada", system_fact_id())
    over_the_wire, _ = await feed.read(house.source.name, "ada", 0, 10)
    at_home, _ = await house.feed.read(house.source.name, "ada", 0, 10)
    assert over_the_wire == at_home
    assert [fact.is_erased for fact in over_the_wire] == [True, False]
    assert over_the_wire[0].organisation == "org_a"


async def test_heads_names_each_stream_that_moved_with_its_newest_fact(house: House, feed: RpcFeed) -> None:
    told = await house.tell(new_fact("ada"), new_fact("bea"), new_fact("ada"))
    page = await feed.heads(house.source.name, LogPosition(), 10)
    assert {(head.subject, head.number, head.fact_id) for head in page.heads} == {
        ("ada", 2, told[2].id),
        ("bea", 1, told[1].id),
    }
    assert not page.has_more
    assert (await feed.heads(house.source.name, page.next, 10)).heads == ()
    await house.tell(new_fact("bea"))
    later = await feed.heads(house.source.name, page.next, 10)
    assert [(head.subject, head.number) for head in later.heads] == [("bea", 2)]


async def test_pages_of_heads_meet_every_stream_exactly_once(house: House, feed: RpcFeed) -> None:
    for _ in range(3):
        await house.tell(*(new_fact(f"person{number}") for number in range(20)))
    met: list[Head] = []
    since, has_more = LogPosition(), True
    while has_more:
        page = await feed.heads(house.source.name, since, 7)
        met += page.heads
        since, has_more = page.next, page.has_more
    assert sorted((head.subject, head.number) for head in met) == sorted((f"person{n}", 3) for n in range(20))


async def test_heads_of_named_streams_leave_out_who_is_unknown(house: House, feed: RpcFeed) -> None:
    await house.tell(new_fact("ada"), new_fact("ada"))
    heads = await feed.heads_of(house.source.name, ["nobody", "ada"])
    assert [(head.subject, head.number) for head in heads] == [("ada", 2)]


async def test_scan_gives_every_fact_in_log_order_and_can_be_taken_up_again(house: House, feed: RpcFeed) -> None:
    for _ in range(25):
        await house.tell(*(new_fact(f"person{number}") for number in range(50)))
    pages = [page async for page in feed.scan(house.source.name, LogPosition())]
    assert [len(facts) for facts, _ in pages] == [1_000, 250]
    rest = [fact async for facts, _ in feed.scan(house.source.name, pages[0][1]) for fact in facts]
    assert rest == pages[1][0]
    numbers: dict[str, list[int]] = {}
    for facts, _ in pages:
        for fact in facts:
            numbers.setdefault(fact.subject, []).append(fact.number)
    assert numbers == {f"person{number}": list(range(1, 26)) for number in range(50)}


READ, HEADS, SCAN = facts_pb2.ReadRequest, facts_pb2.HeadsRequest, facts_pb2.ScanRequest
S = "learning_events"
AT_THE_BOUND = [
    ("Read", READ(source=S, subject="ada", limit=1)),
    ("Read", READ(source=S, subject="ada", limit=READ_MAX)),
    ("Read", READ(source=S, subject="ada", limit=1, after=2**63 - 1)),
    ("Heads", HEADS(source=S, limit=HEADS_MAX)),
    ("Heads", HEADS(source=S, subjects=[f"person{number}" for number in range(SUBJECTS_MAX)])),
    ("Scan", SCAN(source=S, page_size=SCAN_MAX)),
    ("Scan", SCAN(source=S, page_size=1, since=facts_pb2.Position(epoch=2**31 - 1, xid=2**64 - 1, row=2**63 - 1))),
]
ONE_OVER = [
    ("Read", READ(source=S, subject="ada", limit=0), "/limit"),
    ("Read", READ(source=S, subject="ada", limit=READ_MAX + 1), "/limit"),
    ("Read", READ(source=S, subject="ada", limit=1, after=2**63), "/after"),
    ("Heads", HEADS(source=S, limit=0), "/limit"),
    ("Heads", HEADS(source=S, limit=HEADS_MAX + 1), "/limit"),
    ("Heads", HEADS(source=S, limit=1, since=facts_pb2.Position(epoch=2**31)), "/since/epoch"),
    ("Heads", HEADS(source=S, subjects=[f"person{number}" for number in range(SUBJECTS_MAX + 1)]), "/subjects"),
    ("Scan", SCAN(source=S, page_size=0), "/page_size"),
    ("Scan", SCAN(source=S, page_size=SCAN_MAX + 1), "/page_size"),
    ("Scan", SCAN(source=S, page_size=1, since=facts_pb2.Position(row=2**63)), "/since/row"),
]


async def call(wire: grpc.aio.Channel, method: str, request: object) -> None:
    stub: Callable[..., object] = getattr(service_pb2_grpc.FactFeedServiceStub(wire), method)
    with kernel_errors(S):
        if method == "Scan":
            async for _ in stub(request):  # type: ignore[attr-defined]
                pass
        else:
            await stub(request)  # type: ignore[misc]


@pytest.mark.parametrize(("method", "request_"), AT_THE_BOUND)
async def test_a_request_at_its_bound_is_answered(wire: grpc.aio.Channel, method: str, request_: object) -> None:
    await call(wire, method, request_)


@pytest.mark.parametrize(("method", "request_", "pointer"), ONE_OVER)
async def test_a_request_one_over_its_bound_is_refused_at_the_field(
    wire: grpc.aio.Channel, method: str, request_: object, pointer: str
) -> None:
    with pytest.raises(Rejected) as caught:
        await call(wire, method, request_)
    assert [fault.pointer for fault in caught.value.faults] == [pointer]


async def test_a_source_that_is_not_told_here_is_named(wire: grpc.aio.Channel) -> None:
    with pytest.raises(NotFound, match="known: learning_events"):
        await call(wire, "Read", READ(source="identity", subject="ada", limit=1))


async def test_only_services_may_read_the_feed(door: RpcServer) -> None:
    stranger = channel(f"127.0.0.1:{door.port}", "a key somebody guessed, 32 letters")
    try:
        with pytest.raises(Broken, match="does not know the credential"):
            await call(stranger, "Read", READ(source=S, subject="ada", limit=1))
    finally:
        await stranger.close()


async def test_an_owner_that_is_away_is_unavailable_and_nothing_worse(house: House) -> None:
    nobody = channel(f"127.0.0.1:{free_port()}", SERVICE_TOKEN)
    away = RpcFeed({house.source.name: nobody})
    try:
        with pytest.raises(Unavailable):
            await away.read(house.source.name, "ada", 0, 1)
        with pytest.raises(Unavailable):
            await away.heads(house.source.name, LogPosition(), 1)
        with pytest.raises(Unavailable):
            _ = [page async for page in away.scan(house.source.name, LogPosition())]
        with pytest.raises(Unavailable, match="no address for identity"):
            await away.read("identity", "ada", 0, 1)
    finally:
        await nobody.close()


async def test_gaps_tails_and_rebuilds_are_served_over_the_wire(house: House, feed: RpcFeed) -> None:
    """The whole listener stands on the remote feed: it comes late, loses a middle and a tail, and is rebuilt."""
    house.listener_feed = feed
    await house.tell_many(["ada", "bea"], 5)
    await house.start_listener(tail_age_seconds=3_600)
    await house.until_heard()
    await house.lose(new_fact("ada"))
    await house.tell(new_fact("ada"))
    await house.until_heard()
    assert house.counts.gaps >= 1
    await house.lose(new_fact("bea"))
    house.listener_clock.ahead = timedelta(hours=2)
    await house.until_heard()
    await house.until_mended(1)
    progress = await house.rebuild(is_check_only=False)
    assert progress.live_digest == progress.rebuilt_digest
