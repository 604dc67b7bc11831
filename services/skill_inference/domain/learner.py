"""Learning from observations one after another: what is believed, and what the next one needs to know of the past.

A repeat of a task weighs less, a task moves a skill only so far, and a reviewer met again brings the same severity. A
work is learned from at once, at the place of its first observation: the skill it shows is the skill of that time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from services.skill_inference.domain.observation import MarkSet, Observation, Outcome
from services.skill_inference.domain.outcome_update import bounded, learn_outcome, outcome_surprise, predict
from services.skill_inference.domain.release import Release
from services.skill_inference.domain.state import Belief, Step, aged_general, aged_skill
from services.skill_inference.domain.work_update import (
    WorkBelief,
    reviewers_of_work,
    severity_variance,
    skills_of_work,
)
from shared.kernel.errors import Broken

WEIGHT_MIN: Final = 1e-12
"""A weight below is none: the 40th repeat of a task is not learned from, so floods cost little."""

PARTS_MAX: Final = 32
"""Observations of one work that are learned from, the first by time. What one work tells is bounded anyway, and its
cost grows with the cube of its reviewers. Later ones still count as evidence.
"""


class Learner:
    """Takes observations in order and keeps what the next one needs."""

    def __init__(self, release: Release) -> None:
        """Begin with a stranger."""
        self._release = release
        self._repeats: dict[tuple[str, str], int] = {}
        self._moved: dict[tuple[str, str], float] = {}
        self._works_marked: dict[str, int] = {}
        self.general: Belief | None = None
        self.skills: dict[str, Belief] = {}
        self.steps: list[Step] = []

    def learn(self, ordered: Sequence[Observation]) -> None:
        """Have learned from `ordered`: all later than what was learned before, and no work of theirs begun before."""
        weighty = [seen for seen in ordered if self._release.assurance[seen.assurance] > 0.0]
        works = _works(weighty)
        for seen in weighty:
            if isinstance(seen, Outcome) and seen.work is None:
                self._take_outcome(seen)
            elif seen is works[_work(seen)][0]:
                self._take_work(works[_work(seen)])

    def _take_outcome(self, outcome: Outcome) -> None:
        """Learn from a task outside any work."""
        release, at = self._release, outcome.place.at
        task = ("", outcome.task)
        weight = self._weight(outcome, task)
        if weight < WEIGHT_MIN:
            return
        general = aged_general(self.general, release.general, at)
        shares = [share for _, share in outcome.shares]
        beliefs = [aged_skill(self.skills.get(skill), release.skill(skill), at) for skill, _ in outcome.shares]
        difficulty = release.tasks.difficulty if outcome.difficulty is None else outcome.difficulty
        mean, variance, largest = predict(general, beliefs, shares)
        surprise = outcome_surprise(mean - difficulty, variance + release.tasks.variance, outcome.result, weight)
        moved = self._moved.get(task, 0.0)
        surprise = bounded(surprise, largest, moved, release.tasks.step_max)
        self._moved[task] = moved + largest * surprise.gain
        self.general, learned = learn_outcome(general, beliefs, shares, surprise)
        steps = []
        for (skill, _), before, after in zip(outcome.shares, beliefs, learned, strict=True):
            self.skills[skill] = after
            steps.append((skill, after.mean - before.mean))
        self.steps.append(Step(outcome.place, at, self.general.mean - general.mean, tuple(steps)))

    def _take_work(self, observations: Sequence[Observation]) -> None:
        """Learn from what was seen of one work, at the time of the first of it."""
        observations = observations[:PARTS_MAX]
        release, at = self._release, observations[0].place.at
        skills = skills_of_work(observations)
        joint = WorkBelief(
            aged_general(self.general, release.general, at),
            {skill: aged_skill(self.skills.get(skill), release.skill(skill), at) for skill in skills},
            self._severities(observations),
            release,
        )
        for observation in observations:
            before = joint.means()
            self._take_part(joint, observation)
            moved = [after - earlier for after, earlier in zip(joint.means(), before, strict=True)]
            self.steps.append(Step(observation.place, at, moved[0], tuple(zip(skills, moved[1:], strict=True))))
        self.general, learned = joint.settled()
        self.skills.update(learned)

    def _take_part(self, joint: WorkBelief, observation: Observation) -> None:
        if isinstance(observation, MarkSet):
            weight = self._weight(observation, (observation.work, f"reviewer {observation.reviewer}"))
            for mark in observation.marks if weight >= WEIGHT_MIN else ():
                joint.learn_mark(observation.reviewer, mark, weight)
            return
        task = (_work(observation), f"task {observation.task}")
        weight = self._weight(observation, task)
        if weight >= WEIGHT_MIN:
            moved = self._moved.get(task, 0.0)
            self._moved[task] = moved + joint.learn_outcome(observation, weight, moved)

    def _weight(self, observation: Observation, what: tuple[str, str]) -> float:
        """Return the observation's weight, halved (say) for each earlier repeat of `what`, and count this one."""
        repeat = self._repeats.get(what, 0)
        self._repeats[what] = repeat + 1
        # A product, not a power: `**` may differ in the last bit from one C library to another.
        weight = self._release.assurance[observation.assurance]
        for _ in range(min(repeat, 64)):
            weight *= self._release.tasks.repeat_factor
        return weight

    def _severities(self, observations: Sequence[Observation]) -> Mapping[str, float]:
        """Return the prior variance of each reviewer's sitting on this work, and count the work for them."""
        severities = {}
        for reviewer in reviewers_of_work(observations):
            works_marked = self._works_marked.get(reviewer, 0) + 1
            self._works_marked[reviewer] = works_marked
            severities[reviewer] = severity_variance(self._release, works_marked)
        return severities


def _work(observation: Observation) -> str:
    if observation.work is None:
        raise Broken(f"fact {observation.fact} was taken for part of a work and names none")
    return observation.work


def _works(ordered: Sequence[Observation]) -> dict[str, list[Observation]]:
    works: dict[str, list[Observation]] = {}
    for observation in ordered:
        if observation.work is not None:
            works.setdefault(observation.work, []).append(observation)
    return works
