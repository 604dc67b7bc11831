"""Learning from one work at once: every mark and every check of it, under a joint Gaussian of all they share.

    logit of a mark      = general + deviation of its skill + work + the work's part for the skill
                           + sitting of its reviewer + the reviewer's part for the skill - threshold
    logit of an outcome  = general + weighted (deviations + the work's parts) + work + ease

*work* is what makes this work better or luckier than the person's usual, its *parts* the same for each skill; *sitting*
is how lenient the reviewer is here: as the release knows them, and their halo on this work. With the full covariance
ten marks of one work count as marks of one work, and a second reviewer for more than a second mark of the first. At the
end work and sittings are integrated out and the covariances between skills dropped, which costs nothing measurable in
simulation. The person's form is no part of a work; it is carried for its covariance with the general level.

A release knows some reviewers, and the others by their prior. What it does not know of one comes back with every work
they mark for the same person; kept independent, it would average out over works as if they were many reviewers. So the
n-th work under one reviewer carries 2n - 1 times the variance of what is not known of them, which to first order leaves
n works as certain as one shared leniency does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from services.skill_inference.domain.annexes import Spread
from services.skill_inference.domain.observation import Mark, MarkSet, Observation, Outcome
from services.skill_inference.domain.release import Release
from services.skill_inference.domain.response import mark_gradient, outcome_surprise
from services.skill_inference.domain.response_fold import Lesson, PersonBelief, bounded
from services.skill_inference.domain.state import Belief

Direction: TypeAlias = Sequence[tuple[int, float]]
"""A sparse row: (dimension, coefficient)."""

GENERAL: Final = 0
"""The dimension of the general level; then the form, the skills, the work, its parts by skill, and the sittings."""
FORM: Final = 1
FIRST_SKILL: Final = 2
REACH_MIN: Final = 1e-9
"""Logits; a skill that a task reaches less than this is not moved by it, and must not be divided by."""


class WorkBelief:
    """The joint belief while one work is learned from. Not kept: read it by `settled` and let it go."""

    def __init__(
        self,
        person: PersonBelief,
        skills: Mapping[str, Belief],
        works_marked: Mapping[str, int],
        release: Release,
    ) -> None:
        """Start from what is believed of the person. works_marked: by reviewer, the how manieth of the person's works
        that they mark this is, from 1.
        """
        sittings = [sitting_prior(release, reviewer, count) for reviewer, count in works_marked.items()]
        part = release.works.part_variance
        self._release, self._person, self._works_marked = release, person, works_marked
        self._skill = {skill: FIRST_SKILL + index for index, skill in enumerate(skills)}
        self._work = FIRST_SKILL + len(skills)
        # Parts that have no variance are left out: they would cost time and change nothing.
        self._part = {skill: self._work + 1 + index for index, skill in enumerate(skills)} if part > 0.0 else {}
        first_sitting = self._work + 1 + len(self._part)
        self._sitting = {reviewer: first_sitting + index for index, reviewer in enumerate(works_marked)}
        own = [belief.mean for belief in skills.values()]
        self._mean = [person.general, person.form, *own, *[0.0] * (1 + len(self._part)), *(s.mean for s in sittings)]
        spread = [person.general_variance, person.form_variance, *(belief.variance for belief in skills.values())]
        spread += [release.works.variance, *[part] * len(self._part), *(s.variance for s in sittings)]
        self._covariance = [[v if i == j else 0.0 for j in range(len(spread))] for i, v in enumerate(spread)]
        self._covariance[GENERAL][FORM] = self._covariance[FORM][GENERAL] = person.shared

    def means(self) -> list[float]:
        """Return the means of the general level and of the skills, in the order they were given."""
        return [self._mean[GENERAL], *self._mean[FIRST_SKILL : self._work]]

    def settled(self) -> tuple[PersonBelief, dict[str, Belief]]:
        """Return general level and form, and the deviations, with everything else integrated out."""
        of_general = self._covariance[GENERAL]
        person = PersonBelief(
            self._mean[GENERAL],
            of_general[GENERAL],
            self._mean[FORM],
            self._covariance[FORM][FORM],
            # Never positive elsewhere; what a work explains away between others could make it so.
            min(of_general[FORM], 0.0),
            self._person.at,
        )
        at = person.at
        return person, {
            skill: Belief(self._mean[index], self._covariance[index][index], at) for skill, index in self._skill.items()
        }

    def learn_mark(self, reviewer: str, mark: Mark, weight: float) -> None:
        """Learn one mark of one reviewer. `weight` in (0, 1]. A mark beyond its criterion's scale says nothing."""
        thresholds = self._release.thresholds(mark.criterion)
        if mark.value > len(thresholds):
            return
        reach, mean, variance = self.expect_mark(reviewer, mark)
        score, information = mark_gradient(mean, variance, thresholds, mark.value)
        self._move(reach, weight * score, weight * information)

    def expect_mark(self, reviewer: str, mark: Mark) -> tuple[list[float], float, float]:
        """Return by what a mark moves whom, and mean and variance of its logit, before a threshold is taken off."""
        direction = [(GENERAL, 1.0), (self._skill[mark.skill], 1.0), (self._work, 1.0), (self._sitting[reviewer], 1.0)]
        if self._part:
            direction.append((self._part[mark.skill], 1.0))
        reach, mean, variance = self._predict(direction)
        part = self._release.reviewers.part(reviewer, mark.skill)
        return reach, mean + part.mean, variance + recurring(part.variance, self._works_marked[reviewer])

    def learn_outcome(self, outcome: Outcome, weight: float, moved: float) -> float:
        """Learn one outcome; return the logits by which its task moved the skill it moves most, in all.

        moved: by how much earlier tries of the same task did.
        """
        tasks = self._release.tasks
        own = [(self._skill[skill], share) for skill, share in outcome.shares]
        parts = [(self._part[skill], share) for skill, share in outcome.shares] if self._part else []
        reach, mean, variance = self._predict([(GENERAL, 1.0), *own, (self._work, 1.0), *parts])
        ease, unknown = tasks.ease(outcome)
        for skill, share in outcome.shares:
            of_skill = tasks.skill_ease(skill)
            ease += share * of_skill.mean
            unknown += share * share * of_skill.variance
        surprise, information = outcome_surprise(mean + ease, variance + unknown, outcome.result, weight)
        largest = max(REACH_MIN, *(abs(reach[GENERAL] + reach[index]) for index, _ in own))
        lesson = bounded(Lesson(surprise, information, 0.0, moved), largest, self._release.curve.step_max)
        self._move(reach, lesson.surprise, lesson.information)
        return lesson.moved

    def _predict(self, direction: Direction) -> tuple[list[float], float, float]:
        """Return covariance times direction, and mean and variance of the logit along it."""
        reach = [sum(row[index] * share for index, share in direction) for row in self._covariance]
        mean = sum(self._mean[index] * share for index, share in direction)
        return reach, mean, sum(reach[index] * share for index, share in direction)

    def _move(self, reach: list[float], gain: float, information: float) -> None:
        self._mean = [mean + along * gain for mean, along in zip(self._mean, reach, strict=True)]
        for row, along in zip(self._covariance, reach, strict=True):
            scaled = along * information
            row[:] = [entry - scaled * other for entry, other in zip(row, reach, strict=True)]


def skills_of_work(observations: Sequence[Observation]) -> list[str]:
    """Return the skills that any observation of the work shows, sorted."""
    marked = {mark.skill for part in observations if isinstance(part, MarkSet) for mark in part.marks}
    tried = {skill for part in observations if isinstance(part, Outcome) for skill, _ in part.skills}
    return sorted(marked | tried)


def reviewers_of_work(observations: Sequence[Observation]) -> list[str]:
    """Return the reviewers of the work, sorted."""
    return sorted({part.reviewer for part in observations if isinstance(part, MarkSet)})


def recurring(variance: float, works_marked: int) -> float:
    """Return the variance of something unknown that comes back for the `works_marked`-th time, from 1."""
    return (2 * works_marked - 1) * variance


def sitting_prior(release: Release, reviewer: str, works_marked: int) -> Spread:
    """Return what is believed of a reviewer's leniency on the `works_marked`-th work, from 1, of one person."""
    leniency = release.reviewers.leniency(reviewer)
    unknown = recurring(leniency.variance, works_marked) + release.reviewers.sitting_variance
    return Spread(leniency.mean, unknown)
