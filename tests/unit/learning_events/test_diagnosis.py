"""What is said of a set-up, question by question."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.learning_events.domain.diagnosis import (
    CLOCK_SKEW_MAX,
    Sender,
    Verdict,
    is_ready,
    judge_date,
    judge_sender,
    judge_times,
    summary,
)
from services.learning_events.domain.sender_address import RESOURCES, judge_address, judge_transport, path_fault
from services.learning_events.domain.sender_credential import credential_fault
from services.learning_events.domain.statement import XapiVersion
from services.learning_events.handlers.diagnosing import SetUp, diagnose
from shared.kernel.errors import Fault

NOW = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
ORIGIN = "https://deedlog.example"
ID = "key_06f9k2m0000000000000000000"
SECRET = "dlk_0123456789abcdef"


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("path", "right", "word"),
    [
        ("/xapi/statement", "/xapi/statements", "plural"),
        ("/xAPI/statements", "/xapi/statements", "lower case"),
        ("/data/xAPI/statements", "/xapi/statements", "begins with /xapi"),
        ("/data/xapi", "/xapi/statements", "begins with /xapi"),
        ("/xapi/statements/", "/xapi/statements", "slash too many"),
        ("/xapi//statements", "/xapi/statements", "slash too many"),
        ("/xapi/statements/statements", "/xapi/statements", "twice"),
        ("/xapi/statements/0190-1", "/xapi/statements", "follows /statements"),
        ("/xapi/2/statement", "/xapi/2/statements", "plural"),
        ("/xapi/v1/statements", "/xapi/1/statements", "not served"),
        ("/xapi/1.0.3/statements", "/xapi/1/statements", "not served"),
        ("/xapi/agent/profile", "/xapi/agents/profile", "plural"),
        ("/xapi/lrs", "/xapi/statements", "no such resource"),
        ("/lrs/statements", "/xapi/statements", "nothing of xAPI"),
    ],
)
def test_a_path_that_is_nearly_right_leads_to_the_right_one(path: str, right: str, word: str) -> None:
    fault = path_fault(path)
    assert fault is not None
    assert fault.right == right
    assert word in fault.rule


@pytest.mark.parametrize("mount", ["/xapi", "/xapi/1", "/xapi/2"])
@pytest.mark.parametrize("resource", sorted(RESOURCES))
def test_no_fault_is_found_with_a_path_that_is_served(mount: str, resource: str) -> None:
    assert path_fault(f"{mount}/{resource}") is None
    assert path_fault(mount) is None


@given(st.text(alphabet="/xapiXAPI12.vstatemengprofildbou ", max_size=40))
def test_every_path_has_a_right_one_that_is_served(path: str) -> None:
    fault = path_fault(path)
    assert fault is None or path_fault(fault.right) is None


@pytest.mark.parametrize(
    ("header", "word"),
    [
        (None, "no Authorization header"),
        ("  ", "no Authorization header"),
        ("Bearer", "nothing follows Bearer"),
        (f"Bearer {ID}:{SECRET}", "which is what Basic takes"),
        ("Bearer " + base64.b64encode(f"{ID}:{SECRET}".encode()).decode(), "which is what Basic takes"),
        (f"Bearer {ID}", "got the key's id"),
        ("Bearer dls_abc", "a person's session"),
        ("Bearer something", "has not the form"),
        (f"Basic {SECRET}", "not encoded"),
        ("Basic ???", "not base64"),
        (basic(SECRET), "without the key's id"),
        (basic(f":{SECRET}"), "without the key's id"),
        (basic(f"{ID}:"), "without a secret"),
        (basic(f"{SECRET}:{ID}"), "wrong way round"),
        (basic(f"{ID}:{ID}"), "key's id as password"),
        (basic(f"{ID}:{SECRET}\n"), "white space"),
        (basic(f"moodle:{SECRET}"), "begins with key_"),
        ("Digest username=x", "neither Basic nor Bearer"),
        (SECRET, "without a scheme"),
    ],
)
def test_a_credential_of_the_wrong_form_is_told_what_is_wrong_with_it(header: str | None, word: str) -> None:
    fault = credential_fault(header)
    assert fault is not None
    assert word in fault.rule
    assert "dlk_0123" not in fault.rule + fault.mend


@given(st.binary(max_size=60))
def test_a_basic_header_of_any_bytes_is_judged_and_its_secret_is_not_repeated(raw: bytes) -> None:
    fault = credential_fault("Basic " + base64.b64encode(b"key_1:" + raw).decode())
    assert fault is None or len(fault.rule) < 120


def test_a_credential_of_the_right_form_is_left_to_identity() -> None:
    assert credential_fault(f"Bearer {SECRET}") is None
    assert credential_fault(basic(f"{ID}:{SECRET}")) is None
    assert credential_fault("Bearer dlo_0123") is None


@pytest.mark.parametrize(
    ("address", "failed"),
    [
        (f"{ORIGIN}/xapi", set()),
        (f"{ORIGIN}/xapi/", set()),
        (f"{ORIGIN}/xapi/2/statements", set()),
        ("http://deedlog.example/xapi", {"transport"}),
        (f"{ORIGIN}/xAPI", {"address"}),
        ("https://other.example/xapi", {"address"}),
        ("deedlog.example/xapi", {"address"}),
        ("https://key:dlk_x@deedlog.example/xapi", {"address"}),
        ("https://[::1/xapi", {"address"}),
    ],
)
def test_an_address_is_judged_by_host_path_and_transport(address: str, failed: set[str]) -> None:
    found = judge_address(address, ORIGIN, None)
    assert {one.check for one in found if one.verdict is Verdict.FAILED} == failed
    assert not any("dlk_" in one.sentence for one in found)


def test_a_house_without_tls_asks_for_none_and_one_with_it_believes_the_proxy() -> None:
    assert judge_transport("http", "http://127.0.0.1:8080", None).verdict is Verdict.PASSED
    assert judge_transport("https", ORIGIN, "http").verdict is Verdict.FAILED
    assert judge_transport(None, ORIGIN, "https").verdict is Verdict.PASSED


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [(0, Verdict.PASSED), (300, Verdict.PASSED), (-300, Verdict.PASSED), (301, Verdict.FAILED), (-301, Verdict.FAILED)],
)
def test_a_clock_may_be_five_minutes_off_by_its_date_header(seconds: int, verdict: Verdict) -> None:
    assert judge_date(NOW + timedelta(seconds=seconds), NOW).verdict is verdict


def test_no_date_header_is_no_fault() -> None:
    assert judge_date(None, NOW).verdict is Verdict.UNSEEN


def test_a_statement_about_the_past_is_no_fault_and_one_about_the_future_is() -> None:
    assert judge_times([NOW - timedelta(days=900)], NOW) is None
    assert judge_times([NOW + CLOCK_SKEW_MAX], NOW) is None
    ahead = judge_times([NOW, NOW + timedelta(hours=2)], NOW)
    assert ahead is not None
    assert "2 hours ahead" in ahead.rule


@pytest.mark.parametrize(
    ("sender", "check", "word"),
    [
        (Sender("admin", "admin", None, frozenset(), False), "credential", "admin key"),
        (Sender("person", "ses_1", None, frozenset(), False), "credential", "session"),
        (Sender("key", ID, None, frozenset({"write"}), False), "credential", "no organisation"),
        (Sender("key", ID, "org_a", frozenset({"read"}), False), "scope", "has read"),
        (Sender("key", ID, "org_a", frozenset(), False), "scope", "has none"),
        (Sender("key", ID, "org_b", frozenset({"write"}), False), "organisation", "another organisation"),
        (
            Sender("key", ID, "org_b", frozenset({"write"}), False, True),
            "organisation",
            "the access token's key belongs",
        ),
        (Sender("key", ID, "org_a", frozenset({"read"}), False, True), "scope", "the access token has read"),
    ],
)
def test_a_valid_credential_that_does_not_fit_is_told_why(sender: Sender, check: str, word: str) -> None:
    (failed,) = [one for one in judge_sender(sender, "org_a") if one.verdict is Verdict.FAILED]
    assert failed.check == check
    assert word in failed.rule


@pytest.mark.parametrize(
    "ended",
    [
        Fault("authorization", "this access token expired at 2026-03-01T00:00:00Z", "Get another one."),
        Fault("authorization", "this access token's key was revoked at 2026-03-01T00:00:00Z", "Make a new key."),
        Fault("authorization", "this key expired at 2026-03-01T00:00:00Z", "Make a new key."),
    ],
    ids=lambda fault: fault.rule[5:30],
)
def test_a_credential_that_ended_is_named_in_one_sentence(ended: Fault) -> None:
    header = "Bearer dlo_0123"
    set_up = SetUp(header, None, ended, f"{ORIGIN}/xapi", None, NOW, "https", XapiVersion.V2_0, None, None)
    findings = diagnose(set_up, ORIGIN, NOW, lambda: "")
    assert summary(findings) == f"credential: {ended.rule}. {ended.mend}"


def test_a_test_key_works_and_is_told_what_it_is() -> None:
    found = judge_sender(Sender("key", ID, "org_a", frozenset({"write"}), True), None)
    assert is_ready(found)
    assert [one.check for one in found if one.verdict is Verdict.NOTED] == ["mode"]
