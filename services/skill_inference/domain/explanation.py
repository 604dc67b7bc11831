"""Why a level is what it is: each fact's present contribution, in logits, summing to the mean minus the prior.

Every step of learning is "mean += gain x surprise", and belief fades linearly. So a fact contributes its step to the
general level, plus its step to the skill times the fading since. Nothing is attributed by guesswork, nothing is left.
What would hold without a fact is another question; a fold without it answers that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

from services.skill_inference.domain.observation import instant_of, microseconds
from services.skill_inference.domain.release import Release
from services.skill_inference.domain.state import PersonState, faded, level_at

TOP_MAX: Final = 20
"""Contributions told one by one; the others are told as one sum."""


Moves: TypeAlias = Mapping[tuple[int, str, str], float]
"""What each fact still moves a mean by, in logits, by (time in microseconds, source, fact)."""


class Contribution(NamedTuple):
    """What a fact still moves the mean by, in logits. `fact` is its id, `source` who told it, `at` in microseconds."""

    fact: str
    source: str
    at: int
    logits: float

    @property
    def occurred_at(self) -> datetime:
        """When it happened."""
        return instant_of(self.at)


@dataclass(frozen=True, slots=True)
class Explanation:
    """The mean of a level taken apart: prior + all of `top` + `rest` = mean, within 1e-9.

    top: largest first, by absolute value. rest: the sum over the `rest_count` other facts.
    """

    skill: str
    prior: float
    mean: float
    top: tuple[Contribution, ...]
    rest: float
    rest_count: int


def explain(state: PersonState, skill: str, release: Release, as_of: datetime, top_max: int = TOP_MAX) -> Explanation:
    """Return the mean of `skill` as of `as_of`, taken apart by fact. Linear in the person's facts."""
    at = microseconds(as_of)
    mean, _ = level_at(state, skill, release, at)
    moved = moves(state, skill, release, at)
    top = largest(moved, top_max)
    return Explanation(
        skill=skill,
        prior=release.prior_mean(skill),
        mean=mean,
        top=tuple(top),
        # Exact before it is rounded once, so that taking away is leaving out.
        rest=math.fsum((*moved.values(), *(-one.logits for one in top))),
        rest_count=len(moved) - len(top),
    )


def moves(state: PersonState, skill: str, release: Release, at: int) -> Moves:
    """Return what each fact still moves the mean of `skill` by, the parts of one fact as one."""
    by_fact: dict[tuple[int, str, str], float] = {}
    # A skill is never read at a time before its own, so its steps fade up to that time at least.
    end = max(at, state.skills[skill].at) if skill in state.skills else at
    for (occurred, source, _, fact, _), taken_at, general, steps in state.steps:
        logits = general
        for name, own in steps:
            if name == skill:
                logits += own * faded(taken_at, end, skill, release)
        key = (occurred, source, fact)
        by_fact[key] = by_fact.get(key, 0.0) + logits
    return by_fact


def largest(moved: Moves, count: int) -> list[Contribution]:
    """Return the `count` largest, largest first by absolute value; of equal ones the earlier."""
    least = 0.0
    if 0 < count < len(moved):
        # Numbers are sorted much sooner than what they belong to.
        least = sorted(map(abs, moved.values()), reverse=True)[count - 1]
    ranked = sorted([(-abs(logits), *key, logits) for key, logits in moved.items() if abs(logits) >= least])
    return [Contribution(fact, source, at, logits) for _, at, source, fact, logits in ranked[:count]]
