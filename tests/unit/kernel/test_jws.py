"""A JWS that is none, or whose certificate nobody can use, is refused with the reason and never a crash."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from shared.kernel.errors import Rejected, SignatureRejected
from shared.kernel.jws import read_compact, verify_chain_head

KEY = generate_private_key(65537, 2048)
RSA_OID = bytes.fromhex("06092a864886f70d010101")
UNHEARD_OF_OID = bytes.fromhex("06092a864886f70d010163")


def certificate() -> bytes:
    """Return a certificate of KEY in DER."""
    name, since = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "ada")]), datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(KEY.public_key())
    builder = builder.serial_number(1).not_valid_before(since).not_valid_after(since + timedelta(days=1))
    return builder.sign(KEY, SHA256()).public_bytes(Encoding.DER)


def encoded(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")


def signed(header: Any) -> bytes:
    """Return a compact JWS by KEY under this header, whatever it is."""
    text = encoded(json.dumps(header).encode()) + b"." + encoded(b'{"n":1}')
    return text + b"." + encoded(KEY.sign(text, PKCS1v15(), SHA256()))


def chain(der: bytes) -> list[str]:
    return [base64.b64encode(der).decode()]


def test_a_signature_holds_under_its_own_certificate_and_no_other_payload_does() -> None:
    jws = read_compact(signed({"alg": "RS256", "x5c": chain(certificate())}))
    assert jws.payload == b'{"n":1}'
    verify_chain_head(jws)
    head, _, signature = signed({"alg": "RS256", "x5c": chain(certificate())}).split(b".")
    with pytest.raises(SignatureRejected, match="does not hold"):
        verify_chain_head(read_compact(b".".join((head, encoded(b'{"n":2}'), signature))))


@pytest.mark.parametrize(
    "header",
    [{}, {"alg": ["RS256"]}, {"alg": {}}, {"alg": None}, {"alg": 1}, [], "RS256"],
    ids=["none", "an array", "an object", "null", "a number", "header is an array", "header is a text"],
)
def test_a_header_that_names_no_algorithm_is_refused(header: Any) -> None:
    with pytest.raises(Rejected, match="names its algorithm"):
        read_compact(signed(header), "/attachments/0")


@pytest.mark.parametrize("text", [b"", b"a.b", b"a.b.c.d", b"!.!.!", b"\xff.e30.e30"])
def test_what_is_no_compact_form_is_refused(text: bytes) -> None:
    with pytest.raises(Rejected):
        read_compact(text)


@pytest.mark.parametrize(
    "x5c",
    [None, [], [1], ["é"], ["AAAA"], chain(certificate().replace(RSA_OID, UNHEARD_OF_OID)), {}],
    ids=["null", "empty", "no text", "no ASCII", "no certificate", "a key nobody has heard of", "no array"],
)
def test_a_chain_that_begins_with_no_rsa_certificate_is_refused(x5c: Any) -> None:
    with pytest.raises(Rejected, match="no chain that begins with an RSA certificate"):
        verify_chain_head(read_compact(signed({"alg": "RS256", "x5c": x5c})))
