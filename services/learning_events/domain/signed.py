"""Signed statements: an attachment that is a JSON Web Signature over the statement itself (part 2, section 2.6).

The signature's payload is the statement as it was before the signature was attached; what counts as different is what
counts for any statement that comes again (`immutability.py`). Who signed is known only where the signature brings its
certificate, and then it must hold; whether that certificate is to be trusted is the reader's to decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from services.learning_events.domain.faults import Faults
from services.learning_events.domain.immutability import is_same_statement
from services.learning_events.domain.statement import XapiVersion, faults_of
from shared.kernel import canonical_json
from shared.kernel.errors import Rejected
from shared.kernel.jws import ALGORITHMS, read_compact, verify_chain_head

SIGNATURE: Final = "http://adlnet.gov/expapi/attachments/signature"
"""The usage type of an attachment that signs its statement."""
CONTENT_TYPE: Final = "application/octet-stream"
PAYLOAD_BYTES_MAX: Final = 1 << 20


def check_signatures(
    statement: dict[str, Any], pointer: str, faults: Faults, parts: Mapping[str, bytes], version: XapiVersion
) -> None:
    """List what keeps the signatures of a checked statement from being over it. parts: attachments' data by SHA-2."""
    for index, attachment in enumerate(statement.get("attachments", ())):
        if attachment["usageType"] != SIGNATURE:
            continue
        at = f"{pointer}/attachments/{index}"
        if attachment["contentType"].partition(";")[0].strip().lower() != CONTENT_TYPE:
            faults.add(f"{at}/contentType", f"a signature is {CONTENT_TYPE}", f"Send {CONTENT_TYPE}.")
        data = parts.get(attachment["sha2"].lower())
        if data is not None:
            _check_signature(statement, data, at, faults, version)


def _check_signature(
    statement: dict[str, Any], data: bytes, pointer: str, faults: Faults, version: XapiVersion
) -> None:
    try:
        jws = read_compact(data, pointer)
        if jws.header.get("alg") not in ALGORITHMS:
            mend = f"Sign it with {', '.join(ALGORITHMS)}."
            faults.add(pointer, "the signature uses an algorithm that statements are not signed with", mend)
            return
        payload: Any = canonical_json.loads(jws.payload, bytes_max=PAYLOAD_BYTES_MAX)
        if faults_of(payload, version) or not _is_same(payload, statement):
            mend = "Sign the complete statement as it is before the signature is attached."
            faults.add(pointer, "what was signed is not this statement", mend)
        if "x5c" in jws.header:
            verify_chain_head(jws, pointer)
    except Rejected as error:
        faults.listed += [type(fault)(pointer, fault.rule, fault.mend) for fault in error.faults]


def _is_same(payload: dict[str, Any], statement: dict[str, Any]) -> bool:
    ids = [one["id"].lower() for one in (payload, statement) if "id" in one]
    return len(set(ids)) <= 1 and is_same_statement(payload, statement)
