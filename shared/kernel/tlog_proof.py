"""One text that proves, offline, that an entry is in a log: C2SP tlog-proof.

    c2sp.org/tlog-proof@v1
    extra <base 64>             optional, not authenticated
    index <decimal>
    <sibling hash, base 64>     one a line, from the leaf upward
    <empty line>
    <the signed checkpoint, verbatim>

Pure: no IO.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from .checkpoint import SignedCheckpoint, open_checkpoint, parse_decimal
from .errors import Rejected
from .hashing import HASH_SIZE
from .merkle import verify_inclusion
from .signed_note import NOTE_CHARACTERS_MAX, VerifierKey, decode_base64, encode_base64

HEADER: Final = "c2sp.org/tlog-proof@v1"
_HASHES_MAX: Final = 63
_MEND: Final = "Give the proof exactly as the log wrote it."


@dataclass(frozen=True, slots=True)
class TlogProof:
    """That one entry is in one log, as far as the signatures in `checkpoint` are believed.

    hashes: siblings from the leaf upward, 32 bytes each. checkpoint: the note, verbatim. extra: application data that
    nothing vouches for; empty for none. Raises Rejected for what the text form could not carry.
    """

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str
    extra: bytes = b""

    def __post_init__(self) -> None:
        """Check that the text of these values reads back as them; whether they prove anything is not checked."""
        parse_decimal(str(self.index))
        if len(self.hashes) > _HASHES_MAX or any(len(each) != HASH_SIZE for each in self.hashes):
            raise Rejected.of("", f"a proof has at most {_HASHES_MAX} hashes of {HASH_SIZE} bytes", _MEND)

    def encode(self) -> str:
        """Return the text form, to be kept under the file extension `.tlog-proof`."""
        lines = [HEADER]
        if self.extra:
            lines.append(f"extra {encode_base64(self.extra)}")
        lines.append(f"index {self.index}")
        lines.extend(encode_base64(each) for each in self.hashes)
        return "".join(f"{line}\n" for line in lines) + "\n" + self.checkpoint


def decode_tlog_proof(text: str) -> TlogProof:
    """Return the proof of a text. Checks its form only; verify it afterwards. Raises Rejected when it is none."""
    head, blank, checkpoint = text.partition("\n\n")
    lines = head.split("\n", _HASHES_MAX + 4)
    if not blank or lines.pop(0) != HEADER or len(text) > NOTE_CHARACTERS_MAX:
        raise Rejected.of("", f"a proof begins with {HEADER}, then has an empty line and a checkpoint", _MEND)
    extra = b""
    if lines and lines[0].startswith("extra "):
        extra = decode_base64(lines.pop(0).removeprefix("extra "), "the extra line")
    if not lines or not lines[0].startswith("index "):
        raise Rejected.of("", "expected the line `index` with a number", _MEND)
    index = parse_decimal(lines.pop(0).removeprefix("index "))
    return TlogProof(index, tuple(decode_base64(line, "a hash") for line in lines), checkpoint, extra)


def verify_tlog_proof(proof: TlogProof, leaf: bytes, keys: Iterable[VerifierKey]) -> SignedCheckpoint:
    """Return the checkpoint under which the entry with the hash `leaf` is in the log, and who of `keys` signed it.

    Of the specification's steps, 2 to 4 are done. The caller owes step 1, the leaf hash from the entry it holds, and
    its policy: which origin it expects and how many witnesses among the signers are enough. Raises as `open_checkpoint`
    does, and ProofRejected naming expected and got.
    """
    signed = open_checkpoint(proof.checkpoint, keys)
    verify_inclusion(leaf, proof.index, signed.checkpoint.size, proof.hashes, signed.checkpoint.root)
    return signed
