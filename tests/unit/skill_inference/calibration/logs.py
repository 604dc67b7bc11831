"""Small logs of made-up people."""

from __future__ import annotations

import numpy as np

from services.skill_inference.calibration.machine_code import Column
from services.skill_inference.calibration.task_ease import ResponseLog
from services.skill_inference.domain.response_fold import Log

DAY = 86_400_000_000


def made_up(seed: int, people: int = 40, each: int = 30, skills: int = 4, tasks: int = 25) -> ResponseLog:
    """People of different levels at tasks of different ease, each task showing one or two skills."""
    drawn = np.random.default_rng(seed)
    print(f"seed {seed}")
    level, ease = drawn.normal(0.0, 1.0, people), drawn.normal(0.0, 1.0, tasks)
    shown = [sorted(drawn.choice(skills, 1 + int(drawn.integers(2)), replace=False).tolist()) for _ in range(tasks)]
    task = drawn.integers(tasks, size=people * each)
    logit = np.repeat(level, each) + ease[task]
    result = (drawn.random(len(task)) < 1.0 / (1.0 + np.exp(-logit))).astype(float)
    counts = np.array([len(shown[one]) for one in task])
    at = np.tile(np.arange(each), people) * DAY + drawn.integers(DAY, size=len(task))
    columns: tuple[Column, ...] = (
        task,
        np.concatenate([[0], np.cumsum(counts)]),
        np.array([skill for one in task for skill in shown[one]]),
        np.repeat(1.0 / counts, counts),
        at,
        result,
        np.ones(len(task)),
    )
    return ResponseLog(Log(*columns), np.arange(people + 1) * each, skills, tasks)
