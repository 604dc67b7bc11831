"""What is served is what calibration fitted: the features and the sum are the same, interpreted and compiled."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from services.skill_inference.calibration.curve_search import KNOBS, curve_of
from services.skill_inference.calibration.readout_annex import readout_annex
from services.skill_inference.calibration.readout_fit import Rows, crossed, fit_weights, read_log, rows_of, serve
from services.skill_inference.calibration.task_ease import Workbench
from services.skill_inference.domain import readout_features as features
from services.skill_inference.domain.readout import Moment, Shown, codes_of, parse_readout, served_chance
from services.skill_inference.domain.response_fold import Log
from shared.kernel.errors import Rejected
from tests.unit.skill_inference.calibration.logs import made_up

pytestmark = pytest.mark.timeout(180)
NUMBERS = {knob.name: knob.start for knob in KNOBS}
TASKS, SKILLS = [f"task {n}" for n in range(25)], [f"skill {n}" for n in range(4)]


@cache
def bench() -> Workbench:
    return Workbench(made_up(11))


@cache
def fitted() -> tuple[Rows, Any, Any]:
    persons, learned = np.arange(40), np.arange(1_200)
    numbers = crossed(bench(), persons, *curve_of(NUMBERS)).numbers
    rows = rows_of(bench(), read_log(bench()), numbers, learned)
    return rows, fit_weights(rows, np.asarray(bench().log.result), learned, 1.0), numbers


def interpreted() -> features.Reading:
    outcomes = bench().outcomes
    log = Log(*(np.asarray(column).tolist() for column in outcomes.log))
    habits = features.Habits(
        *([0.0] * 10, [0] * 5, [0] * 4, [0.0] * 24, [0.0] * 32, [0.0] * 4, [0.0] * 4, [0] * 4, [0] * 4, [0] * 4),
        *([0] * 25, [0.0] * 25, [0.0] * 25, [0] * 25, [0] * 25),
    )
    count, shown = len(log.task), len(log.skill)
    codes = [[0] * count for _ in range(6)]
    out = features.Reading([0.0] * (count * features.NUMBERS), *codes, [0.0] * shown, [0.0] * shown)  # type: ignore[call-arg, arg-type]
    features.read_everybody(outcomes.starts.tolist(), log, habits, out)
    return out


def test_features_are_the_same_bits_interpreted_and_compiled() -> None:
    slow, fast = interpreted(), read_log(bench())
    for column, other in zip(slow, fast, strict=True):
        assert np.array_equal(np.asarray(column), np.asarray(other))


def test_the_annex_serves_what_was_fitted() -> None:
    rows, weights, numbers = fitted()
    readout = parse_readout(readout_annex(rows, weights, TASKS, SKILLS))
    reading, log = read_log(bench()), bench().log
    asked = np.arange(1_200)
    expected = serve(asked, rows.start, rows.column, rows.value, weights)
    for e in range(0, 1_200, 7):
        span = range(log.skill_from[e], log.skill_from[e + 1])
        moment = Moment(
            [*numbers[e], *reading.numbers[features.NUMBERS * e : features.NUMBERS * (e + 1)]],
            codes_of(reading, e),
            TASKS[log.task[e]],
            TASKS[reading.previous[e]] if reading.previous[e] >= 0 else None,
            reading.last[e],
            [Shown(SKILLS[log.skill[k]], log.share[k], reading.wins[k], reading.tries[k]) for k in span],
        )
        assert served_chance(readout, moment) == pytest.approx(expected[e], abs=1e-9)


def test_an_annex_with_a_misspelt_member_is_refused() -> None:
    rows, weights, _ = fitted()
    raw = readout_annex(rows, weights, TASKS, SKILLS).replace(b'"codes"', b'"cods"')
    with pytest.raises(Rejected) as refused:
        parse_readout(raw)
    assert refused.value.faults[0].pointer == "/codes"


def test_the_same_log_gives_the_same_bits_of_weights() -> None:
    _, weights, numbers = fitted()
    again = rows_of(bench(), read_log(bench()), numbers, np.arange(1_200))
    assert np.array_equal(fit_weights(again, np.asarray(bench().log.result), np.arange(1_200), 1.0), weights)
