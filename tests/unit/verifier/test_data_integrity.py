"""A data integrity proof holds for one document, one key, one purpose, and in one spelling."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import base58
import pytest

from shared.kernel.clock import parse_rfc3339
from shared.kernel.data_integrity import add_proof, read_proof, verify_proof
from shared.kernel.errors import SignatureRejected
from shared.kernel.signing import Ed25519Signer

NOW = parse_rfc3339("2026-11-23T12:00:00.987654Z")
SIGNER = Ed25519Signer.from_seed(bytes(32))
DOCUMENT: dict[str, Any] = {"@context": ["https://one.example", "https://two.example"], "id": "urn:a", "n": 1}


def signed() -> dict[str, Any]:
    return add_proof(DOCUMENT, SIGNER, "did:web:a.example#k", NOW)


def with_proof(**changes: Any) -> dict[str, Any]:
    document = signed()
    return {**document, "proof": {**document["proof"], **changes}}


def test_a_proof_holds_under_its_key_and_says_when_it_was_made() -> None:
    proof = verify_proof(signed(), SIGNER.public_key, NOW)
    assert proof.created == NOW.replace(microsecond=0)
    assert proof.verification_method == "did:web:a.example#k"
    assert signed()["proof"]["@context"] == DOCUMENT["@context"]


def test_signing_leaves_the_given_document_as_it_was() -> None:
    signed()
    assert "proof" not in DOCUMENT


def test_a_document_without_context_is_signed_without_context() -> None:
    document = add_proof({"id": "urn:a"}, SIGNER, "k", NOW)
    assert "@context" not in document["proof"]
    verify_proof(document, SIGNER.public_key, NOW)


def test_a_document_that_has_a_proof_is_not_signed_again() -> None:
    with pytest.raises(ValueError, match="has a proof already"):
        add_proof(signed(), SIGNER, "k", NOW)


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({**signed(), "n": 2}, "does not hold"),
        ({**signed(), "more": None}, "does not hold"),
        (with_proof(created="2026-11-23T12:00:01Z"), "does not hold"),
        (with_proof(verificationMethod="did:web:a.example#other"), "does not hold"),
        (with_proof(challenge="x"), "does not hold"),
        ({**signed(), "@context": ["https://two.example", "https://one.example"]}, "does not begin with"),
        ({**signed(), "@context": ["https://one.example"]}, "does not begin with"),
        (with_proof(**{"@context": "https://one.example"}), "does not hold"),
        (with_proof(proofPurpose="authentication"), "made for 'authentication'"),
        (with_proof(type="Ed25519Signature2020"), "is no DataIntegrityProof"),
        (with_proof(cryptosuite="eddsa-rdfc-2022"), "is no DataIntegrityProof"),
        (with_proof(previousProof="urn:b"), "chains are not read"),
        (with_proof(proofValue="z"), "no base58btc multibase"),
        (with_proof(proofValue=None), "no base58btc multibase"),
        (with_proof(proofValue="u" + signed()["proof"]["proofValue"][1:]), "no base58btc multibase"),
        (with_proof(proofValue=" " + signed()["proof"]["proofValue"]), "no base58btc multibase"),
        (with_proof(proofValue="z" + base58.b58encode(b"\x01" * 63).decode()), "holds 63 bytes"),
        (with_proof(created="2026-11-23"), "no date-time with a zone"),
        (with_proof(created="2026-13-23T12:00:01Z"), "no date-time with a zone"),
        (with_proof(created=None), "no date-time with a zone"),
        (with_proof(verificationMethod=7), "names no verificationMethod"),
        ({**signed(), "proof": [signed()["proof"]]}, "no single proof"),
        (DOCUMENT, "no single proof"),
    ],
)
def test_a_proof_that_does_not_hold_is_refused_with_the_reason(document: dict[str, Any], reason: str) -> None:
    with pytest.raises(SignatureRejected, match=reason):
        verify_proof(document, SIGNER.public_key, NOW)


def test_another_key_is_refused() -> None:
    with pytest.raises(SignatureRejected, match="does not hold"):
        verify_proof(signed(), Ed25519Signer.from_seed(bytes(31) + b"\x01").public_key, NOW)


def test_contexts_appended_later_are_not_covered_as_the_specification_says() -> None:
    longer = {**signed(), "@context": [*DOCUMENT["@context"], "https://evil.example"]}
    verify_proof(longer, SIGNER.public_key, NOW)


def test_a_proof_that_ended_is_refused() -> None:
    options = {**signed()["proof"], "expires": "2026-11-23T13:00:00Z"}
    del options["proofValue"]
    document = signed_with(options)
    verify_proof(document, SIGNER.public_key, NOW)
    with pytest.raises(SignatureRejected, match="the proof ended"):
        verify_proof(document, SIGNER.public_key, NOW + timedelta(hours=1))


def signed_with(options: dict[str, Any]) -> dict[str, Any]:
    from shared.kernel.data_integrity import hash_data

    value = "z" + base58.b58encode(SIGNER.sign(hash_data(DOCUMENT, options))).decode()
    return {**DOCUMENT, "proof": {**options, "proofValue": value}}


def test_reading_a_proof_does_not_believe_it() -> None:
    forged = with_proof(verificationMethod="did:web:other.example#k")
    assert read_proof(forged).verification_method == "did:web:other.example#k"
