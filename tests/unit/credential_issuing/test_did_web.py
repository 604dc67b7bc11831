"""The issuer has one name under its domain, and keeps every key it ever signed with."""

from __future__ import annotations

import pytest

from services.credential_issuing.domain.did_web import IssuerKey, did_document, did_web, document_url, key_url
from services.credential_issuing.domain.issuing import sign
from shared.kernel.data_integrity import verify_proof
from shared.kernel.errors import Rejected
from tests.unit.verifier.house import DID, ISSUER_KEY, NOW, STRANGER_KEY


@pytest.mark.parametrize(
    ("origin", "did", "url"),
    [
        ("https://deedlog.example", "did:web:deedlog.example", "https://deedlog.example/.well-known/did.json"),
        ("https://Deedlog.Example/", "did:web:deedlog.example", "https://deedlog.example/.well-known/did.json"),
        ("http://localhost:8700", "did:web:localhost%3A8700", "https://localhost:8700/.well-known/did.json"),
        ("https://a.example/x/y", "did:web:a.example:x:y", "https://a.example/x/y/did.json"),
    ],
)
def test_an_origin_has_one_did_and_the_did_one_document(origin: str, did: str, url: str) -> None:
    assert did_web(origin) == did
    assert document_url(did) == url


@pytest.mark.parametrize("origin", ["deedlog.example", "ftp://a.example", "https://", "https://a?x=1", "https://u@a.b"])
def test_what_is_no_origin_has_no_did(origin: str) -> None:
    with pytest.raises(Rejected):
        did_web(origin)


@pytest.mark.parametrize("did", ["did:key:z6Mk", "did:web:", "deedlog.example"])
def test_another_did_has_no_document_of_ours(did: str) -> None:
    with pytest.raises(Rejected):
        document_url(did)


def test_all_keys_stay_and_a_leaked_one_may_assert_nothing() -> None:
    keys = [IssuerKey(STRANGER_KEY.multikey, has_leaked=True), IssuerKey(ISSUER_KEY.multikey)]
    document = did_document(DID, keys)
    assert [method["publicKeyMultibase"] for method in document["verificationMethod"]] == [
        STRANGER_KEY.multikey,
        ISSUER_KEY.multikey,
    ]
    assert document["assertionMethod"] == [key_url(DID, ISSUER_KEY.multikey)]


@pytest.mark.parametrize("keys", [[], [IssuerKey("z6Mk1"), IssuerKey("z6Mk1")]])
def test_an_issuer_has_keys_and_each_once(keys: list[IssuerKey]) -> None:
    with pytest.raises(Rejected):
        did_document(DID, keys)


def test_what_is_signed_names_its_key_as_the_document_does() -> None:
    signed = sign({"@context": [], "id": "urn:a"}, DID, ISSUER_KEY, NOW)
    method = did_document(DID, [IssuerKey(ISSUER_KEY.multikey)])["verificationMethod"][0]
    assert signed.document["proof"]["verificationMethod"] == method["id"]
    verify_proof(signed.document, ISSUER_KEY.public_key, NOW)
    assert signed.digest.startswith("sha256:")
