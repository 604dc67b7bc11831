"""Notes, checkpoints and proof texts read back as written; with any character altered nothing false is believed."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint, sign_checkpoint
from shared.kernel.errors import Rejected
from shared.kernel.merkle import Tree, leaf_hash
from shared.kernel.signed_note import OpenedNote, VerifierKey, open_note, parse_vkey, sign_note
from shared.kernel.signing import Ed25519Signer
from shared.kernel.tlog_proof import TlogProof, decode_tlog_proof, verify_tlog_proof
from shared.kernel.tree_shape import SIZE_MAX

LOG: Final = Ed25519Signer.from_seed(b"l" * 32)
KEY: Final = VerifierKey("log.example", LOG.public_key)
TREE: Final = Tree(leaf_hash(bytes([number])) for number in range(40))
CHECKPOINT: Final = Checkpoint("log.example", 40, TREE.root())
NOTE: Final = sign_checkpoint(CHECKPOINT, LOG)

# Printable, so that no line is broken by accident.
lines = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x2FFF), min_size=1, max_size=20).filter(
    str.isprintable
)
names = lines.filter(lambda line: "+" not in line)
texts = st.lists(lines | st.just(""), min_size=1, max_size=5).map(lambda each: "".join(f"{line}\n" for line in each))
checkpoints = st.builds(
    Checkpoint,
    names,
    st.integers(1, SIZE_MAX),
    st.binary(min_size=32, max_size=32),
    st.lists(lines, max_size=3).map(tuple),
)


def altered(text: str, data: st.DataObject) -> str:
    """Return `text` with one character replaced, dropped or put in."""
    at = data.draw(st.integers(0, len(text) - 1))
    character = data.draw(st.sampled_from([*"\n +/=09Aa\u2014", ""]) | st.characters())
    return text[:at] + character + text[at + data.draw(st.integers(0, 1)) :]


@given(names, texts)
def test_note_opens_as_it_was_signed(name: str, text: str) -> None:
    key = VerifierKey(name, LOG.public_key)
    assert open_note(sign_note(text, name, LOG), [key]) == OpenedNote(text, (name,))


@given(names, st.binary(min_size=32, max_size=32))
def test_key_survives_its_vkey(name: str, public_key: bytes) -> None:
    key = VerifierKey(name, public_key)
    assert parse_vkey(str(key)) == key


@given(checkpoints)
def test_checkpoint_survives_its_body_and_its_note(checkpoint: Checkpoint) -> None:
    assert parse_checkpoint(checkpoint.body()) == checkpoint
    key = VerifierKey(checkpoint.origin, LOG.public_key)
    assert open_checkpoint(sign_checkpoint(checkpoint, LOG), [key]).checkpoint == checkpoint


@given(st.data())
def test_note_with_any_character_altered_is_refused_or_says_the_same(data: st.DataObject) -> None:
    try:
        opened = open_checkpoint(altered(NOTE, data), [KEY])
    except Rejected:
        return
    assert opened.checkpoint == CHECKPOINT


@given(st.integers(0, 39), st.binary(max_size=20))
def test_proof_survives_its_text_and_holds(index: int, extra: bytes) -> None:
    proof = TlogProof(index, TREE.inclusion_proof(index), NOTE, extra)
    assert decode_tlog_proof(proof.encode()) == proof
    assert verify_tlog_proof(proof, leaf_hash(bytes([index])), [KEY]).checkpoint == CHECKPOINT


@given(st.integers(0, 39), st.data())
def test_proof_with_any_character_altered_is_refused_or_shows_the_same(index: int, data: st.DataObject) -> None:
    proof = TlogProof(index, TREE.inclusion_proof(index), NOTE, b"extra")
    try:
        decoded = decode_tlog_proof(altered(proof.encode(), data))
        signed = verify_tlog_proof(decoded, leaf_hash(bytes([index])), [KEY])
    except Rejected:
        return
    # The extra line is the one part nothing vouches for.
    assert (decoded.index, decoded.hashes, signed.checkpoint) == (index, proof.hashes, CHECKPOINT)


@given(st.text(max_size=80) | st.text("c2sp.org/tlog-proof@v1\n indexetra0=\u2014", max_size=80))
def test_text_from_a_stranger_is_refused_and_never_crashes(text: str) -> None:
    for read in (parse_vkey, parse_checkpoint, decode_tlog_proof, lambda each: open_note(each, [KEY])):
        with suppress(Rejected):
            read(text)
