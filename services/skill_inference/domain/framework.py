"""The skill framework: which skills there are, in which layer, what each level means, and what shows it.

Our ids are the primary keys; ESCO and others are alignments beside them, for no foreign scheme has all of these
skills, and theirs change on their own calendar. IRIs are built from the origin the house is reached at, so that a
credential can name them. Pure: the document's bytes are passed in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from services.skill_inference.domain.classification import ForeignConcept, Scheme, read_foreign_concept, read_scheme
from services.skill_inference.domain.document import Section, read_document
from shared.kernel.errors import Rejected

LAYERS: Final = ("integration", "operationalization", "stakeholder-management", "scaled-deployment")
LEVELS: Final = 5
"""Levels are numbered 1 to LEVELS; 0 stands for "level 1 is not reached"."""

_SKILL_ID: Final = re.compile(r"[a-z]+(?:-[a-z]+)*\.[a-z]+(?:-[a-z]+)*")


@dataclass(frozen=True, slots=True)
class Level:
    """One of the five levels, a matter of autonomy and scope: what it means for any skill. `number` counts from 1."""

    number: int
    name: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Layer:
    """One of the four layers a skill belongs to."""

    id: str
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class EvidenceKind:
    """A kind of thing that a skill can be seen in."""

    id: str
    name: str
    description: str


@dataclass(frozen=True, slots=True)
class TypicalEvidence:
    """Something that would show a skill: what a person is told to bring, and a reviewer to look for."""

    kind: str
    what: str


@dataclass(frozen=True, slots=True)
class Skill:
    """One skill of the framework. `id` is `<layer>.<word>` and never changes its meaning.

    anchors[k - 1]: what somebody of level k does in this skill, as a reviewer would see it. prerequisites: skills that
    somebody good at this one is seldom much worse at; they make no cycle.
    """

    id: str
    layer: str
    name: str
    description: str
    anchors: tuple[str, ...]
    prerequisites: tuple[str, ...]
    evidence: tuple[TypicalEvidence, ...]
    alignments: tuple[ForeignConcept, ...]


@dataclass(frozen=True, slots=True)
class Framework:
    """One version of the framework. `skills` is keyed by skill id, in the document's order."""

    version: str
    name: str
    language: str
    published: date
    schemes: tuple[Scheme, ...]
    layers: tuple[Layer, ...]
    levels: tuple[Level, ...]
    evidence_kinds: tuple[EvidenceKind, ...]
    skills: Mapping[str, Skill]

    def skills_of(self, layer: str) -> tuple[Skill, ...]:
        """Return the skills of one layer, in the document's order."""
        return tuple(skill for skill in self.skills.values() if skill.layer == layer)

    def concept_iri(self, concept: ForeignConcept) -> str:
        """Return the IRI of a foreign concept."""
        return next(scheme.iri(concept.identifier) for scheme in self.schemes if scheme.id == concept.scheme)


def framework_iri(origin: str) -> str:
    """Return the IRI of the framework at `origin`, such as "https://deedlog.example"."""
    return f"{origin.rstrip('/')}/v1/framework"


def skill_iri(origin: str, skill: str) -> str:
    """Return the IRI of a skill. It carries no version: an id keeps its meaning over all versions."""
    return f"{framework_iri(origin)}/skills/{skill}"


def layer_iri(origin: str, layer: str) -> str:
    """Return the IRI of a layer."""
    return f"{framework_iri(origin)}/layers/{layer}"


def level_iri(origin: str, skill: str, level: int) -> str:
    """Return the IRI of one level (1 to LEVELS) of a skill."""
    return f"{skill_iri(origin, skill)}/levels/{level}"


def prerequisite_order(skills: Mapping[str, Skill]) -> tuple[str, ...]:
    """Return all skill ids, each after its prerequisites, and otherwise in the document's order.

    Skills on a cycle, and those that need one, are left out: the order is whole where there is no cycle.
    """
    order: dict[str, None] = {}
    waiting = list(skills.values())
    while ready := [skill for skill in waiting if all(one in order for one in skill.prerequisites)]:
        order.update(dict.fromkeys(skill.id for skill in ready))
        waiting = [skill for skill in waiting if skill.id not in order]
    return tuple(order)


