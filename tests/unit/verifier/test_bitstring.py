"""Status lists say the bits they were made of, and nothing else is taken for one."""

from __future__ import annotations

import base64
import gzip

import pytest

from shared.kernel import bitstring
from shared.kernel.errors import Rejected


def multibase(raw: bytes) -> str:
    return "u" + base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def test_exactly_the_flagged_entries_are_set() -> None:
    packed = bitstring.decode(bitstring.encode({0, 7, 8, 131_071}))
    assert [index for index in range(131_072) if bitstring.is_set(packed, index)] == [0, 7, 8, 131_071]


def test_index_0_is_the_leftmost_bit() -> None:
    assert bitstring.decode(bitstring.encode({0}))[0] == 0b1000_0000


def test_the_same_flags_give_the_same_text() -> None:
    assert bitstring.encode({3, 5}) == bitstring.encode([5, 3, 3])


def test_the_list_of_another_implementation_is_read() -> None:
    # RFC 1952 made by another packer at another level, with a file name in its header.
    header = b"\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\xff" + b"bits\x00"
    body = gzip.compress(bytes([0, 1]) + bytes(16_382), compresslevel=1, mtime=0)[10:]
    packed = bitstring.decode(multibase(header + body))
    assert bitstring.is_set(packed, 15)
    assert not bitstring.is_set(packed, 14)


@pytest.mark.parametrize("index", [-1, 131_072, 2**40])
def test_an_index_outside_the_list_is_refused(index: int) -> None:
    packed = bitstring.decode(bitstring.encode(()))
    with pytest.raises(Rejected, match="lies outside"):
        bitstring.is_set(packed, index)
    with pytest.raises(Rejected, match="lies outside"):
        bitstring.encode({index})


@pytest.mark.parametrize("bits", [0, 8, 131_064, 131_073, bitstring.BITS_MAX + 8])
def test_a_list_of_a_forbidden_length_is_not_made(bits: int) -> None:
    with pytest.raises(Rejected, match="a status list has"):
        bitstring.encode((), bits)


@pytest.mark.parametrize(
    ("encoded", "rule"),
    [
        ("", "is `u`"),
        ("zH4sIA", "is `u`"),
        (bitstring.encode(())[1:], "is `u`"),
        (bitstring.encode(()) + "=", "is `u`"),
        ("u" + "A" * bitstring.ENCODED_CHARACTERS_MAX, "is `u`"),
        ("uAAAA", "base64url of gzip"),
        ("uA", "base64url of gzip"),
        (multibase(gzip.compress(bytes(16_384), mtime=0)[:-3]), "one whole gzip member"),
        (multibase(gzip.compress(bytes(16_384), mtime=0) + b"more"), "one whole gzip member"),
        (multibase(gzip.compress(bytes(16_383), mtime=0)), "holds at least"),
    ],
)
def test_a_text_that_is_no_list_is_refused(encoded: str, rule: str) -> None:
    with pytest.raises(Rejected, match=rule):
        bitstring.decode(encoded)


def test_a_list_that_unpacks_beyond_the_bound_is_refused_without_unpacking_it_all() -> None:
    longest = bitstring.BITS_MAX // 8
    assert len(bitstring.decode(multibase(gzip.compress(bytes(longest), mtime=0)))) == longest
    for size in (longest + 1, 64 * longest):
        with pytest.raises(Rejected, match="one whole gzip member of at most"):
            bitstring.decode(multibase(gzip.compress(bytes(size), mtime=0)))
