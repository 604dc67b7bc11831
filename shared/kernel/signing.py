"""Ed25519 signatures (RFC 8032) behind one small protocol, so that a key may live in memory, a file or a vault.

Keys are raw bytes here: 32 for a public key, 32 for the seed of a private one, 64 for a signature. Their text form is
W3C Multikey. Where a seed is kept is the runtime's business. Pure: randomness is passed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

import base58
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from .errors import Rejected, SignatureRejected

PUBLIC_KEY_SIZE: Final = 32
SEED_SIZE: Final = 32
SIGNATURE_SIZE: Final = 64

_MULTICODEC_ED25519: Final = b"\xed\x01"
"""ed25519-pub, 0xed as an unsigned varint."""
_BASE58BTC: Final = "z"


class Signer(Protocol):
    """Something that signs with one Ed25519 key and tells its public half."""

    @property
    def public_key(self) -> bytes:
        """The 32 bytes others verify with."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of `message`."""
        ...


class Ed25519Signer:
    """A signer whose key lies in this process's memory."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self._public_key = key.public_key().public_bytes_raw()

    @classmethod
    def from_seed(cls, seed: bytes) -> Ed25519Signer:
        """Return the signer of a 32-byte RFC 8032 seed. Raises ValueError for another length."""
        if len(seed) != SEED_SIZE:
            raise ValueError(f"an Ed25519 seed has {SEED_SIZE} bytes, got {len(seed)}")
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

    @classmethod
    def generate(cls, random_bytes: Callable[[int], bytes]) -> Ed25519Signer:
        """Return a signer with a fresh key, drawn from `random_bytes`, which must be a cryptographic source."""
        return cls.from_seed(random_bytes(SEED_SIZE))

    @property
    def public_key(self) -> bytes:
        """The 32 bytes others verify with."""
        return self._public_key

    @property
    def multikey(self) -> str:
        """The public key as Multikey text."""
        return encode_multikey(self._public_key)

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of `message`; the same key and message always give the same bytes."""
        return self._key.sign(message)

    def __repr__(self) -> str:
        """Return a text that shows the public key and never the private one."""
        return f"Ed25519Signer({self.multikey})"


def verify(public_key: bytes, message: bytes, signature: bytes) -> None:
    """Return only if `signature` is that of `message` under `public_key`; else raise SignatureRejected.

    What is not checked: whose key this is. A key or signature of the wrong length is refused like a false one.
    """
    if len(public_key) != PUBLIC_KEY_SIZE or len(signature) != SIGNATURE_SIZE:
        got = f"{len(public_key)} and {len(signature)}"
        raise SignatureRejected(f"a key has {PUBLIC_KEY_SIZE} bytes and a signature {SIGNATURE_SIZE}, got {got}")
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise SignatureRejected(f"the signature does not hold under {encode_multikey(public_key)}") from error


def encode_multikey(public_key: bytes) -> str:
    """Return `z6Mk…`: base58btc over the multicodec prefix 0xed01 and the key (W3C Controlled Identifiers §2.2.2)."""
    if len(public_key) != PUBLIC_KEY_SIZE:
        raise ValueError(f"an Ed25519 public key has {PUBLIC_KEY_SIZE} bytes, got {len(public_key)}")
    return _BASE58BTC + base58.b58encode(_MULTICODEC_ED25519 + public_key).decode()


def decode_multikey(text: str, pointer: str = "") -> bytes:
    """Return the 32-byte public key of a Multikey text. Raises Rejected at `pointer` for any other text."""
    decoded = b""
    # An Ed25519 Multikey has 48 characters; base 58 takes quadratic time, so longer texts are not decoded at all.
    if text.startswith(_BASE58BTC) and len(text) <= 60:
        try:
            decoded = base58.b58decode(text[1:])
        except ValueError:
            decoded = b""
    key = decoded.removeprefix(_MULTICODEC_ED25519)
    # The last comparison refuses second spellings, which base58 readers take with blanks around.
    if len(key) != PUBLIC_KEY_SIZE or len(decoded) != PUBLIC_KEY_SIZE + 2 or encode_multikey(key) != text:
        raise Rejected.of(pointer, "no Ed25519 public key in Multikey form", "Give the text that begins with z6Mk.")
    return key
