"""The sets of marks, and how production predicts them: learned from training persons, asked of the others."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow.parquet

from services.skill_inference import parameters
from services.skill_inference.calibration.machine_code import Column, Reals
from services.skill_inference.calibration.release_document import Fitted, reviewers_annex, write_release
from services.skill_inference.calibration.reviewers import Calibration, MarkRow
from services.skill_inference.domain.learner import Learner
from services.skill_inference.domain.observation import Assurance, Mark, MarkSet
from services.skill_inference.domain.release import Release
from services.skill_inference.domain.response import predictive_scale, sigmoid
from services.skill_inference.domain.response_fold import Curve, newcomer
from services.skill_inference.domain.state import Belief
from services.skill_inference.domain.work_update import WorkBelief
from tests.conformance.inference.response_sets import path_of

EPOCH: Final = datetime(2026, 1, 1, tzinfo=UTC)
ORDER_SEED: Final = 3
FOLD_SEED: Final = 5
FOLDS: Final = 5


class Sitting(NamedTuple):
    """One reviewer's marks on one work."""

    work: str
    reviewer: str
    marks: tuple[Mark, ...]


class MarkSetOf(NamedTuple):
    """Works in order by person, each a list of sittings; and who is asked about, not learned from."""

    people: dict[str, list[list[Sitting]]]
    judged: frozenset[str]
    top: int

    def rows(self) -> list[MarkRow]:
        """Return the marks of those who are learned from."""
        return [
            MarkRow(person, f"{person}/{one.work}", one.reviewer, mark.criterion, mark.skill, mark.value, self.top)
            for person, works in self.people.items()
            if person not in self.judged
            for work in works
            for one in work
            for mark in one.marks
        ]


class Predicted(NamedTuple):
    """Chances of each mark, a row a mark; the mark given; whose it was."""

    chances: Reals
    given: Column
    person: Column


def load(name: str) -> MarkSetOf:
    """Return the set; the order of a person's works is drawn, so that earlier and later carry no meaning."""
    rows = pyarrow.parquet.read_table(path_of(f"raters_writing_{name}")).to_pylist()
    rows.sort(key=lambda row: (row["person"], row["task"], row["obs"], row["criterion"]))
    low, top = min(row["score"] for row in rows), max(row["score"] for row in rows)
    pairs = list(dict.fromkeys((row["person"], row["task"]) for row in rows))
    place = dict(zip(pairs, np.random.default_rng(ORDER_SEED).permutation(len(pairs)).tolist(), strict=True))
    rows.sort(key=lambda row: (row["person"], place[row["person"], row["task"]], row["obs"], row["criterion"]))
    people: dict[str, dict[str, dict[Any, list[Any]]]] = {}
    for row in rows:
        work = people.setdefault(str(row["person"]), {}).setdefault(str(row["task"]), {})
        work.setdefault(row["obs"], []).append(row)
    names = list(people)
    part = np.random.default_rng(FOLD_SEED).permutation(len(names)) % FOLDS
    judged = frozenset(name for name, one in zip(names, part, strict=True) if one == 0)
    ordered = {
        name: [[_sitting(task, one, low) for one in sittings.values()] for task, sittings in works.items()]
        for name, works in people.items()
    }
    return MarkSetOf(ordered, judged, int(top - low))


def _sitting(task: str, rows: Sequence[Any], low: int) -> Sitting:
    marks = (Mark(f"{task}/{row['criterion']}", str(row["criterion"]), int(row["score"] - low)) for row in rows)
    return Sitting(task, str(rows[0]["rater"]), tuple(marks))


def release_of(marks: Calibration) -> Release:
    """Return the release that these marks make, written and read again."""
    base = json.loads(parameters.release_documents()["0"])
    base["assurance"]["named-reviewer"] = 1
    spreads = marks.spreads
    stated: dict[str, float] = {**base["curve"], "general_variance": spreads.general}
    stated |= {"deviation_variance": spreads.skill, "deviation_rate": 0.0, "general_drift_per_day": 0.0}
    curve, annexes = Curve(**stated), {"reviewers": reviewers_annex(marks)}
    return write_release(Fitted(base, "marks", "writing set", curve, None, marks, annexes)).release


