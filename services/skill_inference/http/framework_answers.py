"""How the framework and the roles are answered as our own JSON."""

from __future__ import annotations

from typing import Any

from services.skill_inference.domain.classification import ForeignConcept, Scheme
from services.skill_inference.domain.framework import (
    Framework,
    Layer,
    Level,
    Skill,
    framework_iri,
    layer_iri,
    level_iri,
    skill_iri,
)
from services.skill_inference.domain.linked_data import TERMS, terms_iri
from services.skill_inference.domain.roles import Role, Roles, role_iri

Answer = dict[str, Any]


def framework_answer(framework: Framework, origin: str) -> Answer:
    """Return the whole framework. Its levels say what a level means for any skill; those of a skill, for that one."""
    return {
        "id": framework_iri(origin),
        "version": framework.version,
        "name": framework.name,
        "language": framework.language,
        "published": framework.published.isoformat(),
        "schemes": [_scheme(one) for one in framework.schemes],
        "layers": [layer_answer(framework, one, origin) for one in framework.layers],
        "levels": [{"number": one.number, "name": one.name, "anchor": one.anchor} for one in framework.levels],
        "evidence_kinds": [
            {"id": one.id, "name": one.name, "description": one.description} for one in framework.evidence_kinds
        ],
        "skills": [skill_answer(framework, skill, origin) for skill in framework.skills.values()],
    }


def layer_answer(framework: Framework, layer: Layer, origin: str) -> Answer:
    """Return one layer, and which skills belong to it."""
    return {
        "id": layer.id,
        "iri": layer_iri(origin, layer.id),
        "name": layer.name,
        "description": layer.description,
        "skills": [skill_iri(origin, skill.id) for skill in framework.skills_of(layer.id)],
    }


def skill_answer(framework: Framework, skill: Skill, origin: str) -> Answer:
    """Return one skill with its levels, what it builds on, what shows it and what others call it."""
    return {
        "id": skill.id,
        "iri": skill_iri(origin, skill.id),
        "layer": skill.layer,
        "name": skill.name,
        "description": skill.description,
        "levels": [level_answer(skill, level, origin) for level in framework.levels],
        "prerequisites": [
            {"id": one, "iri": skill_iri(origin, one), "name": framework.skills[one].name}
            for one in skill.prerequisites
        ],
        "evidence": [{"kind": one.kind, "what": one.what} for one in skill.evidence],
        "alignments": [_concept(one, framework.concept_iri(one)) for one in skill.alignments],
    }


def level_answer(skill: Skill, level: Level, origin: str) -> Answer:
    """Return one level of one skill. anchor: what it is in this skill; general: what it is in any."""
    return {
        "iri": level_iri(origin, skill.id, level.number),
        "number": level.number,
        "name": level.name,
        "anchor": skill.anchors[level.number - 1],
        "general": level.anchor,
    }


def terms_answer(origin: str) -> Answer:
    """Return our own terms of linked data."""
    return {
        "id": terms_iri(origin),
        "terms": [
            {"iri": f"{terms_iri(origin)}#{name}", "name": name, "kind": kind, "meaning": meaning}
            for name, (kind, meaning) in TERMS.items()
        ],
    }


def roles_answer(roles: Roles, framework: Framework, origin: str) -> Answer:
    """Return every role profile: they are few, so one page holds them."""
    return {
        "version": roles.version,
        "framework": {"id": framework_iri(origin), "version": roles.framework},
        "published": roles.published.isoformat(),
        "schemes": [_scheme(one) for one in roles.schemes],
        "weights": [{"number": one.number, "name": one.name, "meaning": one.meaning} for one in roles.weights],
        "items": [role_answer(roles, role, framework, origin) for role in roles.roles.values()],
        "has_more": False,
        "next_cursor": None,
    }


def role_answer(roles: Roles, role: Role, framework: Framework, origin: str) -> Answer:
    """Return one role profile, each demand with the level it asks for. share: of all weights, to four decimals."""
    whole = sum(one.weight for one in role.demands)
    iris = {scheme.id: scheme for scheme in roles.schemes}
    return {
        "id": role.id,
        "iri": role_iri(origin, role.id),
        "kind": role.kind,
        "name": role.name,
        "description": role.description,
        "skills": [
            {
                "skill": one.skill,
                "name": framework.skills[one.skill].name,
                "target": one.target,
                "level": level_iri(origin, one.skill, one.target),
                "weight": one.weight,
                "share": round(one.weight / whole, 4),
            }
            for one in role.demands
        ],
        "alignments": [_concept(one, iris[one.scheme].iri(one.identifier)) for one in role.alignments],
    }


def _scheme(one: Scheme) -> Answer:
    return {"id": one.id, "version": one.version, "acknowledgement": one.acknowledgement}


def _concept(one: ForeignConcept, iri: str) -> Answer:
    return {
        "scheme": one.scheme,
        "identifier": one.identifier,
        "iri": iri,
        "label": one.label,
        "relation": one.relation,
    }
