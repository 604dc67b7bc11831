"""The readout as the annex of a release: weights by the ids of tasks and skills, for `domain.readout` to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from services.skill_inference.calibration.machine_code import Reals
from services.skill_inference.calibration.readout_fit import (
    CODES,
    NUMBERS,
    SKILL,
    SKILL_AFTER,
    TASK,
    TASK_AFTER,
    TRANSITION,
    TRIES,
    WINS,
    Rows,
)
from services.skill_inference.calibration.task_ease import ResponseLog
from services.skill_inference.domain.readout import AFTER, FORM, PAUSE, PAUSE_MAX
from services.skill_inference.domain.readout_features import SECOND
from shared.kernel import canonical_json

PAUSE_QUANTILE: Final = 0.99
"""Of the pauses between tries: what is longer is too seldom to be fitted to."""


def readout_annex(
    rows: Rows, weights: Reals, outcomes: ResponseLog, tasks: Sequence[str], skills: Sequence[str]
) -> bytes:
    """Return the canonical document; `tasks` and `skills` are the ids by their places in the log `outcomes`."""

    def family(number: int) -> list[float]:
        return [float(one) for one in weights[rows.offset[number] : rows.offset[number + 1]]]

    after, skill_after = family(TASK_AFTER), family(SKILL_AFTER)
    own = zip(family(SKILL), family(WINS), family(TRIES), strict=True)
    document = {
        "form": FORM,
        "numbers": family(NUMBERS),
        "middles": rows.middle.tolist(),
        "widths": rows.width.tolist(),
        "codes": family(CODES),
        PAUSE: min(pause_seconds_max(outcomes), PAUSE_MAX),
        "tasks": {tasks[i]: [weight, *after[AFTER * i : AFTER * (i + 1)]] for i, weight in enumerate(family(TASK))},
        "skills": {skills[s]: [*three, *skill_after[AFTER * s : AFTER * (s + 1)]] for s, three in enumerate(own)},
        "transitions": [
            _transition(int(key), weight, tasks)
            for key, weight in zip(rows.transitions, family(TRANSITION), strict=True)
        ],
    }
    return canonical_json.dumps(document)


def pause_seconds_max(outcomes: ResponseLog) -> float:
    """Return the seconds within which PAUSE_QUANTILE of a person's next tries followed; 0 where nobody tried twice."""
    pauses = np.delete(np.diff(outcomes.log.at), np.asarray(outcomes.starts)[1:-1] - 1)
    return float(np.quantile(pauses, PAUSE_QUANTILE, method="higher")) / SECOND if len(pauses) else 0.0


def _transition(key: int, weight: float, tasks: Sequence[str]) -> dict[str, Any]:
    pair, last = divmod(key, AFTER)
    previous, task = divmod(pair, len(tasks))
    found: dict[str, Any] = {"task": tasks[task], "last": last, "weight": weight}
    return found if previous == 0 else found | {"previous": tasks[previous - 1]}
