"""Signing: what makes an unsigned document an issued one, and what is kept and told of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.credential_issuing.domain.did_web import key_url
from shared.kernel import canonical_json
from shared.kernel.data_integrity import add_proof
from shared.kernel.hashing import digest_text, sha256
from shared.kernel.signing import Signer, encode_multikey


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed document. `canonical` are its RFC 8785 bytes with the proof, the form to store and to hand out."""

    document: dict[str, Any]
    canonical: bytes

    @property
    def digest(self) -> str:
        """`sha256:<hex>` over `canonical`: what the fact `credential-issued` carries into the person's record."""
        return digest_text(sha256(self.canonical))


def sign(document: Mapping[str, Any], issuer_did: str, signer: Signer, now: datetime) -> Signed:
    """Return `document` signed with eddsa-jcs-2022 under the name the issuer's DID document gives the signer's key.

    Serves credentials and status lists alike. Not checked: that the DID document lists the key; publish it first.
    """
    signed = add_proof(document, signer, key_url(issuer_did, encode_multikey(signer.public_key)), now)
    return Signed(signed, canonical_json.dumps(signed))
