"""JSON Web Signatures in their compact form (RFC 7515 §7.1), with the RSA algorithms that signed statements use.

Reading says nothing about who signed: `verify_chain_head` checks the signature against the certificate that comes
along (x5c), which shows that the holder of that certificate's key signed, and not that anybody trusts the certificate.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm

from . import canonical_json
from .errors import Rejected, SignatureRejected

HEADER_BYTES_MAX: Final = 64 << 10
"""Bytes of a protected header: a chain of some ten certificates."""
ALGORITHMS: Final[Mapping[str, HashAlgorithm]] = {"RS256": SHA256(), "RS384": SHA384(), "RS512": SHA512()}
"""The algorithms that are read here, RSASSA-PKCS1-v1_5 with their hash (RFC 7518 §3.3)."""

_MEND: Final = "Send header, payload and signature in base64url without padding, with a dot between them."


@dataclass(frozen=True, slots=True)
class CompactJws:
    """A signature and what it is over. signed: the bytes that were signed. The header names its `alg`, a text."""

    header: Mapping[str, Any]
    payload: bytes
    signature: bytes
    signed: bytes


def read_compact(text: bytes, pointer: str = "") -> CompactJws:
    """Return what a compact JWS holds; nothing is verified. Raises Rejected for what is none."""
    parts = text.split(b".")
    if len(parts) != 3:
        raise Rejected.of(pointer, "it is no JWS of three parts (RFC 7515 §7.1)", _MEND)
    raw, payload, signature = (_decoded(part, pointer) for part in parts)
    header: Any = canonical_json.loads(raw, bytes_max=HEADER_BYTES_MAX)
    if not isinstance(header, dict) or not isinstance(header.get("alg"), str):
        raise Rejected.of(pointer, "its header is no JSON object that names its algorithm (RFC 7515 §4.1.1)", _MEND)
    return CompactJws(header, payload, signature, parts[0] + b"." + parts[1])


def verify_chain_head(jws: CompactJws, pointer: str = "") -> None:
    """Verify the signature against the first certificate of the header's x5c (RFC 7515 §4.1.6).

    Does not verify the chain or its dates. Raises Rejected for a malformed chain or another algorithm than ALGORITHMS,
    SignatureRejected where the signature does not hold.
    """
    algorithm = ALGORITHMS.get(jws.header["alg"])
    key = _certified_key(jws.header.get("x5c"))
    if algorithm is None or key is None:
        mend = "Send the certificates in base64 DER, the signer's first, or leave x5c out."
        raise Rejected.of(pointer, "its x5c is no chain that begins with an RSA certificate", mend)
    try:
        key.verify(jws.signature, jws.signed, PKCS1v15(), algorithm)
    except InvalidSignature:
        mend = "Sign header and payload with the key of the first certificate."
        raise SignatureRejected.of(pointer, "the signature does not hold under its own certificate", mend) from None


def _certified_key(chain: Any) -> RSAPublicKey | None:
    if not isinstance(chain, list) or not chain or not isinstance(chain[0], str):
        return None
    try:
        key = x509.load_der_x509_certificate(base64.b64decode(chain[0], validate=True)).public_key()
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, RSAPublicKey) else None


def _decoded(part: bytes, pointer: str) -> bytes:
    try:
        return base64.b64decode(part + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise Rejected.of(pointer, "a part of it is no base64url", _MEND) from None
