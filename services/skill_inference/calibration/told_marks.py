"""Fitting the cut points on the expected mark by which a release tells one mark (`domain.next_marks`).

They are those under which told marks agree best with the marks given (quadratic weighted kappa), each mark predicted
without its own reviewer. There are some for each scale, that is for all criteria with the same highest mark. A scale
has them if cut points found from other people agree better with a person's marks than rounding does.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np

from services.skill_inference.calibration.machine_code import Column
from services.skill_inference.calibration.reviewers import Job, expected_marks
from services.skill_inference.domain.next_marks import middles, told_mark

STEPS: Final = (0.16, 0.08, 0.04, 0.02)
"""Marks by which a cut point is moved in the search, coarse to fine."""
SWEEPS: Final = 8
TOLD_MARKS_MIN: Final = 200
"""Marks on criteria of one scale before it has cut points of its own."""
TOLD_PEOPLE_MIN: Final = 20
FOLDS: Final = 5
FOLD_SEED: Final = 4


class Judged(NamedTuple):
    """How told marks agree with those given (quadratic weighted kappa), by cut points of other people and rounded."""

    told: float
    rounded: float


@dataclass(frozen=True, slots=True)
class Scale:
    """All criteria whose highest mark is `top`. cuts: None where there are none, and `reason` says why."""

    top: int
    marks: int
    people: int
    cuts: tuple[float, ...] | None
    judged: Judged | None
    reason: str | None


class Asked(NamedTuple):
    """Marks of one scale: what was expected of each, what was given, and whose it was."""

    expected: Column
    given: Column
    person: Column


def fit_told_marks(job: Job, criteria: Collection[str]) -> tuple[Scale, ...]:
    """Return what the marks of a finished job on these criteria give, scale by scale."""
    table, expected = job.table, expected_marks(job)
    is_kept: Column = np.isin(table.marks[:, 1], [i for i, name in enumerate(table.criteria) if name in criteria])
    tops, person = table.tops[table.marks[:, 1]], _persons(job)
    found = []
    for top in sorted({int(one) for one in tops[is_kept]}):
        here: Column = is_kept & (tops == top)
        found.append(_scale(top, Asked(expected[here], table.marks[here, 2], person[here])))
    return tuple(found)


def told_cuts(scales: Sequence[Scale]) -> Mapping[int, tuple[float, ...]]:
    """Return the cut points by highest mark, of the scales that have some."""
    return {one.top: one.cuts for one in scales if one.cuts is not None}


def _persons(job: Job) -> Column:
    """Return the place of the person of each mark."""
    table = job.table
    by_sitting = np.repeat(np.arange(len(table.starts) - 1), np.diff(table.starts))
    return np.asarray(np.repeat(by_sitting, np.diff(table.offsets)))


def _scale(top: int, asked: Asked) -> Scale:
    persons = np.unique(asked.person)
    marks, people = len(asked.given), len(persons)
    if marks < TOLD_MARKS_MIN or people < TOLD_PEOPLE_MIN:
        reason = f"{marks} marks of {people} people, {TOLD_MARKS_MIN} of {TOLD_PEOPLE_MIN} are needed"
        return Scale(top, marks, people, None, None, reason)
    judged = _judged(top, asked, persons)
    if judged.told <= judged.rounded:
        reason = "cut points of other people agree no better than rounding"
        return Scale(top, marks, people, None, judged, reason)
    return Scale(top, marks, people, fit_cuts(asked.expected, asked.given, top), judged, None)


def _judged(top: int, asked: Asked, persons: Column) -> Judged:
    part = np.random.default_rng(FOLD_SEED).permutation(len(persons)) % FOLDS
    fold = part[np.searchsorted(persons, asked.person)]
    told = np.zeros(len(asked.given), np.int64)
    for k in range(FOLDS):
        cuts = fit_cuts(asked.expected[fold != k], asked.given[fold != k], top)
        told[fold == k] = _told(asked.expected[fold == k], cuts)
    return Judged(agreement(told, asked.given, top), agreement(_told(asked.expected, middles(top)), asked.given, top))


def _told(expected: Column, cuts: Sequence[float]) -> Column:
    return np.array([told_mark(float(one), cuts) for one in expected], np.int64)


def agreement(told: Column, given: Column, top: int) -> float:
    """Return the quadratic weighted kappa of marks from 0 to `top`; 0 where told and given are all one mark."""
    seen = np.zeros((top + 1, top + 1), np.int64)
    np.add.at(seen, (told, given), 1)
    return _kappa(seen)


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
    return _kappa(seen)


def _kappa(seen: Column) -> float:
    n = len(seen)
    squares = np.array([[(i - j) ** 2 for j in range(n)] for i in range(n)], np.int64)
    chance = np.outer(seen.sum(1), seen.sum(0))
    by_chance = float((squares * chance).sum())
    return 1.0 - float((squares * seen).sum()) * float(seen.sum()) / by_chance if by_chance > 0.0 else 0.0
