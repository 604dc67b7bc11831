"""A readout is written where it helped people whom it never saw, and else the report says why not."""

from __future__ import annotations

import numpy as np
import pytest

from services.skill_inference.calibration.curve_search import KNOBS, curve_of
from services.skill_inference.calibration.evidence_log import NamedLog
from services.skill_inference.calibration.machine_code import Column
from services.skill_inference.calibration.readout_fit import crossed
from services.skill_inference.calibration.serving import READOUT_OUTCOMES_MIN, Serving, fit_serving
from services.skill_inference.calibration.task_ease import Workbench
from services.skill_inference.domain.readout import parse_readout
from services.skill_inference.domain.response_fold import Log
from tests.unit.skill_inference.calibration.logs import made_up

pytestmark = pytest.mark.timeout(180)
EACH = 40


def serving(people: int, *, is_streaky: bool = False, shift: float = 0.0) -> Serving:
    outcomes = made_up(5, people, EACH)
    if is_streaky:
        outcomes = outcomes._replace(log=_streaky(outcomes.log))
    bench = Workbench(outcomes)
    log = NamedLog(outcomes, [f"task {n}" for n in range(25)], [f"skill {n}" for n in range(4)])
    curve, spread = curve_of({knob.name: knob.start for knob in KNOBS})
    return fit_serving(bench, log, crossed(bench, np.arange(people), curve, spread), shift, lambda loss: None)


def _streaky(log: Log) -> Log:
    """Have every second outcome go as the one before, which no level explains."""
    result: Column = np.array(log.result)
    result[1::2] = result[::2]
    return log._replace(result=result)


def test_too_few_outcomes_give_no_readout_and_the_reason() -> None:
    found = serving(49)
    assert (found.annex, found.judged) == (None, None)
    assert found.reason == f"no readout: {49 * EACH} outcomes of 49 people, {READOUT_OUTCOMES_MIN} of 50 are needed"


def test_a_readout_that_helps_people_held_out_is_written_and_their_scores_stand_beside_the_states() -> None:
    found = serving(60, is_streaky=True, shift=0.25)
    assert found.reason is None
    assert found.judged is not None
    assert (found.judged.people, found.judged.outcomes) == (12, 12 * EACH)
    assert found.judged.served.loss < found.judged.state.loss
    assert found.judged.served.auc > found.judged.state.auc
    assert sum(one.outcomes for one in found.judged.served_bins) == 12 * EACH
    assert found.annex is not None
    parse_readout(found.annex)


def test_a_readout_that_does_not_help_people_held_out_is_not_written() -> None:
    found = serving(60)
    assert found.judged is not None
    assert found.judged.served.loss > found.judged.state.loss
    assert found.annex is None
    assert found.reason == "a readout serves people held out no better than the state: none is written"
