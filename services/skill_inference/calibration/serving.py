"""The readout of a house: fitted to its outcomes, judged on people whom it never saw, and left out where it is no help.

The level of penalties is chosen and the judgement made by `fit_responses`, which the benchmark runs too. What is judged
is found from four fifths of the people alone, curve and tasks and weights; what is written is then fitted to everybody.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from services.skill_inference.calibration.curve_search import held_out
from services.skill_inference.calibration.evidence_log import NamedLog
from services.skill_inference.calibration.machine_code import Reals, Wholes
from services.skill_inference.calibration.readout_annex import readout_annex
from services.skill_inference.calibration.readout_fit import Crossed, fit_readout, read_log
from services.skill_inference.calibration.reliability import Bin, reliability
from services.skill_inference.calibration.response_fit import ResponseFit, fit_responses
from services.skill_inference.calibration.scores import Scores, scores
from services.skill_inference.calibration.task_ease import Workbench

READOUT_OUTCOMES_MIN: Final = 2_000
READOUT_LEARNERS_MIN: Final = 50
"""People with outcomes: ten of them are held out, and fewer would decide by themselves."""
READOUT_BYTES_MAX: Final = 1 << 20
"""An annex that is larger cannot be brought."""
GENERAL: Final = 2
"""Where the general level stands among the numbers of the state."""


@dataclass(frozen=True, slots=True)
class Judged:
    """How chances came true of people held out: by the state alone, and as the readout would have served them."""

    people: int
    outcomes: int
    state: Scores
    served: Scores
    state_bins: Sequence[Bin]
    served_bins: Sequence[Bin]


@dataclass(frozen=True, slots=True)
class Serving:
    """What a readout comes to. annex: None where none is written, and `reason` says why."""

    annex: bytes | None
    judged: Judged | None
    reason: str | None


def fit_serving(
    bench: Workbench, log: NamedLog, believed: Crossed, general_shift: float, tried: Callable[[float], None]
) -> Serving:
    """Return the readout over what everybody was believed, if it serves people held out better than the state.

    general_shift: what the release adds to the general level of `believed`. tried: as CurveSearch.
    """
    persons = np.arange(len(log.outcomes.starts) - 1)
    is_asked = held_out(persons) == 0
    asked, result = log.outcomes.outcomes_of(persons[is_asked]), np.asarray(bench.log.result)
    reason = _too_little(len(result), len(persons), result[asked])
    if reason is not None:
        return Serving(None, None, reason)
    fit = fit_responses(bench, persons[~is_asked], tried=tried)
    judged = _judged(fit, result, asked, int(is_asked.sum()))
    if judged.served.loss >= judged.state.loss:
        return Serving(None, judged, "a readout serves people held out no better than the state: none is written")
    numbers = believed.numbers.copy()
    numbers[:, GENERAL] += general_shift
    rows, weights = fit_readout(bench, read_log(bench), persons, numbers, fit.level)
    annex = readout_annex(rows, weights, log.outcomes, log.tasks, log.skills)
    if len(annex) > READOUT_BYTES_MAX:
        return Serving(None, judged, f"a readout of {len(annex)} bytes, {READOUT_BYTES_MAX} may be: none is written")
    return Serving(annex, judged, None)


def _too_little(outcomes: int, learners: int, asked: Reals) -> str | None:
    if outcomes < READOUT_OUTCOMES_MIN or learners < READOUT_LEARNERS_MIN:
        needed = f"{READOUT_OUTCOMES_MIN} of {READOUT_LEARNERS_MIN}"
        return f"no readout: {outcomes} outcomes of {learners} people, {needed} are needed"
    if len({bool(one > 0.5) for one in asked}) < 2:
        return "no readout: people held out only succeeded, or only failed"
    return None


def _judged(fit: ResponseFit, result: Reals, asked: Wholes, people: int) -> Judged:
    seen, state, served = result[asked], fit.believed.chance[asked], fit.served(asked)
    bins = (reliability(seen, state), reliability(seen, served))
    return Judged(people, len(asked), scores(seen, state), scores(seen, served), *bins)
