"""When an estimate is worth a fact of its own: others are told of what moved, not of every event.

Compare with the estimate that was *told* last, not with the one computed last, or a slow drift would never be told.
"""

from __future__ import annotations

from typing import Final

from services.skill_inference.domain.claims import STANDARD_RULE, ClaimRule, claimable_level
from services.skill_inference.domain.estimate import Estimate

MOVE_MIN: Final = 0.05
"""Logits. A mean that moved by no more is not told: it changes no chance by more than 1.25 points in a hundred."""


def should_tell(previous: Estimate | None, current: Estimate, rule: ClaimRule = STANDARD_RULE) -> bool:
    """Say whether `current` is to be told, `previous` being the one told last (None when none was).

    True for the first with evidence that carries weight, for a move of more than MOVE_MIN, and for one that may claim
    another level than before. A new release tells every estimate anew.
    """
    if previous is None:
        return current.observations > 0
    if previous.release != current.release or abs(current.mean - previous.mean) > MOVE_MIN:
        return True
    return claimable_level(previous, rule) != claimable_level(current, rule)
