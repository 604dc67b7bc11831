"""Why a level is what it is: each fact's present contribution, in logits, summing to the mean minus the prior.

Every step of learning is "mean += gain x surprise", and belief fades linearly. So a fact contributes its step to the
general level, plus its step to the skill times the fading since. Nothing is attributed by guesswork, nothing is left.
What would hold without a fact is another question; a fold without it answers that.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from services.skill_inference.domain.observation import instant_of, microseconds
from services.skill_inference.domain.release import Release
from services.skill_inference.domain.state import PersonState, faded, level_at

TOP_MAX: Final = 20
"""Contributions told one by one; the others are told as one sum."""


class Contribution(NamedTuple):
    """What one fact still moves the mean by, in logits. `fact` is its id, `source` who told it."""

    fact: str
    source: str
    occurred_at: datetime
    logits: float


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
    ranked = sorted(_contributions(state, skill, release, at))
    rest = ranked[top_max:]
    return Explanation(
        skill=skill,
        prior=release.prior_mean(skill),
        mean=mean,
        top=tuple(
            Contribution(fact, source, instant_of(occurred), logits)
            for _, occurred, source, fact, logits in ranked[:top_max]
        ),
        rest=math.fsum(logits for *_, logits in rest),
        rest_count=len(rest),
    )


def _contributions(
    state: PersonState, skill: str, release: Release, at: int
) -> list[tuple[float, int, str, str, float]]:
    """Return one contribution a fact, the parts of one fact as one: as (-size, time, source, fact, logits)."""
    by_fact: dict[tuple[str, str, int], float] = {}
    # A skill is never read at a time before its own, so its steps fade up to that time at least.
    end = max(at, state.skills[skill].at) if skill in state.skills else at
    for (occurred, source, _, fact, _), taken_at, general, steps in state.steps:
        logits = general
        for name, own in steps:
            if name == skill:
                logits += own * faded(taken_at, end, skill, release)
        key = (fact, source, occurred)
        by_fact[key] = by_fact.get(key, 0.0) + logits
    return [(-abs(logits), occurred, source, fact, logits) for (fact, source, occurred), logits in by_fact.items()]
