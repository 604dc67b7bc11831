"""What one outcome teaches: the step of learning, once, for the interpreter and for the compiler alike.

    logit of success = general + form + sum of share x deviation + familiarity + ease of the task and of its skills

*general* and *deviation* are the level that a profile shows. *form* (how it goes at the moment) and *familiarity* (with
this very task) are nuisances: they take up what would else be booked as skill, and are never shown.

All functions are plain Python on anything that can be indexed. On lists they are what the service runs; calibration
makes machine code of the same source. Both give the same bits: there is no power, no numpy function and no sum whose
order is open, `exp` is the C library's in both, and the compiler may neither contract nor reorder. So: no `**`, no
`sum`, no keyword arguments and no comprehension here.
"""

from __future__ import annotations

import math
from collections.abc import MutableSequence, Sequence
from typing import Final, NamedTuple

from services.skill_inference.domain.response import outcome_surprise, predictive_scale, sigmoid

DAY: Final = 86_400_000_000.0
"""Microseconds a day."""
LN_2: Final = math.log(2.0)
"""A rate is ln 2 / half-life."""
TAUGHT_MAX: Final = 0.5
"""The share of what an outcome itself moves a level by that a new task may teach beside it."""


class Curve(NamedTuple):
    """The calibrated numbers of the response model. Variances in logits squared; a rate of 0 is switched off.

    form_mean: a newcomer's form, which fades with form_keep an event: the first tasks go differently from later ones.
    deviation_growth, general_growth: variance that a task met for the first time adds. drift_per_day: that time adds.
    gain_success, gain_failure: what a task met for the first time teaches, as far as `taught` lets it.
    familiar_*: what trying a task does to it.
    novelty: logits by which a person's first task of a skill goes differently, fading with novelty_keep a task of it.
    repeat_factor: the weight of the n-th repeat is repeat_factor^n. step_max: logits one task may move a level in all.
    *_rate: ln 2 / half-life in days; that of the deviations is scaled by the pace of the skill.
    """

    general_mean: float
    general_variance: float
    general_growth: float
    general_drift_per_day: float
    form_mean: float
    form_variance: float
    form_keep: float
    form_rate: float
    deviation_variance: float
    deviation_growth: float
    deviation_rate: float
    gain_success: float
    gain_failure: float
    familiar_variance: float
    familiar_success: float
    familiar_failure: float
    familiar_rate: float
    repeat_factor: float
    step_max: float
    novelty: float = 0.0
    novelty_keep: float = 0.0


class Log(NamedTuple):
    """Outcomes, person after person, each person's in order. skill_from[e] … skill_from[e + 1] index skill and share.

    at: microseconds. result: in [0, 1]. weight: of the assurance, in [0, 1]; an outcome of weight 0 moves no bit.
    """

    task: Sequence[int]
    skill_from: Sequence[int]
    skill: Sequence[int]
    share: Sequence[float]
    at: Sequence[int]
    result: Sequence[float]
    weight: Sequence[float]


class Tasks(NamedTuple):
    """How easy a task is beyond its skills, and a skill's tasks as a whole: mean and variance of what is known of it.

    skill_pace: how much faster than by `Curve.deviation_rate` belief in a skill returns to its prior; 1 as a rule.
    """

    task_ease: MutableSequence[float]
    task_spread: MutableSequence[float]
    skill_ease: MutableSequence[float]
    skill_spread: MutableSequence[float]
    skill_pace: MutableSequence[float]


class Memory(NamedTuple):
    """What was learned, one place a skill and one a task. *_met is 0 where nothing was; the rest then means nothing.

    skill_step: by how much the last outcome of the skill moved it. skill_used: how much of its novelty is gone, 0 to 1.
    task_weight: what the next repeat weighs.
    """

    skill_met: MutableSequence[int]
    skill_mean: MutableSequence[float]
    skill_variance: MutableSequence[float]
    skill_at: MutableSequence[int]
    skill_step: MutableSequence[float]
    skill_used: MutableSequence[float]
    task_met: MutableSequence[int]
    task_mean: MutableSequence[float]
    task_variance: MutableSequence[float]
    task_at: MutableSequence[int]
    task_moved: MutableSequence[float]
    task_weight: MutableSequence[float]


