"""An upload is inflated to its bytes, however it comes, and never beyond its bound."""

from __future__ import annotations

import gzip
import random
import zlib

import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from services.learning_events.handlers.inflating import PIECE_BYTES, inflater_for
from shared.kernel.errors import Rejected, TooLarge

LINES = b"".join(b'{"line": %d, "salt": "%x"}\n' % (number, number**5) for number in range(3000))
FORMS = {
    "plain": LINES,
    "gzip": gzip.compress(LINES),
    "two members": gzip.compress(LINES[:999]) + gzip.compress(LINES[999:]),
    "zstd": zstd.compress(LINES),
    "two frames": zstd.compress(LINES[:999]) + zstd.compress(LINES[999:]),
    "zstd without sizes": zstd.ZstdCompressor().compress(LINES, zstd.ZstdCompressor.FLUSH_FRAME),
}


def inflated(packed: bytes, cuts: list[int], bytes_max: int = 1 << 30) -> bytes:
    inflater = inflater_for(packed[:4], bytes_max)
    pieces = []
    for start, end in zip([0, *cuts], [*cuts, len(packed)], strict=True):
        for piece in inflater.feed(packed[start:end]):
            assert len(piece) <= PIECE_BYTES
            pieces.append(piece)
    inflater.finish()
    return b"".join(pieces)


@pytest.mark.parametrize("form", FORMS)
@given(data=st.data())
def test_what_comes_out_is_what_was_packed_wherever_it_is_cut(form: str, data: st.DataObject) -> None:
    packed = FORMS[form]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(packed)), max_size=4)))
    assert inflated(packed, cuts) == LINES


@pytest.mark.parametrize("form", FORMS)
def test_the_bound_is_kept_to_the_byte(form: str) -> None:
    assert inflated(FORMS[form], [], len(LINES)) == LINES
    with pytest.raises(TooLarge):
        inflated(FORMS[form], [], len(LINES) - 1)


@pytest.mark.parametrize("form", ["gzip", "zstd"])
def test_an_upload_that_ends_too_early_is_refused(form: str) -> None:
    with pytest.raises(Rejected, match="too early"):
        inflated(FORMS[form][:-9], [])


@pytest.mark.parametrize("form", ["gzip", "zstd"])
def test_an_upload_that_was_damaged_is_refused(form: str) -> None:
    packed = bytearray(FORMS[form])
    for place in range(len(packed) // 2, len(packed) // 2 + 60):
        packed[place] ^= 0xFF
    with pytest.raises(Rejected):
        inflated(bytes(packed), [])


@pytest.mark.parametrize("pack", [gzip.compress, zstd.compress])
def test_a_bomb_is_refused_after_little_work(pack: object) -> None:
    assert callable(pack)
    bomb = pack(b"\n" * (64 << 20))
    with pytest.raises(TooLarge, match="200 times"):
        inflated(bomb, [])


def test_a_window_that_nobody_has_to_offer_is_refused() -> None:
    noise = random.Random(1).randbytes(1 << 20)
    wide = zstd.CompressionParameter.window_log
    options: dict[int, int] = {wide: 27, zstd.CompressionParameter.enable_long_distance_matching: 1}
    compressor = zstd.ZstdCompressor(options=options)
    packed = compressor.compress(noise * 20) + compressor.flush()
    with pytest.raises(Rejected, match="window"):
        inflated(packed, [])


def test_what_only_begins_like_gzip_is_refused() -> None:
    with pytest.raises(Rejected, match="gzip"):
        inflated(b"\x1f\x8b" + zlib.compress(LINES), [])
