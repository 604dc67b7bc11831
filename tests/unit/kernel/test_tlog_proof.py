"""A proof text reads back, binds its entry to a signed checkpoint, and every spoilt one is refused."""

from __future__ import annotations

from typing import Final

import pytest

from shared.kernel.checkpoint import Checkpoint, sign_checkpoint
from shared.kernel.errors import ProofRejected, Rejected, SignatureRejected
from shared.kernel.merkle import Tree, leaf_hash
from shared.kernel.signed_note import VerifierKey
from shared.kernel.signing import Ed25519Signer
from shared.kernel.tlog_proof import TlogProof, decode_tlog_proof, verify_tlog_proof

LOG: Final = Ed25519Signer.from_seed(b"l" * 32)
KEY: Final = VerifierKey("log.example", LOG.public_key)
LEAVES: Final = [leaf_hash(bytes([number])) for number in range(20)]
TREE: Final = Tree(LEAVES)
NOTE: Final = sign_checkpoint(Checkpoint("log.example", 20, TREE.root()), LOG)
PROOF: Final = TlogProof(7, TREE.inclusion_proof(7), NOTE, b"extra")
TEXT: Final = PROOF.encode()


def test_text_has_the_lines_of_the_specification() -> None:
    lines = TEXT.split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra ZXh0cmE=", "index 7"]
    assert lines[8:10] == ["", "log.example"]
    assert TEXT.endswith(NOTE)


def test_proof_reads_back_with_and_without_extra_and_hashes() -> None:
    alone = sign_checkpoint(Checkpoint("log.example", 1, LEAVES[0]), LOG)
    for proof in (PROOF, TlogProof(0, (), alone), TlogProof(0, (), alone, b"\n\n")):
        assert decode_tlog_proof(proof.encode()) == proof
    assert verify_tlog_proof(TlogProof(0, (), alone), LEAVES[0], [KEY]).checkpoint.size == 1


def test_entry_is_shown_to_be_in_the_log_that_signed() -> None:
    signed = verify_tlog_proof(decode_tlog_proof(TEXT), LEAVES[7], [KEY])
    assert (signed.checkpoint.size, signed.signers) == (20, ("log.example",))


def test_another_entry_or_index_is_refused() -> None:
    with pytest.raises(ProofRejected, match="expected the root"):
        verify_tlog_proof(PROOF, LEAVES[8], [KEY])
    with pytest.raises(ProofRejected):
        verify_tlog_proof(TlogProof(6, PROOF.hashes, NOTE), LEAVES[7], [KEY])
    with pytest.raises(ProofRejected, match=r"\[0, 20\)"):
        verify_tlog_proof(TlogProof(20, PROOF.hashes, NOTE), LEAVES[7], [KEY])


def test_sound_proof_under_an_unknown_log_is_refused() -> None:
    stranger = VerifierKey("log.example", Ed25519Signer.from_seed(b"s" * 32).public_key)
    with pytest.raises(SignatureRejected):
        verify_tlog_proof(PROOF, LEAVES[7], [stranger])


@pytest.mark.parametrize(
    "text",
    [
        "",
        NOTE,
        TEXT.replace("@v1", "@v2"),
        TEXT.replace("\n\n", "\n"),
        TEXT.replace("extra ZXh0cmE=", "extra "),
        TEXT.replace("extra ZXh0cmE=", "extra !"),
        TEXT.replace("extra ZXh0cmE=\n", "\n"),
        TEXT.replace("index 7\n", ""),
        TEXT.replace("index 7", "index 07"),
        TEXT.replace("index 7", "index -7"),
        TEXT.replace("index 7", "index 9223372036854775808"),
        TEXT.replace("index 7", "index 7\nYWJj"),
        TEXT.replace("index 7", "index 7\nnot base 64"),
        TEXT.replace("index 7", "index 7" + f"\n{'A' * 43}=" * 60),
        TEXT.replace("index 7", "index 7\nextra ZXh0cmE="),
        TEXT.replace("\n", "\r\n"),
    ],
)
def test_text_that_is_no_proof_is_refused(text: str) -> None:
    with pytest.raises(Rejected) as refusal:
        decode_tlog_proof(text)
    assert refusal.value.faults


@pytest.mark.parametrize(("index", "hashes"), [(-1, ()), (2**63, ()), (0, (b"short",)), (0, (bytes(32),) * 64)])
def test_values_the_text_could_not_carry_are_refused(index: int, hashes: tuple[bytes, ...]) -> None:
    with pytest.raises(Rejected):
        TlogProof(index, hashes, NOTE)
