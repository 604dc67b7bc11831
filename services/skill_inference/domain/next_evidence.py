"""What would help most for a role: each piece of evidence a person could add next, tried out on what is known of them.

A proposal is simulated, not guessed: the evidence is folded with all there is, and the role's readiness read again. It
is simulated as going well, at the target level. Whether it would is uncertain, and on average over both outcomes
evidence moves an honest expectation by nothing; so proposals are ranked by what going well would add, times the chance
that the person is of that level already. Deterministic: the same evidence gives the same proposals in the same order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, TypeAlias

from services.skill_inference.domain.claims import ClaimRule, Shortfall
from services.skill_inference.domain.fold import MARKS_COST, fold
from services.skill_inference.domain.framework import Framework
from services.skill_inference.domain.gap import SkillGap, expected_share, skill_gaps
from services.skill_inference.domain.observation import (
    DIFFICULTY_MAX,
    Assurance,
    Mark,
    MarkSet,
    Observation,
    Outcome,
    instant_of,
)
from services.skill_inference.domain.release import Release
from services.skill_inference.domain.roles import Demand, Role

Kind: TypeAlias = Literal["reviewed-work", "task"]
"""A new work marked at the target by two new reviewers; an aligned task of the target's difficulty, done with success.

An attested deployment is not among them: no service tells of one yet, so nobody could bring it.
"""
KINDS: Final[tuple[Kind, ...]] = ("reviewed-work", "task")
FOLDED_MAX: Final = 60_000
"""Outcomes that proposals of one answer may fold; beyond, only the heaviest and widest gaps are tried."""
_TRIED: Final = "proposal"
_SOURCE: Final = "proposal"


@dataclass(frozen=True, slots=True)
class Proposal:
    """One piece of evidence to add. gain: by how much readiness would rise if it goes well.

    chance: P(level >= target) now, which is how likely it is to go well. chance_after: the same if it did. missing:
    what would still keep the target from being claimed.
    """

    kind: Kind
    demand: Demand
    gain: float
    chance: float
    chance_after: float
    missing: tuple[Shortfall, ...]

    @property
    def worth(self) -> float:
        """What proposals are ranked by."""
        return self.gain * self.chance


def proposals(
    observations: Sequence[Observation],
    role: Role,
    framework: Framework,
    release: Release,
    rule: ClaimRule,
    as_of: datetime,
) -> tuple[Proposal, ...]:
    """Return what the person could add for `role`, what is worth most first. Folds everything once a proposal."""

    def shown(evidence: Iterable[Observation], at: datetime) -> tuple[SkillGap, ...]:
        return skill_gaps(fold(evidence, release), role, framework, release, rule, at)

    at = max([as_of, *(instant_of(seen.place.at) + timedelta(microseconds=1) for seen in observations)])
    now = shown(observations, at)
    found = []
    for open_ in _tried(now, rule, _cost(observations)):
        for kind in KINDS:
            then = shown([*observations, *_evidence(kind, open_.demand, release, at)], at)
            found.append(_proposal(kind, open_, now, then))
    # The sort is stable: what is worth the same stands in the framework's order.
    return tuple(sorted(found, key=lambda one: -one.worth))


def _tried(now: Sequence[SkillGap], rule: ClaimRule, cost: int) -> list[SkillGap]:
    """Return the demands for which something is left to be shown, as many as may be folded, widest gap first."""
    open_ = [one for one in now if one.missing or one.chance < rule.probability_min]
    affordable = max(1, FOLDED_MAX // (max(1, cost) * len(KINDS)))
    if len(open_) > affordable:
        open_ = sorted(open_, key=lambda one: -one.demand.weight * (1.0 - one.chance))[:affordable]
    return open_


def _cost(observations: Sequence[Observation]) -> int:
    return sum(MARKS_COST if isinstance(seen, MarkSet) else 1 for seen in observations)


def _proposal(kind: Kind, before: SkillGap, now: Sequence[SkillGap], then: Sequence[SkillGap]) -> Proposal:
    after = next(one for one in then if one.demand == before.demand)
    gain = expected_share(then) - expected_share(now)
    return Proposal(kind, before.demand, gain, before.chance, after.chance, after.missing)


def _evidence(kind: Kind, demand: Demand, release: Release, at: datetime) -> list[Observation]:
    if kind == "reviewed-work":
        return [_marks(demand, number, at) for number in (1, 2)]
    return [_outcome(demand, release, at)]


def _marks(demand: Demand, number: int, at: datetime) -> MarkSet:
    """Return the marks of a new reviewer, at the target, for a new work."""
    return MarkSet(
        occurred_at=at,
        source=_SOURCE,
        sequence=number,
        fact=f"{_TRIED}-{number}",
        work=_TRIED,
        reviewer=f"{_TRIED}-{number}",
        marks=(Mark(demand.skill, demand.skill, demand.target),),
    )


def _outcome(demand: Demand, release: Release, at: datetime) -> Outcome:
    """Return a success at a task that somebody who just reaches the target manages every other time."""
    cut = release.cut_points[demand.target - 1]
    return Outcome(
        occurred_at=at,
        source=_SOURCE,
        sequence=1,
        fact=_TRIED,
        task=_TRIED,
        skills=((demand.skill, 1.0),),
        result=1.0,
        assurance=Assurance.AUTOMATED_CHECK,
        difficulty=min(max(cut, -DIFFICULTY_MAX), DIFFICULTY_MAX),
    )
