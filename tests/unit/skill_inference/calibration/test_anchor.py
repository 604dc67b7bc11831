"""That the level of a stranger can be moved into the tasks, and no chance changes: what a release rests on."""

from __future__ import annotations

import numpy as np

from services.skill_inference.calibration.curve_search import KNOBS, curve_of
from services.skill_inference.calibration.machine_code import Column
from services.skill_inference.calibration.task_ease import Workbench
from tests.unit.skill_inference.calibration.logs import made_up


def test_a_stranger_moved_one_way_and_skills_the_other_leave_every_chance_as_it_was() -> None:
    bench = Workbench(made_up(5))
    curve, spread = curve_of({knob.name: knob.start for knob in KNOBS})
    everybody = np.arange(len(bench.log.task))
    tasks = bench.learn_tasks(everybody, curve, spread)
    before = np.array(bench.fold(tasks, curve).chance)
    ease: Column = np.asarray(tasks.skill_ease) + 1.25
    moved = bench.fold(tasks._replace(skill_ease=ease), curve._replace(general_mean=curve.general_mean - 1.25))
    assert np.max(np.abs(np.array(moved.chance) - before)) < 1e-12
