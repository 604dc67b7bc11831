"""Identifiers: a prefix that says what it names, then a time-ordered UUID (RFC 9562 §5.7) in Crockford base 32.

    prs_06BZ8Q0T3V7M1N5K2R4W6Y8ZAC      a person

Distinct things get distinct types, so that a PersonId cannot be handed where an OrganisationId is wanted.
Pure: randomness and time are passed in, except by the two `system_…` conveniences at the foot.
"""

from __future__ import annotations

import os
import re
import time
import uuid
from collections import deque
from collections.abc import Callable
from typing import Final, NewType

Subject = NewType("Subject", str)
"""Names a stream: nearly always a person's id, else an organisation's or a log's."""
PersonId = NewType("PersonId", str)
OrganisationId = NewType("OrganisationId", str)
AccountId = NewType("AccountId", str)
GrantId = NewType("GrantId", str)
KeyId = NewType("KeyId", str)
ProjectId = NewType("ProjectId", str)
SubmissionId = NewType("SubmissionId", str)
EvidenceId = NewType("EvidenceId", str)
ReviewId = NewType("ReviewId", str)
CredentialId = NewType("CredentialId", str)
FactId = NewType("FactId", str)
"""A CloudEvents `id`: a UUIDv7 in its usual 36 characters, unique over all sources."""

PREFIXES: Final = {
    "person": "prs",
    "organisation": "org",
    "account": "acc",
    "grant": "grt",
    "key": "key",
    "project": "prj",
    "submission": "sub",
    "evidence": "evd",
    "review": "rev",
    "claim": "clm",
    "credential": "vcr",
    "request": "vrq",
    "access": "axs",
    "session": "ses",
    "import": "imp",
}

_ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_SHAPE: Final = re.compile(r"([a-z]{3})_([0-9A-HJKMNP-TV-Z]{26})")

RandomBytes = Callable[[int], bytes]


def uuid7(unix_milliseconds: int, random_bytes: RandomBytes) -> uuid.UUID:
    """Return a version 7 UUID: 48 bits of time, 74 random bits. RFC 9562 §5.7."""
    value = (unix_milliseconds & (1 << 48) - 1) << 80 | int.from_bytes(random_bytes(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return uuid.UUID(int=value)


def uuid7_text(unix_milliseconds: int, random_bytes: RandomBytes) -> str:
    """Return the 36 characters of what `uuid7` returns for the same time and bytes, in half the time."""
    digits = random_bytes(10).hex()
    variant = "89ab"[int(digits[4], 16) & 3]
    time_digits = f"{unix_milliseconds & (1 << 48) - 1:012x}"
    return f"{time_digits[:8]}-{time_digits[8:]}-7{digits[1:4]}-{variant}{digits[5:8]}-{digits[8:]}"


def uuid4_in_order(unix_milliseconds: int, random_bytes: RandomBytes) -> uuid.UUID:
    """Return 48 bits of time and 74 random bits as a UUID that calls itself version 4.

    For ids that leave the house where RFC 4122 is the rule, as in xAPI 1.0.3: it ends at version 5, and clients in use
    refuse a 7. Neighbours in time stay neighbours in an index.
    """
    value = uuid7(unix_milliseconds, random_bytes).int
    return uuid.UUID(int=value & ~(0xF << 76) | 0x4 << 76)


def prefixed(prefix: str, value: uuid.UUID) -> str:
    """Return `prefix_` and the UUID's 128 bits in 26 characters of Crockford base 32, sorting as the UUID does."""
    number = value.int
    characters = [_ALPHABET[number >> shift & 31] for shift in range(125, -1, -5)]
    return f"{prefix}_{''.join(characters)}"


def has_prefix(text: str, prefix: str) -> bool:
    """Say whether `text` is a well-formed identifier of the kind `prefix`."""
    match = _SHAPE.fullmatch(text)
    return match is not None and match.group(1) == prefix


def system_uuid7() -> uuid.UUID:
    """Return a UUIDv7 from the machine's clock and randomness; for composition roots and doors only."""
    return uuid7(time.time_ns() // 1_000_000, os.urandom)


def system_uuid4() -> uuid.UUID:
    """Return `uuid4_in_order` from the machine's clock and randomness; for composition roots and doors only."""
    return uuid4_in_order(time.time_ns() // 1_000_000, os.urandom)


def system_id(kind: str) -> str:
    """Return a fresh identifier of the kind named in PREFIXES, such as "person"; for doors only."""
    return prefixed(PREFIXES[kind], system_uuid7())


def system_fact_id() -> FactId:
    """Return a fresh fact id; for doors only."""
    return FactId(uuid7_text(time.time_ns() // 1_000_000, _random_ten))


_TENS: Final[deque[bytes]] = deque()
"""Random bytes drawn from the system in advance, ten a fact id: a draw costs by the call. No processes share any."""
_TENS_AT_ONCE: Final = 128
os.register_at_fork(after_in_child=_TENS.clear)


def _random_ten(_: int) -> bytes:
    """Return ten random bytes that nobody else gets."""
    try:
        return _TENS.pop()
    except IndexError:
        drawn = os.urandom(10 * _TENS_AT_ONCE)
        _TENS.extend(drawn[at : at + 10] for at in range(10, len(drawn), 10))
        return drawn[:10]
