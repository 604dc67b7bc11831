"""The two leaves of the record, byte for byte; for the log that writes them and the verifier that reads them.

These layouts never change: whatever was written stays provable. A new layout is a new version byte beside the old one.

Event leaf, 64 bytes, a leaf of one person's stream (an RFC 9162 tree per person and project):

    offset  bytes  content
         0     32  HMAC-SHA256(key = kind salt, 16 bytes; message = the event's kind in UTF-8)
        32     32  HMAC-SHA256(key = event salt, 32 bytes; message = the canonical event, RFC 8785)

The kind is the event's CloudEvents `type`. It is committed apart from the event, so that a holder can show *what sort*
of thing is withheld without showing it. Both salts are random, one pair an event, derived from nothing: once they are
deleted, nobody, the log included, can tell which event the leaf stood for.

Head leaf, 105 bytes, a leaf of the one global log; it says which events a stream held at a moment:

    offset  bytes  content
         0      1  version, 0x01
         1     32  tag: random, used once; the name of this version of the stream
        33      8  size: events in the stream, unsigned, big endian, 1 or more
        41     32  root: RFC 9162 root of the stream over its first `size` event leaves
        73     32  HMAC-SHA256(key = blind, 32 bytes; message = the next head leaf's tag, 32 bytes)

The tag of the next head is fixed in the present one, so a version cannot have two successors; to anybody without the
blind, two heads of one stream have nothing in common. Sizes of the two leaves differ, and both differ from the 65
bytes of a tree node's input, so none can be taken for another. Pure: imports the kernel only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .errors import Rejected
from .hashing import HASH_SIZE, commit, opens

KIND_SALT_SIZE: Final = 16
EVENT_SALT_SIZE: Final = 32
EVENT_LEAF_SIZE: Final = 64

TAG_SIZE: Final = 32
BLIND_SIZE: Final = 32
HEAD_LEAF_SIZE: Final = 105
HEAD_LEAF_VERSION: Final = 1

_SIZE_MAX: Final = 2**63 - 1


def event_leaf(kind_salt: bytes, kind: str, event_salt: bytes, event: bytes) -> bytes:
    """Return the 64-byte leaf that commits to `kind` and to the canonical `event`. Raises Rejected for other salts."""
    _expect_size("kind salt", kind_salt, KIND_SALT_SIZE)
    _expect_size("event salt", event_salt, EVENT_SALT_SIZE)
    return commit(kind_salt, kind.encode()) + commit(event_salt, event)


def opens_kind(leaf: bytes, kind_salt: bytes, kind: str) -> bool:
    """Return whether the leaf's first half commits to `kind` under this salt of 16 bytes."""
    return len(kind_salt) == KIND_SALT_SIZE and opens(leaf[:HASH_SIZE], kind_salt, kind.encode())


@dataclass(frozen=True, slots=True)
class HeadLeaf:
    """What a head leaf says; `next_tag` is the commitment to the tag of the head that follows."""

    tag: bytes
    size: int
    root: bytes
    next_tag: bytes

    def __post_init__(self) -> None:
        if not len(self.tag) == len(self.root) == len(self.next_tag) == HASH_SIZE:
            for name, value in (("tag", self.tag), ("root", self.root), ("next tag commitment", self.next_tag)):
                _expect_size(name, value, HASH_SIZE)
        if not 1 <= self.size <= _SIZE_MAX:
            raise Rejected.of("", f"a stream with a head holds 1 to 2^63-1 events, not {self.size}", "Take its leaf.")

    def encode(self) -> bytes:
        """Return the 105 bytes of the leaf."""
        return bytes((HEAD_LEAF_VERSION,)) + self.tag + self.size.to_bytes(8, "big") + self.root + self.next_tag

    @classmethod
    def decode(cls, leaf: bytes) -> HeadLeaf:
        """Return what the 105 bytes say; `decode(leaf).encode()` is `leaf`. Raises Rejected for any other bytes."""
        _expect_size("head leaf", leaf, HEAD_LEAF_SIZE)
        if leaf[0] != HEAD_LEAF_VERSION:
            raise Rejected.of("", f"a head leaf of version {leaf[0]}, expected {HEAD_LEAF_VERSION}", "Update Deedlog.")
        return cls(leaf[1:33], int.from_bytes(leaf[33:41], "big"), leaf[41:73], leaf[73:])


def tag_commitment(blind: bytes, tag: bytes) -> bytes:
    """Return the 32 bytes by which a head leaf, or an opening event, fixes `tag` without showing it."""
    _expect_size("blind", blind, BLIND_SIZE)
    _expect_size("tag", tag, TAG_SIZE)
    return commit(blind, tag)


def _expect_size(name: str, value: bytes, size: int) -> None:
    if len(value) != size:
        raise Rejected.of("", f"a {name} has {size} bytes, this one {len(value)}", "Send it as the log wrote it.")
