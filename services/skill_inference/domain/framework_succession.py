"""What one version of an organisation's framework owes the version before: ids keep their meaning, and none vanishes.

An id that a later version leaves out is retired: what was aligned to it stays, nothing new is. An id whose words are
nearly all others reads as another skill under an old name, and is refused unless the sender says that the meaning is
kept.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from services.skill_inference.domain.framework import Framework
from services.skill_inference.domain.organisation_framework import (
    Faults,
    OrganisationFramework,
    ReadFramework,
    TheirSkill,
)

SHARED_MIN: Final = 0.5
"""Less than this share of its words shared in name and description both: another skill."""

_WORD: Final = re.compile(r"\w+")


class Succession(NamedTuple):
    """What a version changes, in ids of theirs. reworded: name, description, anchors; mapped_anew: another of ours."""

    added: tuple[str, ...]
    retired: tuple[str, ...]
    reworded: tuple[str, ...]
    mapped_anew: tuple[str, ...]


def succeed(
    read: ReadFramework, before: OrganisationFramework | None, *, is_meaning_kept: bool
) -> OrganisationFramework:
    """Return the new version with all that it retires. Raises Rejected where an id changes its meaning."""
    new = read.framework
    earlier = {} if before is None else {**before.retired, **before.skills}
    faults = Faults()
    for skill in new.skills.values():
        known = earlier.get(skill.id)
        if known is not None and not is_meaning_kept and _is_another(skill, known):
            rule = "name and description both share less than half of their words with the version before"
            mend = f"Give it a new id and retire {skill.id}; or add ?meaning=kept."
            faults.add(read.places[skill.id], rule, mend)
    for skill in new.retired.values():
        if skill.id not in earlier:
            faults.add(read.places[skill.id], "no version before had this skill", "Leave it out.")
    faults.close()
    # The words and the mapping of what is retired stay those of its last version; only who follows it can be told.
    retired = {
        id_: replace(known, replaced_by=new.retired[id_].replaced_by if id_ in new.retired else known.replaced_by)
        for id_, known in earlier.items()
        if id_ not in new.skills
    }
    kept = {
        id_: skill if skill.replaced_by in new.skills else replace(skill, replaced_by="")
        for id_, skill in retired.items()
    }
    return replace(new, retired=kept)


def changes_of(new: OrganisationFramework, before: OrganisationFramework | None) -> Succession:
    """Return what the new version changes."""
    earlier: Mapping[str, TheirSkill] = {} if before is None else before.skills
    both = [(skill, earlier[id_]) for id_, skill in new.skills.items() if id_ in earlier]
    return Succession(
        added=tuple(id_ for id_ in new.skills if id_ not in earlier),
        retired=tuple(id_ for id_ in earlier if id_ not in new.skills),
        reworded=tuple(skill.id for skill, known in both if _texts(skill) != _texts(known)),
        mapped_anew=tuple(skill.id for skill, known in both if skill.ours != known.ours),
    )


class Hint(NamedTuple):
    """A mapping that is suggested: both are aligned to the same foreign concept, each exactly."""

    skill: str
    ours: str
    through: str


def hints(theirs: OrganisationFramework, ours: Framework) -> tuple[Hint, ...]:
    """Return the mappings that foreign concepts suggest to skills that have none. None is taken by itself."""
    exact: dict[str, str] = {}
    for skill in ours.skills.values():
        for concept in skill.alignments:
            if concept.relation == "exact":
                exact[concept.identifier] = exact[ours.concept_iri(concept)] = skill.id
    return tuple(
        Hint(skill.id, exact[concept.identifier], concept.identifier)
        for skill in theirs.skills.values()
        if skill.ours is None
        for concept in skill.alignments
        if concept.relation == "exact" and concept.identifier in exact
    )


def _is_another(skill: TheirSkill, known: TheirSkill) -> bool:
    return all(
        _shared(_words(one), _words(other)) < SHARED_MIN
        for one, other in ((skill.name, known.name), (skill.description, known.description))
    )


def _shared(one: Collection[str], other: Collection[str]) -> float:
    return len(set(one) & set(other)) / max(len(one), len(other), 1)


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.lower()))


def _texts(skill: TheirSkill) -> tuple[str, str, tuple[str, ...]]:
    return skill.name, skill.description, skill.anchors
