"""One bit a credential, in the form the W3C Bitstring Status List 1.0 gives it; for issuer and verifier alike.

    encoded = "u" || base64url, no padding, of gzip of the bits          (§2.2 `encodedList`, §3.3, §3.4)

Index 0 is the leftmost bit: the most significant of the first byte. Pure; unpacking is bounded before it starts.
"""

from __future__ import annotations

import base64
import binascii
import gzip
import re
import zlib
from collections.abc import Iterable
from typing import Final

from .errors import Rejected

BITS_MIN: Final = 131_072
"""The least a list may hold, so that one member hides among many (§6.1)."""
BITS_MAX: Final = 1 << 23
"""1 MiB unpacked: the most we write or unpack."""
ENCODED_CHARACTERS_MAX: Final = 1 << 21
"""No list of BITS_MAX is longer; longer texts are refused unread."""

_MULTIBASE: Final = re.compile(r"u[A-Za-z0-9_-]+")
_GZIP_WINDOW: Final = 31
"""zlib's name for `gzip container, 32 KiB window`."""


def encode(flagged: Iterable[int], bits: int = BITS_MIN) -> str:
    """Return the encoded list of `bits` entries in which exactly those of `flagged` are 1.

    Raises Rejected for a length that is no multiple of 8 between BITS_MIN and BITS_MAX, or an index outside it.
    """
    if bits % 8 or not BITS_MIN <= bits <= BITS_MAX:
        raise Rejected.of(
            "", f"a status list has {BITS_MIN} to {BITS_MAX} entries, not {bits}", "Take a multiple of 8."
        )
    packed = bytearray(bits // 8)
    for index in flagged:
        if not 0 <= index < bits:
            raise Rejected.of("", f"the index {index} lies outside 0 to {bits - 1}", "Take an index of this list.")
        packed[index >> 3] |= 0x80 >> (index & 7)
    squeezed = gzip.compress(bytes(packed), compresslevel=9, mtime=0)
    return "u" + base64.urlsafe_b64encode(squeezed).rstrip(b"=").decode()


def decode(encoded: str) -> bytes:
    """Return the packed bits of an encoded list: 8 entries a byte, BITS_MIN to BITS_MAX of them.

    Raises Rejected when it is no multibase base64url, no single whole gzip member, too short or too long.
    """
    if len(encoded) > ENCODED_CHARACTERS_MAX or _MULTIBASE.fullmatch(encoded) is None:
        raise _malformed(f"it is `u` and base64url without padding, {ENCODED_CHARACTERS_MAX} characters at most")
    try:
        squeezed = base64.urlsafe_b64decode(encoded[1:] + "=" * (-len(encoded[1:]) % 4))
        unpacker = zlib.decompressobj(_GZIP_WINDOW)
        packed = unpacker.decompress(squeezed, BITS_MAX // 8 + 1)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise _malformed("it is base64url of gzip") from error
    if not unpacker.eof or unpacker.unused_data or len(packed) > BITS_MAX // 8:
        raise _malformed(f"it is one whole gzip member of at most {BITS_MAX // 8} bytes")
    if len(packed) * 8 < BITS_MIN:
        raise _malformed(f"it holds at least {BITS_MIN} entries, this one {len(packed) * 8}")
    return packed


def is_set(packed: bytes, index: int) -> bool:
    """Return whether the bit at `index` is 1. Raises Rejected when the list has no such index."""
    if not 0 <= index < len(packed) * 8:
        raise Rejected.of("", f"the index {index} lies outside a list of {len(packed) * 8}", "Ask for its own list.")
    return bool(packed[index >> 3] & 0x80 >> (index & 7))


def _malformed(rule: str) -> Rejected:
    return Rejected.of("/encodedList", f"no status list: {rule}", "Take the list as its issuer signed it.")
