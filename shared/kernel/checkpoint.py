"""Checkpoints: what a log signs to say "this is all of me, and I only grew" (C2SP tlog-checkpoint).

    <origin>            names the log; here also the name of the key that signs for it
    <size>              leaves in the tree, decimal
    <root>              base 64 of the RFC 9162 root at that size
    <extension lines>   opaque, optional, discouraged

A checkpoint proves nothing until its note is opened under a key pinned before. Signatures of witnesses ride along in
the note (`signed_note.py`). Pure: no IO.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from .errors import Rejected, SignatureRejected
from .hashing import HASH_SIZE
from .merkle import empty_root
from .signed_note import (
    KeyType,
    OpenedNote,
    VerifierKey,
    decode_base64,
    encode_base64,
    open_note,
    parse_vkey,
    sign_note,
)
from .signing import Signer
from .tree_shape import SIZE_MAX

__all__ = [
    "Checkpoint",
    "KeyType",
    "OpenedNote",
    "SignedCheckpoint",
    "VerifierKey",
    "open_checkpoint",
    "open_note",
    "parse_checkpoint",
    "parse_decimal",
    "parse_vkey",
    "sign_checkpoint",
    "sign_note",
]

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")
_MEND: Final = "Give the checkpoint exactly as the log wrote it."


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of one log at one size, not yet signed or no longer in its note.

    Raises Rejected for an origin or extension that is empty or holds a line break, a size out of range, a root that has
    not 32 bytes, and a tree of size 0 with another root than the empty one.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check that the body of these values is a checkpoint and reads back as them."""
        if not all(line and line.isprintable() for line in (self.origin, *self.extensions)):
            raise Rejected.of("", "an origin or extension line is printable text and not empty", _MEND)
        if not 0 <= self.size <= SIZE_MAX:
            raise Rejected.of("", f"expected a size between 0 and {SIZE_MAX}, got {self.size}", _MEND)
        if len(self.root) != HASH_SIZE:
            raise Rejected.of("", f"expected a root of {HASH_SIZE} bytes, got {len(self.root)}", _MEND)
        if self.size == 0 and self.root != empty_root():
            raise Rejected.of("", "a tree of size 0 has the empty root", _MEND)

    def body(self) -> str:
        """Return the text that is signed, with its final newline."""
        lines = (self.origin, str(self.size), encode_base64(self.root), *self.extensions)
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint whose log signature was verified.

    signers: names of all known keys that signed it; the log's own, equal to the origin, is among them.
    """

    checkpoint: Checkpoint
    signers: tuple[str, ...]


def parse_checkpoint(body: str) -> Checkpoint:
    """Return the checkpoint of a note's text. Checks no signature. Raises Rejected when it is none."""
    lines = body.split("\n")
    if len(lines) < 4 or lines.pop():
        raise Rejected.of("", "a checkpoint has an origin, a size and a root, a line each", _MEND)
    origin, size, root, *extensions = lines
    return Checkpoint(origin, parse_decimal(size), decode_base64(root, "the root"), tuple(extensions))


def sign_checkpoint(checkpoint: Checkpoint, signer: Signer) -> str:
    """Return the note of `checkpoint`, signed under its origin as key name.

    What the caller owes: never to sign two checkpoints of which one is not a beginning of the other.
    """
    return sign_note(checkpoint.body(), checkpoint.origin, signer)


def open_checkpoint(note: str, keys: Iterable[VerifierKey]) -> SignedCheckpoint:
    """Return the checkpoint of a note that the key named like its origin signed, and who else of `keys` did.

    That the name equals the origin is our rule; C2SP only recommends it. Raises Rejected when it is no checkpoint,
    SignatureRejected when the log's signature is missing or any known one is false.
    """
    opened = open_note(note, keys)
    checkpoint = parse_checkpoint(opened.text)
    if checkpoint.origin not in opened.signers:
        raise SignatureRejected(f"expected a signature of the log {checkpoint.origin}, got {', '.join(opened.signers)}")
    return SignedCheckpoint(checkpoint, opened.signers)


def parse_decimal(text: str) -> int:
    """Return the number of an ASCII decimal without leading zeroes, up to SIZE_MAX; raise Rejected for others."""
    if _DECIMAL.fullmatch(text) is None or int(text) > SIZE_MAX:
        raise Rejected.of("", f"expected a decimal number up to {SIZE_MAX} without leading zeroes", _MEND)
    return int(text)
