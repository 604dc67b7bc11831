"""Steps 2 to 5: is the credential authentic, by whom, in its time, and does it still hold?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from ..kernel import bitstring
from ..kernel.clock import rfc3339
from ..kernel.data_integrity import read_proof, verify_proof
from ..kernel.errors import Rejected, SignatureRejected
from ..kernel.signing import decode_multikey
from .presentation import Credential, DidDocument, StatusEntry, StatusList
from .trust import TrustStore
from .verdict import Check, Step, failed, passed, reason, unknown

REVOCATION: Final = "revocation"


def check_proof(credential: Credential, did_document: DidDocument, now: datetime) -> Step:
    """Check that the credential is as it was signed, under the key the file's DID document names for its proof.

    Says nothing of whose key that is: the document comes with the file.
    """
    try:
        multikey = authentic_under(credential.document, credential.issuer, did_document, now)
    except Rejected as error:
        return failed(
            Check.CREDENTIAL_PROOF, "proof-rejected", f"The credential is not as it was signed: {reason(error)}."
        )
    return passed(Check.CREDENTIAL_PROOF, f"The credential is as it was signed under {multikey}.")


def check_issuer(credential: Credential, did_document: DidDocument, trust: TrustStore) -> Step:
    """Check that the proof's key was pinned for the issuer. Trusts that `check_proof` passed."""
    did = credential.issuer
    if did not in trust.issuers:
        return unknown(Check.ISSUER, "issuer-unknown", f"No key of {did} was pinned, so who signed is not known.")
    if not trust.pins_key(did, _named_key(credential.document, did_document)):
        return failed(
            Check.ISSUER,
            "issuer-key-not-pinned",
            f"The key that signed is none of those pinned for {did}: it is new, or somebody else's.",
        )
    return passed(Check.ISSUER, f"The key was pinned for {did}.")


def check_validity(credential: Credential, now: datetime) -> Step:
    """Check that `now` lies between the credential's validFrom and validUntil."""
    if now < credential.valid_from:
        return failed(Check.VALIDITY, "not-yet-valid", f"It is valid from {rfc3339(credential.valid_from)} only.")
    if now >= credential.valid_until:
        return failed(Check.VALIDITY, "expired", f"Its validity ended at {rfc3339(credential.valid_until)}.")
    return passed(Check.VALIDITY, f"It is valid until {rfc3339(credential.valid_until)}.")


def check_status(
    credential: Credential, status_list: StatusList, did_document: DidDocument, trust: TrustStore, now: datetime
) -> Step:
    """Check the credential's bit in a list that is its own, authentic, in its validity, and under a pinned key.

    Fails closed: a list that says nothing reliable leaves the status unknown. A bit that is set counts even in a list
    that is out of its time, for a revocation is not taken back.
    """
    entry = credential.status
    fault = _status_list_fault(entry, status_list, credential.issuer, did_document, now)
    if fault is not None:
        return fault
    try:
        is_revoked = bitstring.is_set(bitstring.decode(status_list.encoded), entry.index)
    except Rejected as error:
        return failed(
            Check.STATUS, "status-index-outside", f"The status list does not hold the entry: {reason(error)}."
        )
    if is_revoked:
        return failed(Check.STATUS, "revoked", "The issuer revoked the credential.")
    is_key_pinned = trust.pins_key(credential.issuer, _named_key(status_list.document, did_document))
    return _status_in_time(status_list, is_key_pinned, now)


def authentic_under(document: Mapping[str, Any], issuer: str, did_document: DidDocument, now: datetime) -> str:
    """Return the Multikey under which `document` is authentic, as the DID document of `issuer` lists it.

    Raises SignatureRejected when the document is another's, lists no such key for assertions, or the proof fails;
    Rejected when the listed key is none.
    """
    if did_document.id != issuer:
        raise SignatureRejected(f"the DID document is that of {did_document.id}, expected {issuer}")
    multikey = _named_key(document, did_document)
    verify_proof(document, decode_multikey(multikey), now)
    return multikey


def _named_key(document: Mapping[str, Any], did_document: DidDocument) -> str:
    """Return the Multikey the DID document lists under the name the proof gives; raise SignatureRejected for none."""
    method = read_proof(document).verification_method
    multikey = did_document.asserting.get(method)
    if multikey is None:
        raise SignatureRejected(f"the DID document lists no key for assertions as {method}")
    return multikey


def _status_list_fault(
    entry: StatusEntry, status_list: StatusList, issuer: str, did_document: DidDocument, now: datetime
) -> Step | None:
    if entry.purpose != REVOCATION:
        return unknown(Check.STATUS, "status-purpose-unknown", f"The entry is for {entry.purpose!r}, not {REVOCATION}.")
    if (status_list.id, status_list.issuer, status_list.purpose) != (entry.list_url, issuer, entry.purpose):
        return failed(Check.STATUS, "status-list-other", "The status list is not the one the credential names.")
    try:
        authentic_under(status_list.document, issuer, did_document, now)
    except Rejected as error:
        return failed(
            Check.STATUS, "status-list-rejected", f"The status list is not as it was signed: {reason(error)}."
        )
    return None


def _status_in_time(status_list: StatusList, is_key_pinned: bool, now: datetime) -> Step:
    since, until = rfc3339(status_list.valid_from), rfc3339(status_list.valid_until)
    if now < status_list.valid_from:
        return unknown(Check.STATUS, "status-list-not-yet-valid", f"The status list is valid from {since} only.")
    if now >= status_list.valid_until:
        return unknown(Check.STATUS, "status-list-expired", f"The status list is of {since} and counted until {until}.")
    if not is_key_pinned:
        return unknown(Check.STATUS, "status-list-key-not-pinned", "The key that signed the status list is not pinned.")
    return passed(Check.STATUS, f"It was not revoked in the list of {since}, which counts until {until}.")
