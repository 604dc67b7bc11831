"""The one mark that is told where a distribution of marks is expected, by cut points on the expected mark.

An expectation lies nearer the middle than marks do, so rounding it tells too few low and high marks. The cut points
are part of a release: those under which told marks agree best with the marks given (quadratic weighted kappa) on the
training persons, each mark predicted without its own reviewer.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np

from services.skill_inference.calibration.machine_code import Column

STEPS: Final = (0.16, 0.08, 0.04, 0.02)
"""Marks by which a cut point is moved in the search, coarse to fine."""
SWEEPS: Final = 8


def told(expected: float, cuts: Sequence[float]) -> int:
    """Return the highest mark whose cut point the expectation reaches; 0 when it reaches none. Cut points rise."""
    return sum(expected >= cut for cut in cuts)


def fit_cuts(expected: Column, marks: Column, top: int) -> tuple[float, ...]:
    """Return the cut points of the best agreement, by moving one at a time from the middles between marks."""
    order = np.argsort(expected, kind="stable")
    ladder, given = expected[order], marks[order]
    prefix = np.cumsum(np.eye(top + 1, dtype=np.int64)[given], axis=0)
    cuts = [k + 0.5 for k in range(top)]
    best = _agreement(ladder, prefix, cuts)
    for step in STEPS:
        for _ in range(SWEEPS):
            before = best
            for k in range(top):
                for move in (step, -step):
                    tried = [*cuts[:k], round(cuts[k] + move, 6), *cuts[k + 1 :]]
                    value = _agreement(ladder, prefix, tried) if tried == sorted(tried) else best
                    if value > best:
                        cuts, best = tried, value
            if best == before:
                break
    return tuple(cuts)


def _agreement(ladder: Column, prefix: Column, cuts: Sequence[float]) -> float:
    """Return the quadratic weighted kappa; in whole numbers up to the last division, so exact."""
    ends = [0, *(int(i) for i in np.searchsorted(ladder, cuts, side="left")), len(ladder)]
    below = np.vstack([np.zeros(prefix.shape[1], np.int64), prefix])
    seen = np.array([below[high] - below[low] for low, high in pairwise(ends)])
    n = len(cuts) + 1
    squares = np.array([[(i - j) ** 2 for j in range(n)] for i in range(n)], np.int64)
    chance = np.outer(seen.sum(1), seen.sum(0))
    return 1.0 - float((squares * seen).sum()) * float(seen.sum()) / float((squares * chance).sum())
