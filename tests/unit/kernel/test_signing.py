"""Signatures are those of RFC 8032, keys have one text form, and nothing false is believed."""

from __future__ import annotations

from typing import Final

import base58
import pytest

from shared.kernel.errors import Rejected, SignatureRejected
from shared.kernel.signing import Ed25519Signer, Signer, decode_multikey, encode_multikey, verify

RFC_8032: Final = {
    "test 1": (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
            "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    "test 2": (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
            "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
}
SIGNER: Final = Ed25519Signer.from_seed(bytes.fromhex(RFC_8032["test 1"][0]))
MULTIKEY: Final = "z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw"


@pytest.mark.parametrize("case", RFC_8032)
def test_signature_is_that_of_rfc_8032(case: str) -> None:
    seed, public_key, message, signature = (bytes.fromhex(each) for each in RFC_8032[case])
    signer: Signer = Ed25519Signer.from_seed(seed)
    assert (signer.public_key, signer.sign(message)) == (public_key, signature)
    verify(public_key, message, signature)


def test_signature_of_another_message_or_key_is_refused_and_the_key_named() -> None:
    signature = SIGNER.sign(b"message")
    with pytest.raises(SignatureRejected, match=MULTIKEY):
        verify(SIGNER.public_key, b"massage", signature)
    with pytest.raises(SignatureRejected):
        verify(Ed25519Signer.from_seed(bytes(32)).public_key, b"message", signature)


@pytest.mark.parametrize(
    ("key", "signature"), [(b"", bytes(64)), (bytes(31), bytes(64)), (bytes(32), b""), (bytes(33), bytes(65))]
)
def test_key_or_signature_of_another_length_is_refused_like_a_false_one(key: bytes, signature: bytes) -> None:
    with pytest.raises(SignatureRejected, match="32 bytes and a signature 64"):
        verify(key, b"", signature)


def test_key_that_is_no_point_of_the_curve_is_refused() -> None:
    with pytest.raises(SignatureRejected):
        verify(b"\xff" * 32, b"", bytes(64))


def test_generated_key_is_made_of_the_bytes_handed_in() -> None:
    assert (
        Ed25519Signer.generate(lambda count: b"k" * count).public_key == Ed25519Signer.from_seed(b"k" * 32).public_key
    )


def test_seed_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        Ed25519Signer.from_seed(bytes(31))


def test_signer_shows_its_public_key_and_never_its_seed() -> None:
    assert repr(SIGNER) == f"Ed25519Signer({MULTIKEY})"
    assert RFC_8032["test 1"][0] not in repr(vars(SIGNER))


def test_multikey_reads_back() -> None:
    assert SIGNER.multikey == encode_multikey(SIGNER.public_key) == MULTIKEY
    assert decode_multikey(MULTIKEY) == SIGNER.public_key


def test_key_of_another_length_has_no_multikey() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        encode_multikey(bytes(33))


def test_text_far_too_long_for_a_multikey_is_refused_before_it_is_decoded() -> None:
    # Decoding takes quadratic time: minutes for this text, where the bound on a test is one.
    with pytest.raises(Rejected):
        decode_multikey("z" + "6" * 3_000_000)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "z",
        MULTIKEY[1:],
        MULTIKEY[:-1],
        f"{MULTIKEY} ",
        f" {MULTIKEY}",
        f"m{MULTIKEY[1:]}",
        MULTIKEY.replace("w", "0"),
        f"z1{MULTIKEY[1:]}",
        "z" + base58.b58encode(b"\xed\x01" + bytes(31)).decode(),
        "z" + base58.b58encode(b"\xec\x01" + bytes(32)).decode(),
        "zé",
    ],
)
def test_other_text_is_no_multikey(text: str) -> None:
    with pytest.raises(Rejected) as refusal:
        decode_multikey(text, "/publicKeyMultibase")
    assert refusal.value.faults[0].pointer == "/publicKeyMultibase"
