"""Which statements are valid, and what the sender of an invalid one is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from services.learning_events.domain.faults import FAULTS_MAX
from services.learning_events.domain.statement import XapiVersion, faults_of, is_voiding
from tests.unit.learning_events.samples import ADA, BEN, ID, full, small

BAD: Final = sorted((Path(__file__).parent / "bad_statements").glob("*.json"))


def test_a_statement_with_every_property_is_valid() -> None:
    assert faults_of(full()) == []


@pytest.mark.parametrize("path", BAD, ids=lambda path: path.stem)
def test_a_bad_statement_has_one_fault_at_the_place_its_file_is_named_for(path: Path) -> None:
    expected = path.stem.partition("@")[2].replace(".", "/")
    faults = faults_of(json.loads(path.read_text()))
    assert [fault.pointer for fault in faults] == [expected]
    assert faults[0].rule
    assert faults[0].mend.endswith(".")


@pytest.mark.parametrize(
    "changes",
    [
        {"object": {"id": "course-v1:FUN-MOOC+00002+session01"}},
        {"object": {"id": "uuid://7d4f3c70-1e79-4243-9b7d-166076ce8bfb"}},
        {"object": {"id": "https://example.org/فعل/خواندن?q=%C3%A4#a"}},
        {"object": {"id": "urn:isbn:0451450523", "definition": {}}},
        {"object": {"objectType": "Agent", **ADA}, "context": {"language": "tlh"}},
        {"object": {"objectType": "Group", "mbox": "mailto:team@example.org"}},
        {"object": {"objectType": "StatementRef", "id": ID}},
        {"object": {"objectType": "SubStatement", "actor": BEN, "verb": {"id": "a:b"}, "object": {"id": "a:c"}}},
        {"actor": {"objectType": "Group", "member": [BEN]}},
        {"actor": {"mbox_sha1sum": "CD9B00A5611F94EAA7B1661EDAB976068E364975"}},
        {"actor": {"openid": "https://ada.example.org"}},
        {"id": "12345678-1234-5678-1234-567812345678"},
        {"result": {"score": {"scaled": -1, "raw": -7.5}}},
        {"result": {"duration": "P3Y1M29DT4H35M59.14S"}},
        {"result": {"duration": "P4W"}},
        {"result": {"duration": "PT0,5S"}},
        {"result": {}, "context": {}},
        {"timestamp": "2016-12-31T23:59:60Z"},
        {"timestamp": "2026-03-01 09:30:00.1234567890-03:30"},
        {"timestamp": "2999-01-01T00:00:00z"},
        {"verb": {"id": "a:b", "display": {}}},
        {"verb": {"id": "a:b", "display": {"i-klingon": "x", "x-ours": "y", "zh-cmn-Hans-CN": "z", "de-1996": "w"}}},
        {"attachments": []},
        {"authority": BEN},
        {"context": {"contextActivities": {"grouping": {"id": "a:b"}, "other": []}}},
    ],
    ids=json.dumps,
)
def test_what_is_valid_but_unusual_is_taken(changes: dict[str, Any]) -> None:
    assert faults_of(small(**changes)) == []


def test_context_agents_belong_to_version_2_only() -> None:
    statement = small(context={"contextAgents": [{"objectType": "contextAgent", "agent": BEN}]})
    assert faults_of(statement, XapiVersion.V2_0) == []
    assert [fault.pointer for fault in faults_of(statement, XapiVersion.V1_0)] == ["/context/contextAgents"]


@pytest.mark.parametrize(
    ("version", "value", "is_valid"),
    [
        (XapiVersion.V1_0, "1.0.0", True),
        (XapiVersion.V1_0, "1.0", True),
        (XapiVersion.V1_0, "2.0.0", False),
        (XapiVersion.V1_0, "1.1.0", False),
        (XapiVersion.V2_0, "2.0.0", True),
        (XapiVersion.V2_0, "1.0.3", True),
        (XapiVersion.V2_0, "0.9.5", False),
    ],
)
def test_the_version_property_suits_the_version_that_is_spoken(
    version: XapiVersion, value: str, is_valid: bool
) -> None:
    assert (faults_of(small(version=value), version) == []) is is_valid


def test_all_faults_are_told_at_once() -> None:
    statement = {"actor": {"mbox": "ada"}, "verb": {"id": 7}, "object": {"id": None}, "result": {"success": "yes"}}
    pointers = [fault.pointer for fault in faults_of(statement)]
    assert pointers == ["/actor/mbox", "/verb/id", "/object/id", "/result/success"]


def test_no_more_than_twenty_faults_are_told() -> None:
    statement = small(**{f"unknown-{number}": 1 for number in range(100)})
    assert len(faults_of(statement)) == FAULTS_MAX


def test_a_fault_repeats_no_value_of_the_statement() -> None:
    statement = small(actor={"mbox": "secret-name"}, result={"response": 1, "duration": "secret-name"})
    assert "secret-name" not in str(faults_of(statement))


def test_a_fault_says_how_a_misspelled_property_is_written() -> None:
    (fault,) = faults_of(small(TimeStamp="2026-03-01T09:30:00Z"))
    assert fault.mend == "Write it as 'timestamp'."


def test_a_fault_tells_a_missing_property_from_one_that_is_null() -> None:
    missing = faults_of(small(verb={}))[0]
    null = faults_of(small(verb={"id": None}))[0]
    assert missing.rule.endswith("got nothing")
    assert null.rule.endswith("got null")


def test_a_very_long_name_is_told_by_the_pointer_of_its_parent() -> None:
    (fault,) = faults_of(small(**{"x" * 100_000: 1}))
    assert fault.pointer == ""


def test_names_in_pointers_are_escaped() -> None:
    (fault,) = faults_of(small(**{"a/b~c": 1}))
    assert fault.pointer == "/a~1b~0c"


@pytest.mark.parametrize("value", [None, 1, "statement", [], True])
def test_what_is_no_object_is_no_statement(value: Any) -> None:
    assert [fault.pointer for fault in faults_of(value, pointer="/3")] == ["/3"]


def test_the_reserved_verb_makes_a_statement_void_another() -> None:
    void = small(verb={"id": "http://adlnet.gov/expapi/verbs/voided"}, object={"objectType": "StatementRef", "id": ID})
    assert faults_of(void) == []
    assert is_voiding(void)
    assert not is_voiding(small())
