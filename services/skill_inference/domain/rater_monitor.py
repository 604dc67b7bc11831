"""What marks show of those who gave them: severity, how well it is known, and pairs who favour each other.

Each sitting, a reviewer's marks on one work, is read as one Gaussian reading of the work. What a person's sittings say
of one reviewer is a message that leaves that reviewer's belief from the same person out, so nobody is their own
yardstick; a belief is the prior times the messages. A flag is a reason to look, never a verdict: it moves no mark.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, TypeAlias

from services.skill_inference.domain.rater_misfit import Misfit, expected_works, mean_square, misfit
from services.skill_inference.domain.response import mark_gradient

ROUNDS: Final = 8
"""Of messages; beliefs then stand still far below what is told."""
STEPS: Final = 12
"""Of scoring, to where the marks of one sitting point."""
SEVERITY_MAX: Final = 1.0
"""Logits beyond which a severity is flagged, when it is surely so far (two deviations)."""
KNOWN_MIN: Final = 0.5
"""Share of the prior variance that marks beside others' must have taken away before a severity counts as known."""
FAVOUR_MIN: Final = 0.5
"""Logits by which a pair must favour each other before they are flagged, however surely."""
FAVOUR_DEVIATIONS: Final = 1.75
"""Standard deviations by which the favour of a pair must lie above 0: 4 in 100 honest pairs do by chance."""
TOLD_MIN: Final = 1e-9

Marks: TypeAlias = tuple[tuple[tuple[float, ...], int], ...]
"""(thresholds of the criterion, mark), as often as there are marks."""


class Spreads(NamedTuple):
    """Variances in logits: of people, of works, of reviewers, of a sitting, and of single marks within a sitting."""

    person: float
    work: float
    severity: float
    sitting: float
    mark: float


class Sitting(NamedTuple):
    """A reviewer's marks on one work of a person."""

    person: str
    work: str
    reviewer: str
    marks: Marks


class Belief(NamedTuple):
    """A Gaussian by its precision and precision times mean; a message may have no precision."""

    precision: float
    linear: float


class Severity(NamedTuple):
    """What is believed of a reviewer, in logits, positive is harsh. deviation: standard. flags: reasons to look."""

    reviewer: str
    severity: float
    deviation: float
    sittings: int
    flags: tuple[str, ...]


class MutualFavour(NamedTuple):
    """By how many logits two people mark each other above what they and others do elsewhere, both directions as one."""

    pair: tuple[str, str]
    logits: float
    deviation: float
    is_flagged: bool


class _Reading(NamedTuple):
    work: str
    reviewer: str
    value: float
    variance: float
    marks: Marks


_Readings: TypeAlias = dict[str, list[tuple[float, float]]]
"""By work, values and variances."""


