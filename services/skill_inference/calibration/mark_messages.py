"""The inner loops of reviewer calibration: one pass over a person's marks as seen by all reviewers but one.

Scalars only, a fixed order of operations, no BLAS, no fast-math: the same log gives the same bits.

    logit of a mark = general + deviation of its skill + work + part of the work for the skill
                      + leniency of its reviewer + their part for the skill + sitting - threshold of its criterion

Leniency is minus severity, so that every coefficient is +1. Dimensions of the joint Gaussian:
GENERAL, the skills, the work, its part for each skill, the sitting, the leniency that is being asked for, and its
part for each skill.
"""

from __future__ import annotations

import math
from typing import Any, Final

from services.skill_inference.calibration.machine_code import compiled
from services.skill_inference.domain.response import FLATTENING

GENERAL: Final = 0
PROBABILITY_MIN: Final = 1e-9
"""Below, the log of a probability is cut, so that no single mark decides a calibration."""
OTHERS_MAX: Final = 32
"""Sittings of other works that are learned from before a reviewer is asked about; bounds the cost of many marks."""


@compiled
def sigmoid(x: float) -> float:
    """Return 1 / (1 + e^-x); never overflows."""
    if x >= 0.0:
        return 1.0 / (1.0 + math.exp(-x))
    power = math.exp(x)
    return power / (1.0 + power)


@compiled
def chance_at_least(mean: float, variance: float, threshold: float) -> float:
    """Return P(mark >= k) at the predictive scale, for a logit of N(mean, variance) and the k-th threshold."""
    return sigmoid((mean - threshold) * (1.0 / math.sqrt(1.0 + FLATTENING * variance)))


@compiled
def mark_moments(mean: float, variance: float, thresholds: Any, mark: int) -> tuple[float, float, float]:
    """Return (probability, score, information) of a mark at the predictive scale.

    Score and information are those of `response.mark_gradient`, operation by operation, and have its bits.
    """
    scale = 1.0 / math.sqrt(1.0 + FLATTENING * variance)
    top = len(thresholds)
    score = 0.0
    information = 0.0
    chance = 0.0
    high = 1.0
    for k in range(top + 1):
        low = sigmoid((mean - thresholds[k]) * scale) if k < top else 0.0
        slope = 1.0 - high - low
        information += (high - low) * slope * slope
        if k == mark:
            score = slope * scale
            chance = high - low
        high = low
    return max(chance, PROBABILITY_MIN), score, information * scale * scale


@compiled
def reset(mean: Any, cov: Any, index: int, value: float, variance: float) -> None:
    """Make one dimension independent of all others, with this mean and variance."""
    for j in range(len(mean)):
        cov[index, j] = 0.0
        cov[j, index] = 0.0
    cov[index, index] = variance
    mean[index] = value


@compiled
def predict(mean: Any, cov: Any, reach: Any, where: Any, count: int) -> tuple[float, float]:
    """Write covariance times direction into `reach`; return mean and variance of the logit along the direction."""
    for i in range(len(mean)):
        total = 0.0
        for j in range(count):
            total += cov[i, where[j]]
        reach[i] = total
    logit = 0.0
    variance = 0.0
    for j in range(count):
        logit += mean[where[j]]
        variance += reach[where[j]]
    return logit, variance


@compiled
def move(mean: Any, cov: Any, reach: Any, gain: float, information: float) -> None:
    """Take one step: means by reach x gain, covariance down by the outer square of reach x information."""
    n = len(mean)
    for i in range(n):
        if reach[i] != 0.0:
            mean[i] += reach[i] * gain
            scaled = reach[i] * information
            for j in range(n):
                cov[i, j] -= scaled * reach[j]


@compiled
def forget_covariance(mean: Any, cov: Any, last: int) -> None:
    """Drop the covariances between the general level and the skills, as production does after each work."""
    for i in range(last + 1):
        for j in range(last + 1):
            if i != j:
                cov[i, j] = 0.0


@compiled
def cavity(precision: float, linear: float, own_precision: float, own_linear: float) -> tuple[float, float]:
    """Return mean and variance of a belief without one message."""
    left = precision - own_precision
    return (linear - own_linear) / left, 1.0 / left


