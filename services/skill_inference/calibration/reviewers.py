"""Fits reviewer severities, rubric thresholds and the variances they need from a log of marks, as a batch job.

Deterministic: the log is first put in one order, so the same set of marks gives the same bits in any order of input.

Each (person, reviewer) pair is asked once a round: what do this reviewer's marks of this person say of the reviewer,
when everybody else's marks of the person have been heard? The answers are messages about the reviewer's leniency, and
about its part by skill; a reviewer's belief is the prior times their messages. Whatever is asked of a pair, is
asked without what the pair itself said before (a cavity), so nothing is counted twice, and the log probability of the
marks under it is a held-out one: the variances are those that make it greatest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np

from services.skill_inference.calibration import mark_messages as kernel
from services.skill_inference.calibration.machine_code import Column
from services.skill_inference.domain.response import FLATTENING

ROUNDS: Final = 8
"""Rounds of messages; beliefs then stand still within 1e-4 logits on the sets tried."""
ROUNDS_MAX: Final = 40
STILL: Final = 1e-3
"""Logits."""
SEARCHED: Final = ("general", "skill", "work", "work_part", "sitting")
"""Variances that are searched for; those of reviewers follow from their beliefs."""
SPREAD_MIN: Final = 1e-6
FACTORS: Final = (1.6, 1 / 1.6, 1.25, 1 / 1.25)
"""What a variance is multiplied by in the search, one at a time."""


class MarkRow(NamedTuple):
    """One mark as the log has it.

    top: the highest mark its criterion knows. weight: of its assurance and repeat.
    """

    person: str
    work: str
    reviewer: str
    criterion: str
    skill: str
    value: int
    top: int
    weight: float = 1.0


@dataclass(frozen=True)
class Spreads:
    """Variances in logits: of persons (general, skill), works and sittings, and of reviewers; `part` is by skill."""

    general: float = 3.0
    skill: float = 0.5
    work: float = 0.7
    work_part: float = 0.5
    sitting: float = 0.6
    severity: float = 0.4
    part: float = 0.15


class Leniency(NamedTuple):
    """What is believed of one reviewer, in logits. parts: (skill, mean, variance)."""

    mean: float
    variance: float
    parts: tuple[tuple[str, float, float], ...]


@dataclass
class Table:
    """Marks in their one order, as arrays.

    sittings: rows of work, reviewer, group. marks: rows of skill, criterion, value.
    """

    persons: list[str]
    works: list[str]
    reviewers: list[str]
    criteria: list[str]
    skills: list[str]
    tops: Column
    starts: Column
    sittings: Column
    weights: Column
    offsets: Column
    marks: Column
    mark_weights: Column
    group_person: Column
    group_reviewer: Column
    order: Column
    bounds: Column
    skill_of: Column


@dataclass
class Calibration:
    """What a release needs: thresholds by criterion, leniencies by reviewer, variances; with the run's traces."""

    spreads: Spreads
    thresholds: dict[str, tuple[float, ...]]
    reviewers: dict[str, Leniency]
    chain: float
    ahead: float
    rounds: int
    messages: tuple[Column, Column]
    cold: Column


def in_one_order(rows: Iterable[MarkRow]) -> list[MarkRow]:
    """Return the marks sorted by person, work, reviewer and criterion, each once."""
    return sorted(set(rows))


def tabulate(rows: Iterable[MarkRow]) -> Table:
    """Return the marks as arrays. The order of `rows`, and repetitions of a whole row, do not matter."""
    ordered = in_one_order(rows)
    names = [sorted({str(row[i]) for row in ordered}) for i in range(5)]
    number = [{name: n for n, name in enumerate(column)} for column in names]
    persons, works, reviewers, criteria, skills = names
    tops = np.zeros(len(criteria), np.int64)
    starts: list[int] = []
    sittings: list[tuple[int, int, int]] = []
    weights: list[float] = []
    offsets: list[int] = []
    groups: dict[tuple[int, int], int] = {}
    marks, shows = np.zeros((len(ordered), 3), np.int64), np.zeros(len(criteria), np.int64)
    last_person, last_sitting = None, None
    for i, row in enumerate(ordered):
        p, w, r, c, k = (number[j][str(row[j])] for j in range(5))
        if p != last_person:
            starts.append(len(sittings))
            last_person = p
        if (p, w, r) != last_sitting:
            sittings.append((w, r, groups.setdefault((p, r), len(groups))))
            weights.append(row.weight)
            offsets.append(i)
            last_sitting = (p, w, r)
        marks[i] = k, c, row.value
        tops[c], shows[c] = max(tops[c], row.top), k
    starts.append(len(sittings))
    offsets.append(len(ordered))
    return Table(
        persons,
        works,
        reviewers,
        criteria,
        skills,
        tops,
        np.array(starts),
        np.array(sittings),
        np.array(weights, float),
        np.array(offsets),
        marks,
        np.array([row.weight for row in ordered], float),
        np.array([p for p, _ in groups]),
        np.array([r for _, r in groups]),
        np.argsort(marks[:, 1], kind="stable"),
        np.searchsorted(np.sort(marks[:, 1]), np.arange(len(criteria) + 1)),
        shows,
    )