class Monitor:
    """Everything read from some sittings. The order in which they are given does not matter."""

    def __init__(self, sittings: Iterable[Sitting], spreads: Spreads) -> None:
        self._spreads = spreads
        self._readings: dict[str, list[_Reading]] = defaultdict(list)
        pointed: dict[Marks, tuple[float, float]] = {}
        for sitting in sorted(set(sittings)):
            if sitting.reviewer != sitting.person and sitting.marks:
                if sitting.marks not in pointed:
                    pointed[sitting.marks] = _pointed(sitting.marks, spreads)
                reading = _Reading(sitting.work, sitting.reviewer, *pointed[sitting.marks], sitting.marks)
                self._readings[sitting.person].append(reading)
        self._messages: dict[tuple[str, str], Belief] = {
            (one.reviewer, person): Belief(0.0, 0.0) for person, own in self._readings.items() for one in own
        }
        self._beliefs = self._gathered()
        for _ in range(ROUNDS):
            self._messages = {pair: self._asked(*pair) for pair in self._messages}
            self._beliefs = self._gathered()

    def severities(self) -> list[Severity]:
        """Return what is believed of each reviewer, by name."""
        counts = defaultdict[str, int](int)
        for own in self._readings.values():
            for one in own:
                counts[one.reviewer] += 1
        return [self._severity(reviewer, counts[reviewer]) for reviewer in sorted(counts)]

    def mutual_favours(self) -> list[MutualFavour]:
        """Return the pairs who marked each other, by name."""
        pairs = sorted(pair for pair in self._messages if pair[0] < pair[1] and pair[::-1] in self._messages)
        found = [self._mutual(pair) for pair in pairs]
        return [one for one in found if one is not None]

    def misfits(self) -> dict[str, Misfit | None]:
        """Return by reviewer how their marks spread about what was expected; None where too few tell it."""
        squares: dict[str, list[float]] = defaultdict(list)
        for reviewer, person in sorted(self._messages):
            squares[reviewer] += self._squares(reviewer, person)
        return {reviewer: misfit(own) for reviewer, own in squares.items()}

    def _severity(self, reviewer: str, sittings: int) -> Severity:
        belief = self._beliefs[reviewer]
        severity, deviation = -belief.linear / belief.precision, math.sqrt(1.0 / belief.precision)
        flags = []
        if abs(severity) - 2.0 * deviation > SEVERITY_MAX:
            flags.append("severity")
        if deviation**2 > (1.0 - KNOWN_MIN) * self._spreads.severity:
            flags.append("too-few-links")
        return Severity(reviewer, severity, deviation, sittings, tuple(flags))

    def _mutual(self, pair: tuple[str, str]) -> MutualFavour | None:
        ways = [self._favour(pair), self._favour((pair[1], pair[0]))]
        known = [way for way in ways if way is not None]
        if len(known) < len(ways):
            return None
        weight = math.fsum(1.0 / variance for _, variance in known)
        logits = math.fsum(value / variance for value, variance in known) / weight
        deviation = 1.0 / math.sqrt(weight)
        is_flagged = logits > FAVOUR_MIN and logits > FAVOUR_DEVIATIONS * deviation
        return MutualFavour(pair, logits, deviation, is_flagged)

    def _favour(self, pair: tuple[str, str]) -> tuple[float, float] | None:
        """Return by how much a reviewer marks a person above what they do elsewhere, and the variance of that."""
        told = self._messages[pair]
        if told.precision < TOLD_MIN:
            return None
        mean, variance = self._without(pair)
        return told.linear / told.precision - mean, variance + 1.0 / told.precision

    def _without(self, pair: tuple[str, str]) -> tuple[float, float]:
        """Return mean and variance of a reviewer's leniency without what this person's marks said of it."""
        belief, told = self._beliefs[pair[0]], self._messages[pair]
        left = belief.precision - told.precision
        return (belief.linear - told.linear) / left, 1.0 / left

    def _gathered(self) -> dict[str, Belief]:
        told: dict[str, list[Belief]] = defaultdict(list)
        for (reviewer, _), message in sorted(self._messages.items()):
            told[reviewer].append(message)
        prior = 1.0 / self._spreads.severity
        return {
            reviewer: Belief(prior + math.fsum(m.precision for m in own), math.fsum(m.linear for m in own))
            for reviewer, own in told.items()
        }

    def _asked(self, reviewer: str, person: str) -> Belief:
        """Return what the person's sittings say of the reviewer's leniency, the other reviewers being heard."""
        own: _Readings = defaultdict(list)
        for one in self._readings[person]:
            if one.reviewer == reviewer:
                own[one.work].append((one.value, one.variance))
        return _leniency(own, self._others(reviewer, person), self._spreads)

    def _others(self, reviewer: str, person: str) -> _Readings:
        """Return what all other reviewers read of the person, their leniencies taken off."""
        others: _Readings = defaultdict(list)
        met = defaultdict[str, int](int)
        for one in self._readings[person]:
            if one.reviewer != reviewer:
                met[one.reviewer] += 1
                mean, variance = self._without((one.reviewer, person))
                # The n-th work under one reviewer carries 2n - 1 times what is unknown of them, as in the state.
                others[one.work].append((one.value - mean, one.variance + (2 * met[one.reviewer] - 1) * variance))
        return others

    def _squares(self, reviewer: str, person: str) -> list[float]:
        """Return the mean square of each sitting's residuals from what is expected without these sittings."""
        sat = [one for one in self._readings[person] if one.reviewer == reviewer]
        others = {work: _combined(read) for work, read in self._others(reviewer, person).items()}
        spreads = self._spreads
        expected = expected_works(others, [one.work for one in sat], spreads.person, spreads.work)
        leniency, unknown = self._without((reviewer, person))
        unknown += spreads.sitting
        # What single marks of one sitting have in common is in the spread of people, of works and of reviewers already.
        return [
            mean_square(one.marks, mean + leniency, variance + unknown + spreads.mark * (1.0 - 1.0 / len(one.marks)))
            for one, (mean, variance) in zip(sat, expected, strict=True)
        ]


def _leniency(own: _Readings, others: _Readings, spreads: Spreads) -> Belief:
    """Return the message on the leniency, with the person's level and the luck of each work integrated out."""
    level, cross, asked = 1.0 / spreads.person, 0.0, 0.0
    level_linear, asked_linear = 0.0, 0.0
    for work in sorted({*own, *others}):
        mine, mine_mean = _combined(own.get(work, ()))
        theirs, theirs_mean = _combined(others.get(work, ()))
        # Precision of (others' reading, own reading) once the work's luck, which both share, is integrated out.
        shared = spreads.work / (1.0 + spreads.work * (mine + theirs))
        a, b, c = theirs - shared * theirs * theirs, -shared * theirs * mine, mine - shared * mine * mine
        level += a + 2.0 * b + c
        cross += b + c
        asked += c
        first, second = a * theirs_mean + b * mine_mean, b * theirs_mean + c * mine_mean
        level_linear += first + second
        asked_linear += second
    return Belief(asked - cross * cross / level, asked_linear - cross * level_linear / level)


def _combined(readings: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Return precision and mean of independent readings of one thing; nothing of none."""
    precision = math.fsum(1.0 / variance for _, variance in readings)
    if precision == 0.0:
        return 0.0, 0.0
    return precision, math.fsum(value / variance for value, variance in readings) / precision


def _pointed(marks: Marks, spreads: Spreads) -> tuple[float, float]:
    """Return where the marks of a sitting point, found under a stranger's prior which is then taken out again."""
    prior = spreads.person + spreads.work + spreads.severity + spreads.sitting
    at, score, information = 0.0, 0.0, 1.0
    for _ in range(STEPS):
        slopes = [mark_gradient(at, spreads.mark, thresholds, mark) for thresholds, mark in marks]
        score, information = math.fsum(one for one, _ in slopes), math.fsum(one for _, one in slopes)
        at += (score - at / prior) / (information + 1.0 / prior)
    return at + score / information, 1.0 / information + spreads.sitting
