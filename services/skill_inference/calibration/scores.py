"""How good predictions are, in the forms in which others publish theirs: the report and the benchmark say the same."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from scipy.stats import rankdata

from services.skill_inference.calibration.machine_code import Reals
from services.skill_inference.calibration.reliability import calibration_error, reliability

CHANCE_MIN: Final = 1e-6
"""No chance counts as less sure than this, nor one of success as surer: a log loss stays finite."""


class Scores(NamedTuple):
    """AUC, log loss an outcome, and expected calibration error over parts of equal width."""

    auc: float
    loss: float
    ece: float


def scores(result: Reals, chance: Reals) -> Scores:
    """Return how good the chances were. Needs a success and a failure among the results."""
    kept = np.clip(chance, CHANCE_MIN, 1.0 - CHANCE_MIN)
    loss = -float(np.mean(result * np.log(kept) + (1.0 - result) * np.log(1.0 - kept)))
    return Scores(auc(result, chance), loss, calibration_error(reliability(result, chance)))


def auc(result: Reals, chance: Reals) -> float:
    """Return how often a success had the higher chance than a failure. A result above a half is a success."""
    ranks, won = rankdata(chance), result > 0.5
    count = int(won.sum())
    return float((ranks[won].sum() - count * (count + 1) / 2) / (count * (len(result) - count)))
