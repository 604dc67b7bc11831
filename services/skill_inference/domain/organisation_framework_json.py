"""An organisation's framework as JSON, our own form.

    {"name": "Acme skills", "language": "en", "rights": "ours",
     "levels": [{"name": "learner", "ours": 1}, {"name": "master", "ours": 4}],
     "skills": [{"id": "A1", "name": "Data checks", "description": "Has data checked …",
                 "mapping": [{"skill": "integration.data-contracts", "relation": "close"}]}]}

May be left out: `licence`, `source`, `groups`, `levels` (then ours are used), `retired`, and of a skill `group`,
`anchors`, `mapping`, `alignments` and `replaced_by`. A member that is not known is refused: a misspelt one must not be
a silent default.
"""

from __future__ import annotations

from typing import Any, Final

from services.skill_inference.domain.classification import ForeignConcept, read_foreign_concept, read_relation
from services.skill_inference.domain.document import Section
from services.skill_inference.domain.framework import LEVELS
from services.skill_inference.domain.organisation_framework import (
    ID_MAX,
    RIGHTS,
    TEXT_MAX,
    Faults,
    Group,
    Likeness,
    OrganisationFramework,
    ReadFramework,
    Rights,
    TheirLevel,
    TheirSkill,
    check_whole,
)
from services.skill_inference.domain.skill_names import SkillNames
from shared.kernel.canonical_json import JsonValue
from shared.kernel.errors import Rejected

NAME_MAX: Final = 200


def parse_framework_json(document: JsonValue, names: SkillNames) -> ReadFramework:
    """Return the framework of a document of our own form. Raises Rejected naming pointer, rule, mend of each fault."""
    outermost, faults = Section(document), Faults()
    places: dict[str, str] = {}
    framework = OrganisationFramework(
        name=outermost.text("name", NAME_MAX),
        language=outermost.text("language", 35),
        rights=_rights(outermost),
        licence=outermost.text_or_none("licence") or "",
        source=outermost.text_or_none("source") or "",
        groups=tuple(_group(section) for section in _sections(outermost, "groups")),
        levels=tuple(_level(section) for section in _sections(outermost, "levels")),
        skills=_skills(outermost.sections("skills"), names, places, faults),
        retired=_skills(_sections(outermost, "retired"), names, places, faults),
    )
    outermost.close()
    check_whole(framework, places, faults)
    faults.close()
    return ReadFramework(framework, places)


def framework_json(framework: OrganisationFramework) -> dict[str, Any]:
    """Return the document that `parse_framework_json` reads as this framework."""
    texts = {"licence": framework.licence, "source": framework.source}
    lists = {
        "groups": [one._asdict() for one in framework.groups],
        "levels": [one._asdict() for one in framework.levels],
        "retired": [_written(one) for one in framework.retired.values()],
    }
    return {
        "name": framework.name,
        "language": framework.language,
        "rights": framework.rights,
        **{name: text for name, text in texts.items() if text},
        **{name: items for name, items in lists.items() if items},
        "skills": [_written(one) for one in framework.skills.values()],
    }


def _rights(section: Section) -> Rights:
    rights = RIGHTS.get(section.text("rights", 20))
    if rights is None:
        rule = "expected by what right these texts are used here: ours or licensed"
        raise Rejected.of(
            section.at("rights"), rule, "Write ours for your own words, licensed where you hold a licence."
        )
    return rights


def _sections(section: Section, name: str) -> tuple[Section, ...]:
    return section.sections(name) if name in section.names() else ()


def _group(section: Section) -> Group:
    group = Group(section.text("id", ID_MAX), section.text("name", NAME_MAX))
    section.close()
    return group


def _level(section: Section) -> TheirLevel:
    ours = section.number("ours", 0, LEVELS)
    if ours != int(ours):
        raise Rejected.of(section.at("ours"), "expected a whole number", f"Write 0 to {LEVELS}.")
    level = TheirLevel(section.text("name", NAME_MAX), int(ours))
    section.close()
    return level


def _skills(
    sections: tuple[Section, ...], names: SkillNames, places: dict[str, str], faults: Faults
) -> dict[str, TheirSkill]:
    found: dict[str, TheirSkill] = {}
    for section in sections:
        try:
            skill = _skill(section, names)
            if skill.id in places:
                raise Rejected.of(section.at("id"), "this id stands twice", "Give every skill an id of its own.")
        except Rejected as error:
            faults.take(error)
        else:
            found[skill.id] = skill
            places[skill.id] = section.pointer
    return found


def _skill(section: Section, names: SkillNames) -> TheirSkill:
    has = section.names()
    skill = TheirSkill(
        id=section.text("id", ID_MAX),
        name=section.text("name", NAME_MAX),
        description=section.text("description", TEXT_MAX),
        group=section.text_or_none("group", ID_MAX) or "",
        anchors=section.texts("anchors") if "anchors" in has else (),
        mapping=tuple(_likeness(part, names) for part in _sections(section, "mapping")),
        alignments=tuple(read_foreign_concept(part) for part in _sections(section, "alignments")),
        replaced_by=section.text_or_none("replaced_by", ID_MAX) or "",
    )
    section.close()
    if any(len(anchor) > TEXT_MAX for anchor in skill.anchors):
        raise Rejected.of(section.at("anchors"), f"a text has more than {TEXT_MAX} characters", "Shorten it.")
    return skill


def _likeness(section: Section, names: SkillNames) -> Likeness:
    ours = names.own(section.text("skill", TEXT_MAX))
    if ours is None:
        raise Rejected.of(
            section.at("skill"), "our framework has no such skill", "Write an id; GET /v1/skills lists them."
        )
    likeness = Likeness(ours, read_relation(section))
    section.close()
    return likeness


def _written(skill: TheirSkill) -> dict[str, Any]:
    texts = {"group": skill.group, "replaced_by": skill.replaced_by}
    lists = {
        "anchors": list(skill.anchors),
        "mapping": [one._asdict() for one in skill.mapping],
        "alignments": [_concept(one) for one in skill.alignments],
    }
    return {
        "id": skill.id,
        "name": skill.name,
        "description": skill.description,
        **{name: text for name, text in texts.items() if text},
        **{name: items for name, items in lists.items() if items},
    }


def _concept(one: ForeignConcept) -> dict[str, Any]:
    return {"scheme": one.scheme, "identifier": one.identifier, "label": one.label, "relation": one.relation}
