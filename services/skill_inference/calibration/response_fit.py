"""The response part of a release, from the outcomes of everybody: curve, tasks, and what serves a prediction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from services.skill_inference.calibration.curve_search import CurveSearch, Found
from services.skill_inference.calibration.machine_code import Reals, Wholes
from services.skill_inference.calibration.readout_fit import (
    Crossed,
    Rows,
    choose_level,
    crossed,
    fit_readout,
    read_log,
    serve,
)
from services.skill_inference.calibration.task_ease import Workbench


@dataclass(frozen=True, slots=True)
class ResponseFit:
    """What was found on one log from some of its persons. level: by which the readout's penalties are multiplied.

    believed: before each outcome; of those persons under tasks that the others showed.
    """

    found: Found
    believed: Crossed
    rows: Rows
    weights: Reals
    level: float

    def served(self, asked: Wholes) -> Reals:
        """Return the served chances of these outcomes of the log."""
        return serve(asked, self.rows.start, self.rows.column, self.rows.value, self.weights)


def fit_responses(
    bench: Workbench,
    persons: Wholes,
    level: float | None = None,
    tried: Callable[[float], None] = lambda loss: None,
) -> ResponseFit:
    """Return what the outcomes of `persons` say, and nobody else's. level: where it was chosen before.

    tried: told the best loss so far after each trial of the search.
    """
    reading = read_log(bench)
    found = CurveSearch(bench, persons, tried).find()
    if level is None:
        level = choose_level(bench, reading, persons, found.curve, found.spread)
    believed = crossed(bench, persons, found.curve, found.spread)
    rows, weights = fit_readout(bench, reading, persons, believed.numbers, level)
    return ResponseFit(found, believed, rows, weights, level)
