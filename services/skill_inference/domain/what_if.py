"""What would be said without some of the evidence: the fold of what is left, exact where a contribution is not.

A contribution says what a fact moved where it stood. Without the fact the others would have moved more, or less: a
second mark of one work tells little because the first was there. Only a fold without it answers that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from services.skill_inference.domain.estimate import Estimate, estimate
from services.skill_inference.domain.fold import fold
from services.skill_inference.domain.observation import Observation
from services.skill_inference.domain.release import Release


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What would be said of a skill without some facts. removed: those of them that were evidence of the person.

    said: None when nothing that carries weight would be left.
    """

    removed: tuple[str, ...]
    said: Estimate | None


def without(
    observations: Iterable[Observation], facts: Collection[str], skill: str, release: Release, as_of: datetime
) -> WhatIf:
    """Return what would be said of `skill` as of `as_of` if `facts` had never been. Folds everything that is left."""
    kept, removed = [], set()
    for observation in observations:
        if observation.fact in facts:
            removed.add(observation.fact)
        else:
            kept.append(observation)
    state = fold(kept, release)
    left = state.evidence.get(skill)
    is_there = left is not None and left.observations > 0
    return WhatIf(tuple(sorted(removed)), estimate(state, skill, release, as_of) if is_there else None)
