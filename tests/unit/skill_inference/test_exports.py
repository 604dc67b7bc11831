"""The framework and the roles as others read them: CASE 1.1 packages and linked data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from services.skill_inference.domain.case_associations import Reading, parse_associations
from services.skill_inference.domain.case_package import (
    CASE_PATH,
    Entity,
    case_identifier,
    framework_package,
    roles_package,
)
from services.skill_inference.domain.framework import framework_iri, level_iri, parse_framework, skill_iri
from services.skill_inference.domain.linked_data import framework_document as linked_framework
from services.skill_inference.domain.linked_data import roles_document as linked_roles
from services.skill_inference.domain.observation import Assurance
from services.skill_inference.domain.roles import parse_roles, role_iri
from services.skill_inference.domain.skill_names import SkillNames
from services.skill_inference.parameters import framework_document, roles_document
from shared.kernel.errors import Rejected

ORIGIN = "https://deedlog.example"
FRAMEWORK = parse_framework(framework_document())
ROLES = parse_roles(roles_document(), FRAMEWORK)
PACKAGE = framework_package(FRAMEWORK, ORIGIN)
ROLES_PACKAGE = roles_package(ROLES, FRAMEWORK, ORIGIN)


def _associations(package: Entity, kind: str) -> set[tuple[str, str]]:
    return {
        (one["originNodeURI"]["uri"], one["destinationNodeURI"]["uri"])
        for one in package["CFAssociations"]
        if one["associationType"] == kind
    }


def test_every_skill_is_an_item_under_its_iri_and_its_layer() -> None:
    items = {one["uri"]: one for one in PACKAGE["CFItems"] if one["CFItemType"] == "Skill"}
    assert set(items) == {skill_iri(ORIGIN, skill) for skill in FRAMEWORK.skills}
    children = dict(_associations(PACKAGE, "isChildOf"))
    assert all(
        children[uri].endswith("/layers/" + one["humanCodingScheme"].split(".")[0]) for uri, one in items.items()
    )


def test_every_anchor_stands_in_the_rubric_under_the_iri_that_credentials_name() -> None:
    (rubric,) = PACKAGE["CFRubrics"]
    levels = {
        level["uri"]: (level["score"], level["quality"], level["description"])
        for criterion in rubric["CFRubricCriteria"]
        for level in criterion["CFRubricCriterionLevels"]
    }
    assert levels == {
        level_iri(ORIGIN, skill.id, level.number): (level.number, level.name, skill.anchors[level.number - 1])
        for skill in FRAMEWORK.skills.values()
        for level in FRAMEWORK.levels
    }


def test_a_prerequisite_precedes_what_needs_it() -> None:
    assert _associations(PACKAGE, "precedes") == {
        (skill_iri(ORIGIN, before), skill_iri(ORIGIN, skill.id))
        for skill in FRAMEWORK.skills.values()
        for before in skill.prerequisites
    }


def test_only_an_exact_alignment_is_told_as_an_exact_match() -> None:
    assert _associations(PACKAGE, "exactMatchOf") == {
        (skill_iri(ORIGIN, skill.id), FRAMEWORK.concept_iri(concept))
        for skill in FRAMEWORK.skills.values()
        for concept in skill.alignments
        if concept.relation == "exact"
    }


def test_a_role_has_the_levels_it_asks_for() -> None:
    assert _associations(ROLES_PACKAGE, "hasSkillLevel") == {
        (role_iri(ORIGIN, role.id), level_iri(ORIGIN, one.skill, one.target))
        for role in ROLES.roles.values()
        for one in role.demands
    }


def test_identifiers_of_case_are_made_of_the_iri_and_are_of_a_version_that_case_admits() -> None:
    identifier = case_identifier(framework_iri(ORIGIN))
    assert PACKAGE["CFDocument"]["identifier"] == identifier == case_identifier(framework_iri(ORIGIN))
    assert UUID(identifier).version == 5


@pytest.mark.parametrize("package", [PACKAGE, ROLES_PACKAGE], ids=["framework", "roles"])
def test_every_entity_of_case_has_an_identifier_of_its_own_which_its_own_address_ends_in(package: Entity) -> None:
    heads = list(_heads(package))
    identifiers = [one["identifier"] for one in heads]
    assert len(set(identifiers)) == len(identifiers) > 100
    assert {UUID(one).version for one in identifiers} == {5}
    assert all(one["uri"].endswith(one["identifier"]) for one in heads if CASE_PATH in one["uri"])


def _heads(value: Any) -> Iterator[Entity]:
    """Yield everything in a package that changes by itself, so what is an entity and no link to one."""
    if isinstance(value, dict):
        if "lastChangeDateTime" in value:
            yield value
        for part in value.values():
            yield from _heads(part)
    elif isinstance(value, list):
        for part in value:
            yield from _heads(part)


def test_an_exported_framework_is_no_table_of_alignments() -> None:
    names = SkillNames(FRAMEWORK, ORIGIN)
    with pytest.raises(Rejected, match=r".*") as refusal:
        parse_associations(PACKAGE, names, Reading(0.0, Assurance.AUTOMATED_CHECK))
    assert "joins an activity and a skill" in refusal.value.faults[0].rule


def test_linked_data_uses_no_word_that_its_context_does_not_explain() -> None:
    for document in (linked_framework(FRAMEWORK, ORIGIN), linked_roles(ROLES, FRAMEWORK, ORIGIN)):
        words = {word for node in document["graph"] for word in node}
        assert words <= document["@context"].keys()
        assert not re.search(r'"https?://[^"]*context', str(document["@context"]))


def test_every_skill_is_a_concept_with_its_levels_and_evidence() -> None:
    nodes = {node["id"]: node for node in linked_framework(FRAMEWORK, ORIGIN)["graph"]}
    for skill in FRAMEWORK.skills.values():
        node = nodes[skill_iri(ORIGIN, skill.id)]
        assert [level["description"] for level in node["levels"]] == list(skill.anchors)
        assert node["evidence"] == [one.what for one in skill.evidence]
