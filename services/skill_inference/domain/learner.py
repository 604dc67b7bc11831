"""Learning from observations one after another: what is believed, and what the next one needs to know of the past.

A task outside any work is learned from by `response_fold`, the same source that calibration compiles, on lists that
hold one place for each skill and task the person met. A work is learned from at once, at the place of its first
observation: the skill it shows is the skill of that time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.skill_inference.domain.observation import MarkSet, Observation, Outcome
from services.skill_inference.domain.release import Release
from services.skill_inference.domain.response_fold import (
    Log,
    Memory,
    PersonBelief,
    Tasks,
    Trace,
    aged_deviation,
    aged_person,
    learn_outcome,
    newcomer,
)
from services.skill_inference.domain.state import Belief, Step
from services.skill_inference.domain.work_update import WorkBelief, reviewers_of_work, skills_of_work
from shared.kernel.errors import Broken

WEIGHT_MIN: Final = 1e-12
"""A weight below is none: in a work the 40th try of a task is not learned from, so floods cost little."""

PARTS_MAX: Final = 32
"""Observations of one work that are learned from, the first by time. What one work tells is bounded anyway, and its
cost grows with the cube of its reviewers. Later ones still count as evidence.
"""


class Learner:
    """Takes observations in order and keeps what the next one needs."""

    def __init__(self, release: Release) -> None:
        """Begin with a stranger."""
        self._release = release
        self._memory = Memory(*([] for _ in Memory._fields))
        self._tasks = Tasks(*([] for _ in Tasks._fields))
        self._skill: dict[str, int] = {}
        self._task: dict[str, int] = {}
        self._trace = _empty_trace()
        self._works_marked: dict[str, int] = {}
        self._works_learned: set[str] = set()
        self.person: PersonBelief | None = None
        self.steps: list[Step] = []

    def copy(self) -> Learner:
        """Return one that knows the same, has taken no steps and learns apart. Costs copies of lists of numbers."""
        other = Learner(self._release)
        other._memory = Memory._make(list(column) for column in self._memory)
        other._tasks = Tasks._make(list(column) for column in self._tasks)
        other._skill, other._task = dict(self._skill), dict(self._task)
        other._works_marked, other._works_learned = dict(self._works_marked), set(self._works_learned)
        other.person = self.person
        return other

    def works_of(self, ordered: Sequence[Observation]) -> dict[str, list[Observation]]:
        """Return what `ordered` shows of each work that was not learned from yet, in order."""
        works: dict[str, list[Observation]] = {}
        for seen in ordered:
            if seen.work is not None and seen.work not in self._works_learned and self._has_weight(seen):
                works.setdefault(seen.work, []).append(seen)
        return works

    def learn(self, ordered: Sequence[Observation], works: Mapping[str, Sequence[Observation]]) -> None:
        """Have learned from `ordered`, all later than what was learned before.

        works: by `works_of`, of these and all that is known to be later. A work that was learned from is passed over.
        """
        for seen in ordered:
            if not self._has_weight(seen):
                continue
            if isinstance(seen, Outcome) and seen.work is None:
                self._take_outcome(seen)
            elif seen.work is not None and seen.work not in self._works_learned:
                self._works_learned.add(seen.work)
                self._take_work(works[seen.work])

    def _has_weight(self, seen: Observation) -> bool:
        return self._release.assurance[seen.assurance] > 0.0

    def skills(self) -> dict[str, Belief]:
        """Return the deviations that were touched, by skill."""
        memory = self._memory
        return {
            skill: Belief(memory.skill_mean[s], memory.skill_variance[s], memory.skill_at[s])
            for skill, s in self._skill.items()
            if memory.skill_met[s]
        }

    def expect(self, outcome: Outcome) -> Trace:
        """Return what is believed of an outcome outside any work that is not known yet, each column with one entry."""
        other = self.copy()
        other._learn_outcome(outcome, 0.0)
        return other._trace

    def expect_work(self, heard: Sequence[Observation], asked: MarkSet) -> WorkBelief:
        """Return what is believed of a work that is not known yet, once `heard` of it was learned from.

        asked: whose reviewer and skills are in what is believed too, as of its time; its marks are not learned from.
        """
        other = self.copy()
        seen = [one for one in heard if self._has_weight(one)][:PARTS_MAX]
        joint, lessons = other._begin_work([*seen, asked], asked.place.at)
        for observation in seen:
            lessons.take(observation)
        return joint

    def _take_outcome(self, outcome: Outcome) -> None:
        """Learn from a task outside any work."""
        before = self._learn_outcome(outcome, self._release.assurance[outcome.assurance])
        if self.person is None:
            raise Broken(f"fact {outcome.fact} was learned from and left nothing")
        steps = tuple((skill, self._memory.skill_step[self._skill[skill]]) for skill, _ in outcome.shares)
        self.steps.append(Step(outcome.place, outcome.place.at, self.person.general - before.general, steps))

    def _learn_outcome(self, outcome: Outcome, weight: float) -> PersonBelief:
        """Learn from a task outside any work; return what was believed of the person before."""
        at, curve = outcome.place.at, self._release.curve
        skills, shares = [self._skill_index(skill) for skill, _ in outcome.shares], [w for _, w in outcome.shares]
        log = Log([self._task_index(outcome)], (0, len(skills)), skills, shares, [at], [outcome.result], [weight])
        before = newcomer(at, curve) if self.person is None else self.person
        self.person = learn_outcome(0, before, log, self._tasks, curve, self._memory, self._trace)
        return before

    def _take_work(self, observations: Sequence[Observation]) -> None:
        """Learn from what was seen of one work, at the time of the first of it."""
        observations = observations[:PARTS_MAX]
        at, skills = observations[0].place.at, skills_of_work(observations)
        joint, lessons = self._begin_work(observations, at)
        for observation in observations:
            before = joint.means()
            lessons.take(observation)
            moved = [after - earlier for after, earlier in zip(joint.means(), before, strict=True)]
            self.steps.append(Step(observation.place, at, moved[0], tuple(zip(skills, moved[1:], strict=True))))
        self.person, learned = joint.settled()
        for skill, belief in learned.items():
            self._keep_deviation(skill, belief)

    def _begin_work(self, observations: Sequence[Observation], at: int) -> tuple[WorkBelief, _WorkLessons]:
        """Count the work for its reviewers; return what is believed before any of it, and who teaches it."""
        curve = self._release.curve
        joint = WorkBelief(
            newcomer(at, curve) if self.person is None else aged_person(self.person, at, curve),
            {skill: self._deviation(skill, at) for skill in skills_of_work(observations)},
            self._count_work(observations),
            self._release,
        )
        return joint, _WorkLessons(joint, self._release)

    def _deviation(self, skill: str, at: int) -> Belief:
        s = self._skill_index(skill)
        mean, variance = aged_deviation(s, at, self._tasks.skill_pace[s], self._release.curve, self._memory)
        return Belief(mean, variance, at)

    def _keep_deviation(self, skill: str, belief: Belief) -> None:
        memory, s = self._memory, self._skill_index(skill)
        memory.skill_met[s] = 1
        memory.skill_mean[s], memory.skill_variance[s], memory.skill_at[s] = belief

    def _skill_index(self, skill: str) -> int:
        """Return the skill's place in memory, a new one where it was never met."""
        known = self._skill.get(skill)
        if known is not None:
            return known
        ease, memory = self._release.tasks.skill_ease(skill), self._memory
        self._tasks.skill_ease.append(ease.mean)
        self._tasks.skill_spread.append(ease.variance)
        self._tasks.skill_pace.append(self._release.pace(skill))
        _extend(memory.skill_met, memory.skill_mean, memory.skill_variance, memory.skill_at, memory.skill_step)
        _extend(memory.skill_used)
        return self._skill.setdefault(skill, len(self._skill))

    def _task_index(self, outcome: Outcome) -> int:
        """Return the task's place in memory, with its ease as this outcome states it; a new one where it is new."""
        ease = self._release.tasks.ease(outcome)
        i = self._task.setdefault(outcome.task, len(self._task))
        if i == len(self._tasks.task_ease):
            memory, tasks = self._memory, self._tasks
            _extend(tasks.task_ease, tasks.task_spread, memory.task_met, memory.task_mean, memory.task_variance)
            _extend(memory.task_at, memory.task_moved, memory.task_weight)
        self._tasks.task_ease[i], self._tasks.task_spread[i] = ease
        return i

    def _count_work(self, observations: Sequence[Observation]) -> Mapping[str, int]:
        """Count the work for each of its reviewers; return the how manieth it is for them."""
        marked = {}
        for reviewer in reviewers_of_work(observations):
            marked[reviewer] = self._works_marked[reviewer] = self._works_marked.get(reviewer, 0) + 1
        return marked


