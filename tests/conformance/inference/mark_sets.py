"""The sets of marks, and how production predicts them: learned from training persons, asked of the others."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow.parquet

from services.skill_inference import parameters
from services.skill_inference.calibration.machine_code import Column, Reals
from services.skill_inference.calibration.release_document import Fitted, reviewers_annex, write_release
from services.skill_inference.calibration.reviewers import Calibration, MarkRow
from services.skill_inference.domain.learner import Learner
from services.skill_inference.domain.next_marks import predict_mark
from services.skill_inference.domain.observation import Assurance, Mark, MarkSet
from services.skill_inference.domain.release import Release
from services.skill_inference.domain.response_fold import Curve
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
    """Chances of each mark, a row a mark; the mark told; the mark given; whose it was."""

    chances: Reals
    told: Column
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


def release_of(marks: Calibration, told_marks: Mapping[int, Sequence[float]] | None = None) -> Release:
    """Return the release that these marks make, written and read again. told_marks: cut points by highest mark."""
    base = json.loads(parameters.release_documents()["0"])
    base["assurance"]["named-reviewer"] = 1
    spreads = marks.spreads
    stated: dict[str, float] = {**base["curve"], "general_variance": spreads.general}
    stated |= {"deviation_variance": spreads.skill, "deviation_rate": 0.0, "general_drift_per_day": 0.0}
    curve, annexes = Curve(**stated), {"reviewers": reviewers_annex(marks)}
    return write_release(Fitted(base, "marks", "writing set", curve, None, marks, annexes, told_marks)).release


class Person:
    """A stranger under the release, who learns as production does."""

    def __init__(self, release: Release) -> None:
        self._release = release
        self._learner = Learner(release)
        self._works = 0

    def learn(self, sittings: Sequence[Sitting]) -> None:
        self._works += 1
        seen = [self._observed(one, place) for place, one in enumerate(sittings)]
        self._learner.learn(seen, self._learner.works_of(seen))

    def asked(self, heard: Sequence[Sitting], sitting: Sitting) -> WorkBelief:
        """Return what is believed of one more work once it was marked in `heard`, for the reviewer of `sitting`."""
        seen = [self._observed(one, place) for place, one in enumerate((*heard, sitting))]
        return self._learner.expect_work(seen[:-1], seen[-1])

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
            yield name, person.asked([], sitting), sitting


def _second_reviewer(data: MarkSetOf, release: Release) -> Iterator[tuple[str, WorkBelief, Sitting]]:
    for name in sorted(data.judged):
        person = Person(release)
        for work in data.people[name]:
            if len(work) > 1:
                yield name, person.asked(work[:-1], work[-1]), work[-1]
            person.learn(work)


def _predicted(release: Release, asked: Iterator[tuple[str, WorkBelief, Sitting]]) -> Predicted:
    chances, told, given, names = [], [], [], []
    for name, joint, sitting in asked:
        for mark in sitting.marks:
            found = predict_mark(joint, sitting.reviewer, mark, release)
            chances.append(found.chances)
            told.append(found.told)
            given.append(mark.value)
            names.append(name)
    return Predicted(np.array(chances), np.array(told), np.array(given), np.array(names))
