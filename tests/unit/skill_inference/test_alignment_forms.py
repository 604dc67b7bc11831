"""Alignments as JSON and as CASE associations: what is taken, and where each fault lies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from services.skill_inference.domain.alignment import FAULTS_MAX, Alignment, AlignmentTable
from services.skill_inference.domain.alignment_json import parse_alignments_json
from services.skill_inference.domain.case_associations import Reading, is_case, parse_associations
from services.skill_inference.domain.classification import ForeignConcept
from services.skill_inference.domain.framework import skill_iri
from services.skill_inference.domain.observation import Assurance
from services.skill_inference.domain.skill_names import SkillNames
from shared.kernel.errors import Rejected
from tests.unit.skill_inference.people import APIS, DRIFT, framework

ORIGIN = "https://deedlog.example"
QUIZ = "https://lms.example/quiz/7"
EXAM = "https://lms.example/exam/1"
ROW: dict[str, Any] = {"activity": QUIZ, "skill": DRIFT, "difficulty": 0.5, "assurance": "automated-check"}
READING = Reading(1.5, Assurance.NAMED_REVIEWER)


def _json(*rows: Any) -> AlignmentTable:
    return parse_alignments_json({"alignments": list(rows)}, framework().skills)


def _case(*associations: Any) -> AlignmentTable:
    return parse_associations({"CFAssociations": list(associations)}, SkillNames(framework(), ORIGIN), READING)


def _association(origin: str, destination: str, kind: str = "isRelatedTo") -> dict[str, Any]:
    return {
        "identifier": "8c9e1f30-4b1d-11ee-be56-0242ac120002",
        "uri": "https://case.example/ims/case/v1p1/CFAssociations/8c9e1f30-4b1d-11ee-be56-0242ac120002",
        "associationType": kind,
        "originNodeURI": {"title": "one", "identifier": "1", "uri": origin},
        "destinationNodeURI": {"title": "other", "identifier": "2", "uri": destination},
        "lastChangeDateTime": "2026-01-01T00:00:00Z",
    }


def _pointers(table: AlignmentTable) -> list[str]:
    return [fault.pointer for fault in table.faults]


# JSON


def test_a_row_of_json_aligns_an_activity_to_a_skill() -> None:
    table = _json(ROW | {"weight": 2}, {**ROW, "activity": f" {EXAM} "})
    assert table.rows == (
        Alignment(QUIZ, DRIFT, 0.5, Assurance.AUTOMATED_CHECK, 2.0),
        Alignment(EXAM, DRIFT, 0.5, Assurance.AUTOMATED_CHECK, 1.0),
    )
    assert table.faults == ()


@pytest.mark.parametrize(
    ("row", "pointer"),
    [
        (ROW | {"skill": "integration.magic"}, "/skill"),
        (ROW | {"activity": "quiz 7"}, "/activity"),
        (ROW | {"activity": f"{QUIZ}\0"}, "/activity"),
        (ROW | {"activity": 7}, "/activity"),
        (ROW | {"difficulty": 8.1}, "/difficulty"),
        (ROW | {"difficulty": "0.5"}, "/difficulty"),
        (ROW | {"difficulty": True}, "/difficulty"),
        (ROW | {"assurance": "deployment"}, "/assurance"),
        (ROW | {"weight": 0}, "/weight"),
        (ROW | {"weight": None}, "/weight"),
        (ROW | {"wieght": 1}, "/wieght"),
        ({key: value for key, value in ROW.items() if key != "skill"}, "/skill"),
        ("a row", ""),
    ],
)
def test_a_faulty_row_is_answered_by_pointer_and_the_others_are_kept(row: Any, pointer: str) -> None:
    table = _json(ROW | {"activity": EXAM}, row)
    assert (len(table.rows), _pointers(table)) == (1, [f"/alignments/1{pointer}"])
    assert table.faults[0].mend


def test_rows_of_one_activity_agree_in_json_too() -> None:
    assert _pointers(_json(ROW, ROW)) == ["/alignments/1/skill"]
    assert _pointers(_json(ROW, ROW | {"skill": APIS, "difficulty": 1})) == ["/alignments/1/difficulty"]


@pytest.mark.parametrize("document", [{}, {"alignments": {}}, {"alignments": [], "name": "x"}, [], None, "x"])
def test_a_document_of_another_form_is_refused_whole(document: Any) -> None:
    with pytest.raises(Rejected) as refusal:
        parse_alignments_json(document, framework().skills)
    assert refusal.value.faults[0].mend


def test_more_than_a_thousand_faulty_rows_are_refused_whole() -> None:
    with pytest.raises(Rejected) as refusal:
        _json(*[{}] * (FAULTS_MAX + 5))
    assert len(refusal.value.faults) == FAULTS_MAX + 1


# CASE


@pytest.mark.parametrize("kind", ["isRelatedTo", "exemplar"])
def test_an_association_aligns_its_activity_whichever_end_the_skill_is(kind: str) -> None:
    skill = skill_iri(ORIGIN, DRIFT)
    table = _case(_association(QUIZ, skill, kind), _association(skill, EXAM, kind))
    assert [(row.activity, row.skill, row.difficulty, row.assurance) for row in table.rows] == [
        (QUIZ, DRIFT, 1.5, Assurance.NAMED_REVIEWER),
        (EXAM, DRIFT, 1.5, Assurance.NAMED_REVIEWER),
    ]


def test_a_foreign_concept_stands_for_the_skill_it_is_aligned_to() -> None:
    concept = framework().skills["integration.testing"].alignments[0].identifier
    assert [row.skill for row in _case(_association(QUIZ, concept)).rows] == ["integration.testing"]


def test_a_concept_equally_near_to_two_skills_is_refused_with_both() -> None:
    concept = ForeignConcept("O*NET", "https://onet.example/1", "sees to it", "close")
    skills = {
        skill: replace(own, alignments=(concept, replace(concept, relation=relation)))
        for skill, own in framework().skills.items()
        for relation in (("exact",) if skill in (APIS, DRIFT) else ("broad",))
    }
    names = SkillNames(replace(framework(), skills=skills), ORIGIN)
    table = parse_associations({"CFAssociations": [_association(QUIZ, concept.identifier)]}, names, READING)
    assert _pointers(table) == ["/CFAssociations/0/destinationNodeURI/uri"]
    assert f"equally near to {APIS}, {DRIFT}" in table.faults[0].rule


def test_what_says_nothing_of_evidence_is_passed_over_and_counted() -> None:
    skill, other = skill_iri(ORIGIN, DRIFT), skill_iri(ORIGIN, APIS)
    table = _case(
        _association(QUIZ, skill),
        _association(QUIZ, skill, "exemplar"),
        _association(QUIZ, skill, "isChildOf"),
        _association(skill, other),
    )
    assert (len(table.rows), table.passed_over, table.faults) == (1, 3, ())


@pytest.mark.parametrize(
    ("association", "pointer"),
    [
        (_association(QUIZ, "https://elsewhere.example/skill"), "/destinationNodeURI/uri"),
        (_association("quiz 7", skill_iri(ORIGIN, DRIFT)), "/originNodeURI/uri"),
        (_association(QUIZ, DRIFT) | {"associationType": 3}, "/associationType"),
        (_association(QUIZ, DRIFT) | {"originNodeURI": QUIZ}, "/originNodeURI/uri"),
        (_association(QUIZ, DRIFT) | {"destinationNodeURI": {"identifier": "2"}}, "/destinationNodeURI/uri"),
        ("an association", "/"),
    ],
)
def test_a_faulty_association_is_answered_by_pointer(association: Any, pointer: str) -> None:
    table = _case(_association(EXAM, DRIFT), association)
    assert (len(table.rows), _pointers(table)) == (1, [f"/CFAssociations/1{pointer}"])


@pytest.mark.parametrize("associations", [[], [_association(QUIZ, DRIFT, "isPartOf")], {}, None])
def test_associations_that_align_nothing_are_refused_and_empty_no_table(associations: Any) -> None:
    with pytest.raises(Rejected):
        parse_associations({"CFAssociations": associations}, SkillNames(framework(), ORIGIN), READING)


def test_case_is_known_by_its_associations() -> None:
    assert is_case({"CFDocument": {}, "CFAssociations": []})
    assert not is_case({"alignments": []})
    assert not is_case([])
