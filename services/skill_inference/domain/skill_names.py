"""By which names others call our skills: the IRI we publish, our id, and concepts of foreign schemes aligned to them.

A foreign concept is wider or narrower than ours and may lie beside several of our skills. Then the nearest relation
decides, and where two are equally near nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from services.skill_inference.domain.framework import Framework, skill_iri

_NEARNESS: Final = ("exact", "close", "broad", "related")


class SkillNames:
    """Names of skills. `origin`: where the house is reached, which the published IRIs begin with."""

    def __init__(self, framework: Framework, origin: str) -> None:
        self._names: dict[str, tuple[str, ...]] = dict(_foreign(framework))
        self._own: dict[str, str] = {}
        for skill in framework.skills:
            self._own[skill] = self._own[skill_iri(origin, skill)] = skill
        self._names.update((name, (skill,)) for name, skill in self._own.items())

    def skills(self, name: str) -> tuple[str, ...]:
        """Return the skills that `name` stands for: none where it is no name, several where it does not decide."""
        return self._names.get(name, ())

    def own(self, name: str) -> str | None:
        """Return the skill whose id or IRI this is: no other name counts. None where it is neither."""
        return self._own.get(name)


def _foreign(framework: Framework) -> Mapping[str, tuple[str, ...]]:
    """Return by foreign identifier the skills that it lies nearest to."""
    found: dict[str, dict[str, list[str]]] = {}
    for skill in framework.skills.values():
        for concept in skill.alignments:
            # A code such as O*NET's is named by itself or by its IRI; where the identifier is the IRI, once.
            for name in {concept.identifier: None, framework.concept_iri(concept): None}:
                found.setdefault(name, {}).setdefault(concept.relation, []).append(skill.id)
    return {
        identifier: tuple(next(relations[relation] for relation in _NEARNESS if relation in relations))
        for identifier, relations in found.items()
    }
