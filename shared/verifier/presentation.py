"""The file that is verified: `deedlog/presentation/v1`, one JSON document with all that is needed and no more.

    format        "deedlog/presentation/v1"
    credential    the credential as it was issued: Open Badges 3.0 on VCDM 2.0, with its proof
    did_document  the issuer's document: which key the proof names. It counts only as far as its keys are pinned
    status_list   the signed status list the credential's entry names, as it was last published
    record        that the issuing of this very credential is in the person's record:
        event         the canonical event, a JSON object (`credential-issued`)
        kind_salt     base64, 16 bytes         event_salt   base64, 32 bytes
        index         place of the event in its stream, from 0
        path          base64 sibling hashes from the event upward, in the stream as its head tells
        head          base64, 105 bytes: the stream's head, a leaf of the log
        log_proof     C2SP tlog-proof text of the head, with the log's signed checkpoint

`read_presentation` checks shapes only: after it, every member that a later step reads is of its type, and nothing has
been believed. A member that is not named here is refused, so that nothing rides along unlooked at. The contexts of
credential and list must be exactly those their proofs name, for a proof does not cover contexts appended later.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ..kernel import canonical_json
from ..kernel.hashing import HASH_SIZE
from ..kernel.record_leaf import EVENT_SALT_SIZE, HEAD_LEAF_SIZE, KIND_SALT_SIZE, HeadLeaf
from ..kernel.tlog_proof import TlogProof, decode_tlog_proof
from .json_reader import JsonObject, decoded

FORMAT: Final = "deedlog/presentation/v1"
BYTES_MAX: Final = 1 << 20
"""1 MiB. The largest part is the status list, about 30 KB for 131,072 entries however they are set."""
DEPTH_MAX: Final = 16
"""Levels of JSON; ours has 8."""
KEYS_MAX: Final = 1_000
"""Verification methods read from a DID document, which lists every key its issuer ever signed with: as many as can be
pinned of one issuer."""
PATH_MAX: Final = 63
LOG_PROOF_CHARACTERS_MAX: Final = 1 << 16
CREDENTIALS_CONTEXT: Final = "https://www.w3.org/ns/credentials/v2"

_INDEX: Final = re.compile(r"0|[1-9][0-9]{0,11}")


@dataclass(frozen=True, slots=True)
class StatusEntry:
    """Where the credential's bit stands."""

    list_url: str
    index: int
    purpose: str


@dataclass(frozen=True, slots=True)
class Credential:
    """What later steps read of the credential; `document` is the whole, as it was signed."""

    document: Mapping[str, Any]
    id: str
    name: str
    issuer: str
    subject: str
    valid_from: datetime
    valid_until: datetime
    status: StatusEntry


@dataclass(frozen=True, slots=True)
class DidDocument:
    """The issuer's keys as the file tells them: those that may assert, Multikey by verification method id."""

    id: str
    asserting: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StatusList:
    """What later steps read of the status list."""

    document: Mapping[str, Any]
    id: str
    issuer: str
    valid_from: datetime
    valid_until: datetime
    purpose: str
    encoded: str


@dataclass(frozen=True, slots=True)
class RecordProof:
    """The event, what opens it, and its way up to the log's checkpoint."""

    event: JsonObject
    kind_salt: bytes
    event_salt: bytes
    index: int
    path: tuple[bytes, ...]
    head: HeadLeaf
    log_proof: TlogProof


@dataclass(frozen=True, slots=True)
class Presentation:
    """A file whose shape is right. Nothing in it is believed yet."""

    credential: Credential
    did_document: DidDocument
    status_list: StatusList
    record: RecordProof


def read_presentation(raw: bytes) -> Presentation:
    """Return the presentation these bytes hold. Raises TooLarge over BYTES_MAX, else Rejected, with the pointer."""
    whole = JsonObject.of(canonical_json.loads(raw, depth_max=DEPTH_MAX, bytes_max=BYTES_MAX))
    whole.expect_only("format", "credential", "did_document", "status_list", "record")
    if whole.text("format") != FORMAT:
        raise whole.wrong("format", f"expected {FORMAT}")
    return Presentation(
        credential=_credential(whole.object("credential")),
        did_document=_did_document(whole.object("did_document")),
        status_list=_status_list(whole.object("status_list")),
        record=_record(whole.object("record")),
    )


