"""The framework and the role profiles as CASE 1.1 packages (1EdTech Competencies and Academic Standards Exchange).

Every entity of CASE has a UUID and a URI that resolves. The UUID is version 5 of the URI (RFC 4122 §4.3), because CASE
admits versions 1 to 5 only and the same framework has to give the same package. What CASE has no member for stands in
`extensions`, under names that begin with `deedlog:`; a reader that does not know them loses no skill and no anchor.

    skill, layer, role   CFItem         anchors    CFRubric: a criterion a skill, a level each
    layer > skill        isChildOf      prerequisite > dependent    precedes
    exact alignment      exactMatchOf   any other alignment         isRelatedTo, its relation in extensions
    role > level         hasSkillLevel, its weight in extensions
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from services.skill_inference.domain.classification import ForeignConcept
from services.skill_inference.domain.framework import (
    Framework,
    Skill,
    framework_iri,
    layer_iri,
    level_iri,
    skill_iri,
)
from services.skill_inference.domain.roles import Role, Roles, role_iri

CASE_PATH: Final = "/ims/case/v1p1"
"""Where a CASE provider serves CFDocuments, CFPackages, CFItems and CFAssociations."""
CREATOR: Final = "Deedlog"

Entity = dict[str, Any]


class Edition(NamedTuple):
    """What all entities of one package share. changed: RFC 3339, the day the document was published."""

    origin: str
    changed: str
    language: str

    def head(self, iri: str) -> Entity:
        """Return the members that every entity has."""
        return {"identifier": case_identifier(iri), "uri": iri, "lastChangeDateTime": self.changed}

    def iri(self, kind: str, *names: str) -> str:
        """Return the IRI of an entity that only CASE knows, made of what it is about."""
        name = uuid.uuid5(uuid.NAMESPACE_URL, "\n".join((self.origin, kind, *names)))
        return f"{self.origin}{CASE_PATH}/{kind}/{name}"


def case_identifier(iri: str) -> str:
    """Return the UUID that CASE knows an IRI by: always the same. What only CASE knows has it in its IRI."""
    path, _, name = iri.rpartition("/")
    return name if CASE_PATH in path else str(uuid.uuid5(uuid.NAMESPACE_URL, iri))


def framework_package(framework: Framework, origin: str) -> Entity:
    """Return the CFPackage of the framework at `origin`."""
    edition = Edition(origin.rstrip("/"), f"{framework.published.isoformat()}T00:00:00Z", framework.language)
    return {
        "CFDocument": _document(edition, framework_iri(origin), framework.name, framework.version)
        | {"notes": " ".join(scheme.acknowledgement for scheme in framework.schemes)},
        "CFItems": [*_layers(edition, framework), *(_skill(edition, one) for one in framework.skills.values())],
        "CFAssociations": list(_framework_associations(edition, framework)),
        "CFDefinitions": {"CFItemTypes": [_item_type(edition, "Layer", "1"), _item_type(edition, "Skill", "2")]},
        "CFRubrics": [_rubric(edition, framework)],
    }


def roles_package(roles: Roles, framework: Framework, origin: str) -> Entity:
    """Return the CFPackage of the role profiles at `origin`. It points to items of the framework's package."""
    edition = Edition(origin.rstrip("/"), f"{roles.published.isoformat()}T00:00:00Z", framework.language)
    iri = role_iri(origin, "").rstrip("/")
    return {
        "CFDocument": _document(edition, iri, f"{framework.name}: roles", roles.version)
        | {"extensions": {"deedlog:framework": framework_iri(origin), "deedlog:frameworkVersion": roles.framework}},
        "CFItems": [_role(edition, role) for role in roles.roles.values()],
        "CFAssociations": [one for role in roles.roles.values() for one in _role_associations(edition, roles, role)],
        "CFDefinitions": {"CFItemTypes": [_item_type(edition, "Role", "1")]},
    }


def _document(edition: Edition, iri: str, title: str, version: str) -> Entity:
    return edition.head(iri) | {
        "creator": CREATOR,
        "title": title,
        "caseVersion": "1.1",
        "officialSourceURL": iri,
        "publisher": CREATOR,
        "language": edition.language,
        "version": version,
        "adoptionStatus": "Adopted",
    }


def _layers(edition: Edition, framework: Framework) -> Iterator[Entity]:
    for layer in framework.layers:
        statement = {"fullStatement": layer.description, "abbreviatedStatement": layer.name}
        yield edition.head(layer_iri(edition.origin, layer.id)) | _item(edition, "Layer", layer.id) | statement


def _skill(edition: Edition, skill: Skill) -> Entity:
    shown = [{"kind": one.kind, "what": one.what} for one in skill.evidence]
    return (
        edition.head(skill_iri(edition.origin, skill.id))
        | _item(edition, "Skill", skill.id)
        | {"fullStatement": skill.description, "abbreviatedStatement": skill.name}
        | {"extensions": {"deedlog:evidence": shown}}
    )