class Person:
    """A stranger under the release, who learns as production does."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._learner = Learner(release)
        self._marked: defaultdict[str, int] = defaultdict(int)
        self._works = 0

    def learn(self, sittings: Sequence[Sitting]) -> None:
        self._works += 1
        seen = [self._observed(one, place) for place, one in enumerate(sittings)]
        self._learner.learn(seen, self._learner.works_of(seen))
        for reviewer in {one.reviewer for one in sittings}:
            self._marked[reviewer] += 1

    def asked(self, sittings: Sequence[Sitting]) -> WorkBelief:
        """Return what is believed of one more work, marked by these reviewers."""
        skills = sorted({mark.skill for one in sittings for mark in one.marks})
        person, known = self._learner.person or newcomer(0, self._release.curve), self._learner.skills()
        stranger = Belief(0.0, self._release.curve.deviation_variance, 0)
        marked = {name: self._marked[name] + 1 for name in sorted({one.reviewer for one in sittings})}
        return WorkBelief(person, {skill: known.get(skill, stranger) for skill in skills}, marked, self._release)

    def level(self, skills: Sequence[str]) -> float:
        """Return the mean level over these skills."""
        known, person = self._learner.skills(), self._learner.person
        own = 0.0 if person is None else person.general
        return own + sum(known[skill].mean for skill in skills if skill in known) / len(skills)

    def _observed(self, sitting: Sitting, place: int) -> MarkSet:
        at = EPOCH + timedelta(seconds=self._works, microseconds=place)
        return MarkSet(
            occurred_at=at,
            source="project_submissions",
            sequence=1 + 100 * self._works + place,
            fact=f"{self._works}/{place}",
            work=f"{self._works} {sitting.work}",
            reviewer=sitting.reviewer,
            marks=sitting.marks,
            assurance=Assurance.NAMED_REVIEWER,
        )


def next_work(data: MarkSetOf, release: Release) -> Predicted:
    """Return predictions of each judged person's last work, every reviewer of it asked by themselves."""
    return _predicted(release, _next_work(data, release))


def second_reviewer(data: MarkSetOf, release: Release) -> Predicted:
    """Return predictions of what the last reviewer of a work marks once the others of it did."""
    return _predicted(release, _second_reviewer(data, release))


def _next_work(data: MarkSetOf, release: Release) -> Iterator[tuple[str, WorkBelief, Sitting]]:
    for name in sorted(data.judged):
        *earlier, last = data.people[name]
        person = Person(release)
        for work in earlier:
            person.learn(work)
        for sitting in last if earlier else ():
            yield name, person.asked([sitting]), sitting


def _second_reviewer(data: MarkSetOf, release: Release) -> Iterator[tuple[str, WorkBelief, Sitting]]:
    for name in sorted(data.judged):
        person = Person(release)
        for work in data.people[name]:
            if len(work) > 1:
                joint = person.asked(work)
                for sitting in work[:-1]:
                    for mark in sorted(sitting.marks):
                        joint.learn_mark(sitting.reviewer, mark, 1.0)
                yield name, joint, work[-1]
            person.learn(work)


def _predicted(release: Release, asked: Iterator[tuple[str, WorkBelief, Sitting]]) -> Predicted:
    chances, given, names = [], [], []
    for name, joint, sitting in asked:
        for mark in sitting.marks:
            _, mean, variance = joint.expect_mark(sitting.reviewer, mark)
            scale = predictive_scale(variance)
            above = [1.0, *(sigmoid((mean - one) * scale) for one in release.thresholds(mark.criterion)), 0.0]
            chances.append([max(high - low, 1e-6) for high, low in pairwise(above)])
            given.append(mark.value)
            names.append(name)
    table = np.array(chances)
    return Predicted(table / table.sum(1, keepdims=True), np.array(given), np.array(names))
