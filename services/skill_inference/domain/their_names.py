"""By which names an organisation's own alignments may call skills: ours, and those of its frameworks in force.

A skill of theirs is called `<framework>:<id>`, by its IRI, or by the URI of the CASE item that it was read from. Only
one that is another name of ours can take evidence; it stands in a table as it was sent, and counts as ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final
from urllib.parse import quote

from services.skill_inference.domain.alignment import WEIGHT_MAX, Alignment
from services.skill_inference.domain.organisation_framework import OrganisationFramework, TheirSkill
from services.skill_inference.domain.skill_names import SkillNames

CASE: Final = "CASE"
"""The scheme under which a skill keeps the URI of the CASE item that it was read from."""


def qualified(slug: str, skill: str) -> str:
    """Return what a skill of theirs is called in a table of alignments."""
    return f"{slug}:{skill}"


def their_iri(origin: str, organisation: str, slug: str, skill: str) -> str:
    """Return the IRI of a skill of theirs. It carries no version: an id keeps its meaning over all versions."""
    return f"{origin.rstrip('/')}/v1/frameworks/{organisation}/{slug}/skills/{quote(skill, safe='')}"


class TheirNames:
    """Names of skills for one organisation. frameworks: those in force, by slug.

    ours: by qualified name, which of ours it is another name of. with_retired: also what is retired, for tables that
    came into force before it was.
    """

    def __init__(
        self,
        names: SkillNames,
        origin: str,
        organisation: str,
        frameworks: Mapping[str, OrganisationFramework],
        *,
        with_retired: bool = False,
    ) -> None:
        self._names = names
        self.ours: dict[str, str] = {}
        self._called: dict[str, str] = {}
        for slug, framework in frameworks.items():
            for skill in _of(framework, with_retired):
                if skill.ours is not None:
                    name = qualified(slug, skill.id)
                    self.ours[name] = skill.ours
                    self._called[their_iri(origin, organisation, slug, skill.id)] = name
                    self._called.update((one.identifier, name) for one in skill.alignments if one.scheme == CASE)
            self._called.update((name, name) for name in self.ours)

    def skills(self, name: str) -> tuple[str, ...]:
        """Return the skills that `name` stands for: ours, or one of theirs as it is called in a table."""
        theirs = self._called.get(name)
        return self._names.skills(name) if theirs is None else (theirs,)

    def translated(self, rows: Iterable[Alignment]) -> tuple[Alignment, ...]:
        """Return the rows with our skills in place of theirs; two names of one skill are one row of both weights."""
        found: dict[tuple[str, str], Alignment] = {}
        for row in rows:
            ours = row._replace(skill=self.ours.get(row.skill, row.skill))
            known = found.get((ours.activity, ours.skill))
            if known is not None:
                ours = ours._replace(weight=min(known.weight + ours.weight, WEIGHT_MAX))
            found[ours.activity, ours.skill] = ours
        return tuple(found.values())


def _of(framework: OrganisationFramework, with_retired: bool) -> Iterator[TheirSkill]:
    yield from framework.skills.values()
    if with_retired:
        yield from framework.retired.values()
