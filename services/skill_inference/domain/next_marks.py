"""How one more reviewer is likely to mark a work: the chance of each mark, the mean mark, and the one that is told.

An expectation lies nearer the middle than marks do, so rounding it tells too few low and high marks. A release may
hold cut points on the expected mark, fitted for agreement with the marks that were given; told is by those.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from services.skill_inference.domain.fold import in_order
from services.skill_inference.domain.next_outcome import learned
from services.skill_inference.domain.observation import Mark, MarkSet, Observation
from services.skill_inference.domain.release import Release
from services.skill_inference.domain.response import predictive_scale, sigmoid
from services.skill_inference.domain.work_update import WorkBelief

CHANCE_MIN: Final = 1e-6
"""No mark is told to be less likely, before all chances are made to sum to 1."""


class MarkPrediction(NamedTuple):
    """What is expected of one criterion. chances: by mark, from 0. is_by_cuts: whether cut points were fitted."""

    criterion: str
    skill: str
    chances: tuple[float, ...]
    expected: float
    told: int
    is_by_cuts: bool


def predict_marks(observations: Iterable[Observation], asked: MarkSet, release: Release) -> tuple[MarkPrediction, ...]:
    """Return what `asked.reviewer` is likely to mark, a criterion of `asked.marks` each; their values say nothing.

    First learned from is everything outside the work, whenever it was seen, and then the work as far as it was marked.
    `asked` is not earlier than any observation.
    """
    ordered = in_order(observations)
    learner = learned([one for one in ordered if one.work != asked.work], release)
    joint = learner.expect_work([one for one in ordered if one.work == asked.work], asked)
    return tuple(predict_mark(joint, asked.reviewer, mark, release) for mark in asked.marks)


def predict_mark(joint: WorkBelief, reviewer: str, mark: Mark, release: Release) -> MarkPrediction:
    """Return what the reviewer, whom `joint` knows, is likely to mark on this criterion."""
    thresholds = release.thresholds(mark.criterion)
    _, mean, variance = joint.expect_mark(reviewer, mark)
    chances = mark_chances(mean, variance, thresholds)
    expected = expected_mark(chances)
    fitted = release.told_marks.get(len(thresholds))
    told = told_mark(expected, middles(len(thresholds)) if fitted is None else fitted)
    return MarkPrediction(mark.criterion, mark.skill, chances, expected, told, fitted is not None)


def mark_chances(mean: float, variance: float, thresholds: Sequence[float]) -> tuple[float, ...]:
    """Return the chance of each mark from 0 to len(thresholds) for a logit of N(mean, variance); they sum to 1."""
    scale = predictive_scale(variance)
    at_least = [1.0, *(sigmoid((mean - threshold) * scale) for threshold in thresholds), 0.0]
    chances = [max(low - high, CHANCE_MIN) for low, high in pairwise(at_least)]
    total = sum(chances)
    return tuple(chance / total for chance in chances)


def expected_mark(chances: Sequence[float]) -> float:
    """Return the mean mark."""
    return sum(mark * chance for mark, chance in enumerate(chances))


def told_mark(expected: float, cuts: Sequence[float]) -> int:
    """Return the highest mark whose cut point the expectation reaches; 0 when it reaches none. Cut points rise."""
    return sum(expected >= cut for cut in cuts)


def middles(top: int) -> tuple[float, ...]:
    """Return the cut points that round, a half upwards, to a mark from 0 to `top`."""
    return tuple(k + 0.5 for k in range(top))
