"""What the verifier says of an honest presentation, under the pins that were made and those that were not."""

from __future__ import annotations

import socket
from datetime import timedelta

import pytest

from services.credential_issuing.domain.presentation import presentation
from shared.kernel import canonical_json
from shared.kernel.signing import Ed25519Signer
from shared.verifier import NOT_CHECKED, Check, Outcome, TrustStore, Verdict, verify
from shared.verifier.presentation import KEYS_MAX
from tests.unit.verifier.house import (
    DID,
    ISSUED_AT,
    ISSUER_KEY,
    LOG_KEY,
    NOW,
    PERSON,
    STRANGER_KEY,
    TRUST,
    Record,
    credential,
    documented,
    file_of,
    good,
    issued_event,
    signed_list,
    vkey,
)


def test_an_honest_presentation_is_valid_under_pinned_keys() -> None:
    verdict = verify(file_of(good()), TRUST, NOW)
    assert [step.outcome for step in verdict.steps] == [Outcome.PASSED] * 8
    assert (verdict.is_valid, verdict.code, verdict.headline, verdict.exit_code) == (True, "ok", "valid", 0)


def test_the_steps_are_numbered_in_their_order() -> None:
    verdict = verify(file_of(good()), TRUST, NOW)
    assert [(step.number, step.check) for step in verdict.steps] == list(enumerate(Check, start=1))


def test_the_verdict_says_what_the_credential_says() -> None:
    about = verify(file_of(good()), TRUST, NOW).about
    assert about is not None
    assert about.name == "Recovery testing, level 3 of 5"
    assert about.subject == f"urn:deedlog:person:{PERSON}"
    assert about.issuer == DID
    assert about.status_as_of == "2026-11-23T11:00:00.000000Z"


def test_verifying_opens_no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_arguments: object, **_named: object) -> None:
        raise AssertionError("the verifier opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    assert verify(file_of(good()), TRUST, NOW).is_valid


def test_without_pins_it_is_intact_and_its_issuer_unknown() -> None:
    verdict = verify(file_of(good()), TrustStore(), NOW)
    assert (verdict.code, verdict.headline, verdict.exit_code) == ("issuer-unknown", "intact, issuer unknown", 1)
    outcomes = {step.check: step.outcome for step in verdict.steps}
    assert outcomes[Check.CREDENTIAL_PROOF] is Outcome.PASSED
    assert outcomes[Check.ISSUER] is outcomes[Check.STATUS] is outcomes[Check.RECORD_LOG] is Outcome.UNKNOWN


def test_without_the_log_s_pin_the_log_is_unknown() -> None:
    verdict = verify(file_of(good()), TrustStore().with_issuer(DID, ISSUER_KEY.multikey), NOW)
    assert (verdict.code, verdict.headline, verdict.exit_code) == ("log-unknown", "intact, log unknown", 1)


def test_a_status_list_past_its_validity_leaves_the_status_unknown() -> None:
    whole = {**good(), "status_list": signed_list(at=NOW - timedelta(hours=23))}
    verdict = verify(file_of(whole), TRUST, NOW)
    assert (verdict.code, verdict.headline, verdict.exit_code) == ("status-list-expired", "intact, status unknown", 1)


def test_the_credential_ends_with_the_instant_its_validity_names() -> None:
    end = ISSUED_AT + timedelta(days=730)
    whole = {**good(), "status_list": signed_list(at=end)}
    assert verify(file_of(whole), TRUST, end - timedelta(microseconds=1)).is_valid
    verdict = verify(file_of(whole), TRUST, end)
    assert (verdict.code, verdict.headline) == ("expired", "expired")


def test_a_retired_key_that_is_still_pinned_still_verifies() -> None:
    new, old = ISSUER_KEY, STRANGER_KEY
    issued = credential(key=old)
    whole = presentation(
        issued.document, documented(old, new), signed_list(key=new), Record(issued_event(issued)).proof()
    )
    assert verify(file_of(whole), TRUST.with_issuer(DID, old.multikey), NOW).is_valid


def test_an_issuer_that_replaced_its_keys_for_decades_is_still_read() -> None:
    retired = [Ed25519Signer.from_seed(b"retired " + number.to_bytes(24, "big")) for number in range(KEYS_MAX - 1)]
    whole = {**good(), "did_document": documented(*retired, ISSUER_KEY)}
    assert verify(file_of(whole), TRUST, NOW).is_valid
    one_more = Ed25519Signer.from_seed(b"one more" + bytes(24))
    beyond = {**good(), "did_document": documented(*retired, ISSUER_KEY, one_more)}
    assert verify(file_of(beyond), TRUST, NOW).code == "malformed"


def test_a_witness_s_signature_beside_the_log_s_is_passed_over() -> None:
    whole = good()
    note = "— witness.example/w Z2FyYmFnZXM=\n"
    whole["record"]["log_proof"] += note
    assert verify(file_of(whole), TRUST, NOW).is_valid


def test_spaces_and_order_of_the_file_do_not_matter() -> None:
    import json

    spaced = json.dumps(dict(reversed(good().items())), indent=3).encode()
    assert verify(spaced, TRUST, NOW).is_valid


def test_a_second_key_pinned_for_the_log_does_not_disturb() -> None:
    trust = TRUST.with_log(vkey(STRANGER_KEY)).with_log(vkey(STRANGER_KEY, "other.example/log"))
    assert verify(file_of(good()), trust, NOW).is_valid
    assert LOG_KEY.public_key != STRANGER_KEY.public_key


def test_a_verdict_with_steps_not_taken_is_not_valid() -> None:
    whole = verify(file_of(good()), TRUST, NOW)
    part = Verdict(whole.steps[:7], whole.about)
    assert (part.is_valid, part.code, part.headline, part.exit_code) == (False, "not-taken", "not valid", 1)


def test_the_verdict_as_json_names_steps_codes_and_what_is_not_checked() -> None:
    value = verify(file_of(good()), TRUST, NOW).as_json()
    assert value["valid"] is True
    assert [step["code"] for step in value["steps"]] == ["ok"] * 8
    assert value["not_checked"] == list(NOT_CHECKED)
    canonical_json.dumps(value)
