"""The whole verification, step by step; no network, no clock of its own, no state."""

from __future__ import annotations

from datetime import datetime

from ..kernel import canonical_json
from ..kernel.clock import rfc3339
from ..kernel.errors import Rejected, TooLarge
from ..kernel.hashing import digest_text
from .credential_checks import check_issuer, check_proof, check_status, check_validity
from .presentation import Presentation, read_presentation
from .record_checks import check_event, check_log, check_stream
from .trust import TrustStore
from .verdict import About, Check, Outcome, Verdict, failed, passed, reason


def verify(raw: bytes, trust: TrustStore, now: datetime) -> Verdict:
    """Return the verdict on a presentation file's bytes under the keys of `trust` at the instant `now`.

    The steps, as `verdict.Check` numbers them:

    1. shape             one strict JSON document of the known format, no member too many
    2. credential-proof  the credential is as it was signed, under the key the file names
    3. issuer            that key was pinned for the issuer
    4. validity          now lies between validFrom and validUntil
    5. status            its bit in the issuer's signed, still valid status list is 0
    6. record-event      the opened event says that this very credential was issued to this person
    7. record-stream     the event is in the person's stream, as the stream's head tells
    8. record-log        the head is in the log, under a checkpoint signed with a key pinned for the log

    After a failed step 1 or 2 nothing in the file means anything, so no further step is taken. What no step checks is
    in `verdict.NOT_CHECKED`. Never raises for anything in `raw`.
    """
    try:
        presentation = read_presentation(raw)
    except Rejected as error:
        code = "too-large" if isinstance(error, TooLarge) else "malformed"
        return Verdict((failed(Check.SHAPE, code, f"The file is no presentation: {reason(error)}."),), None)
    shape = passed(Check.SHAPE, "The file has the shape of a presentation.")
    proof = check_proof(presentation.credential, presentation.did_document, now)
    if proof.outcome is Outcome.FAILED:
        return Verdict((shape, proof), None)
    credential, did_document = presentation.credential, presentation.did_document
    steps = (
        shape,
        proof,
        check_issuer(credential, did_document, trust),
        check_validity(credential, now),
        check_status(credential, presentation.status_list, did_document, trust, now),
        check_event(presentation.record, credential),
        check_stream(presentation.record),
        check_log(presentation.record, trust),
    )
    return Verdict(steps, _about(presentation))


def _about(presentation: Presentation) -> About:
    credential = presentation.credential
    return About(
        credential=credential.id,
        name=credential.name,
        issuer=credential.issuer,
        subject=credential.subject,
        valid_from=rfc3339(credential.valid_from),
        valid_until=rfc3339(credential.valid_until),
        status_as_of=rfc3339(presentation.status_list.valid_from),
        digest=digest_text(canonical_json.digest(credential.document)),
    )
