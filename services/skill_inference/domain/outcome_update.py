"""One step of learning from one task outside any work: success, failure, or a share of success.

An extended Kalman step on a logistic outcome, O(skills of the task). The release's bound on what one task may move
is applied to the surprise, and to the information by the same ratio: what is not believed does not add certainty.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from services.skill_inference.domain.response import predictive_scale, sigmoid
from services.skill_inference.domain.state import Belief


class Surprise(NamedTuple):
    """What an outcome tells: means move by covariance x `gain`, variances fall by its square x `information`."""

    gain: float
    information: float


def predict(general: Belief, skills: Sequence[Belief], shares: Sequence[float]) -> tuple[float, float, float]:
    """Return mean and variance of the level a task asks for, and by how much a gain of 1 moves the skill it moves most.

    shares: the task's shares of the skills, summing to 1.
    """
    mean, variance, widest = general.mean, general.variance, 0.0
    for belief, share in zip(skills, shares, strict=True):
        reach = share * belief.variance
        mean += share * belief.mean
        variance += share * reach
        widest = max(widest, reach)
    return mean, variance, general.variance + widest


def outcome_surprise(mean: float, variance: float, result: float, weight: float) -> Surprise:
    """Return the surprise of `result` in [0, 1] where the logit was N(mean, variance). `weight` in (0, 1].

    The variance includes everything unknown about the task. The information times the variance stays below 1.
    """
    expected = sigmoid(mean * predictive_scale(variance))
    chance = sigmoid(mean)
    steepness = chance * (1.0 - chance)
    damping = 1.0 + weight * steepness * variance
    return Surprise(weight * (result - expected) / damping, weight * steepness / damping)


def bounded(surprise: Surprise, largest_step: float, moved: float, step_max: float) -> Surprise:
    """Return the surprise cut so that a task that moved a skill by `moved` logits stays within ±step_max in all.

    largest_step: logits by which a gain of 1 moves the skill it moves most; positive.
    """
    gain = surprise.gain
    cut = min(max(gain, (-step_max - moved) / largest_step), (step_max - moved) / largest_step)
    if cut == gain:
        return surprise
    return Surprise(cut, surprise.information * (cut / gain))


def learn_outcome(
    general: Belief, skills: Sequence[Belief], shares: Sequence[float], surprise: Surprise
) -> tuple[Belief, list[Belief]]:
    """Return the general level and the deviations after the surprise. `shares` are the task's shares of the skills."""
    gain, information = surprise
    spread = general.variance
    learned_general = Belief(general.mean + spread * gain, spread - spread * spread * information, general.at)
    learned = []
    for belief, share in zip(skills, shares, strict=True):
        reach = share * belief.variance
        learned.append(Belief(belief.mean + reach * gain, belief.variance - reach * reach * information, belief.at))
    return learned_general, learned