@compiled
def ask(  # noqa: C901 - one compiled loop
    group: int,
    first: int,
    end: int,
    sittings: Any,
    weights: Any,
    offsets: Any,
    marks: Any,
    thresholds: Any,
    tops: Any,
    h: Any,
    precision: Any,
    linear: Any,
    sent_precision: Any,
    sent_linear: Any,
    out: Any,
    cold: Any,
    work_space: Any,
    cov: Any,
    where: Any,
) -> None:
    """Ask what one person's marks say of one reviewer, when the other reviewers have been heard.

    sittings: rows (work, reviewer, group) of persons; `first`..`end` are this person's, sorted by work and reviewer.
    offsets: first mark of each sitting. marks: rows (skill, criterion, value).
    h: variances (general, skill, work, its part by skill, sitting). precision, linear: beliefs by reviewer, column 0
    the leniency, then its part by skill. sent_*: messages by group, as sent last. out: (2, columns + 2): the new
    message's precision and linear part, and in the two spare cells the log probability of the reviewer's marks one
    after another, and before any of the same sitting. cold: by mark, mean and variance before anything of that sitting
    was known.
    """
    columns = precision.shape[1]
    skills = columns - 1
    mean = work_space[0]
    reach = work_space[1]
    work_dim = 1 + skills
    slot = work_dim + 1 + skills
    asked = slot + 1
    reviewer = -1
    for s in range(first, end):
        if sittings[s, 2] == group:
            reviewer = sittings[s, 1]
    for i in range(len(mean)):
        reset(mean, cov, i, 0.0, 0.0)
    cov[GENERAL, GENERAL] = h[0]
    for k in range(skills):
        cov[1 + k, 1 + k] = h[1]
    for c in range(columns):
        m, v = cavity(precision[reviewer, c], linear[reviewer, c], sent_precision[group, c], sent_linear[group, c])
        reset(mean, cov, asked + c, m, v)
        out[0, c] = 1.0 / v
        out[1, c] = m / v
    chain = 0.0
    ahead = 0.0
    heard = 0
    earlier = 0
    for phase in range(2):
        s = first
        while s < end:
            stop = s
            is_theirs = False
            while stop < end and sittings[stop, 0] == sittings[s, 0]:
                if sittings[stop, 1] == reviewer:
                    is_theirs = True
                stop += 1
            if is_theirs == (phase == 1) and (is_theirs or heard < OTHERS_MAX):
                reset(mean, cov, work_dim, 0.0, h[2])
                for k in range(skills):
                    reset(mean, cov, work_dim + 1 + k, 0.0, h[3])
                for turn in range(2):
                    for t in range(s, stop):
                        own = sittings[t, 1] == reviewer
                        if own != (turn == 1):
                            continue
                        heard += 1
                        g = sittings[t, 2]
                        other = sittings[t, 1]
                        if own:
                            reset(mean, cov, slot, 0.0, h[4])
                            for i in range(offsets[t], offsets[t + 1]):
                                where[0], where[1], where[2], where[3] = GENERAL, 1 + marks[i, 0], work_dim, slot
                                where[4], where[5], where[6] = (
                                    work_dim + 1 + marks[i, 0],
                                    asked,
                                    asked + 1 + marks[i, 0],
                                )
                                e, v = predict(mean, cov, reach, where, 7)
                                cold[i, 0] = e
                                cold[i, 1] = v
                                top = tops[marks[i, 1]]
                                found = mark_moments(e, v, thresholds[marks[i, 1], :top], marks[i, 2])
                                ahead += weights[t] * math.log(found[0])
                        else:
                            earlier = 0
                            for u in range(first, t):
                                if sittings[u, 2] == g:
                                    earlier += 1
                            m, v = cavity(
                                precision[other, 0], linear[other, 0], sent_precision[g, 0], sent_linear[g, 0]
                            )
                            reset(mean, cov, slot, m, (2 * earlier + 1) * v + h[4])
                        for i in range(offsets[t], offsets[t + 1]):
                            where[0], where[1], where[2], where[3] = GENERAL, 1 + marks[i, 0], work_dim, slot
                            where[4], where[5], where[6] = work_dim + 1 + marks[i, 0], asked, asked + 1 + marks[i, 0]
                            e, v = predict(mean, cov, reach, where, 7 if own else 5)
                            if not own:
                                c = 1 + marks[i, 0]
                                m, spread = cavity(
                                    precision[other, c], linear[other, c], sent_precision[g, c], sent_linear[g, c]
                                )
                                e += m
                                v += (2 * earlier + 1) * spread
                            top = tops[marks[i, 1]]
                            found = mark_moments(e, v, thresholds[marks[i, 1], :top], marks[i, 2])
                            if own:
                                chain += weights[t] * math.log(found[0])
                            move(mean, cov, reach, weights[t] * found[1], weights[t] * found[2])
                if phase == 0:
                    forget_covariance(mean, cov, skills)
            s = stop
    for c in range(columns):
        v = cov[asked + c, asked + c]
        sent = 1.0 / v - out[0, c]
        shift = mean[asked + c] / v - out[1, c]
        if sent > 1e-12:
            out[0, c] = sent
            out[1, c] = shift
        else:
            out[0, c] = 0.0
            out[1, c] = 0.0
    out[0, columns] = chain
    out[1, columns] = ahead


