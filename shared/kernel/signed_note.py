"""Texts that carry their signatures: C2SP signed-note, the envelope of every checkpoint.

    <text, its last line ended>
    <empty line>
    — <key name> base64(4 bytes of key id || signature)        one or more

A note is not believed until `open_note` has returned it. Signatures of keys nobody named are passed over, so that
witnesses may add theirs; a false signature of a known key refuses the whole note. One signature type is spoken,
Ed25519 (0x01); a further one, such as the cosignature (0x04), is a member of `KeyType` and a branch in `_verify`.
Pure: no IO.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from .errors import Rejected, SignatureRejected, TooLarge, Unsupported
from .hashing import sha256
from .signing import PUBLIC_KEY_SIZE, Signer, verify

NOTE_CHARACTERS_MAX: Final = 1 << 20
SIGNATURES_MAX: Final = 64
"""The specification demands at least 16."""

_MARK: Final = "\u2014 "
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
_KEY_ID: Final = re.compile(r"[0-9a-f]{8}")
_MEND: Final = "Give the note exactly as its signer wrote it."


class KeyType(IntEnum):
    """The signature type byte of a key, as C2SP signed-note assigns it."""

    ED25519 = 0x01


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key under the name it signs with; `str` is its vkey text `name+id+base64`.

    Raises Rejected for a name that is empty or holds a blank or a plus, and for a key of the wrong length.
    """

    name: str
    public_key: bytes
    type: KeyType = KeyType.ED25519

    def __post_init__(self) -> None:
        """Check name and key."""
        _demand_name(self.name)
        if len(self.public_key) != PUBLIC_KEY_SIZE:
            rule = f"an Ed25519 key has {PUBLIC_KEY_SIZE} bytes, got {len(self.public_key)}"
            raise Rejected.of("", rule, "Give the whole key.")

    @property
    def id(self) -> bytes:
        """The first 4 bytes of SHA-256(name || newline || type || key)."""
        return sha256(self.name.encode() + b"\n" + self._typed_key())[:4]

    def __str__(self) -> str:
        """Return the vkey text."""
        return f"{self.name}+{self.id.hex()}+{encode_base64(self._typed_key())}"

    def _typed_key(self) -> bytes:
        return bytes([self.type]) + self.public_key


@dataclass(frozen=True, slots=True)
class OpenedNote:
    """A note whose signatures were verified.

    signers: the names of the keys that signed it, in the order of the signatures, none twice; never empty.
    """

    text: str
    signers: tuple[str, ...]


def parse_vkey(text: str) -> VerifierKey:
    """Return the key a vkey text `name+id+base64` names.

    Raises Rejected when it is malformed or its id is not that of its key, Unsupported for a type other than Ed25519.
    """
    name, _, rest = text.partition("+")
    id_text, _, key_text = rest.partition("+")
    typed_key = decode_base64(key_text, "the key of a vkey")
    if typed_key[:1] != bytes([KeyType.ED25519]):
        rule = f"expected the signature type 01, got {typed_key[:1].hex() or 'none'}"
        raise Unsupported.of("", rule, "Give an Ed25519 vkey.")
    key = VerifierKey(name, typed_key[1:])
    if not _KEY_ID.fullmatch(id_text) or id_text != key.id.hex():
        raise Rejected.of("", f"expected the key id {key.id.hex()} for this key and name", "Copy the vkey again.")
    return key


def sign_note(text: str, name: str, signer: Signer) -> str:
    """Return `text` as a note with one signature, that of `signer` under the key name `name`.

    Raises Rejected for a text that does not end in a newline or holds another control character.
    """
    _demand_text(text)
    if not text.endswith("\n"):
        raise Rejected.of("", "the text of a note ends in a newline", "Add one.")
    key = VerifierKey(name, signer.public_key)
    return f"{text}\n{_MARK}{name} {encode_base64(key.id + signer.sign(text.encode()))}\n"


def open_note(note: str, keys: Iterable[VerifierKey]) -> OpenedNote:
    """Return the text of `note` and who of `keys` signed it: at least one did, and no signature of theirs is false.

    Raises Rejected when it is no note, SignatureRejected when a known key's signature is false or none is there.
    """
    known = _by_name_and_id(keys)
    text, signatures = _split(note)
    signers: list[str] = []
    for name, raw in signatures:
        key = known.get((name, raw[:4]))
        if key is None:
            continue
        _verify(key, text, raw[4:])
        if name not in signers:
            signers.append(name)
    if not signers:
        wanted = ", ".join(sorted({name for name, _ in known})) or "no key at all"
        raise SignatureRejected(f"expected a signature of {wanted}; got {len(signatures)} of other keys")
    return OpenedNote(text, tuple(signers))


def encode_base64(raw: bytes) -> str:
    """Return standard base 64 with padding (RFC 4648 §4)."""
    return base64.b64encode(raw).decode()


def decode_base64(text: str, what: str) -> bytes:
    """Return the bytes of standard base 64; raise Rejected, naming `what`, for any spelling but the one we write."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not raw or encode_base64(raw) != text:
        raise Rejected.of("", f"{what} is not in standard base 64", _MEND)
    return raw


def _split(note: str) -> tuple[str, list[tuple[str, bytes]]]:
    """Return the text, with its final newline, and the signatures as (key name, key id and signature)."""
    if len(note) > NOTE_CHARACTERS_MAX:
        raise TooLarge.of("", f"a note has at most {NOTE_CHARACTERS_MAX} characters", "Send the note alone.")
    _demand_text(note)
    head, blank, tail = note.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise Rejected.of("", "a note is a text, an empty line, and signature lines", _MEND)
    lines = tail[:-1].split("\n")
    if len(lines) > SIGNATURES_MAX:
        raise TooLarge.of("", f"a note has at most {SIGNATURES_MAX} signatures, got {len(lines)}", "Send fewer.")
    return head + "\n", [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes]:
    name, _, encoded = line.removeprefix(_MARK).partition(" ")
    if not line.startswith(_MARK):
        raise Rejected.of("", "a signature line begins with an em dash and a blank", _MEND)
    _demand_name(name)
    raw = decode_base64(encoded, "a signature")
    if len(raw) < 5:
        raise Rejected.of("", f"a signature has 4 bytes of key id and more, got {len(raw)}", _MEND)
    return name, raw


def _by_name_and_id(keys: Iterable[VerifierKey]) -> dict[tuple[str, bytes], VerifierKey]:
    known: dict[tuple[str, bytes], VerifierKey] = {}
    for key in keys:
        if known.setdefault((key.name, key.id), key) != key:
            raise Rejected.of("", f"two keys share the name {key.name} and one id", "Name one of them otherwise.")
    return known


def _verify(key: VerifierKey, text: str, signature: bytes) -> None:
    try:
        verify(key.public_key, text.encode(), signature)
    except SignatureRejected as error:
        raise SignatureRejected(f"the signature of {key.name} does not hold over this note") from error


def _demand_text(text: str) -> None:
    if _CONTROL.search(text) is not None or any("\ud800" <= character <= "\udfff" for character in text):
        raise Rejected.of("", "a note is Unicode text without control characters but newline", _MEND)


def _demand_name(name: str) -> None:
    if not name or "+" in name or any(character.isspace() for character in name):
        raise Rejected.of("", "a key name is not empty and holds neither blank nor plus", "Name the key like a host.")
