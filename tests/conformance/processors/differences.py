"""By how much what another machine believes differs from what was written down, and whether that is allowed.

Where a machine computes `exp` and `sum` with the bits of the one that wrote the golden, it owes every bit. Elsewhere no
number may be further off than `BOUND`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias

BOUND: Final = 1e-12
"""Of the larger of two numbers."""

Folds: TypeAlias = Mapping[str, Mapping[str, Sequence[str]]]
"""By person and what is believed of them: numbers as hexadecimal floats."""


class Differences(NamedTuple):
    """How many numbers were compared, how many have other bits, and the largest relative difference and its place."""

    numbers: int
    unequal: int
    largest: float
    where: str


def differences(golden: Folds, found: Folds) -> Differences:
    """Return how two foldings differ. Raises ValueError where they are not of the same people and skills."""
    pairs = _pairs(golden, found)
    unequal = [(relative(ours, theirs), where) for where, ours, theirs in pairs if ours != theirs]
    return Differences(len(pairs), len(unequal), *max(unequal, default=(0.0, "")))


def holds(golden: Mapping[str, Any], found: Mapping[str, Any]) -> bool:
    """Return whether a machine's document is as near the golden as that machine owes."""
    if golden["drawn"] != found["drawn"]:
        return False
    differ = differences(golden["folds"], found["folds"])
    return is_allowed(differ, is_same_arithmetic=golden["arithmetic"] == found["arithmetic"])


def is_allowed(differ: Differences, *, is_same_arithmetic: bool) -> bool:
    """Return whether so large differences may be: none at all under the same arithmetic."""
    return differ.unequal == 0 if is_same_arithmetic else differ.largest <= BOUND


def relative(ours: str, theirs: str) -> float:
    """Return the difference as a part of the larger number; infinite where either is not finite."""
    a, b = float.fromhex(ours), float.fromhex(theirs)
    if not (math.isfinite(a) and math.isfinite(b)):
        return math.inf
    return 0.0 if a == b else abs(a - b) / max(abs(a), abs(b))


def _pairs(golden: Folds, found: Folds) -> list[tuple[str, str, str]]:
    """Return place, golden number and found number of each."""
    if golden.keys() != found.keys() or any(golden[who].keys() != found[who].keys() for who in golden):
        raise ValueError("these are not the same people, or not the same skills of them")
    return [
        (f"{who}, {what} [{n}]", ours, theirs)
        for who, beliefs in golden.items()
        for what, numbers in beliefs.items()
        for n, (ours, theirs) in enumerate(zip(numbers, found[who][what], strict=True))
    ]
