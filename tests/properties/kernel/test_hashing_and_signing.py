"""Tagged hashes never meet by accident of layout, and keys and digests have exactly one text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.kernel.errors import Rejected, SignatureRejected
from shared.kernel.hashing import commit, digest_text, opens, parse_digest_text, tagged
from shared.kernel.signing import Ed25519Signer, decode_multikey, encode_multikey, verify

domains = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=8)
parts = st.lists(st.binary(max_size=12), max_size=4)
hashes = st.binary(min_size=32, max_size=32)
bits = st.integers(0, 8 * 200)


def flipped(raw: bytes, bit: int) -> bytes:
    """Return `raw` with one bit turned over."""
    bit %= 8 * len(raw)
    return (int.from_bytes(raw, "big") ^ 1 << bit).to_bytes(len(raw), "big")


@given(domains, parts, domains, parts)
def test_tagged_hashes_are_equal_only_for_equal_domain_and_parts(
    domain: str, some: list[bytes], other_domain: str, others: list[bytes]
) -> None:
    assert (tagged(domain, *some) == tagged(other_domain, *others)) == ((domain, some) == (other_domain, others))


@given(domains, st.binary(max_size=20), st.integers(0, 20))
def test_moving_the_border_between_parts_changes_the_hash(domain: str, content: bytes, border: int) -> None:
    assert tagged(domain, content[:border], content[border:]) != tagged(domain, content)


@given(st.binary(min_size=16, max_size=64), st.binary(max_size=30), bits)
def test_commitment_opens_with_what_was_committed_and_nothing_near_it(salt: bytes, message: bytes, bit: int) -> None:
    commitment = commit(salt, message)
    assert opens(commitment, salt, message)
    assert not opens(commitment, flipped(salt, bit), message)
    assert not opens(flipped(commitment, bit), salt, message)
    assert not opens(commitment, salt, message + b"\0")


@given(hashes)
def test_digest_survives_its_text(digest: bytes) -> None:
    assert parse_digest_text(digest_text(digest)) == digest


@given(hashes)
def test_key_survives_its_multikey(key: bytes) -> None:
    text = encode_multikey(key)
    assert text.startswith("z6Mk")
    assert decode_multikey(text) == key


@given(hashes, st.data())
def test_altered_multikey_is_refused_or_another_key(key: bytes, data: st.DataObject) -> None:
    text = encode_multikey(key)
    at = data.draw(st.integers(0, len(text) - 1))
    spoilt = text[:at] + data.draw(st.characters()) + text[at + 1 :]
    try:
        decoded = decode_multikey(spoilt)
    except Rejected:
        return
    assert encode_multikey(decoded) == spoilt


@given(hashes, st.binary(max_size=100), bits)
def test_signature_holds_over_its_message_and_nothing_near_it(seed: bytes, message: bytes, bit: int) -> None:
    signer = Ed25519Signer.from_seed(seed)
    signature = signer.sign(message)
    verify(signer.public_key, message, signature)
    for key, text, signed in (
        (signer.public_key, message, flipped(signature, bit)),
        (signer.public_key, flipped(message, bit) if message else b"\0", signature),
        (flipped(signer.public_key, bit), message, signature),
    ):
        with pytest.raises(SignatureRejected):
            verify(key, text, signed)