class Job:
    """One calibration under way: beliefs, messages and thresholds, and rounds that move them all at once."""

    def __init__(self, table: Table, spreads: Spreads) -> None:
        """Begin with average reviewers and the thresholds that the shares of marks alone would give."""
        self.table = table
        columns, groups = 1 + len(table.skills), len(table.group_person)
        self.precision = np.zeros((len(table.reviewers), columns))
        self.linear = np.zeros((len(table.reviewers), columns))
        self.sent = np.zeros((groups, columns)), np.zeros((groups, columns))
        self.thresholds = np.full((len(table.criteria), int(table.tops.max())), np.inf)
        self.cold = np.zeros((len(table.marks), 2))
        self.chain = self.ahead = 0.0
        self.spreads = spreads
        self.cold[:, 1] = sum((spreads.general, spreads.skill, spreads.work, spreads.sitting, spreads.severity))
        for row, top in enumerate(table.tops):
            self.thresholds[row, :top] = 0.0
        self._fit_thresholds(8)

    def copy(self, spreads: Spreads) -> Job:
        """Return another job that begins where this one stands, under other variances."""
        other = object.__new__(Job)
        other.__dict__.update(self.__dict__, spreads=spreads)
        for name in ("precision", "linear", "thresholds", "cold"):
            setattr(other, name, getattr(self, name).copy())
        other.sent = self.sent[0].copy(), self.sent[1].copy()
        return other

    def round(self, *, moves_thresholds: bool = True) -> float:
        """Ask every pair once, then take all answers; return the largest move of a leniency, in logits."""
        table, s = self.table, self.spreads
        prior = np.array([s.severity] + [s.part] * len(table.skills))
        kernel.gather(table.group_reviewer, prior, *self.sent, self.precision, self.linear)
        before = self.linear / self.precision
        columns = len(prior)
        size = 3 * columns + 1
        new = np.zeros_like(self.sent[0]), np.zeros_like(self.sent[1])
        self.chain, self.ahead = kernel.ask_all(
            table.starts,
            table.group_person,
            table.sittings,
            table.weights,
            table.offsets,
            table.marks,
            self.thresholds,
            table.tops,
            np.array([s.general, s.skill, s.work, s.work_part, s.sitting]),
            self.precision,
            self.linear,
            *self.sent,
            *new,
            self.cold,
            np.zeros((2, size)),
            np.zeros((size, size)),
            np.zeros((2, columns + 2)),
            np.zeros(7, np.int64),
        )
        self.sent = new
        kernel.gather(table.group_reviewer, prior, *self.sent, self.precision, self.linear)
        moved = float(np.max(np.abs(self.linear / self.precision - before)))
        if moves_thresholds:
            self._fit_thresholds()
            self._centre()
            kernel.gather(table.group_reviewer, prior, *self.sent, self.precision, self.linear)
        return moved

    def settle_spreads(self) -> None:
        """Have the reviewers' variances follow from their beliefs: mean square and variance, and a little of before."""
        mean, variance = self.linear / self.precision, 1.0 / self.precision
        squares = mean * mean + variance
        severity = _settled(squares[:, 0], self.spreads.severity)
        self.spreads = replace(
            self.spreads, severity=severity, part=_settled(squares[:, 1:].ravel(), self.spreads.part)
        )

    def result(self, rounds: int) -> Calibration:
        """Return what stands now."""
        table = self.table
        thresholds = {
            name: tuple(float(x) for x in self.thresholds[i, : table.tops[i]]) for i, name in enumerate(table.criteria)
        }
        reviewers = {}
        for r, name in enumerate(table.reviewers):
            mean, variance = self.linear[r] / self.precision[r], 1.0 / self.precision[r]
            parts = tuple((c, float(mean[1 + i]), float(variance[1 + i])) for i, c in enumerate(table.skills))
            reviewers[name] = Leniency(float(mean[0]), float(variance[0]), parts)
        return Calibration(self.spreads, thresholds, reviewers, self.chain, self.ahead, rounds, self.sent, self.cold)

    def _centre(self) -> None:
        """Have the average reviewer at 0 by moving thresholds and messages alike, which changes no prediction."""
        means = self.linear / self.precision
        for column in range(means.shape[1]):
            shift = sum(float(x) for x in means[:, column]) / len(means)
            self.sent[1][:, column] -= shift * self.sent[0][:, column]
            rows = slice(None) if column == 0 else self.table.skill_of == column - 1
            self.thresholds[rows] -= shift

    def _fit_thresholds(self, steps: int = 2) -> None:
        table = self.table
        kernel.fit_thresholds(
            table.order, table.bounds, table.marks, table.mark_weights, self.cold, table.tops, self.thresholds, steps
        )


