"""The words of the framework: concrete enough to mark by, one sentence a level, and ours."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

import pytest

from services.skill_inference.domain.framework import LAYERS, LEVELS, Skill, parse_framework, prerequisite_order
from services.skill_inference.parameters import framework_document
from shared.kernel.errors import Rejected

FRAMEWORK = parse_framework(framework_document())
SKILLS = list(FRAMEWORK.skills.values())
ANCHORS = [(skill.id, number, anchor) for skill in SKILLS for number, anchor in enumerate(skill.anchors, 1)]

KEPT = (
    "integration.apis",
    "integration.data-contracts",
    "integration.systems",
    "integration.testing",
    "operationalization.monitoring",
    "operationalization.drift",
    "operationalization.incidents",
    "operationalization.recovery",
    "stakeholder-management.communication",
    "stakeholder-management.limits",
    "stakeholder-management.change",
    "stakeholder-management.impact",
    "scaled-deployment.release",
    "scaled-deployment.delivery",
    "scaled-deployment.infrastructure",
    "scaled-deployment.reliability",
    "scaled-deployment.maintainability",
    "scaled-deployment.capacity",
)
"""The ids of version 1. Credentials name them, so they never go."""

CUES = {
    1: r"\bbeside them\b",
    2: r"\b(?:given|known|agreed|prepared|a plan|by its runbook)\b",
    3: r"\b(?:alone|of their own|new to them)\b",
    4: r"\b(?:across|teams|leads?|brings several|owners|reviewers|groups|nobody dares|a change that cannot)\b",
    5: r"\borganisation\b",
}
"""What tells the autonomy and scope of a level in each of its anchors."""

FILLER = r"""
\b(?:appropriate(?:ly)?|effective(?:ly)?|efficient(?:ly)?|various|etc|leverag\w*|robust|seamless\w*|best practices?|
proactive\w*|holistic\w*|synerg\w*|strong|deep|excellent|good understanding|familiar|basic|advanced|expert|
world-class|cutting-edge|as needed|where relevant|and/or|utili[sz]e\w*|ensur\w+|driv(?:es|ing) (?:value|change))\b
"""
"""Words by which two reviewers would mark differently."""


def test_the_framework_has_24_skills_or_more_under_the_four_layers() -> None:
    assert len(SKILLS) >= 24
    assert all(len(FRAMEWORK.skills_of(layer)) >= 6 for layer in LAYERS)


def test_every_id_of_the_first_version_is_still_there() -> None:
    assert set(KEPT) <= FRAMEWORK.skills.keys()


@pytest.mark.parametrize(("skill", "number", "anchor"), ANCHORS)
def test_an_anchor_is_one_sentence_that_begins_with_what_somebody_does(skill: str, number: int, anchor: str) -> None:
    assert re.fullmatch(r"[A-Z][a-z]+s\b[^.!?]*\.", anchor), anchor
    assert 60 <= len(anchor) <= 200, len(anchor)


@pytest.mark.parametrize(("skill", "number", "anchor"), ANCHORS)
def test_an_anchor_shows_the_autonomy_and_scope_of_its_level(skill: str, number: int, anchor: str) -> None:
    assert re.search(CUES[number], anchor, re.IGNORECASE), anchor


@pytest.mark.parametrize(("skill", "number", "anchor"), ANCHORS)
def test_an_anchor_has_no_word_that_two_reviewers_would_read_differently(skill: str, number: int, anchor: str) -> None:
    assert re.search(FILLER, anchor, re.VERBOSE | re.IGNORECASE) is None, anchor


def test_no_anchor_stands_twice() -> None:
    assert len({anchor for _, _, anchor in ANCHORS}) == len(SKILLS) * LEVELS


def test_neighbouring_anchors_of_a_skill_share_less_than_half_of_their_words() -> None:
    for skill in SKILLS:
        words = [set(re.findall(r"[a-z]{4,}", anchor.lower())) for anchor in skill.anchors]
        for low, high in pairwise(words):
            assert len(low & high) / len(low | high) < 0.5, skill.id


@pytest.mark.parametrize("skill", SKILLS, ids=lambda skill: skill.id)
def test_a_skill_names_three_pieces_of_evidence_of_different_kinds(skill: Skill) -> None:
    assert len({evidence.kind for evidence in skill.evidence}) >= 3
    assert all(re.fullmatch(r"[A-Z][^.]*\.", evidence.what) for evidence in skill.evidence)


@pytest.mark.parametrize("skill", SKILLS, ids=lambda skill: skill.id)
def test_a_skill_is_aligned_to_the_onet_content_model_and_at_most_once_exactly_to_esco(skill: Skill) -> None:
    assert "O*NET" in {concept.scheme for concept in skill.alignments}
    assert sum(concept.relation == "exact" for concept in skill.alignments) <= 1
    assert len({concept.identifier for concept in skill.alignments}) == len(skill.alignments)


def test_an_onet_element_is_never_said_to_be_the_same_as_a_skill() -> None:
    onet = [one for skill in SKILLS for one in skill.alignments if one.scheme == "O*NET"]
    assert {one.relation for one in onet} <= {"broad", "related"}
    assert all(re.fullmatch(r"[24]\.[A-C]\.\d\.[a-z](?:\.\d)?", one.identifier) for one in onet)


def test_prerequisites_make_no_circle_and_lie_at_most_three_deep() -> None:
    assert set(prerequisite_order(FRAMEWORK.skills)) == set(FRAMEWORK.skills)
    depth: dict[str, int] = {}
    for name in prerequisite_order(FRAMEWORK.skills):
        depth[name] = 1 + max((depth[one] for one in FRAMEWORK.skills[name].prerequisites), default=-1)
    assert max(depth.values()) <= 3


def test_no_prerequisite_follows_from_others() -> None:
    def all_of(name: str) -> set[str]:
        direct = FRAMEWORK.skills[name].prerequisites
        return set(direct).union(*(all_of(one) for one in direct))

    for skill in SKILLS:
        for one in skill.prerequisites:
            others = [all_of(other) for other in skill.prerequisites if other != one]
            assert not any(one in reached for reached in others), (skill.id, one)


def _with(value: Any, *path: Any) -> Any:
    document = json.loads(framework_document())
    *way, last = path
    place = document
    for step in way:
        place = place[step]
    place[last] = value
    return document


@pytest.mark.parametrize(
    ("pointer", "document"),
    [
        ("/published", _with("2026-13-01", "published")),
        ("/schemes/1/iri_template", _with("https://x.example/", "schemes", 1, "iri_template")),
        ("/skills/0/anchors", _with(["Does it."], "skills", 0, "anchors")),
        ("/skills/0/anchors/4", _with("", "skills", 0, "anchors", 4)),
        ("/skills/0/evidence", _with("hearsay", "skills", 0, "evidence", 0, "kind")),
        ("/skills/0/prerequisites", _with(["integration.magic"], "skills", 0, "prerequisites")),
        ("/skills/0/prerequisites", _with(["integration.access"] * 2, "skills", 0, "prerequisites")),
        ("/skills/0/prerequisites", _with(["integration.apis"], "skills", 0, "prerequisites")),
        ("/skills/0/prerequisites", _with(["integration.systems"], "skills", 0, "prerequisites")),
    ],
)
def test_a_faulty_framework_is_refused_with_the_pointer_to_its_fault(pointer: str, document: Any) -> None:
    with pytest.raises(Rejected) as refusal:
        parse_framework(json.dumps(document).encode())
    assert refusal.value.faults[0].pointer == pointer


@pytest.mark.parametrize(
    ("number", "anchor"),
    [(1, "Has a basic understanding of interfaces."), (3, "Ensures robust interfaces."), (5, "Is an expert in it.")],
)
def test_empty_words_are_noticed(number: int, anchor: str) -> None:
    assert re.search(FILLER, anchor, re.VERBOSE | re.IGNORECASE)
    assert not re.search(CUES[number], anchor, re.IGNORECASE)
