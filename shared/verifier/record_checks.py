"""Steps 6 to 8: is the issuing of this very credential in the person's record, and the record in a log we know?

Each step trusts the one before: the event speaks of the credential, the stream holds the event, the log holds the
stream's head.
"""

from __future__ import annotations

from typing import Final

from ..kernel import canonical_json
from ..kernel.checkpoint import Checkpoint, parse_checkpoint
from ..kernel.errors import ProofRejected, Rejected
from ..kernel.hashing import digest_text
from ..kernel.merkle import leaf_hash, verify_inclusion
from ..kernel.record_leaf import event_leaf
from ..kernel.tlog_proof import TlogProof, verify_tlog_proof
from .presentation import Credential, RecordProof
from .trust import TrustStore
from .verdict import Check, Step, failed, passed, reason, unknown

CREDENTIAL_ISSUED: Final = "deedlog.credentials.credential-issued.v1"
SUBJECT_PREFIX: Final = "urn:deedlog:person:"
"""What stands before a person's id in a credential's subject."""


def check_event(record: RecordProof, credential: Credential) -> Step:
    """Check that the opened event says that this credential, with this proof, was issued to this person."""
    event = record.event.members
    kind, subject, data = event.get("type"), event.get("subject"), event.get("data")
    if kind != CREDENTIAL_ISSUED or not isinstance(data, dict):
        return failed(Check.RECORD_EVENT, "event-other-kind", f"The event is no {CREDENTIAL_ISSUED}.")
    if not isinstance(subject, str) or SUBJECT_PREFIX + subject != credential.subject:
        return failed(Check.RECORD_EVENT, "event-other-person", "The event is of another person's record.")
    digest = digest_text(canonical_json.digest(credential.document))
    if data.get("digest") != digest:
        return failed(Check.RECORD_EVENT, "digest-mismatch", "The event speaks of another credential than this one.")
    return passed(Check.RECORD_EVENT, f"The event tells that this credential, {digest}, was issued to its subject.")


def check_stream(record: RecordProof) -> Step:
    """Check that the event, under its salts, is in the stream as its head tells."""
    head = record.head
    leaf = event_leaf(
        record.kind_salt,
        str(record.event.members.get("type")),
        record.event_salt,
        canonical_json.dumps(record.event.members),
    )
    try:
        verify_inclusion(leaf_hash(leaf), record.index, head.size, record.path, head.root)
    except ProofRejected as error:
        return failed(
            Check.RECORD_STREAM, "event-not-in-stream", f"The event is not in the person's stream: {reason(error)}."
        )
    return passed(Check.RECORD_STREAM, f"The event is number {record.index + 1} of {head.size} in the person's stream.")


def check_log(record: RecordProof, trust: TrustStore) -> Step:
    """Check that the stream's head is in the log, under a checkpoint signed with a key that was pinned for the log."""
    proof, leaf = record.log_proof, leaf_hash(record.head.encode())
    try:
        claimed = _claimed_checkpoint(proof)
        verify_inclusion(leaf, proof.index, claimed.size, proof.hashes, claimed.root)
        keys = trust.log_keys()
        if claimed.origin not in {key.name for key in keys}:
            return unknown(Check.RECORD_LOG, "log-unknown", f"No key of the log {claimed.origin} was pinned.")
        checkpoint = verify_tlog_proof(proof, leaf, keys).checkpoint
    except ProofRejected as error:
        return failed(Check.RECORD_LOG, "head-not-in-log", f"The stream's head is not in the log: {reason(error)}.")
    except Rejected as error:
        return failed(Check.RECORD_LOG, "checkpoint-rejected", f"The log's checkpoint does not hold: {reason(error)}.")
    return passed(
        Check.RECORD_LOG,
        f"The stream's head is leaf {proof.index} of {checkpoint.size} in the log {checkpoint.origin}.",
    )


def _claimed_checkpoint(proof: TlogProof) -> Checkpoint:
    """Return the checkpoint whose signatures were not looked at yet; used to say which of two things is wrong."""
    text, _, _ = proof.checkpoint.rpartition("\n\n")
    return parse_checkpoint(text + "\n")
