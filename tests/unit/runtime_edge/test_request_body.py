"""A body costs no more than was said: in bytes, inflated bytes, and time."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.kernel.errors import Rejected, TooLarge, Unsupported
from shared.runtime.edge_errors import ClientGone, SlowBody
from shared.runtime.request_body import RequestBody
from tests.unit.runtime_edge.bodies import body_of, chunks_of

CODINGS: dict[str, Callable[[bytes], bytes]] = {"identity": bytes, "gzip": gzip.compress, "deflate": zlib.compress}
MEGABYTE = 1 << 20


def split(raw: bytes, cuts: list[int]) -> list[bytes]:
    edges = [0, *sorted(cut % (len(raw) + 1) for cut in cuts), len(raw)]
    return [raw[start:end] for start, end in itertools.pairwise(edges)]


@settings(max_examples=60)
@given(st.binary(max_size=3000), st.lists(st.integers(0, 5000), max_size=5), st.sampled_from(sorted(CODINGS)))
async def test_however_a_body_is_compressed_and_cut_it_arrives_whole(
    content: bytes, cuts: list[int], coding: str
) -> None:
    parts = split(CODINGS[coding](content), cuts)
    assert await body_of(parts, content_encoding=coding).read() == content
    assert await chunks_of(body_of(parts, content_encoding=coding)) == content


@settings(max_examples=60)
@given(st.integers(0, 300), st.integers(1, 300), st.sampled_from(sorted(CODINGS)))
async def test_the_bound_holds_to_the_byte_for_what_was_sent_and_what_it_inflates_to(
    size: int, bytes_max: int, coding: str
) -> None:
    raw = CODINGS[coding](b"x" * size)
    may = size <= bytes_max and len(raw) <= bytes_max
    if may:
        assert len(await body_of([raw], content_encoding=coding).read(bytes_max)) == size
    else:
        with pytest.raises(TooLarge, match=f"more than {bytes_max} bytes"):
            await body_of([raw], content_encoding=coding).read(bytes_max)


async def test_a_body_that_is_wanted_as_sent_is_not_inflated_and_its_bound_holds_to_the_byte() -> None:
    raw = CODINGS["gzip"](b"x" * 500)
    for coding in ("gzip", "zstd"):
        body = body_of(split(raw, [3, 11]), content_encoding=coding)
        assert b"".join([chunk async for chunk in body.chunks_as_sent(len(raw))]) == raw
    with pytest.raises(TooLarge, match=f"more than {len(raw) - 1} bytes"):
        _ = [chunk async for chunk in body_of([raw]).chunks_as_sent(len(raw) - 1)]


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_an_inflation_bomb_costs_no_more_than_the_bound(coding: str) -> None:
    bomb = CODINGS[coding](b"\0" * (200 * MEGABYTE))
    tracemalloc.start()
    with pytest.raises(TooLarge, match="more than 2097152 bytes, sent or inflated"):
        await body_of([bomb], content_encoding=coding).read(2 * MEGABYTE)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * MEGABYTE


async def test_too_much_is_refused_by_its_announcement_before_anything_is_read() -> None:
    async def receive() -> dict[str, object]:
        raise AssertionError("nothing should be read")

    body = RequestBody({"content-length": "101"}, receive)
    with pytest.raises(TooLarge):
        await body.read(100)


async def test_a_body_that_lies_about_its_length_is_still_bounded() -> None:
    with pytest.raises(TooLarge):
        await body_of([b"x" * 60, b"x" * 60], content_length="60").read(100)


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (gzip.compress(b"whole", mtime=0)[:-3], "ends too early"),
        (b"", "ends too early"),
        (gzip.compress(b"one", mtime=0) + gzip.compress(b"two", mtime=0), "something follows"),
        (gzip.compress(b"one", mtime=0) + b"rest", "something follows"),
        (b"plain", "not in the coding"),
        (zlib.compress(b"other"), "not in the coding"),
    ],
)
async def test_what_does_not_inflate_is_refused(raw: bytes, rule: str) -> None:
    with pytest.raises(Rejected, match=rule):
        await body_of([raw], content_encoding="gzip").read()


@pytest.mark.parametrize("coding", ["br", "gzip, gzip", "zstd", "x" * 500])
async def test_another_coding_is_unsupported(coding: str) -> None:
    with pytest.raises(Unsupported) as caught:
        await body_of([b""], content_encoding=coding).read()
    assert caught.value.faults[0].pointer == "content-encoding"
    assert len(caught.value.message) < 200


async def test_a_whole_body_that_dribbles_in_is_given_up_on() -> None:
    body = body_of([b"x"] * 100, seconds_max=0.1, pause_seconds=0.03)
    with pytest.raises(SlowBody, match=r"within 0\.1 s"):
        await body.read()


async def test_a_stream_may_take_long_as_long_as_it_moves() -> None:
    moving = body_of([b"x"] * 8, seconds_max=0.5, pause_seconds=0.1)
    assert await chunks_of(moving) == b"xxxxxxxx"
    stuck = body_of([b"x"] * 6, seconds_max=0.05, pause_seconds=1)
    with pytest.raises(SlowBody):
        await chunks_of(stuck)


async def test_a_caller_that_hangs_up_is_told_apart_from_an_end() -> None:
    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    with pytest.raises(ClientGone):
        await RequestBody({"content-length": "5"}, receive).read()


async def test_a_body_that_was_read_whole_can_be_read_again_under_another_bound() -> None:
    body = body_of([b"hello"])
    assert await body.read() == b"hello"
    assert await body.read(5) == b"hello"
    with pytest.raises(TooLarge):
        await body.read(4)


async def test_draining_ends_at_its_bound() -> None:
    sent = 0

    async def receive() -> dict[str, object]:
        nonlocal sent
        sent += 1
        return {"type": "http.request", "body": b"x" * MEGABYTE, "more_body": True}

    async with asyncio.timeout(5):
        await RequestBody({"transfer-encoding": "chunked"}, receive).drain()
    assert sent == 16


async def test_inflating_much_lets_others_have_their_turn() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.create_task(others())
    await body_of([gzip.compress(b"\0" * (8 * MEGABYTE))], content_encoding="gzip").read()
    beside.cancel()
    assert turns >= 16
