"""When an estimate is worth a fact of its own: others are told of what moved, not of every event.

Compare with what was *told* last, not with what was computed last, or a slow drift would never be told.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from services.skill_inference.domain.claims import ClaimRule, claimable_level
from services.skill_inference.domain.estimate import Estimate

MOVE_MIN: Final = 0.05
"""Logits. A mean that moved by no more is not told: it changes no chance by more than 1.25 points in a hundred."""


class Told(NamedTuple):
    """What is remembered of the estimate that was told last. claim: the level that could be claimed by it."""

    mean: float
    release: str
    claim: int


def telling(estimate: Estimate, rule: ClaimRule) -> Told:
    """Return what to remember when `estimate` is told."""
    return Told(estimate.mean, estimate.release, claimable_level(estimate, rule))


def should_tell(previous: Told | None, current: Estimate, rule: ClaimRule) -> bool:
    """Say whether `current` is to be told, `previous` being what was told last (None when nothing was).

    True for the first with evidence that carries weight, for a move of more than MOVE_MIN, and for one that may claim
    another level than before. A new release tells every estimate anew.
    """
    if previous is None:
        return current.observations > 0
    if previous.release != current.release or abs(current.mean - previous.mean) > MOVE_MIN:
        return True
    return previous.claim != claimable_level(current, rule)