class Trace(NamedTuple):
    """What was believed before each outcome was seen. level_variance: of general level and deviations."""

    chance: MutableSequence[float]
    logit: MutableSequence[float]
    variance: MutableSequence[float]
    general: MutableSequence[float]
    form: MutableSequence[float]
    deviation: MutableSequence[float]
    familiar: MutableSequence[float]
    level_variance: MutableSequence[float]
    repeat_weight: MutableSequence[float]


class PersonBelief(NamedTuple):
    """General level and form, a joint Gaussian as of `at`. shared: their covariance, which is never positive."""

    general: float
    general_variance: float
    form: float
    form_variance: float
    shared: float
    at: int


class SkillsReach(NamedTuple):
    """The skills of one task together: mean and variance of deviations and of ease, extremes of share x variance.

    novelty: how much of it is left, from 0 to 1.
    """

    deviation: float
    deviation_variance: float
    ease: float
    ease_variance: float
    widest: float
    narrowest: float
    novelty: float


class Known(NamedTuple):
    """What is known of one person and one task: familiarity, the weight of this try, and how far it moved a level."""

    mean: float
    variance: float
    weight: float
    moved: float


class Lesson(NamedTuple):
    """What may be learned: means move by reach x `surprise`, variances fall by reach² x `information`.

    gain: added to each skill of the task. moved: logits by which the task moved a level, this time included.
    """

    surprise: float
    information: float
    gain: float
    moved: float


def fading(elapsed: int, rate: float) -> float:
    """Return the factor in (0, 1] by which a mean fades in so many microseconds. `rate` is a day's."""
    return math.exp(-rate * (elapsed / DAY))


def returned(mean: float, variance: float, prior: float, rate: float, elapsed: int) -> tuple[float, float]:
    """Return mean and variance after so many microseconds on the way back to N(0, prior)."""
    fade = fading(elapsed, rate)
    return mean * fade, prior + (variance - prior) * (fade * fade)


def newcomer(at: int, curve: Curve) -> PersonBelief:
    """Return what is believed of somebody of whom nothing was seen."""
    return PersonBelief(curve.general_mean, curve.general_variance, curve.form_mean, curve.form_variance, 0.0, at)


def aged_person(person: PersonBelief, now: int, curve: Curve) -> PersonBelief:
    """Return the belief as of `now`, as it is if that is not later: the level less sure, the form nearer to none."""
    if now <= person.at:
        return person
    variance, form, form_variance, shared = person.general_variance, person.form, person.form_variance, person.shared
    if curve.general_drift_per_day > 0.0 and variance < curve.general_variance:
        variance = variance + curve.general_drift_per_day * ((now - person.at) / DAY)
        variance = min(variance, curve.general_variance)
    if curve.form_rate > 0.0:
        form, form_variance = returned(form, form_variance, curve.form_variance, curve.form_rate, now - person.at)
        shared = shared * fading(now - person.at, curve.form_rate)
    return PersonBelief(person.general, variance, form, form_variance, shared, now)


def known_task(e: int, log: Log, curve: Curve, memory: Memory) -> Known:
    """Return what is known of the person and the task of outcome `e`, as of its time."""
    i = log.task[e]
    if memory.task_met[i] == 0:
        return Known(0.0, curve.familiar_variance, 1.0, 0.0)
    mean, variance = memory.task_mean[i], memory.task_variance[i]
    if curve.familiar_rate > 0.0 and log.at[e] > memory.task_at[i]:
        elapsed = log.at[e] - memory.task_at[i]
        mean, variance = returned(mean, variance, curve.familiar_variance, curve.familiar_rate, elapsed)
    return Known(mean, variance, memory.task_weight[i], memory.task_moved[i])


def aged_deviation(s: int, now: int, pace: float, curve: Curve, memory: Memory) -> tuple[float, float]:
    """Return mean and variance of the deviation of skill `s` as of `now`."""
    if memory.skill_met[s] == 0:
        return 0.0, curve.deviation_variance
    mean, variance = memory.skill_mean[s], memory.skill_variance[s]
    if curve.deviation_rate > 0.0 and now > memory.skill_at[s]:
        rate, elapsed = curve.deviation_rate * pace, now - memory.skill_at[s]
        mean, variance = returned(mean, variance, curve.deviation_variance, rate, elapsed)
    return mean, variance


