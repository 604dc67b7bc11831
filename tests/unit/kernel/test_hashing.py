"""Tagged hashes have the layout that is written down, and commitments open only with their salt and message."""

from __future__ import annotations

import hashlib

import pytest

from shared.kernel.errors import Rejected
from shared.kernel.hashing import commit, digest_text, hex_digest, opens, parse_digest_text, sha256, tagged

EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_tagged_hash_has_the_documented_layout() -> None:
    layout = b"deedlog/record/leaf\x00" + b"\x00" * 7 + b"\x02ab" + b"\x00" * 8
    assert tagged("record/leaf", b"ab", b"") == hashlib.sha256(layout).digest()


@pytest.mark.parametrize("domain", ["", "a\0b"])
def test_domain_that_would_not_end_where_it_seems_to_is_refused(domain: str) -> None:
    with pytest.raises(ValueError, match="domain"):
        tagged(domain, b"")


def test_commitment_is_hmac_sha256_of_rfc_4231() -> None:
    # Test case 3 of the RFC; its first two have keys shorter than a salt may be.
    salt, message = b"\xaa" * 20, b"\xdd" * 50
    assert commit(salt, message).hex() == "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"


@pytest.mark.parametrize("length", [0, 15, 65])
def test_salt_that_hides_too_little_or_could_be_swapped_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="16 to 64"):
        commit(bytes(length), b"message")
    assert not opens(bytes(32), bytes(length), b"message")


def test_commitment_opens_with_its_salt_and_message_alone() -> None:
    commitment = commit(b"s" * 16, b"message")
    assert opens(commitment, b"s" * 16, b"message")
    assert not opens(commitment, b"t" * 16, b"message")
    assert not opens(commitment, b"s" * 16, b"massage")
    assert not opens(commitment[:-1], b"s" * 16, b"message")


def test_digest_text_reads_back() -> None:
    assert hex_digest(b"") == EMPTY
    assert digest_text(sha256(b"")) == f"sha256:{EMPTY}"
    assert parse_digest_text(f"sha256:{EMPTY}") == sha256(b"")


def test_digest_of_another_length_has_no_text() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        digest_text(b"short")


@pytest.mark.parametrize(
    "text", ["", EMPTY, f"sha256:{EMPTY.upper()}", f"sha256:{EMPTY[:-1]}", f"sha256:{EMPTY}\n", f"sha512:{EMPTY}"]
)
def test_other_text_is_no_digest(text: str) -> None:
    with pytest.raises(Rejected) as refusal:
        parse_digest_text(text, "/digest")
    assert refusal.value.faults[0].pointer == "/digest"