@compiled
def ask_all(
    starts: Any,
    group_person: Any,
    sittings: Any,
    weights: Any,
    offsets: Any,
    marks: Any,
    thresholds: Any,
    tops: Any,
    h: Any,
    precision: Any,
    linear: Any,
    sent_precision: Any,
    sent_linear: Any,
    new_precision: Any,
    new_linear: Any,
    cold: Any,
    work_space: Any,
    cov: Any,
    out: Any,
    where: Any,
) -> tuple[float, float]:
    """Write the messages of all groups, each from the same old ones; return both log probabilities, summed in order."""
    chain = 0.0
    ahead = 0.0
    columns = precision.shape[1]
    for g in range(len(group_person)):
        p = group_person[g]
        ask(
            g,
            starts[p],
            starts[p + 1],
            sittings,
            weights,
            offsets,
            marks,
            thresholds,
            tops,
            h,
            precision,
            linear,
            sent_precision,
            sent_linear,
            out,
            cold,
            work_space,
            cov,
            where,
        )
        for c in range(columns):
            new_precision[g, c] = out[0, c]
            new_linear[g, c] = out[1, c]
        chain += out[0, columns]
        ahead += out[1, columns]
    return chain, ahead


@compiled
def gather(group_reviewer: Any, prior: Any, sent_precision: Any, sent_linear: Any, precision: Any, linear: Any) -> None:
    """Write the reviewers' beliefs: the prior and every message, summed in the order of the groups."""
    columns = precision.shape[1]
    for r in range(len(precision)):
        for c in range(columns):
            precision[r, c] = 1.0 / prior[c]
            linear[r, c] = 0.0
    for g in range(len(group_reviewer)):
        r = group_reviewer[g]
        for c in range(columns):
            precision[r, c] += sent_precision[g, c]
            linear[r, c] += sent_linear[g, c]


@compiled
def fit_thresholds(
    order: Any, bounds: Any, marks: Any, weights: Any, cold: Any, tops: Any, thresholds: Any, steps: int
) -> None:
    """Move each threshold to where the expected share of marks >= k is the observed one.

    Rising by construction: the expectation falls in the threshold, the share falls in k; a pseudo-mark, half above and
    half below, keeps those finite that nobody reached. Newton steps, each within a logit.
    order: marks by criterion; `bounds[c]` is where criterion c begins. tops: the highest mark of each criterion.
    """
    for c in range(len(thresholds)):
        for k in range(tops[c]):
            for _ in range(steps):
                threshold = thresholds[c, k]
                missing = 0.0
                slope = 1e-9
                for j in range(bounds[c], bounds[c + 1]):
                    i = order[j]
                    chance = chance_at_least(cold[i, 0], cold[i, 1], threshold)
                    missing += weights[i] * (chance - (1.0 if marks[i, 2] > k else 0.0))
                    scale = 1.0 / math.sqrt(1.0 + FLATTENING * cold[i, 1])
                    slope += weights[i] * chance * (1.0 - chance) * scale
                missing += sigmoid(-threshold / 3.0) - 0.5
                thresholds[c, k] = threshold + min(max(missing / slope, -1.0), 1.0)
