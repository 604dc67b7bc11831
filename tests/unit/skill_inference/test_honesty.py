"""Simulated people with known levels: what the posterior says of itself must be true of them."""

from __future__ import annotations

import random

from services.skill_inference.domain.estimate import Estimate, estimate
from services.skill_inference.domain.fold import fold
from services.skill_inference.domain.observation import Assurance, Mark, MarkSet, Observation
from services.skill_inference.domain.response import sigmoid
from tests.unit.skill_inference.people import RUBRIC, day, outcome, release

PEOPLE = 250


class Person:
    """Somebody drawn from the release's own prior."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._general = rng.gauss(0.0, release().curve.general_variance ** 0.5)
        self._own = {skill: rng.gauss(0.0, release().skill(skill).variance ** 0.5) for skill in RUBRIC}

    def level(self, skill: str) -> float:
        return self._general + self._own[skill]

    def tries(self, number: int) -> Observation:
        skill, difficulty = self._rng.choice(RUBRIC), self._rng.gauss(0.0, 1.5)
        true_difficulty = difficulty + self._rng.gauss(0.0, release().tasks.variance ** 0.5)
        result = float(self._rng.random() < sigmoid(self.level(skill) - true_difficulty))
        kind = Assurance.NAMED_REVIEWER
        return outcome(number, skill, result=result, difficulty=difficulty, assurance=kind, at=day(0))

    def is_reviewed(self, work: int, severities: dict[str, float]) -> list[Observation]:
        luck = self._rng.gauss(0.0, release().works.variance ** 0.5)
        return [self._marks(work, reviewer, luck - severity) for reviewer, severity in severities.items()]

    def _marks(self, work: int, reviewer: str, shift: float) -> MarkSet:
        parameters = release().reviewers
        shift += self._rng.gauss(0.0, parameters.sitting_variance**0.5)
        marks = []
        for skill in RUBRIC:
            logit = self.level(skill) + shift + self._rng.gauss(0.0, parameters.part_variance**0.5)
            chance = self._rng.random()
            value = sum(chance < sigmoid(logit - threshold) for threshold in release().thresholds(skill))
            marks.append(Mark(skill, skill, value))
        return MarkSet(
            occurred_at=day(0),
            source="project_submissions",
            sequence=work + 1,
            fact=f"{work}-{reviewer}",
            work=f"prj-{work}",
            reviewer=reviewer,
            marks=tuple(marks),
        )


def _coverage(cases: list[tuple[Estimate, float]]) -> float:
    return sum(said.interval[0] <= truth <= said.interval[1] for said, truth in cases) / len(cases)


def _cases(person: Person, observations: list[Observation]) -> list[tuple[Estimate, float]]:
    state = fold(observations, release())
    return [(estimate(state, skill, release(), day(0)), person.level(skill)) for skill in state.evidence]


def test_nine_in_ten_true_levels_lie_inside_the_interval_after_tasks(rng: random.Random) -> None:
    cases = []
    for _ in range(PEOPLE):
        person = Person(rng)
        cases += _cases(person, [person.tries(number) for number in range(40)])
    assert 0.85 <= _coverage(cases) <= 0.96


def test_nine_in_ten_true_levels_lie_inside_the_interval_after_reviews(rng: random.Random) -> None:
    cases = []
    for _ in range(PEOPLE // 2):
        person = Person(rng)
        pool = {f"r{n}": rng.gauss(0.0, release().reviewers.severity_variance ** 0.5) for n in range(4)}
        observations: list[Observation] = []
        for work in range(4):
            observations += person.is_reviewed(work, dict(rng.sample(sorted(pool.items()), 2)))
        cases += _cases(person, observations)
    assert 0.85 <= _coverage(cases) <= 0.96
