"""The W3C's own test vectors for eddsa-jcs-2022 are reproduced byte for byte, step by step."""

from __future__ import annotations

import json
import os
import tarfile
from pathlib import Path
from typing import Any

import base58
import pytest

from shared.kernel import canonical_json
from shared.kernel.clock import parse_rfc3339
from shared.kernel.data_integrity import add_proof, hash_data, verify_proof
from shared.kernel.hashing import sha256
from shared.kernel.signing import Ed25519Signer

DATA = Path(os.environ.get("DEEDLOG_TEST_DATA", Path(__file__).resolve().parents[3].parent / "shared" / "data"))
ARCHIVE = DATA / "vectors" / "vc-di-eddsa.tar.gz"

pytestmark = pytest.mark.skipif(not ARCHIVE.exists(), reason=f"the W3C vectors are not at {ARCHIVE}")

AFTER = parse_rfc3339("2026-01-01T00:00:00Z")


class Vectors:
    """The files of the archive, by their path below `vc-di-eddsa/`."""

    def __init__(self) -> None:
        with tarfile.open(ARCHIVE) as archive:
            self._files = {
                member.name.removeprefix("vc-di-eddsa/"): reader.read().decode().strip()
                for member in archive.getmembers()
                if (reader := archive.extractfile(member)) is not None
            }

    def text(self, name: str) -> str:
        return self._files[name]

    def json(self, name: str) -> dict[str, Any]:
        value = json.loads(self.text(name))
        assert isinstance(value, dict)
        return value


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    return Vectors()


@pytest.fixture(scope="module")
def signer(vectors: Vectors) -> Ed25519Signer:
    # The private key is multibase base58btc over the prefix 0x8026 and the seed.
    secret = base58.b58decode(vectors.json("keyPair.json")["privateKeyMultibase"][1:])
    assert secret[:2] == b"\x80\x26"
    return Ed25519Signer.from_seed(secret[2:])


def test_the_public_key_has_the_multikey_of_the_vectors(vectors: Vectors, signer: Ed25519Signer) -> None:
    assert signer.multikey == vectors.json("keyPair.json")["publicKeyMultibase"]


def test_document_and_options_have_the_canonical_form_of_the_vectors(vectors: Vectors) -> None:
    document, options = vectors.json("unsigned.json"), vectors.json("eddsa-jcs-2022/proofConfigJCS.json")
    assert canonical_json.dumps(document).decode() == vectors.text("eddsa-jcs-2022/canonDocJCS.txt")
    assert canonical_json.dumps(options).decode() == vectors.text("eddsa-jcs-2022/proofCanonJCS.txt")
    assert sha256(canonical_json.dumps(document)).hex() == vectors.text("eddsa-jcs-2022/docHashJCS.txt")
    assert sha256(canonical_json.dumps(options)).hex() == vectors.text("eddsa-jcs-2022/proofHashJCS.txt")


def test_the_signed_bytes_are_those_of_the_vectors(vectors: Vectors) -> None:
    data = hash_data(vectors.json("unsigned.json"), vectors.json("eddsa-jcs-2022/proofConfigJCS.json"))
    assert data.hex() == vectors.text("eddsa-jcs-2022/combinedHashJCS.txt")


def test_the_signature_is_that_of_the_vectors(vectors: Vectors, signer: Ed25519Signer) -> None:
    data = hash_data(vectors.json("unsigned.json"), vectors.json("eddsa-jcs-2022/proofConfigJCS.json"))
    signature = signer.sign(data)
    assert signature.hex() == vectors.text("eddsa-jcs-2022/sigHexJCS.txt")
    assert "z" + base58.b58encode(signature).decode() == vectors.text("eddsa-jcs-2022/sigBTC58JCS.txt")


def test_signing_the_document_gives_the_signed_document_of_the_vectors(vectors: Vectors, signer: Ed25519Signer) -> None:
    expected = vectors.json("eddsa-jcs-2022/signedJCS.json")
    signed = add_proof(
        vectors.json("unsigned.json"),
        signer,
        expected["proof"]["verificationMethod"],
        parse_rfc3339(expected["proof"]["created"]),
    )
    assert canonical_json.dumps(signed) == canonical_json.dumps(expected)


def test_the_signed_document_of_the_vectors_verifies(vectors: Vectors, signer: Ed25519Signer) -> None:
    proof = verify_proof(vectors.json("eddsa-jcs-2022/signedJCS.json"), signer.public_key, AFTER)
    assert proof.created == parse_rfc3339("2023-02-24T23:36:38Z")