def reach_skills(e: int, log: Log, tasks: Tasks, curve: Curve, memory: Memory) -> SkillsReach:
    """Return the skills of outcome `e` together as of its time, and have each aged to it where the outcome counts."""
    mean, variance, ease, ease_variance, widest, narrowest, novelty = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for k in range(log.skill_from[e], log.skill_from[e + 1]):
        s, share = log.skill[k], log.share[k]
        own, own_variance = aged_deviation(s, log.at[e], tasks.skill_pace[s], curve, memory)
        if log.weight[e] > 0.0:
            memory.skill_met[s] = 1
            memory.skill_mean[s] = own
            memory.skill_variance[s] = own_variance
            memory.skill_at[s] = log.at[e]
        reach = share * own_variance
        mean += share * own
        variance += share * reach
        ease += share * tasks.skill_ease[s]
        ease_variance += share * share * tasks.skill_spread[s]
        widest = max(widest, reach)
        narrowest = reach if k == log.skill_from[e] else min(narrowest, reach)
        novelty += share * (1.0 - memory.skill_used[s])
    return SkillsReach(mean, variance, ease, ease_variance, widest, narrowest, novelty)


def taught(gain: float, pull: float) -> float:
    """Return the gain of a new task, cut to ± TAUGHT_MAX of what its outcome itself moves a level by (`pull`, logits).

    So a failure lowers and a success raises whatever the gains are, and where the outcome was sure nothing is taught:
    nobody rises by merely meeting tasks.
    """
    most = TAUGHT_MAX * abs(pull)
    return min(max(gain, -most), most)


def bounded(lesson: Lesson, largest: float, step_max: float) -> Lesson:
    """Return the lesson cut so that its task stays within ±step_max logits in all, and what it moved with it.

    largest: logits by which a surprise of 1 moves the skill it moves most. The information is cut by the same ratio:
    what is not believed does not add certainty.
    """
    total = largest * lesson.surprise + lesson.gain
    if total == 0.0:
        return lesson
    allowed, moved = total, lesson.moved + total
    if total < -step_max - lesson.moved:
        allowed, moved = -step_max - lesson.moved, -step_max
    if total > step_max - lesson.moved:
        allowed, moved = step_max - lesson.moved, step_max
    if allowed == total:
        return Lesson(lesson.surprise, lesson.information, lesson.gain, moved)
    cut = allowed / total
    return Lesson(lesson.surprise * cut, lesson.information * cut, lesson.gain * cut, moved)


def learn_task(
    e: int, known: Known, surprise: float, information: float, moved: float, log: Log, curve: Curve, memory: Memory
) -> None:
    """Have learned how familiar the task of outcome `e` is, and count the try."""
    i, weight = log.task[e], log.weight[e]
    tried = curve.familiar_failure + (curve.familiar_success - curve.familiar_failure) * log.result[e]
    memory.task_met[i] = 1
    memory.task_mean[i] = known.mean + known.variance * surprise + weight * tried
    memory.task_variance[i] = known.variance - known.variance * known.variance * information
    memory.task_at[i] = log.at[e]
    memory.task_weight[i] = known.weight * curve.repeat_factor
    memory.task_moved[i] = moved


def learn_skills(e: int, lesson: Lesson, growth: float, log: Log, curve: Curve, memory: Memory) -> None:
    """Have learned the lesson of outcome `e` for each of its skills, which were aged to its time and grow less new."""
    for k in range(log.skill_from[e], log.skill_from[e + 1]):
        s, share = log.skill[k], log.share[k]
        before, variance = memory.skill_mean[s], memory.skill_variance[s]
        reach = share * variance
        memory.skill_mean[s] = before + reach * lesson.surprise + lesson.gain
        memory.skill_variance[s] = variance - reach * reach * lesson.information + growth
        memory.skill_step[s] = memory.skill_mean[s] - before
        memory.skill_used[s] = 1.0 - curve.novelty_keep * (1.0 - memory.skill_used[s])