class _WorkLessons:
    """What one work teaches, observation after observation: a reviewer's second look, or a task's, weighs less."""

    def __init__(self, joint: WorkBelief, release: Release) -> None:
        self._joint = joint
        self._release = release
        self._seen: dict[tuple[str, str], int] = {}
        self._moved: dict[str, float] = {}

    def take(self, observation: Observation) -> None:
        """Have learned from one observation of the work."""
        if isinstance(observation, MarkSet):
            weight = self._weight(observation, ("reviewer", observation.reviewer))
            for mark in observation.marks if weight >= WEIGHT_MIN else ():
                self._joint.learn_mark(observation.reviewer, mark, weight)
            return
        task = observation.task
        weight = self._weight(observation, ("task", task))
        if weight >= WEIGHT_MIN:
            self._moved[task] = self._joint.learn_outcome(observation, weight, self._moved.get(task, 0.0))

    def _weight(self, observation: Observation, what: tuple[str, str]) -> float:
        """Return the observation's weight, halved (say) for each earlier look at `what`, and count this one."""
        repeat = self._seen.get(what, 0)
        self._seen[what] = repeat + 1
        # A product, not a power: `**` may differ in the last bit from one C library to another.
        weight = self._release.assurance[observation.assurance]
        for _ in range(min(repeat, 64)):
            weight *= self._release.curve.repeat_factor
        return weight


def _extend(*columns: Any) -> None:
    for column in columns:
        column.append(0)


def _empty_trace() -> Trace:
    return Trace(*([0.0] for _ in Trace._fields))
