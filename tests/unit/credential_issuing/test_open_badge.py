"""The credential says what was found, no more, in the members the standards give it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.credential_issuing.domain.claim import EVIDENCE_MAX, Evidence, RelatedResource
from services.credential_issuing.domain.figures import ceiled, floored
from services.credential_issuing.domain.open_badge import Issuer, open_badge, subject_id
from services.credential_issuing.domain.status_list import StatusEntry
from shared.kernel.errors import Rejected
from tests.unit.verifier.house import DID, INDEX, ISSUED_AT, LIST_URL, ORIGIN, PERSON, claim, credential

GOLDEN = Path(__file__).parent / "credential.golden.json"
URL = f"{ORIGIN}/credentials/vcr_1"


def badge(**changes: Any) -> dict[str, Any]:
    until = ISSUED_AT + timedelta(days=1)
    entry = StatusEntry(LIST_URL, INDEX)
    return open_badge(URL, Issuer(DID, "Deedlog", ORIGIN), replace(claim(), **changes), entry, ISSUED_AT, until)


def test_the_credential_of_the_golden_case_is_the_golden_one() -> None:
    assert credential().document == json.loads(GOLDEN.read_text())


def test_contexts_and_types_come_in_the_order_the_standards_demand() -> None:
    document = badge()
    assert document["@context"][0] == "https://www.w3.org/ns/credentials/v2"
    assert document["type"][:2] == ["VerifiableCredential", "OpenBadgeCredential"]


def test_the_person_appears_by_id_only() -> None:
    assert badge()["credentialSubject"]["id"] == subject_id(PERSON) == f"urn:deedlog:person:{PERSON}"


def test_every_result_has_the_description_it_names() -> None:
    subject = badge()["credentialSubject"]
    described = {description["id"] for description in subject["achievement"]["resultDescription"]}
    assert {result["resultDescription"] for result in subject["result"]} == described


def test_results_are_texts_rounded_against_the_claim() -> None:
    results = {
        result["resultDescription"].rpartition("#")[2]: result["value"]
        for result in badge(probability=0.98999, interval_low=-0.001, interval_high=2.001)["credentialSubject"][
            "result"
        ]
    }
    assert results == {
        "level": "3",
        "probability": "0.989",
        "interval-low": "-0.01",
        "interval-high": "2.01",
        "release": "release-0",
        "rule": "deedlog-rule-1",
    }


def test_the_skill_is_aligned_to_our_own_iri_and_to_esco() -> None:
    alignments = badge()["credentialSubject"]["achievement"]["alignment"]
    assert [each["targetUrl"] for each in alignments] == [
        f"{ORIGIN}/v1/skills/ops.recovery_test",
        "http://data.europa.eu/esco/skill/ff25cbf0-6978-4c4c-887e-d4b185410d74",
    ]
    assert "targetCode" not in alignments[1]


def test_every_item_of_evidence_is_bound_by_its_digest() -> None:
    document = badge(related=(RelatedResource("urn:deedlog:head:1", b"\xff" * 32),))
    bound = {resource["id"]: resource["digestSRI"] for resource in document["relatedResource"]}
    assert set(bound) == {item["id"] for item in document["evidence"]} | {"urn:deedlog:head:1"}
    assert bound["urn:deedlog:head:1"] == "sha256-//////////////////////////////////////////8="


def test_the_narrative_states_the_mix_of_grades() -> None:
    narrative = badge()["credentialSubject"]["narrative"]
    assert "1 proved by a third party's signature, 1 observed by the issuer and logged at once, 0 declared" in narrative


def test_a_claim_without_evidence_has_no_empty_lists() -> None:
    assert not {"evidence", "relatedResource"} & badge(evidence=()).keys()


def test_there_is_one_status_entry_with_its_index_as_text() -> None:
    status = badge()["credentialStatus"]
    assert status["statusListIndex"] == str(INDEX)
    assert status["id"] != status["statusListCredential"] == LIST_URL


ITEM = claim().evidence[0]


@pytest.mark.parametrize(
    "changes",
    [
        {"level": 0},
        {"level": 6},
        {"evidence": (ITEM, ITEM)},
        {"evidence": (replace(ITEM, digest=b"short"),)},
        {"evidence": (replace(ITEM, id="evidence 1"),)},
        {"evidence": (replace(ITEM, id="urn: blank"),)},
        {"evidence": (replace(ITEM, narrative="x" * 2_001),)},
        {"evidence": tuple(Evidence(f"urn:e:{n}", "", "", "C", bytes(32)) for n in range(EVIDENCE_MAX + 1))},
        {"related": (RelatedResource(ITEM.id, bytes(32)),)},
        {"skill": replace(claim().skill, iri="ops.recovery_test")},
    ],
)
def test_a_claim_no_credential_can_carry_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(Rejected):
        badge(**changes)


def test_a_hundred_items_of_evidence_are_carried() -> None:
    items = tuple(Evidence(f"urn:e:{n}", "", "", "C", bytes(32)) for n in range(EVIDENCE_MAX))
    assert len(badge(evidence=items)["evidence"]) == EVIDENCE_MAX


def test_a_validity_of_nothing_is_refused() -> None:
    for end in (ISSUED_AT, ISSUED_AT + timedelta(microseconds=999_999), ISSUED_AT - timedelta(days=1)):
        with pytest.raises(Rejected, match="validUntil"):
            open_badge(URL, Issuer(DID, "", ORIGIN), claim(), StatusEntry(LIST_URL, 0), ISSUED_AT, end)


def test_figures_are_rounded_by_how_they_are_written() -> None:
    assert (floored(0.9, 1), ceiled(0.9, 1)) == ("0.9", "0.9")
    assert (floored(1e-7, 3), ceiled(1e-7, 3)) == ("0.000", "0.001")
    assert (floored(12.0, 2), ceiled(-1.239, 2)) == ("12.00", "-1.23")
