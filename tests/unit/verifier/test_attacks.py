"""Every way we know to make a presentation say more than it may is refused, and by the step that is meant to see it."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.credential_issuing.domain.issuing import sign
from services.credential_issuing.domain.presentation import presentation
from shared.kernel import canonical_json
from shared.kernel.data_integrity import add_proof
from shared.verifier import Check, Outcome, TrustStore, verify
from shared.verifier.presentation import BYTES_MAX, DEPTH_MAX
from tests.unit.verifier.house import (
    DID,
    INDEX,
    ISSUER_KEY,
    LIST_URL,
    NOW,
    OTHER_PERSON,
    STRANGER_KEY,
    TRUST,
    Json,
    Record,
    bent,
    claim,
    credential,
    documented,
    file_of,
    good,
    issued_event,
    signed_list,
    vkey,
)


def refused(whole: Json | bytes, check: Check, code: str, trust: TrustStore = TRUST) -> None:
    """Assert that the presentation is not valid, and that this step, with this code, is what says so."""
    verdict = verify(whole if isinstance(whole, bytes) else file_of(whole), trust, NOW)
    step = verdict.deciding_step
    assert step is not None
    assert (step.check, step.code) == (check, code), step.sentence
    assert verdict.exit_code == 1
    assert not verdict.is_valid


def flip_base64(text: str) -> str:
    raw = bytearray(base64.b64decode(text))
    raw[-1] ^= 1
    return base64.b64encode(raw).decode()


# The credential.


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("name",), "Recovery testing, level 5 of 5"),
        (("validUntil",), "2099-01-01T00:00:00Z"),
        (("credentialSubject", "id"), f"urn:deedlog:person:{OTHER_PERSON}"),
        (("credentialSubject", "result", 0, "value"), "5"),
        (("credentialSubject", "achievement", "name"), "Wizardry"),
        (("relatedResource", 0, "digestSRI"), "sha256-" + "A" * 43 + "="),
        (("credentialStatus", "statusListIndex"), str(INDEX + 1)),
        (("proof", "created"), "2020-01-01T00:00:00Z"),
    ],
)
def test_an_altered_member_of_the_credential_is_seen_by_its_proof(path: tuple[str | int, ...], value: str) -> None:
    refused(bent("credential", *path, to=lambda _: value), Check.CREDENTIAL_PROOF, "proof-rejected")


def test_a_member_added_to_the_credential_is_seen_by_its_proof() -> None:
    whole = good()
    whole["credential"]["endorsement"] = []
    refused(whole, Check.CREDENTIAL_PROOF, "proof-rejected")


def test_a_proof_by_another_key_is_refused() -> None:
    forged = credential(key=STRANGER_KEY)
    whole = presentation(forged.document, documented(), signed_list(), Record(issued_event(forged)).proof())
    refused(whole, Check.CREDENTIAL_PROOF, "proof-rejected")


def test_a_proof_by_another_key_under_the_issuer_s_key_name_is_refused() -> None:
    unsigned = {name: value for name, value in credential().document.items() if name != "proof"}
    forged = add_proof(unsigned, STRANGER_KEY, f"{DID}#{ISSUER_KEY.multikey}", NOW)
    refused({**good(), "credential": forged}, Check.CREDENTIAL_PROOF, "proof-rejected")


def test_a_forger_s_own_did_document_does_not_make_a_pinned_issuer_of_them() -> None:
    forged = credential(key=STRANGER_KEY)
    whole = presentation(
        forged.document,
        documented(STRANGER_KEY),
        signed_list(key=STRANGER_KEY),
        Record(issued_event(forged)).proof(),
    )
    refused(whole, Check.ISSUER, "issuer-key-not-pinned")


def test_a_did_document_swapped_for_one_with_another_key_is_refused() -> None:
    refused({**good(), "did_document": documented(STRANGER_KEY)}, Check.CREDENTIAL_PROOF, "proof-rejected")


def test_a_did_document_that_gives_the_key_name_to_another_key_is_refused() -> None:
    whole = bent("did_document", "verificationMethod", 0, "publicKeyMultibase", to=lambda _: STRANGER_KEY.multikey)
    refused(whole, Check.CREDENTIAL_PROOF, "proof-rejected")


def test_a_did_document_of_another_did_is_refused() -> None:
    whole = good()
    whole["did_document"] = documented(did="did:web:other.example")
    refused(whole, Check.CREDENTIAL_PROOF, "proof-rejected")


def test_a_did_document_that_names_itself_otherwise_is_refused_though_it_lists_the_key() -> None:
    whole = good()
    whole["did_document"]["id"] = "did:web:other.example"
    whole["did_document"]["verificationMethod"][0]["controller"] = "did:web:other.example"
    refused(whole, Check.CREDENTIAL_PROOF, "proof-rejected")


@pytest.mark.parametrize(
    "bend",
    [
        lambda document: document.update(assertionMethod=[]),
        lambda document: document["verificationMethod"][0].update(controller="did:web:other.example"),
        lambda document: document["verificationMethod"][0].update(type="JsonWebKey"),
        lambda document: document["verificationMethod"][0].update(publicKeyMultibase="z6Mk"),
    ],
)
def test_a_key_that_may_not_assert_is_refused(bend: Callable[[Json], None]) -> None:
    whole = good()
    bend(whole["did_document"])
    refused(whole, Check.CREDENTIAL_PROOF, "proof-rejected")


def test_a_did_document_with_one_key_name_for_two_keys_is_refused() -> None:
    whole = good()
    methods = whole["did_document"]["verificationMethod"]
    methods.append({**methods[0], "publicKeyMultibase": STRANGER_KEY.multikey})
    refused(whole, Check.SHAPE, "malformed")


def test_a_credential_without_its_proof_is_refused() -> None:
    whole = good()
    del whole["credential"]["proof"]
    refused(whole, Check.SHAPE, "malformed")


def test_a_proof_made_for_another_purpose_is_refused() -> None:
    unsigned = {name: value for name, value in credential().document.items() if name != "proof"}
    method = f"{DID}#{ISSUER_KEY.multikey}"
    other = add_proof(unsigned, ISSUER_KEY, method, NOW, purpose="authentication")
    refused({**good(), "credential": other}, Check.CREDENTIAL_PROOF, "proof-rejected")


def test_a_context_appended_after_signing_is_refused_though_its_proof_holds() -> None:
    whole = bent("credential", "@context", to=lambda contexts: [*contexts, "https://evil.example/context"])
    refused(whole, Check.SHAPE, "malformed")


def test_a_credential_whose_time_has_not_come_is_refused() -> None:
    early = credential(at=NOW + timedelta(days=1))
    whole = presentation(early.document, documented(), signed_list(), Record(issued_event(early)).proof())
    refused(whole, Check.VALIDITY, "not-yet-valid")


def signed_otherwise(document: Json, **changes: Any) -> Json:
    """Return the document with these members changed and signed by the issuer itself."""
    unsigned = {name: value for name, value in document.items() if name != "proof"}
    return sign({**unsigned, **changes}, DID, ISSUER_KEY, NOW).document


STATUS = credential().document["credentialStatus"]


@pytest.mark.parametrize(
    "changes",
    [
        {"type": ["VerifiableCredential", "EndorsementCredential"]},
        {"type": ["OpenBadgeCredential"]},
        {"@context": ["https://www.w3.org/2018/credentials/v1"]},
        {"@context": []},
        {"credentialStatus": [STATUS, STATUS]},
        {"credentialStatus": {**STATUS, "type": "1EdTechRevocationList"}},
        {"credentialStatus": {**STATUS, "statusSize": 2}},
        {"credentialStatus": {**STATUS, "statusListIndex": "0x10"}},
        {"validUntil": None},
    ],
)
def test_a_credential_of_another_kind_is_not_read_as_ours_though_the_issuer_signed_it(changes: Json) -> None:
    whole = {**good(), "credential": signed_otherwise(credential().document, **changes)}
    refused(whole, Check.SHAPE, "malformed")


# The status.


def test_a_signed_credential_that_is_no_status_list_is_not_read_as_one() -> None:
    subject = signed_list()["credentialSubject"]
    for changes in (
        {"type": ["VerifiableCredential"]},
        {"credentialSubject": {**subject, "type": "StatusList2021"}},
        {"credentialSubject": [subject]},
    ):
        whole = {**good(), "status_list": signed_otherwise(signed_list(), **changes)}
        refused(whole, Check.SHAPE, "malformed")


def test_a_revoked_credential_is_refused() -> None:
    refused({**good(), "status_list": signed_list(frozenset({INDEX}))}, Check.STATUS, "revoked")


def test_a_revocation_counts_even_in_a_list_that_ran_out() -> None:
    old = signed_list(frozenset({INDEX}), at=NOW - timedelta(days=30))
    refused({**good(), "status_list": old}, Check.STATUS, "revoked")


def test_a_status_list_that_ran_out_is_refused() -> None:
    refused({**good(), "status_list": signed_list(at=NOW - timedelta(days=2))}, Check.STATUS, "status-list-expired")


def test_a_status_list_from_the_future_is_refused() -> None:
    early = signed_list(at=NOW + timedelta(days=2))
    refused({**good(), "status_list": early}, Check.STATUS, "status-list-not-yet-valid")


def test_another_list_of_the_same_issuer_is_refused() -> None:
    other = signed_list(url=LIST_URL.replace("/1", "/2"))
    refused({**good(), "status_list": other}, Check.STATUS, "status-list-other")


def test_a_list_for_another_purpose_is_refused() -> None:
    unsigned = {name: value for name, value in signed_list().items() if name != "proof"}
    unsigned["credentialSubject"] = {**unsigned["credentialSubject"], "statusPurpose": "suspension"}
    other = sign(unsigned, DID, ISSUER_KEY, NOW).document
    refused({**good(), "status_list": other}, Check.STATUS, "status-list-other")


def test_an_entry_for_another_purpose_than_revocation_is_not_guessed_at() -> None:
    unsigned = {name: value for name, value in credential().document.items() if name != "proof"}
    unsigned["credentialStatus"] = {**unsigned["credentialStatus"], "statusPurpose": "message"}
    issued = sign(unsigned, DID, ISSUER_KEY, NOW)
    whole = presentation(issued.document, documented(), signed_list(), Record(issued_event(issued)).proof())
    refused(whole, Check.STATUS, "status-purpose-unknown")


def test_a_list_by_another_issuer_is_refused() -> None:
    other = bent("status_list", "issuer", to=lambda _: "did:web:other.example")
    refused(other, Check.STATUS, "status-list-other")


def test_a_list_signed_by_a_stranger_is_refused() -> None:
    whole = {**good(), "status_list": signed_list(key=STRANGER_KEY)}
    refused(whole, Check.STATUS, "status-list-rejected")


def test_a_list_signed_by_a_key_that_only_the_file_vouches_for_leaves_the_status_unknown() -> None:
    whole = {
        **good(),
        "status_list": signed_list(key=STRANGER_KEY),
        "did_document": documented(ISSUER_KEY, STRANGER_KEY),
    }
    refused(whole, Check.STATUS, "status-list-key-not-pinned")


def test_a_list_whose_bits_were_exchanged_is_refused() -> None:
    whole = {**good(), "status_list": signed_list(frozenset({INDEX}))}
    whole["status_list"]["credentialSubject"]["encodedList"] = signed_list()["credentialSubject"]["encodedList"]
    refused(whole, Check.STATUS, "status-list-rejected")


def test_an_index_outside_the_list_is_refused() -> None:
    issued = credential(index=131_072)
    whole = presentation(issued.document, documented(), signed_list(), Record(issued_event(issued)).proof())
    refused(whole, Check.STATUS, "status-index-outside")


def test_a_signed_list_that_is_too_short_to_hide_anybody_is_refused() -> None:
    unsigned = {name: value for name, value in signed_list().items() if name != "proof"}
    short = "uH4sIAAAAAAAAA2NgAAD_EtlBAgAAAA"
    unsigned["credentialSubject"] = {**unsigned["credentialSubject"], "encodedList": short}
    whole = {**good(), "status_list": sign(unsigned, DID, ISSUER_KEY, NOW).document}
    refused(whole, Check.STATUS, "status-index-outside")


# The record.


def test_an_altered_event_is_not_in_the_stream() -> None:
    whole = bent("record", "event", "time", to=lambda _: "2020-01-01T00:00:00.000000Z")
    refused(whole, Check.RECORD_STREAM, "event-not-in-stream")


def test_an_event_about_another_credential_is_refused() -> None:
    other = credential(index=INDEX + 1)
    refused({**good(), "record": Record(issued_event(other)).proof()}, Check.RECORD_EVENT, "digest-mismatch")


def test_an_event_made_to_fit_the_credential_is_not_in_the_stream() -> None:
    other = credential(index=INDEX + 1)
    whole = {**good(), "record": Record(issued_event(other)).proof()}
    whole["record"]["event"]["data"]["digest"] = credential().digest
    refused(whole, Check.RECORD_STREAM, "event-not-in-stream")


def test_the_event_of_another_person_is_refused() -> None:
    issued = credential()
    record = Record(issued_event(issued, OTHER_PERSON), OTHER_PERSON).proof()
    refused({**good(), "record": record}, Check.RECORD_EVENT, "event-other-person")


def test_an_event_of_another_kind_is_refused() -> None:
    whole = bent("record", "event", "type", to=lambda _: "deedlog.credentials.credential-revoked.v1")
    refused(whole, Check.RECORD_EVENT, "event-other-kind")


@pytest.mark.parametrize("member", ["type", "subject", "data"])
def test_an_event_that_lacks_a_member_is_refused(member: str) -> None:
    whole = good()
    del whole["record"]["event"][member]
    assert verify(file_of(whole), TRUST, NOW).deciding_step.check is Check.RECORD_EVENT  # type: ignore[union-attr]


@pytest.mark.parametrize("salt", ["kind_salt", "event_salt"])
def test_other_salts_do_not_open_the_event(salt: str) -> None:
    refused(bent("record", salt, to=flip_base64), Check.RECORD_STREAM, "event-not-in-stream")


@pytest.mark.parametrize(
    "bend",
    [
        lambda record: record["path"].reverse(),
        lambda record: record["path"].pop(),
        lambda record: record["path"].append(record["path"][0]),
        lambda record: record["path"].__setitem__(0, flip_base64(record["path"][0])),
        lambda record: record.update(index=record["index"] + 1),
        lambda record: record.update(index=2**53 - 1),
    ],
)
def test_a_wrong_path_in_the_stream_is_refused(bend: Callable[[Json], None]) -> None:
    whole = good()
    bend(whole["record"])
    refused(whole, Check.RECORD_STREAM, "event-not-in-stream")


def test_a_head_with_another_root_is_refused() -> None:
    def other_root(text: str) -> str:
        raw = bytearray(base64.b64decode(text))
        raw[41] ^= 1
        return base64.b64encode(raw).decode()

    refused(bent("record", "head", to=other_root), Check.RECORD_STREAM, "event-not-in-stream")


@pytest.mark.parametrize("place", [1, 73, 104])
def test_a_head_with_another_tag_or_next_tag_is_not_in_the_log(place: int) -> None:
    def changed(text: str) -> str:
        raw = bytearray(base64.b64decode(text))
        raw[place] ^= 1
        return base64.b64encode(raw).decode()

    refused(bent("record", "head", to=changed), Check.RECORD_LOG, "head-not-in-log")


def test_the_head_of_another_stream_is_refused() -> None:
    issued = credential()
    mine, other = Record(issued_event(issued)).proof(), Record(issued_event(issued), seed=8).proof()
    refused({**good(), "record": {**mine, "head": other["head"]}}, Check.RECORD_STREAM, "event-not-in-stream")


def test_a_checkpoint_by_a_log_that_is_not_pinned_leaves_the_log_unknown() -> None:
    record = Record(issued_event(credential())).proof("other.example/log", STRANGER_KEY)
    refused({**good(), "record": record}, Check.RECORD_LOG, "log-unknown")


def test_a_checkpoint_under_the_pinned_name_by_another_key_is_refused() -> None:
    record = Record(issued_event(credential())).proof(key=STRANGER_KEY)
    refused({**good(), "record": record}, Check.RECORD_LOG, "checkpoint-rejected")


def test_a_checkpoint_of_one_pinned_log_signed_by_another_pinned_log_is_refused() -> None:
    record = Record(issued_event(credential())).proof()
    body, _, _ = record["log_proof"].rpartition("\n\n")
    stolen = Record(issued_event(credential())).proof("other.example/log", STRANGER_KEY)
    record["log_proof"] = body + "\n\n" + stolen["log_proof"].rpartition("\n\n")[2]
    trust = TRUST.with_log(vkey(STRANGER_KEY, "other.example/log"))
    refused({**good(), "record": record}, Check.RECORD_LOG, "checkpoint-rejected", trust)


def test_a_checkpoint_without_signatures_is_refused() -> None:
    whole = bent("record", "log_proof", to=lambda text: text.rpartition("\n\n")[0] + "\n\n")
    refused(whole, Check.RECORD_LOG, "checkpoint-rejected")


def test_a_checkpoint_that_tells_another_size_is_refused() -> None:
    whole = bent("record", "log_proof", to=lambda text: text.replace("\n6\n", "\n7\n"))
    refused(whole, Check.RECORD_LOG, "checkpoint-rejected")
    whole = bent("record", "log_proof", to=lambda text: text.replace("\n6\n", "\n600\n"))
    refused(whole, Check.RECORD_LOG, "head-not-in-log")


def test_a_checkpoint_that_tells_another_origin_is_not_believed() -> None:
    whole = bent(
        "record", "log_proof", to=lambda text: text.replace("\ndeedlog.example/log\n", "\nother.example/log\n")
    )
    refused(whole, Check.RECORD_LOG, "log-unknown")
    trust = TRUST.with_log(vkey(STRANGER_KEY, "other.example/log"))
    refused(whole, Check.RECORD_LOG, "checkpoint-rejected", trust)


def test_another_place_in_the_log_is_refused() -> None:
    whole = bent("record", "log_proof", to=lambda text: text.replace("index 3", "index 2"))
    refused(whole, Check.RECORD_LOG, "head-not-in-log")


# The file.


def duplicated(name: str) -> bytes:
    raw = file_of(good())
    member = json.dumps(name).encode() + b":"
    assert raw.count(member) >= 1
    return raw.replace(member, member + b"null," + member, 1)


@pytest.mark.parametrize(
    "name", ["credential", "issuer", "statusListIndex", "digest", "publicKeyMultibase", "log_proof"]
)
def test_a_name_that_stands_twice_is_refused(name: str) -> None:
    refused(duplicated(name), Check.SHAPE, "malformed")


def nested(levels: int) -> bytes:
    whole = good()
    inner: Any = 0
    for _ in range(levels):
        inner = [inner]
    whole["record"]["event"]["data"]["deep"] = inner
    return file_of(whole)


def test_a_file_is_read_to_the_greatest_depth_and_refused_beyond() -> None:
    # The member stands at level 4 already.
    refused(nested(DEPTH_MAX - 4), Check.RECORD_STREAM, "event-not-in-stream")
    refused(nested(DEPTH_MAX - 3), Check.SHAPE, "malformed")


def test_a_file_is_read_to_the_greatest_size_and_refused_beyond() -> None:
    padded = file_of(good()).ljust(BYTES_MAX)
    assert verify(padded, TRUST, NOW).is_valid
    refused(padded + b" ", Check.SHAPE, "too-large")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"NaN",
        b'{"format":"deedlog/presentation/v1"}',
        b"[" * 100_000,
        b'{"a":' * 50_000,
        file_of(good())[:-1],
        file_of(good()) + b"x",
        file_of({**good(), "format": "deedlog/presentation/v2"}),
        file_of({**good(), "trust": {"issuers": []}}),
        file_of({**good(), "record": {**good()["record"], "next_tag": ""}}),
    ],
)
def test_bytes_that_are_no_presentation_are_refused(raw: bytes) -> None:
    refused(raw, Check.SHAPE, "malformed")


@pytest.mark.parametrize("value", [None, True, 7, -1, 1.5, "", "x", [], ["x"], {}, {"id": "x"}])
@pytest.mark.parametrize(
    "path",
    [
        ("credential",),
        ("credential", "issuer"),
        ("credential", "credentialSubject"),
        ("credential", "credentialStatus"),
        ("credential", "credentialStatus", "statusListIndex"),
        ("credential", "type"),
        ("credential", "validFrom"),
        ("credential", "@context"),
        ("credential", "proof"),
        ("did_document",),
        ("did_document", "verificationMethod"),
        ("did_document", "assertionMethod"),
        ("status_list",),
        ("status_list", "credentialSubject"),
        ("status_list", "proof"),
        ("record",),
        ("record", "event"),
        ("record", "event", "data"),
        ("record", "kind_salt"),
        ("record", "index"),
        ("record", "path"),
        ("record", "head"),
        ("record", "log_proof"),
    ],
)
def test_a_member_of_another_type_is_refused_and_never_a_crash(path: tuple[str, ...], value: Any) -> None:
    verdict = verify(file_of(bent(*path, to=lambda _: value)), TRUST, NOW)
    assert not verdict.is_valid
    assert verdict.deciding_step is not None
    assert verdict.deciding_step.outcome is Outcome.FAILED


def test_pins_brought_by_the_file_are_not_believed() -> None:
    forged = credential(key=STRANGER_KEY)
    whole = presentation(
        forged.document,
        documented(STRANGER_KEY),
        signed_list(key=STRANGER_KEY),
        Record(issued_event(forged)).proof("other.example/log", STRANGER_KEY),
    )
    verdict = verify(file_of(whole), TrustStore(), NOW)
    assert (verdict.headline, verdict.exit_code) == ("intact, issuer unknown", 1)


def test_the_helper_bends_a_copy() -> None:
    before = copy.deepcopy(good())
    bent("credential", "name", to=lambda _: "x")
    assert canonical_json.dumps(good()) == canonical_json.dumps(before)
    assert claim().level == 3
