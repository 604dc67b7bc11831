"""When an estimate is good enough to be claimed, as a rule that is data.

A claim asks for more than a likely level: evidence from several works, more than one pair of eyes, and not too old.
This is what `skill_inference` says may be claimed; whoever issues a credential holds the estimate to its own rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

from services.skill_inference.domain.estimate import Estimate


@dataclass(frozen=True, slots=True)
class ClaimRule:
    """What must hold before a level is claimed.

    probability_min: of P(level >= k). works_min, raters_min: distinct, for this skill. attestation_replaces_raters:
    whether an attested deployment does instead of reviewers. half_lives_max: age of the newest evidence.
    """

    probability_min: float = 0.9
    works_min: int = 3
    raters_min: int = 2
    attestation_replaces_raters: bool = True
    half_lives_max: float = 1.0


STANDARD_RULE: Final = ClaimRule()

Requirement = Literal["probability", "works", "raters", "freshness"]


@dataclass(frozen=True, slots=True)
class Shortfall:
    """One requirement that is not met: what the rule expects and what there is, fit to be shown to the person."""

    requirement: Requirement
    expected: str
    got: str


def claimable_level(estimate: Estimate, rule: ClaimRule = STANDARD_RULE) -> int:
    """Return the highest level the rule lets the estimate claim, 0 when none."""
    if not _has_works(estimate, rule) or not _has_raters(estimate, rule) or not _is_fresh(estimate, rule):
        return 0
    return sum(probability >= rule.probability_min for probability in estimate.reached)


def shortfalls(estimate: Estimate, level: int, rule: ClaimRule = STANDARD_RULE) -> tuple[Shortfall, ...]:
    """Return what keeps `level` (1 to 5) from being claimed; nothing when it may be."""
    found = (_probability(estimate, level, rule), _works(estimate, rule), _raters(estimate, rule), _age(estimate, rule))
    return tuple(shortfall for shortfall in found if shortfall is not None)


def _probability(estimate: Estimate, level: int, rule: ClaimRule) -> Shortfall | None:
    got = estimate.reached[level - 1]
    if got >= rule.probability_min:
        return None
    return Shortfall("probability", f"P(level >= {level}) of {rule.probability_min}", f"{got:.3f}")


def _works(estimate: Estimate, rule: ClaimRule) -> Shortfall | None:
    if _has_works(estimate, rule):
        return None
    return Shortfall("works", f"{rule.works_min} distinct works", f"{estimate.works}")


def _raters(estimate: Estimate, rule: ClaimRule) -> Shortfall | None:
    if _has_raters(estimate, rule):
        return None
    instead = " or an attested deployment" if rule.attestation_replaces_raters else ""
    return Shortfall("raters", f"{rule.raters_min} reviewers{instead}", f"{estimate.raters}")


def _age(estimate: Estimate, rule: ClaimRule) -> Shortfall | None:
    if _is_fresh(estimate, rule):
        return None
    expected = f"evidence of the last {rule.half_lives_max * estimate.half_life_days:.0f} days"
    newest = estimate.newest_evidence_at
    return Shortfall("freshness", expected, "none" if newest is None else f"{(estimate.as_of - newest).days} days old")


def _has_works(estimate: Estimate, rule: ClaimRule) -> bool:
    return estimate.works >= rule.works_min


def _has_raters(estimate: Estimate, rule: ClaimRule) -> bool:
    is_attested = rule.attestation_replaces_raters and estimate.has_deployment_attestation
    return is_attested or estimate.raters >= rule.raters_min


def _is_fresh(estimate: Estimate, rule: ClaimRule) -> bool:
    newest = estimate.newest_evidence_at
    age_max = timedelta(days=rule.half_lives_max * estimate.half_life_days)
    return newest is not None and estimate.as_of - newest <= age_max