def _credential(credential: JsonObject) -> Credential:
    _expect_signed_credential(credential, "OpenBadgeCredential")
    return Credential(
        document=credential.members,
        id=credential.text("id"),
        name=credential.text("name"),
        issuer=_issuer(credential),
        subject=credential.object("credentialSubject").text("id"),
        valid_from=credential.time("validFrom"),
        valid_until=credential.time("validUntil"),
        status=_status_entry(credential.object("credentialStatus")),
    )


def _expect_signed_credential(credential: JsonObject, kind: str) -> None:
    """Refuse what is no VCDM 2.0 credential of this type whose proof names all its contexts."""
    if not {"VerifiableCredential", kind} <= set(credential.texts("type", 8)):
        raise credential.wrong("type", f"expected VerifiableCredential and {kind}")
    contexts = credential.texts("@context", 8)
    if contexts[:1] != [CREDENTIALS_CONTEXT]:
        raise credential.wrong("@context", f"expected {CREDENTIALS_CONTEXT} first")
    if credential.object("proof").texts("@context", 8) != contexts:
        raise credential.wrong("@context", "a context is not covered by the proof")


def _issuer(credential: JsonObject) -> str:
    if isinstance(credential.members.get("issuer"), str):
        return credential.text("issuer")
    return credential.object("issuer").text("id")


def _status_entry(entry: JsonObject) -> StatusEntry:
    if entry.text("type") != "BitstringStatusListEntry":
        raise entry.wrong("type", "expected BitstringStatusListEntry")
    if "statusSize" in entry.members:
        raise entry.wrong("statusSize", "only entries of one bit are read")
    index = entry.text("statusListIndex")
    if _INDEX.fullmatch(index) is None:
        raise entry.wrong("statusListIndex", "a decimal number in a text is expected")
    return StatusEntry(entry.text("statusListCredential"), int(index), entry.text("statusPurpose"))


def _did_document(document: JsonObject) -> DidDocument:
    did = document.text("id")
    asserting = set(document.texts("assertionMethod", KEYS_MAX))
    methods = document.objects("verificationMethod", KEYS_MAX)
    keys = {
        method.text("id"): method.text("publicKeyMultibase")
        for method in methods
        if method.text("id") in asserting and method.text("type") == "Multikey" and method.text("controller") == did
    }
    if len({method.text("id") for method in methods}) < len(methods):
        raise document.wrong("verificationMethod", "an id stands twice")
    return DidDocument(did, keys)


def _status_list(status_list: JsonObject) -> StatusList:
    _expect_signed_credential(status_list, "BitstringStatusListCredential")
    subject = status_list.object("credentialSubject")
    if subject.text("type") != "BitstringStatusList":
        raise subject.wrong("type", "expected BitstringStatusList")
    return StatusList(
        document=status_list.members,
        id=status_list.text("id"),
        issuer=_issuer(status_list),
        valid_from=status_list.time("validFrom"),
        valid_until=status_list.time("validUntil"),
        purpose=subject.text("statusPurpose"),
        encoded=subject.text("encodedList", BYTES_MAX),
    )


def _record(record: JsonObject) -> RecordProof:
    record.expect_only("event", "kind_salt", "event_salt", "index", "path", "head", "log_proof")
    path = record.texts("path", PATH_MAX)
    return RecordProof(
        event=record.object("event"),
        kind_salt=record.octets("kind_salt", KIND_SALT_SIZE),
        event_salt=record.octets("event_salt", EVENT_SALT_SIZE),
        index=record.number("index"),
        path=tuple(decoded(text, HASH_SIZE, f"/record/path/{place}") for place, text in enumerate(path)),
        head=HeadLeaf.decode(record.octets("head", HEAD_LEAF_SIZE)),
        log_proof=decode_tlog_proof(record.text("log_proof", LOG_PROOF_CHARACTERS_MAX)),
    )
