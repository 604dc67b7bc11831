"""The framework and the role profiles as linked data: JSON-LD 1.1 with its context inside, so that nobody fetches one.

Skills, layers and levels are concepts of SKOS (W3C Recommendation, 2009); what SKOS has no term for is said with
Dublin Core and schema.org, and three things (a role's demand, its target, its weight) with terms of our own, which
stand at `<framework>/terms` (RDF Schema).

    exact  skos:exactMatch     close  skos:closeMatch     broad  skos:broadMatch (the foreign concept is the wider)
    related  skos:relatedMatch     prerequisite  dcterms:requires     level  dcterms:hasPart     evidence  skos:example
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from services.skill_inference.domain.classification import Relation
from services.skill_inference.domain.framework import (
    Framework,
    Layer,
    Skill,
    framework_iri,
    layer_iri,
    level_iri,
    skill_iri,
)
from services.skill_inference.domain.roles import Role, Roles, role_iri

MATCHES: Final[Mapping[Relation, str]] = {
    "exact": "exactMatch",
    "close": "closeMatch",
    "broad": "broadMatch",
    "related": "relatedMatch",
}

Node = dict[str, Any]

TERMS: Final[Mapping[str, tuple[str, str]]] = {
    "demand": ("Property", "What a role asks for: one skill at one level, with its weight."),
    "target": ("Property", "The level of a skill that a demand asks for."),
    "weight": ("Property", "How much a demand matters to its role: 1 useful, 2 important, 3 decisive."),
}
"""Our own terms: of which kind each is, and what it means."""


def context(framework: Framework, origin: str) -> Node:
    """Return the JSON-LD context of both documents."""
    link = {"@type": "@id"}
    return {
        "@version": 1.1,
        "skos": "http://www.w3.org/2004/02/skos/core#",
        "dcterms": "http://purl.org/dc/terms/",
        "schema": "https://schema.org/",
        "xsd": "http://www.w3.org/2001/XMLSchema#",
        "deed": f"{terms_iri(origin)}#",
        "id": "@id",
        "type": "@type",
        "graph": "@graph",
        "name": {"@id": "skos:prefLabel", "@language": framework.language},
        "description": {"@id": "skos:definition", "@language": framework.language},
        "title": {"@id": "dcterms:title", "@language": framework.language},
        "evidence": {"@id": "skos:example", "@language": framework.language},
        "code": "skos:notation",
        "version": "schema:version",
        "published": {"@id": "dcterms:issued", "@type": "xsd:date"},
        "acknowledgement": "dcterms:provenance",
        "scheme": {"@id": "skos:inScheme"} | link,
        "topOf": {"@id": "skos:topConceptOf"} | link,
        "layer": {"@id": "skos:broader"} | link,
        "levels": {"@id": "dcterms:hasPart"},
        "position": {"@id": "schema:position", "@type": "xsd:integer"},
        "requires": {"@id": "dcterms:requires"} | link,
        **{match: {"@id": f"skos:{match}"} | link for match in MATCHES.values()},
        "category": "schema:occupationalCategory",
        "kind": "schema:additionalType",
        "demands": {"@id": "deed:demand"},
        "target": {"@id": "deed:target"} | link,
        "weight": {"@id": "deed:weight", "@type": "xsd:integer"},
    }


def terms_iri(origin: str) -> str:
    """Return the IRI of the page that our own terms stand on; each is a fragment of it."""
    return f"{framework_iri(origin)}/terms"


def terms_document(framework: Framework, origin: str) -> Node:
    """Return the JSON-LD document of our own terms."""
    rdfs = "http://www.w3.org/2000/01/rdf-schema#"
    words = {
        "id": "@id",
        "type": "@type",
        "graph": "@graph",
        "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
        "name": {"@id": f"{rdfs}label", "@language": framework.language},
        "description": {"@id": f"{rdfs}comment", "@language": framework.language},
    }
    terms = [
        {"id": f"{terms_iri(origin)}#{name}", "type": f"rdf:{kind}", "name": name, "description": meaning}
        for name, (kind, meaning) in TERMS.items()
    ]
    return {"@context": words, "graph": terms}


def node_document(document: Node, iri: str) -> Node:
    """Return of a document the node with this IRI alone, with the context. Raises KeyError where it has none."""
    for node in document["graph"]:
        for one in (node, *node.get("levels", ())):
            if one["id"] == iri:
                return {"@context": document["@context"], **one}
    raise KeyError(iri)


def framework_document(framework: Framework, origin: str) -> Node:
    """Return the JSON-LD document of the framework at `origin`."""
    scheme = {
        "id": framework_iri(origin),
        "type": "skos:ConceptScheme",
        "title": framework.name,
        "version": framework.version,
        "published": framework.published.isoformat(),
        "acknowledgement": [one.acknowledgement for one in framework.schemes],
    }
    layers = [_layer(layer, origin) for layer in framework.layers]
    skills = [_skill(framework, skill, origin) for skill in framework.skills.values()]
    return {"@context": context(framework, origin), "graph": [scheme, *layers, *skills]}


def roles_document(roles: Roles, framework: Framework, origin: str) -> Node:
    """Return the JSON-LD document of the role profiles at `origin`. Its demands point to levels of the framework."""
    return {
        "@context": context(framework, origin),
        "graph": [_role(roles, role, origin) for role in roles.roles.values()],
    }


def _layer(layer: Layer, origin: str) -> Node:
    return {
        "id": layer_iri(origin, layer.id),
        "type": "skos:Concept",
        "scheme": framework_iri(origin),
        "topOf": framework_iri(origin),
        "code": layer.id,
        "name": layer.name,
        "description": layer.description,
    }


def _skill(framework: Framework, skill: Skill, origin: str) -> Node:
    node: Node = {
        "id": skill_iri(origin, skill.id),
        "type": "skos:Concept",
        "scheme": framework_iri(origin),
        "layer": layer_iri(origin, skill.layer),
        "code": skill.id,
        "name": skill.name,
        "description": skill.description,
        "levels": [_level(framework, skill, number, origin) for number in range(1, len(framework.levels) + 1)],
        "evidence": [one.what for one in skill.evidence],
    }
    if skill.prerequisites:
        node["requires"] = [skill_iri(origin, one) for one in skill.prerequisites]
    for concept in skill.alignments:
        node.setdefault(MATCHES[concept.relation], []).append(framework.concept_iri(concept))
    return node


def _level(framework: Framework, skill: Skill, number: int, origin: str) -> Node:
    return {
        "id": level_iri(origin, skill.id, number),
        "type": "skos:Concept",
        "scheme": framework_iri(origin),
        "position": number,
        "name": f"{skill.name}: {framework.levels[number - 1].name}",
        "description": skill.anchors[number - 1],
    }


def _role(roles: Roles, role: Role, origin: str) -> Node:
    iris = {scheme.id: scheme for scheme in roles.schemes}
    node: Node = {
        "id": role_iri(origin, role.id),
        "type": "schema:Occupation",
        "kind": role.kind,
        "name": role.name,
        "description": role.description,
        "demands": [{"target": level_iri(origin, one.skill, one.target), "weight": one.weight} for one in role.demands],
    }
    for concept in role.alignments:
        node.setdefault(MATCHES[concept.relation], []).append(iris[concept.scheme].iri(concept.identifier))
        if concept.scheme == "O*NET-SOC":
            node.setdefault("category", []).append(f"{concept.identifier} {concept.label}")
    return node
