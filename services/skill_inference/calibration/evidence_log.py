"""What was seen of everybody, as the tables that calibration fits: outcomes of tasks, and marks of reviewers.

Both are in one order, whatever order people were read in: the same evidence gives the same bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np

from services.skill_inference.calibration.machine_code import Column
from services.skill_inference.calibration.reviewers import MarkRow
from services.skill_inference.calibration.task_ease import ResponseLog
from services.skill_inference.domain.fold import in_order
from services.skill_inference.domain.next_outcome import tries
from services.skill_inference.domain.observation import Assurance, MarkSet, Observation
from services.skill_inference.domain.release import Release
from services.skill_inference.domain.response_fold import Log

Everybody: TypeAlias = Mapping[str, Sequence[Observation]]
"""What was seen, by person."""


class NamedLog(NamedTuple):
    """A log with the ids of its tasks and skills, by their places in it."""

    outcomes: ResponseLog
    tasks: list[str]
    skills: list[str]


def named_log(everybody: Everybody, release: Release) -> NamedLog:
    """Return the outcomes outside any work that carry weight. Nobody is in the log without one."""
    persons = [seen for _, each in sorted(everybody.items()) if (seen := tries(in_order(each), release))]
    rows = [outcome for seen in persons for outcome in seen]
    tasks = sorted({outcome.task for outcome in rows})
    skills = sorted({skill for outcome in rows for skill, _ in outcome.shares})
    task_place, skill_place = ({name: n for n, name in enumerate(names)} for names in (tasks, skills))
    columns: tuple[Column, ...] = (
        np.array([task_place[one.task] for one in rows], np.int64),
        _starts(len(one.shares) for one in rows),
        np.array([skill_place[skill] for one in rows for skill, _ in one.shares], np.int64),
        np.array([share for one in rows for _, share in one.shares], np.float64),
        np.array([one.place.at for one in rows], np.int64),
        np.array([one.result for one in rows], np.float64),
        np.array([release.assurance[one.assurance] for one in rows], np.float64),
    )
    return NamedLog(ResponseLog(Log(*columns), _starts(map(len, persons)), len(skills), len(tasks)), tasks, skills)


def mark_rows(everybody: Everybody, release: Release) -> list[MarkRow]:
    """Return the marks of named reviewers: of each on each work the first they gave, for a second look is no news."""
    weight = release.assurance[Assurance.NAMED_REVIEWER]
    return [
        MarkRow(person, sitting.work, sitting.reviewer, mark.criterion, mark.skill, mark.value, top, weight)
        for person, seen in sorted(everybody.items())
        for sitting in _first_sittings(seen)
        for mark in sitting.marks
        if mark.value <= (top := len(release.thresholds(mark.criterion)))
    ]


def _first_sittings(seen: Iterable[Observation]) -> list[MarkSet]:
    first: dict[tuple[str, str], MarkSet] = {}
    for one in in_order(seen):
        if isinstance(one, MarkSet) and one.assurance is Assurance.NAMED_REVIEWER:
            first.setdefault((one.work, one.reviewer), one)
    return list(first.values())


def _starts(counts: Iterable[int]) -> Column:
    return np.cumsum(np.fromiter((0, *counts), np.int64), dtype=np.int64)
