"""Inflates what was uploaded, never further than was asked: gzip, zstd, or lines as they are, told by the first bytes.

JSON begins with neither of the two marks, so nobody has to say how a file is packed. A bomb costs what an honest upload
of the bound costs: the inflater is asked for one piece after the other, and stops at the bound, or where bytes come out
that no text of events would give.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Iterator
from typing import Final, Protocol

from shared.kernel.errors import Rejected, TooLarge

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

PIECE_BYTES: Final = 64 << 10
"""Inflated at once, and cut into lines at once: some ms, if each line has one byte."""
RATIO_MAX: Final = 200
"""Bytes out of one byte in. Exports of statements give 10 to 40, because every one has an id and a time."""
RATIO_FROM_BYTES: Final = 16 << 20
"""Up to here any ratio is taken: a small file may well repeat itself."""
ZSTD_WINDOW_LOG_MAX: Final = 23
"""A window of 8 MiB, which every reader has to offer (RFC 8878 §3.1.1.1.2) and `zstd` up to level 19 keeps to."""
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
MARK_BYTES: Final = 4
"""What `inflater_for` has to see."""


class Inflater(Protocol):
    """Gives back what was packed."""

    def feed(self, raw: bytes) -> Iterator[bytes]:
        """Yield what `raw` inflates to, by pieces of at most PIECE_BYTES. Raises Rejected or TooLarge."""
        ...

    def finish(self) -> None:
        """Raise Rejected unless what was fed is whole."""
        ...


def inflater_for(first: bytes, bytes_max: int) -> Inflater:
    """Return what inflates an upload whose first MARK_BYTES are `first`, up to `bytes_max` bytes."""
    if first.startswith(_GZIP):
        return _Packed(_Gzip(), bytes_max)
    if first.startswith(_ZSTD):
        return _Packed(_Zstd(), bytes_max)
    return _Plain(bytes_max)


def is_packed(first: bytes) -> bool:
    """Say whether an upload that begins so is compressed, so that it can be read from its beginning only."""
    return first.startswith((_GZIP, _ZSTD))


class _Plain:
    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = self._left = bytes_max

    def feed(self, raw: bytes) -> Iterator[bytes]:
        for start in range(0, len(raw), PIECE_BYTES):
            piece = raw[start : start + PIECE_BYTES]
            self._left -= len(piece)
            if self._left < 0:
                raise _too_large(self._bytes_max)
            yield piece

    def finish(self) -> None:
        return


class _Packed:
    """Inflates members or frames, one after the other, as `cat a.gz b.gz` joins them."""

    def __init__(self, coding: _Coding, bytes_max: int) -> None:
        self._coding = coding
        self._bytes_max = bytes_max
        self._taken = self._given = 0
        self._is_between = True

    def feed(self, raw: bytes) -> Iterator[bytes]:
        self._taken += len(raw)
        while True:
            if self._is_between and raw:
                self._coding.begin()
                self._is_between = False
            if self._is_between:
                return
            piece, raw, is_hungry = self._coding.step(raw, min(PIECE_BYTES, self._bytes_max - self._given + 1))
            self._count(len(piece))
            if piece:
                yield piece
            self._is_between = self._coding.is_ended
            if is_hungry and not raw and not self._is_between:
                return

    def finish(self) -> None:
        if not self._is_between:
            raise _does_not_inflate("the compressed upload ends too early")

    def _count(self, more: int) -> None:
        self._given += more
        if self._given > self._bytes_max:
            raise _too_large(self._bytes_max)
        if self._given > RATIO_FROM_BYTES and self._given > RATIO_MAX * self._taken:
            rule = f"it inflates to more than {RATIO_MAX} times its size, as no list of events does"
            raise TooLarge.of("", rule, "Send the lines without compression.")


class _Coding(Protocol):
    """One way of packing. `step` returns what came out, what of the input is left, and whether it wants more."""

    is_ended: bool

    def begin(self) -> None: ...

    def step(self, raw: bytes, bytes_max: int) -> tuple[bytes, bytes, bool]: ...


class _Gzip:
    def __init__(self) -> None:
        self.is_ended = False

    def begin(self) -> None:
        self._member = zlib.decompressobj(31)
        self.is_ended = False

    def step(self, raw: bytes, bytes_max: int) -> tuple[bytes, bytes, bool]:
        try:
            piece = self._member.decompress(raw, bytes_max)
        except zlib.error:
            raise _does_not_inflate("it begins as gzip and is none") from None
        self.is_ended = self._member.eof
        if self.is_ended:
            return piece, self._member.unused_data, True
        # With no input left zlib may still hold output, which an empty step would bring.
        return piece, self._member.unconsumed_tail, len(piece) < bytes_max


class _Zstd:
    def __init__(self) -> None:
        self.is_ended = False

    def begin(self) -> None:
        self._frame = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG_MAX})
        self.is_ended = False

    def step(self, raw: bytes, bytes_max: int) -> tuple[bytes, bytes, bool]:
        try:
            piece = self._frame.decompress(raw, bytes_max)
        except zstd.ZstdError:
            raise _does_not_inflate("it begins as zstd and is none, or needs a window over 8 MiB") from None
        self.is_ended = self._frame.eof
        if self.is_ended:
            return piece, self._frame.unused_data, True
        # What it was fed and did not use it keeps itself.
        return piece, b"", self._frame.needs_input


def _does_not_inflate(rule: str) -> Rejected:
    return Rejected.of("", rule, "Pack the file anew: with gzip, or with zstd up to level 19 and without --long.")


def _too_large(bytes_max: int) -> TooLarge:
    return TooLarge.of("", f"it has more than {bytes_max} bytes, once inflated", "Cut it into several imports.")
