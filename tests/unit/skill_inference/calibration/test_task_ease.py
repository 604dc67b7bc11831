"""The ease of tasks is learned from others' outcomes, and the curve is judged on whom it did not learn from."""

from __future__ import annotations

import numpy as np
import pytest

from services.skill_inference.calibration.curve_search import KNOBS, CurveSearch, curve_of
from services.skill_inference.calibration.task_ease import Workbench
from tests.unit.skill_inference.calibration.logs import made_up

pytestmark = pytest.mark.timeout(180)
CURVE, SPREAD = curve_of({knob.name: knob.start for knob in KNOBS})


def test_a_task_that_more_succeed_at_is_easier() -> None:
    outcomes = made_up(3, people=200)
    tasks = Workbench(outcomes).learn_tasks(np.arange(6_000), CURVE, SPREAD)
    result, task = np.asarray(outcomes.log.result), np.asarray(outcomes.log.task)
    rate = np.array([result[task == one].mean() for one in range(outcomes.task_count)])
    assert np.corrcoef(rate, np.asarray(tasks.task_ease))[0, 1] > 0.8


def test_a_task_that_nobody_of_these_tried_is_as_any() -> None:
    outcomes = made_up(4)
    events = np.flatnonzero(np.asarray(outcomes.log.task) != 7)
    tasks = Workbench(outcomes).learn_tasks(events, CURVE, SPREAD)
    assert tasks.task_ease[7] == 0.0
    assert tasks.task_spread[7] == pytest.approx(SPREAD.task)


def test_whoever_is_not_asked_changes_no_loss() -> None:
    outcomes = made_up(5)
    result = np.asarray(outcomes.log.result)
    before = CurveSearch(Workbench(outcomes), np.arange(30)).loss({knob.name: knob.start for knob in KNOBS})
    result[900:] = 1.0 - result[900:]
    after = CurveSearch(Workbench(outcomes), np.arange(30)).loss({knob.name: knob.start for knob in KNOBS})
    assert before == after
