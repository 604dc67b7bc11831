"""Goals of the model of marks: reviewers learned from the marks of training persons, judged on the others.

`make bench-inference`.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final, NamedTuple

import numpy as np
import pytest
import scipy.sparse
from scipy.sparse.linalg import lsqr

from services.skill_inference.calibration.machine_code import Reals
from services.skill_inference.calibration.reviewers import (
    SEARCHED,
    SPREAD_MIN,
    Calibration,
    Spreads,
    finished,
    fit_reviewers,
    search,
    tabulate,
)
from services.skill_inference.calibration.told_marks import agreement, fit_told_marks, told_cuts
from services.skill_inference.domain.next_marks import middles, told_mark
from services.skill_inference.domain.release import Release
from tests.conformance.inference.mark_sets import (
    MarkSetOf,
    Person,
    Predicted,
    load,
    next_work,
    release_of,
    second_reviewer,
)

pytestmark = [pytest.mark.bench, pytest.mark.slow, pytest.mark.timeout(3600)]

SETS: Final = ("a", "b")
NOBODY_DIFFERS: Final = Spreads(severity=SPREAD_MIN, part=SPREAD_MIN, sitting=1.0)


class Fit(NamedTuple):
    """A set with what its training persons say."""

    data: MarkSetOf
    marks: Calibration
    release: Release


@cache
def fitted(name: str) -> Fit:
    data = load(name)
    job, marks = fit_reviewers(data.rows())
    scales = fit_told_marks(job, marks.thresholds)
    print(f"\n{name}: told marks: {scales}")
    return Fit(data, marks, release_of(marks, told_cuts(scales)))


@cache
def without_reviewers(name: str) -> Release:
    job, _ = search(tabulate(fitted(name).data.rows()), NOBODY_DIFFERS, SEARCHED, "ahead", 4)
    return release_of(finished(job)[1])


@pytest.mark.parametrize(("name", "goal"), [("a", 0.63), ("b", 0.75)])
def test_inference_goals_told_mark_agrees_with_the_second_reviewer(name: str, goal: float) -> None:
    fit = fitted(name)
    found = second_reviewer(fit.data, fit.release)
    means = np.array([told_mark(one, middles(fit.data.top)) for one in found.chances @ np.arange(fit.data.top + 1)])
    told = agreement(found.told, found.given, fit.data.top)
    rounded = agreement(means, found.given, fit.data.top)
    print(f"\n{name}: QWK with the second reviewer: told mark {told:.3f}, rounded expectation {rounded:.3f}")
    assert told >= goal


@pytest.mark.parametrize("name", SETS)
def test_inference_goals_next_work_is_predicted_better_for_knowing_reviewers(name: str) -> None:
    fit = fitted(name)
    with_them, without = next_work(fit.data, fit.release), next_work(fit.data, without_reviewers(name))
    below = 1.0 - losses(with_them).sum() / losses(without).sum()
    print(f"\n{name}: next work, log loss {losses(with_them).mean():.4f}, {100 * below:.2f} % below without reviewers")
    assert below >= 0.015


@pytest.mark.parametrize("name", SETS)
def test_inference_goals_levels_do_not_go_with_the_severity_drawn(name: str) -> None:
    fit = fitted(name)
    severity = additive_severity(fit.data)
    found = luck(fit.data, fit.release, severity)
    print(f"\n{name}: correlation of level with the severity drawn: {found:.3f}, of persons not learned from")
    pairs = np.array([(-one.mean, severity[who]) for who, one in fit.marks.reviewers.items()])
    print(f"{name}: severities against an additive fit of everybody: {np.corrcoef(pairs.T)[0, 1]:.3f}")
    assert abs(found) <= 0.05


def losses(found: Predicted) -> Reals:
    return np.asarray(-np.log(found.chances[np.arange(len(found.given)), found.given]))


def additive_severity(data: MarkSetOf) -> dict[str, float]:
    """Return severities by least squares on person + criterion + reviewer, everybody's marks."""
    rows = [
        (person, mark.criterion, one.reviewer, mark.value)
        for person, works in data.people.items()
        for work in works
        for one in work
        for mark in one.marks
    ]
    blocks: list[Any] = []
    reviewers = sorted({row[2] for row in rows})
    for column in range(3):
        names = reviewers if column == 2 else sorted({str(row[column]) for row in rows})
        place = {name: n for n, name in enumerate(names)}
        index = [place[str(row[column])] for row in rows]
        shape = (len(rows), len(names))
        blocks.append(scipy.sparse.csr_matrix((np.ones(len(rows)), (np.arange(len(rows)), index)), shape=shape))
    found = lsqr(scipy.sparse.hstack(blocks).tocsr(), np.array([float(row[3]) for row in rows]), damp=1.0, iter_lim=300)
    return dict(zip(reviewers, (-found[0][-len(reviewers) :]).tolist(), strict=True))


def luck(data: MarkSetOf, release: Release, severity: dict[str, float]) -> float:
    """Return the correlation of the level after one sitting with the severity of its reviewer."""
    pairs = []
    for name in sorted(data.judged):
        first = data.people[name][0][0]
        person = Person(release)
        person.learn([first])
        pairs.append((person.level(sorted({mark.skill for mark in first.marks})), severity[first.reviewer]))
    return float(np.corrcoef(np.array(pairs).T)[0, 1])
