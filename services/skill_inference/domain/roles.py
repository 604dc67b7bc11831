"""Role profiles: which skills a role asks for, at which level, and how much each matters.

A profile is data and says what work asks for; it never says who is to be hired. Ids are ours and keep their meaning
over versions; occupations of other schemes are alignments beside them. Pure: the document's bytes are passed in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from services.skill_inference.domain.classification import ForeignConcept, Scheme, read_foreign_concept, read_scheme
from services.skill_inference.domain.document import Section, read_document
from services.skill_inference.domain.framework import LEVELS, Framework, framework_iri
from shared.kernel.errors import Rejected

Kind = Literal["archetype", "role"]
"""`archetype`: one of the three ways of working with AI; `role`: a job somebody is asked to fill."""

WEIGHT_MAX: Final = 3
_KINDS: Final[Mapping[str, Kind]] = {"archetype": "archetype", "role": "role"}
_ROLE_ID: Final = re.compile(r"[a-z]+(?:-[a-z]+)*")


@dataclass(frozen=True, slots=True)
class Weight:
    """How much a skill matters to a role. `number` counts from 1, the least."""

    number: int
    name: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Demand:
    """One skill a role asks for. target: the level (1 to LEVELS). weight: 1 to WEIGHT_MAX."""

    skill: str
    target: int
    weight: int


@dataclass(frozen=True, slots=True)
class Role:
    """One role profile. Each skill stands once in `demands`, in the framework's order."""

    id: str
    kind: Kind
    name: str
    description: str
    demands: tuple[Demand, ...]
    alignments: tuple[ForeignConcept, ...]


@dataclass(frozen=True, slots=True)
class Roles:
    """One version of the role profiles, for one version of the framework. `roles` is keyed by role id."""

    version: str
    framework: str
    published: date
    schemes: tuple[Scheme, ...]
    weights: tuple[Weight, ...]
    roles: Mapping[str, Role]


def role_iri(origin: str, role: str) -> str:
    """Return the IRI of a role. It carries no version: an id keeps its meaning over all versions."""
    return f"{framework_iri(origin).removesuffix('/framework')}/roles/{role}"


def parse_roles(raw: bytes, framework: Framework) -> Roles:
    """Return the role profiles a JSON document describes. Raises Rejected naming pointer, rule and mend."""
    document = read_document(raw)
    roles = Roles(
        version=document.text("version", 20),
        framework=document.text("framework", 20),
        published=document.day("published"),
        schemes=tuple(read_scheme(section) for section in document.sections("schemes")),
        weights=tuple(_weight(section) for section in document.sections("weights")),
        roles=_roles(document.sections("roles"), framework),
    )
    document.close()
    _check_whole(roles, framework)
    return roles


def _weight(section: Section) -> Weight:
    weight = Weight(_whole(section, "number", WEIGHT_MAX), section.text("name", 80), section.text("meaning"))
    section.close()
    return weight


def _roles(sections: tuple[Section, ...], framework: Framework) -> dict[str, Role]:
    roles: dict[str, Role] = {}
    for section in sections:
        role = _role(section, framework)
        if role.id in roles:
            raise Rejected.of(section.at("id"), "this role stands twice", "Give every role an id of its own.")
        roles[role.id] = role
    return roles


def _role(section: Section, framework: Framework) -> Role:
    kind = _KINDS.get(section.text("kind", 20))
    if kind is None:
        raise Rejected.of(section.at("kind"), "no such kind is known", f"Write one of {', '.join(_KINDS)}.")
    role = Role(
        id=section.text("id", 60),
        kind=kind,
        name=section.text("name", 80),
        description=section.text("description"),
        demands=_demands(section.sections("skills"), framework),
        alignments=tuple(read_foreign_concept(part) for part in section.sections("alignments")),
    )
    if _ROLE_ID.fullmatch(role.id) is None:
        raise Rejected.of(section.at("id"), "an id is lower-case words joined by hyphens", "Mend the id.")
    if not role.demands:
        raise Rejected.of(section.at("skills"), "a role asks for at least one skill", "Name one.")
    section.close()
    return role


def _demands(sections: tuple[Section, ...], framework: Framework) -> tuple[Demand, ...]:
    demands: dict[str, Demand] = {}
    for section in sections:
        demand = Demand(
            section.text("skill", 80), _whole(section, "target", LEVELS), _whole(section, "weight", WEIGHT_MAX)
        )
        if demand.skill not in framework.skills:
            raise Rejected.of(section.at("skill"), "the framework has no such skill", "Name a skill's id.")
        if demand.skill in demands:
            raise Rejected.of(section.at("skill"), "this skill stands twice", "Name each skill once.")
        section.close()
        demands[demand.skill] = demand
    return tuple(demands[skill] for skill in framework.skills if skill in demands)


def _whole(section: Section, name: str, high: int) -> int:
    number = section.number(name, 1, high)
    if number != int(number):
        raise Rejected.of(section.at(name), f"expected a whole number from 1 to {high}", "Write such a number.")
    return int(number)


def _check_whole(roles: Roles, framework: Framework) -> None:
    if roles.framework != framework.version:
        rule = f"these roles are for framework {roles.framework}, this one is {framework.version}"
        raise Rejected.of("/framework", rule, "Go through the roles for this framework, then name it.")
    if [weight.number for weight in roles.weights] != list(range(1, WEIGHT_MAX + 1)):
        raise Rejected.of("/weights", f"weights are numbered 1 to {WEIGHT_MAX} in order", "Number them so.")
    schemes = {scheme.id for scheme in roles.schemes}
    for index, role in enumerate(roles.roles.values()):
        if not schemes.issuperset(concept.scheme for concept in role.alignments):
            pointer = f"/roles/{index}/alignments"
            raise Rejected.of(pointer, "a scheme is used that /schemes does not name", "Name it there.")
