"""Hashes that cannot be taken for one another: every use names its domain, every part says how long it is.

Layout of `tagged(domain, *parts)`, hashed with SHA-256:

    "deedlog/" domain 0x00                      UTF-8; the domain holds no NUL, so the prefix ends where it seems to
    for each part: length (8 bytes, big endian) then the part

Two different (domain, parts) never give the same input: the prefix is decodable up to its NUL and each part up to its
stated length. RFC 9162 tree hashes and C2SP key ids keep the layouts of their own specifications; they live in
`merkle.py` and `checkpoint.py`. Pure: imports nothing but the standard library.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import Final

from .errors import Rejected

HASH_SIZE: Final = 32
"""Bytes in every hash here."""

_TEXT: Final = re.compile(r"sha256:[0-9a-f]{64}")


def sha256(data: bytes) -> bytes:
    """Return the 32-byte SHA-256 of `data`, with no domain; for digests that others must be able to recompute."""
    return hashlib.sha256(data).digest()


def tagged(domain: str, *parts: bytes) -> bytes:
    """Return the 32-byte hash of `parts` under `domain`; the layout is at the head of this module.

    Raises ValueError for an empty domain or one that holds a NUL.
    """
    if not domain or "\0" in domain:
        raise ValueError(f"a domain is a text without NUL: {domain!r}")
    state = hashlib.sha256(f"deedlog/{domain}\0".encode())
    for part in parts:
        state.update(len(part).to_bytes(8, "big"))
        state.update(part)
    return state.digest()


def commit(salt: bytes, message: bytes) -> bytes:
    """Return the 32-byte commitment HMAC-SHA256(salt, message).

    Binding always; hiding while the salt stays secret and is random. The salt has 16 to 64 bytes: below, a short
    message could be guessed; above, HMAC would hash it and two salts could open one commitment.
    Raises ValueError for another length.
    """
    if not 16 <= len(salt) <= 64:
        raise ValueError(f"a salt has 16 to 64 bytes, got {len(salt)}")
    return hmac.digest(salt, message, "sha256")


def opens(commitment: bytes, salt: bytes, message: bytes) -> bool:
    """Say whether `salt` and `message` open `commitment`; False too for a salt of a length `commit` refuses."""
    return 16 <= len(salt) <= 64 and hmac.compare_digest(commitment, commit(salt, message))


def hex_digest(data: bytes) -> str:
    """Return the SHA-256 of `data` in 64 lower-case hexadecimal characters."""
    return hashlib.sha256(data).hexdigest()


def digest_text(digest: bytes) -> str:
    """Return a 32-byte digest as `sha256:<hex>`, the one form facts and replies use. Raises ValueError otherwise."""
    if len(digest) != HASH_SIZE:
        raise ValueError(f"a SHA-256 digest has {HASH_SIZE} bytes, got {len(digest)}")
    return f"sha256:{digest.hex()}"


def parse_digest_text(text: str, pointer: str = "") -> bytes:
    """Return the 32 bytes a `sha256:<hex>` text names. Raises Rejected at `pointer` for another form."""
    if _TEXT.fullmatch(text) is None:
        raise Rejected.of(pointer, "no SHA-256 digest in its text form", "Write sha256: and 64 lower-case hex digits.")
    return bytes.fromhex(text[7:])
