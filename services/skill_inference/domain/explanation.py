"""Why a level is what it is: each fact's present contribution, in logits, summing to the mean minus the prior.

Every step of learning is "mean += gain x surprise", and belief fades linearly. So a fact contributes its step to the
general level, plus its step to the skill times the fading since. Nothing is attributed by guesswork, nothing is left.
What would hold without a fact is another question; a fold without it answers that.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from services.skill_inference.domain.observation import Place, instant_of, microseconds
from services.skill_inference.domain.release import Release
from services.skill_inference.domain.state import PersonState, faded, level_at

TOP_MAX: Final = 20
"""Contributions told one by one; the others are told as one sum."""


class Parted(NamedTuple):
    """A person's steps by what they moved: the general level, by fact, and each skill as (fact, when taken, step).

    places: where each fact stands, by its id; a fact stands for all its parts, at the place of one of them.
    """

    places: Mapping[str, Place]
    general: Mapping[str, float]
    own: Mapping[str, Sequence[tuple[str, int, float]]]


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
    steps = parted(state)
    moved = moves(state, steps, skill, release, at)
    top = largest(moved, steps.places, top_max)
    return Explanation(
        skill=skill,
        prior=release.prior_mean(skill),
        mean=mean,
        top=tuple(top),
        # Exact before it is rounded once, so that taking away is leaving out.
        rest=math.fsum((*moved.values(), *(-one.logits for one in top))),
        rest_count=len(moved) - len(top),
    )


def parted(state: PersonState) -> Parted:
    """Return the person's steps, parted. Linear in them; each skill is then read by its own steps alone."""
    places: dict[str, Place] = {}
    general: dict[str, float] = {}
    own: dict[str, list[tuple[str, int, float]]] = {}
    for place, at, moved, steps in state.steps:
        fact = place.fact
        if fact in places:
            general[fact] += moved
        else:
            places[fact] = place
            general[fact] = 0.0 + moved
        for skill, step in steps:
            taken = own.get(skill)
            if taken is None:
                own[skill] = [(fact, at, step)]
            else:
                taken.append((fact, at, step))
    return Parted(places, general, own)


def moves(state: PersonState, steps: Parted, skill: str, release: Release, at: int) -> dict[str, float]:
    """Return what each fact still moves the mean of `skill` by, in logits, by the fact's id.

    steps: those of `state`.
    """
    moved = dict(steps.general)
    # A skill is never read at a time before its own, so its steps fade up to that time at least.
    end = max(at, state.skills[skill].at) if skill in state.skills else at
    for fact, taken_at, step in steps.own.get(skill, ()):
        moved[fact] += step * faded(taken_at, end, skill, release)
    return moved


def ranked(moved: Mapping[str, float], count: int) -> list[tuple[str, float]]:
    """Return the `count` largest with their facts' ids, largest first by absolute value; of equal ones the earlier.

    moved: in the order in which steps were taken, as `moves` returns it.
    """
    return sorted(moved.items(), key=_size, reverse=True)[:count]


def largest(moved: Mapping[str, float], places: Mapping[str, Place], count: int) -> list[Contribution]:
    """Return the `count` largest, as `ranked` has them."""
    return [Contribution(fact, places[fact].source, places[fact].at, logits) for fact, logits in ranked(moved, count)]


def _size(item: tuple[str, float]) -> float:
    return abs(item[1])
