"""What two services answer over HTTP is one file that anybody verifies with no network, under keys pinned before."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest

from shared.kernel import canonical_json
from shared.kernel.clock import SystemClock
from shared.verifier import TrustStore, Verdict, verify
from shared.verifier.cli import run_trust_add, run_verify
from tests.suites.credential_issuing.house import earn, presented
from tests.suites.record_log.house import House, person, statement

pytestmark = pytest.mark.asyncio(loop_scope="session")
DID = "did:web:127.0.0.1%3A8484"


async def pins(house: House) -> TrustStore:
    """Return the keys of this house as somebody pins them who asked it before."""
    store = TrustStore()
    document = await house.get("credential_issuing", "/.well-known/did.json", "")
    for method in document["verificationMethod"]:
        store = store.with_issuer(document["id"], method["publicKeyMultibase"])
    return store.with_log((await house.send("record_log", "GET", "/log/vkey", "")).text.strip())


def verdict(presentation: dict[str, Any], trust: TrustStore) -> Verdict:
    return verify(canonical_json.dumps(presentation), trust, SystemClock().now())


async def test_the_file_is_valid_offline_under_pinned_keys(house: House, tmp_path: Path) -> None:
    ada = person()
    await house.tell("learning_events", statement(ada))
    told = await earn(house, ada)
    presentation = await presented(house, told.credential, ada)
    found = verdict(presentation, await pins(house))
    assert found.is_valid, [step.sentence for step in found.steps]
    assert found.about is not None
    assert (found.about.digest, found.about.issuer) == (told.digest, DID)
    file, trust, out = tmp_path / "credential.json", tmp_path / "trust.json", io.StringIO()
    file.write_text(json.dumps(presentation))
    document = presentation["did_document"]
    run_trust_add([DID, *(method["publicKeyMultibase"] for method in document["verificationMethod"])], trust, out)
    run_trust_add([(await house.send("record_log", "GET", "/log/vkey", "")).text.strip()], trust, out)
    assert run_verify(file, trust, SystemClock().now(), False, out) == 0


async def test_under_no_pinned_key_it_is_intact_and_its_issuer_unknown(house: House) -> None:
    presentation = await presented(house, (await earn(house, person())).credential)
    found = verdict(presentation, TrustStore())
    assert (found.headline, found.exit_code) == ("intact, issuer unknown", 1)


async def test_once_revoked_it_is_valid_no_more(house: House) -> None:
    told = await earn(house, person())
    trust = await pins(house)
    before = await presented(house, told.credential)
    body = {"reason": "issued-in-error"}
    path = f"/v1/credentials/{told.credential}:revoke"
    assert (await house.send("credential_issuing", "POST", path, "admin", body)).status_code == 200
    after = await presented(house, told.credential)
    assert (verdict(after, trust).headline, verdict(after, trust).exit_code) == ("revoked", 1)
    assert verdict(before, trust).is_valid


async def test_it_says_in_words_what_it_rests_on_and_names_no_reviewer(house: House) -> None:
    ada = person()
    credential = (await presented(house, (await earn(house, ada)).credential))["credential"]
    assert credential["credentialSubject"]["id"] == f"urn:deedlog:person:{ada}"
    assert credential["name"].endswith(", level 2 of 5")
    assert [item["name"] for item in credential["evidence"]] == [
        "Review of a submission",
        "Evidence in a submission: ci",
    ]
    assert "incidents 4 of 5" in credential["evidence"][0]["narrative"]
    assert "limits" not in credential["evidence"][0]["narrative"]
    assert "prs_06BZ8Q0T3V7M1N5K2R4W6Y8ZAR" not in json.dumps(credential)
    assert {item["id"] for item in credential["relatedResource"]} == {item["id"] for item in credential["evidence"]}


async def test_a_stranger_s_erasure_leaves_the_file_valid(house: House) -> None:
    ada, bea = person(), person()
    told = await earn(house, ada)
    await earn(house, bea)
    trust, before = await pins(house), await presented(house, told.credential)
    for source in ("project_submissions", "skill_inference"):
        await house.erase(source, bea)
    await house.until_heard("record_log")
    assert verdict(before, trust).is_valid
    assert verdict(await presented(house, told.credential), trust).is_valid


async def test_any_bit_changed_makes_it_invalid(house: House) -> None:
    presentation = await presented(house, (await earn(house, person())).credential)
    trust = await pins(house)
    presentation["credential"]["credentialSubject"]["result"][0]["value"] = "5"
    assert verdict(presentation, trust).code == "proof-rejected"