def _role(edition: Edition, role: Role) -> Entity:
    return (
        edition.head(role_iri(edition.origin, role.id))
        | _item(edition, "Role", role.id)
        | {"fullStatement": role.description, "abbreviatedStatement": role.name}
        | {"extensions": {"deedlog:kind": role.kind}}
    )


def _item(edition: Edition, kind: str, code: str) -> Entity:
    return {"CFItemType": kind, "humanCodingScheme": code, "language": edition.language} | {
        "CFItemTypeURI": _link(edition.iri("CFItemTypes", kind), kind)
    }


def _item_type(edition: Edition, kind: str, hierarchy: str) -> Entity:
    described = {"title": kind, "description": f"{kind} of {CREATOR}", "hierarchyCode": hierarchy}
    return edition.head(edition.iri("CFItemTypes", kind)) | described


def _link(iri: str, title: str) -> Entity:
    return {"title": title, "identifier": case_identifier(iri), "uri": iri}


class _Node(NamedTuple):
    """One end of an association. target: None for an item of CASE, else the foreign scheme."""

    iri: str
    title: str
    identifier: str
    target: str | None = None

    def link(self) -> Entity:
        target = "CASE" if self.target is None else f"ext:{self.target.replace('*', '')}"
        return {"title": self.title, "identifier": self.identifier, "uri": self.iri, "targetType": target}


def _node(iri: str, title: str) -> _Node:
    return _Node(iri, title, case_identifier(iri))


def _association(edition: Edition, kind: str, origin: _Node, destination: _Node) -> Entity:
    iri = edition.iri("CFAssociations", kind, origin.iri, destination.iri)
    ends = {"originNodeURI": origin.link(), "destinationNodeURI": destination.link()}
    return edition.head(iri) | {"associationType": kind} | ends


def _framework_associations(edition: Edition, framework: Framework) -> Iterator[Entity]:
    document = _node(framework_iri(edition.origin), framework.name)
    for number, layer in enumerate(framework.layers, 1):
        parent = _node(layer_iri(edition.origin, layer.id), layer.name)
        yield _association(edition, "isChildOf", parent, document) | {"sequenceNumber": number}
        for position, skill in enumerate(framework.skills_of(layer.id), 1):
            child = _node(skill_iri(edition.origin, skill.id), skill.name)
            yield _association(edition, "isChildOf", child, parent) | {"sequenceNumber": position}
    for skill in framework.skills.values():
        node = _node(skill_iri(edition.origin, skill.id), skill.name)
        for name in skill.prerequisites:
            before = _node(skill_iri(edition.origin, name), framework.skills[name].name)
            yield _association(edition, "precedes", before, node)
        for concept in skill.alignments:
            yield _alignment(edition, node, concept, framework.concept_iri(concept))


def _alignment(edition: Edition, node: _Node, concept: ForeignConcept, iri: str) -> Entity:
    kind = "exactMatchOf" if concept.relation == "exact" else "isRelatedTo"
    foreign = _Node(iri, concept.label, concept.identifier, concept.scheme)
    return _association(edition, kind, node, foreign) | {"extensions": {"deedlog:relation": concept.relation}}


def _role_associations(edition: Edition, roles: Roles, role: Role) -> Iterator[Entity]:
    node = _node(role_iri(edition.origin, role.id), role.name)
    for demand in role.demands:
        level = _node(level_iri(edition.origin, demand.skill, demand.target), f"{demand.skill} {demand.target}")
        extensions = {"deedlog:skill": skill_iri(edition.origin, demand.skill), "deedlog:weight": demand.weight}
        yield _association(edition, "hasSkillLevel", node, level) | {"extensions": extensions}
    for concept in role.alignments:
        iri = next(scheme.iri(concept.identifier) for scheme in roles.schemes if scheme.id == concept.scheme)
        yield _alignment(edition, node, concept, iri)


def _rubric(edition: Edition, framework: Framework) -> Entity:
    iri = edition.iri("CFRubrics", "levels")
    criteria = [
        _criterion(edition, framework, skill, position, case_identifier(iri))
        for position, skill in enumerate(framework.skills.values(), 1)
    ]
    description = " ".join(f"{level.number} {level.name}: {level.anchor}" for level in framework.levels)
    return edition.head(iri) | {"title": "Levels", "description": description, "CFRubricCriteria": criteria}


def _criterion(edition: Edition, framework: Framework, skill: Skill, position: int, rubric: str) -> Entity:
    iri = edition.iri("CFRubricCriteria", skill.id)
    levels = [
        edition.head(level_iri(edition.origin, skill.id, level.number))
        | {"description": anchor, "quality": level.name, "score": level.number, "position": level.number}
        | {"rubricCriterionId": case_identifier(iri)}
        for level, anchor in zip(framework.levels, skill.anchors, strict=True)
    ]
    return edition.head(iri) | {
        "category": skill.layer,
        "description": skill.name,
        "CFItemURI": _link(skill_iri(edition.origin, skill.id), skill.name),
        "weight": 1,
        "position": position,
        "rubricId": rubric,
        "CFRubricCriterionLevels": levels,
    }