def calibrate(rows: Iterable[MarkRow], spreads: Spreads, rounds: int = ROUNDS) -> Calibration:
    """Return the calibration of these marks under given variances."""
    job = Job(tabulate(rows), spreads)
    for _ in range(rounds):
        job.round()
    return job.result(rounds)


def search(
    table: Table, start: Spreads, names: Sequence[str], objective: str = "chain", sweeps: int = 3
) -> tuple[Job, list[tuple[Spreads, float]]]:
    """Return the job at the variances that make the held-out log probability greatest, and the way there.

    One variance at a time by fixed factors; no randomness. objective: "chain" (marks one after another) or "ahead"
    (marks before any of the same sitting).
    """
    job = Job(table, start)
    for _ in range(4):
        job.round()
    way: list[tuple[Spreads, float]] = []
    _, best = _after(job, objective, 2)
    for _ in range(sweeps):
        moved = False
        for name in names:
            for factor in FACTORS:
                tried = replace(job.spreads, **{name: max(SPREAD_MIN, getattr(job.spreads, name) * factor)})
                other, value = _after(job.copy(tried), objective, 2)
                if value > best + 1.0:
                    job, best, moved = other, value, True
                    way.append((job.spreads, value))
                    break
        if not moved:
            break
    return job, way


def _after(job: Job, objective: str, rounds: int) -> tuple[Job, float]:
    for _ in range(rounds):
        job.round()
        if job.spreads.severity > SPREAD_MIN:
            job.settle_spreads()
    return job, float(getattr(job, objective))


def _settled(squares: Column, before: float) -> float:
    """Return the mean square with two parts of what was believed before, summed in order."""
    return (sum(float(x) for x in squares) + 2.0 * before) / (len(squares) + 2.0)


def fit_reviewers(marks: Iterable[MarkRow], sweeps: int = 4) -> tuple[Job, Calibration]:
    """Return the job that learned from these marks, and what a release takes from it."""
    job, _ = search(tabulate(marks), Spreads(), SEARCHED, "ahead", sweeps)
    return finished(job)


def finished(job: Job) -> tuple[Job, Calibration]:
    """Return the job once leniencies stand still within STILL logits, or after ROUNDS_MAX rounds, and its result."""
    rounds = 0
    while rounds < ROUNDS_MAX and job.round() > STILL:
        rounds += 1
    return job, job.result(rounds)


def expected_marks(job: Job) -> Column:
    """Return the mark expected of each, told without its own reviewer and before anything of its sitting."""
    table, scale = job.table, 1.0 / np.sqrt(1.0 + FLATTENING * job.cold[:, 1])
    expected: Column = np.zeros(len(table.marks))
    for k in range(int(table.tops.max())):
        threshold = job.thresholds[table.marks[:, 1], k]
        expected += 1.0 / (1.0 + np.exp(-(job.cold[:, 0] - threshold) * scale))
    return expected
