"""Data Integrity proofs with the cryptosuite eddsa-jcs-2022 (W3C VC Data Integrity 1.0, VC DI EdDSA 1.0 §3.3).

Issuer and verifier share this file, so that they cannot drift apart. What is signed, 64 bytes:

    SHA-256(RFC 8785 of the proof without its proofValue)  ||  SHA-256(RFC 8785 of the document without its proof)

The proof carries the document's `@context` when it signs (§3.3.1 step 2). A reader accepts a document whose `@context`
begins with the proof's and verifies it with the proof's (§3.3.2 step 4): contexts appended later are *not* covered.
Who reads meaning from the document must therefore look at `@context` itself, or compare a digest of the whole.
No context is ever fetched. Proof sets and chains are refused. Pure: the time is passed in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import base58

from . import canonical_json
from .clock import parse_rfc3339, rfc3339
from .errors import SignatureRejected
from .hashing import sha256
from .signing import SIGNATURE_SIZE, Signer, verify

PROOF_TYPE: Final = "DataIntegrityProof"
CRYPTOSUITE: Final = "eddsa-jcs-2022"
ASSERTION: Final = "assertionMethod"

_PROOF_VALUE: Final = re.compile(r"z[1-9A-HJ-NP-Za-km-z]{64,88}")
_DATE_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)")
"""XML Schema dateTimeStamp, to the microsecond we can hold."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a document's proof says of itself. Only the claim of a proof until `verify_proof` was called."""

    verification_method: str
    purpose: str
    created: datetime | None
    expires: datetime | None


def add_proof(
    document: Mapping[str, Any],
    signer: Signer,
    verification_method: str,
    created: datetime,
    purpose: str = ASSERTION,
) -> dict[str, Any]:
    """Return `document` with its proof, created at `created` cut to whole seconds.

    `verification_method` is the id under which the issuer's document lists the signer's key; not checked here.
    Raises ValueError when the document has a proof already; Rejected when it has no canonical form.
    """
    if "proof" in document:
        raise ValueError("the document has a proof already; proof sets are not made")
    options = {
        "type": PROOF_TYPE,
        "cryptosuite": CRYPTOSUITE,
        "created": rfc3339(created)[:19] + "Z",
        "verificationMethod": verification_method,
        "proofPurpose": purpose,
    }
    if "@context" in document:
        options["@context"] = document["@context"]
    signature = signer.sign(hash_data(document, options))
    return {**document, "proof": {**options, "proofValue": "z" + base58.b58encode(signature).decode()}}


def hash_data(document: Mapping[str, Any], options: Mapping[str, Any]) -> bytes:
    """Return the 64 bytes that are signed for an unsecured document and proof options (§3.3.4)."""
    return sha256(canonical_json.dumps(options)) + sha256(canonical_json.dumps(document))


def read_proof(document: Mapping[str, Any]) -> Proof:
    """Return what the document's one proof says, before its signature is looked at.

    Raises SignatureRejected when there is none, more than one, a chain, another cryptosuite, or a member of the wrong
    form.
    """
    options = _proof_member(document)
    method, purpose = options.get("verificationMethod"), options.get("proofPurpose")
    if not isinstance(method, str) or not isinstance(purpose, str):
        raise SignatureRejected("the proof names no verificationMethod or no proofPurpose")
    return Proof(method, purpose, _time(options, "created"), _time(options, "expires"))


def verify_proof(document: Mapping[str, Any], public_key: bytes, at: datetime, purpose: str = ASSERTION) -> Proof:
    """Return the document's proof if it holds under `public_key` for `purpose` at the instant `at`.

    What is not checked: that the issuer lists this key under the proof's verificationMethod; contexts beyond those of
    the proof. Raises SignatureRejected with the reason.
    """
    proof = read_proof(document)
    if proof.purpose != purpose:
        raise SignatureRejected(f"the proof was made for {proof.purpose!r}, expected {purpose!r}")
    if proof.expires is not None and proof.expires <= at:
        raise SignatureRejected(f"the proof ended at {rfc3339(proof.expires)}")
    # §3.3.2, steps 1 to 5.
    unsecured = {name: value for name, value in document.items() if name != "proof"}
    options = dict(_proof_member(document))
    signature = _signature(options.pop("proofValue", None))
    if "@context" in options:
        _expect_prefix(options["@context"], unsecured.get("@context"))
        unsecured["@context"] = options["@context"]
    verify(public_key, hash_data(unsecured, options), signature)
    return proof


def _proof_member(document: Mapping[str, Any]) -> Mapping[str, Any]:
    options = document.get("proof")
    if not isinstance(options, Mapping):
        raise SignatureRejected("the document carries no single proof")
    if options.get("type") != PROOF_TYPE or options.get("cryptosuite") != CRYPTOSUITE:
        raise SignatureRejected(f"the proof is no {PROOF_TYPE} of {CRYPTOSUITE}")
    if "previousProof" in options:
        raise SignatureRejected("the proof is part of a chain; chains are not read")
    return options


def _expect_prefix(claimed: Any, present: Any) -> None:
    """Refuse a document whose contexts do not begin with those of its proof, in order (§3.3.2 step 4)."""
    first = claimed if isinstance(claimed, list) else [claimed]
    whole = present if isinstance(present, list) else [present]
    if whole[: len(first)] != first:
        raise SignatureRejected("the document's @context does not begin with the proof's")


def _signature(proof_value: Any) -> bytes:
    """Return the 64 bytes of a proofValue; a text that is not the one spelling of its bytes is refused."""
    if not isinstance(proof_value, str) or _PROOF_VALUE.fullmatch(proof_value) is None:
        raise SignatureRejected("the proofValue is no base58btc multibase of a signature")
    signature = base58.b58decode(proof_value[1:])
    if len(signature) != SIGNATURE_SIZE:
        raise SignatureRejected(f"the proofValue holds {len(signature)} bytes, expected {SIGNATURE_SIZE}")
    return signature


def _time(options: Mapping[str, Any], name: str) -> datetime | None:
    text = options.get(name)
    if text is None and name not in options:
        return None
    if not isinstance(text, str) or _DATE_TIME.fullmatch(text) is None:
        raise SignatureRejected(f"the proof's {name} is no date-time with a zone")
    try:
        return parse_rfc3339(text)
    except (ValueError, OverflowError) as error:
        raise SignatureRejected(f"the proof's {name} is no date-time with a zone") from error
