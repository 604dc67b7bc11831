"""The skill framework: which skills there are, in which layer, and what each level means.

Our ids are the primary keys; ESCO and others are alignments beside them, for no foreign scheme has all of these
skills, and theirs change on their own calendar. IRIs are built from the origin the house is reached at, so that a
credential can name them. Pure: the document's bytes are passed in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from services.skill_inference.domain.document import Section, read_document
from shared.kernel.errors import Rejected

LAYERS: Final = ("integration", "operationalization", "stakeholder-management", "scaled-deployment")
LEVELS: Final = 5
"""Levels are numbered 1 to LEVELS; 0 stands for "level 1 is not reached"."""

Relation = Literal["exact", "close", "broad", "related"]
"""How our skill lies to the foreign concept: `broad` means the foreign one is the wider."""

_SKILL_ID: Final = re.compile(r"[a-z]+(?:-[a-z]+)*\.[a-z]+(?:-[a-z]+)*")


@dataclass(frozen=True, slots=True)
class Level:
    """One of the five anchored levels, a matter of autonomy and scope. `number` counts from 1."""

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
class Scheme:
    """A foreign classification we point to, in the version the alignments were made against."""

    id: str
    version: str
    acknowledgement: str


@dataclass(frozen=True, slots=True)
class ForeignConcept:
    """A concept of another scheme that a skill is aligned to."""

    scheme: str
    identifier: str
    label: str
    relation: Relation


@dataclass(frozen=True, slots=True)
class Skill:
    """One skill of the framework. `id` is `<layer>.<word>` and never changes its meaning."""

    id: str
    layer: str
    name: str
    description: str
    alignments: tuple[ForeignConcept, ...]


@dataclass(frozen=True, slots=True)
class Framework:
    """One version of the framework. `skills` is keyed by skill id, in the document's order."""

    version: str
    schemes: tuple[Scheme, ...]
    layers: tuple[Layer, ...]
    levels: tuple[Level, ...]
    skills: Mapping[str, Skill]

    def skills_of(self, layer: str) -> tuple[Skill, ...]:
        """Return the skills of one layer, in the document's order."""
        return tuple(skill for skill in self.skills.values() if skill.layer == layer)


def framework_iri(origin: str) -> str:
    """Return the IRI of the framework at `origin`, such as "https://deedlog.example"."""
    return f"{origin.rstrip('/')}/v1/framework"


def skill_iri(origin: str, skill: str) -> str:
    """Return the IRI of a skill. It carries no version: an id keeps its meaning over all versions."""
    return f"{framework_iri(origin)}/skills/{skill}"


def level_iri(origin: str, skill: str, level: int) -> str:
    """Return the IRI of one level (1 to LEVELS) of a skill."""
    return f"{skill_iri(origin, skill)}/levels/{level}"


def parse_framework(raw: bytes) -> Framework:
    """Return the framework a JSON document describes. Raises Rejected naming pointer, rule and mend."""
    document = read_document(raw)
    framework = Framework(
        version=document.text("version", 20),
        schemes=tuple(_scheme(section) for section in document.sections("schemes")),
        layers=tuple(_layer(section) for section in document.sections("layers")),
        levels=tuple(_level(section) for section in document.sections("levels")),
        skills=_skills(document.sections("skills")),
    )
    document.close()
    _check_whole(framework)
    return framework


def _scheme(section: Section) -> Scheme:
    scheme = Scheme(section.text("id", 40), section.text("version", 20), section.text("acknowledgement"))
    section.close()
    return scheme


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
        alignments=tuple(_foreign_concept(part) for part in section.sections("alignments")),
    )
    if _SKILL_ID.fullmatch(skill.id) is None or skill.id.partition(".")[0] != skill.layer:
        raise Rejected.of(section.at("id"), "an id is its layer, a dot and lower-case words", "Mend the id.")
    section.close()
    return skill


def _foreign_concept(section: Section) -> ForeignConcept:
    relations: dict[str, Relation] = {relation: relation for relation in get_args(Relation)}
    relation = relations.get(section.text("relation", 20))
    if relation is None:
        raise Rejected.of(section.at("relation"), "no such relation is known", f"Write one of {', '.join(relations)}.")
    concept = ForeignConcept(section.text("scheme", 40), section.text("identifier"), section.text("label"), relation)
    section.close()
    return concept


def _check_whole(framework: Framework) -> None:
    if tuple(layer.id for layer in framework.layers) != LAYERS:
        raise Rejected.of("/layers", f"the layers are {', '.join(LAYERS)}, in this order", "Name these four.")
    if tuple(level.number for level in framework.levels) != tuple(range(1, LEVELS + 1)):
        raise Rejected.of("/levels", f"levels are numbered 1 to {LEVELS} in order", "Number them so.")
    schemes = {scheme.id for scheme in framework.schemes}
    for index, skill in enumerate(framework.skills.values()):
        if not schemes.issuperset(concept.scheme for concept in skill.alignments):
            pointer = f"/skills/{index}/alignments"
            raise Rejected.of(
                pointer, "a scheme is used that /schemes does not name", "Name it there with its version."
            )