def learn_person(
    person: PersonBelief, surprise: float, information: float, lesson: Lesson, growth: float, curve: Curve
) -> PersonBelief:
    """Return general level and form after an outcome: the form learns all of it, the level what the lesson allows.

    Their covariance falls by the whole and the level's variance by the part, which keeps the two positive definite.
    Both reaches stay at or above 0 as the covariance is at or below; rounding alone could bring them under it.
    """
    reach = person.general_variance + person.shared
    form_reach = person.form_variance + person.shared
    reach = max(reach, 0.0)
    form_reach = max(form_reach, 0.0)
    keep = curve.form_keep
    rest = person.form_variance - form_reach * form_reach * information
    return PersonBelief(
        person.general + reach * lesson.surprise,
        person.general_variance - reach * reach * lesson.information + growth,
        keep * (person.form + form_reach * surprise),
        keep * keep * rest + (1.0 - keep * keep) * curve.form_variance,
        keep * (person.shared - reach * form_reach * information),
        person.at,
    )


def learn_outcome(
    e: int, person: PersonBelief, log: Log, tasks: Tasks, curve: Curve, memory: Memory, trace: Trace
) -> PersonBelief:
    """Have learned from outcome `e`, not earlier than what was learned before; return the person's belief after it.

    Leaves what was believed of it in `trace`. O(skills of the task). An outcome of weight 0 is read and moves nothing.
    """
    before = person
    person = aged_person(person, log.at[e], curve)
    known = known_task(e, log, curve, memory)
    skills = reach_skills(e, log, tasks, curve, memory)
    i, weight, result = log.task[e], log.weight[e], log.result[e]
    logit = person.general + person.form + skills.deviation + known.mean + (tasks.task_ease[i] + skills.ease)
    logit = logit + curve.novelty * skills.novelty
    level_variance = person.general_variance + skills.deviation_variance
    variance = level_variance + person.form_variance + 2.0 * person.shared + known.variance
    variance = variance + (tasks.task_spread[i] + skills.ease_variance)
    trace.chance[e] = sigmoid(logit * predictive_scale(variance))
    trace.logit[e] = logit
    trace.variance[e] = variance
    trace.general[e] = person.general
    trace.form[e] = person.form
    trace.deviation[e] = skills.deviation
    trace.familiar[e] = known.mean
    trace.level_variance[e] = level_variance
    trace.repeat_weight[e] = known.weight
    if weight <= 0.0:
        return before
    surprise, information = outcome_surprise(logit, variance, result, weight)
    gain, growth, general_growth = 0.0, 0.0, 0.0
    general_reach = max(person.general_variance + person.shared, 0.0)
    if memory.task_met[i] == 0:
        gain = weight * (curve.gain_failure + (curve.gain_success - curve.gain_failure) * result)
        gain = taught(gain, (general_reach + skills.narrowest) * surprise)
        growth = weight * curve.deviation_growth
        general_growth = weight * curve.general_growth
    largest = skills.widest + general_reach
    lesson = bounded(
        Lesson(surprise * known.weight, information * known.weight, gain, known.moved), largest, curve.step_max
    )
    learn_task(e, known, surprise, information, lesson.moved, log, curve, memory)
    learn_skills(e, lesson, growth, log, curve, memory)
    return learn_person(person, surprise, information, lesson, general_growth, curve)


def fold_person(
    first: int, last: int, log: Log, tasks: Tasks, curve: Curve, memory: Memory, trace: Trace
) -> PersonBelief:
    """Have learned from outcomes first … last of one person, a stranger before; return what is believed of them.

    Leaves the deviations in `memory`, as of the last outcome of each skill, and what was believed in `trace`.
    """
    for e in range(first, last):
        memory.task_met[log.task[e]] = 0
        for k in range(log.skill_from[e], log.skill_from[e + 1]):
            memory.skill_met[log.skill[k]] = 0
            memory.skill_used[log.skill[k]] = 0.0
    person = newcomer(log.at[first], curve)
    for e in range(first, last):
        person = learn_outcome(e, person, log, tasks, curve, memory, trace)
    return person


def fold_everybody(starts: Sequence[int], log: Log, tasks: Tasks, curve: Curve, memory: Memory, trace: Trace) -> None:
    """Have folded each person, whose outcomes are starts[n] … starts[n + 1]; none is without."""
    for n in range(len(starts) - 1):
        fold_person(starts[n], starts[n + 1], log, tasks, curve, memory, trace)