def parse_framework(raw: bytes) -> Framework:
    """Return the framework a JSON document describes. Raises Rejected naming pointer, rule and mend."""
    document = read_document(raw)
    framework = Framework(
        version=document.text("version", 20),
        name=document.text("name", 80),
        language=document.text("language", 35),
        published=document.day("published"),
        schemes=tuple(read_scheme(section) for section in document.sections("schemes")),
        layers=tuple(_layer(section) for section in document.sections("layers")),
        levels=tuple(_level(section) for section in document.sections("levels")),
        evidence_kinds=tuple(_evidence_kind(section) for section in document.sections("evidence_kinds")),
        skills=_skills(document.sections("skills")),
    )
    document.close()
    _check_whole(framework)
    _check_prerequisites(framework.skills)
    return framework


def _evidence_kind(section: Section) -> EvidenceKind:
    kind = EvidenceKind(section.text("id", 40), section.text("name", 80), section.text("description"))
    section.close()
    return kind


def _layer(section: Section) -> Layer:
    layer = Layer(section.text("id", 40), section.text("name", 80), section.text("description"))
    section.close()
    return layer


def _level(section: Section) -> Level:
    level = Level(int(section.number("number", 1, LEVELS)), section.text("name", 80), section.text("anchor"))
    section.close()
    return level


def _skills(sections: tuple[Section, ...]) -> dict[str, Skill]:
    skills: dict[str, Skill] = {}
    for section in sections:
        skill = _skill(section)
        if skill.id in skills:
            raise Rejected.of(section.at("id"), "this skill stands twice", "Give every skill an id of its own.")
        skills[skill.id] = skill
    return skills


def _skill(section: Section) -> Skill:
    skill = Skill(
        id=section.text("id", 80),
        layer=section.text("layer", 40),
        name=section.text("name", 80),
        description=section.text("description"),
        anchors=section.texts("anchors"),
        prerequisites=section.texts("prerequisites"),
        evidence=tuple(_typical_evidence(part) for part in section.sections("evidence")),
        alignments=tuple(read_foreign_concept(part) for part in section.sections("alignments")),
    )
    if _SKILL_ID.fullmatch(skill.id) is None or skill.id.partition(".")[0] != skill.layer:
        raise Rejected.of(section.at("id"), "an id is its layer, a dot and lower-case words", "Mend the id.")
    if len(skill.anchors) != LEVELS:
        rule = f"expected {LEVELS} anchors, one a level, got {len(skill.anchors)}"
        raise Rejected.of(section.at("anchors"), rule, f"Write {LEVELS} sentences, level 1 first.")
    section.close()
    return skill


def _typical_evidence(section: Section) -> TypicalEvidence:
    evidence = TypicalEvidence(section.text("kind", 40), section.text("what"))
    section.close()
    return evidence


def _check_whole(framework: Framework) -> None:
    if tuple(layer.id for layer in framework.layers) != LAYERS:
        raise Rejected.of("/layers", f"the layers are {', '.join(LAYERS)}, in this order", "Name these four.")
    if tuple(level.number for level in framework.levels) != tuple(range(1, LEVELS + 1)):
        raise Rejected.of("/levels", f"levels are numbered 1 to {LEVELS} in order", "Number them so.")
    schemes = {scheme.id for scheme in framework.schemes}
    kinds = {kind.id for kind in framework.evidence_kinds}
    for index, skill in enumerate(framework.skills.values()):
        if not kinds.issuperset(evidence.kind for evidence in skill.evidence):
            pointer = f"/skills/{index}/evidence"
            raise Rejected.of(pointer, "a kind is used that /evidence_kinds does not name", "Name it there.")
        if not schemes.issuperset(concept.scheme for concept in skill.alignments):
            pointer = f"/skills/{index}/alignments"
            raise Rejected.of(
                pointer, "a scheme is used that /schemes does not name", "Name it there with its version."
            )


def _check_prerequisites(skills: Mapping[str, Skill]) -> None:
    order = prerequisite_order(skills)
    for index, skill in enumerate(skills.values()):
        pointer = f"/skills/{index}/prerequisites"
        unknown = [one for one in skill.prerequisites if one not in skills]
        if unknown:
            raise Rejected.of(pointer, f"{unknown[0]} is no skill of this framework", "Name a skill's id.")
        if len(set(skill.prerequisites)) < len(skill.prerequisites):
            raise Rejected.of(pointer, "a skill stands twice", "Name each once.")
    for index, skill in enumerate(skills.values()):
        if skill.id not in order:
            pointer = f"/skills/{index}/prerequisites"
            raise Rejected.of(pointer, "prerequisites lead round in a circle", "Take one of the circle away.")
