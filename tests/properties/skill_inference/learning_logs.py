"""Any outcomes of a few people, any task parameters and any curve that a release may hold, for the step of learning."""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import strategies as st

from services.skill_inference.domain.response_fold import DAY, Curve, Log, Memory, Tasks, Trace

SKILLS = 4
TASKS = 6


class Case(NamedTuple):
    """A log of persons starts[n] … starts[n + 1], and what it is read by."""

    starts: list[int]
    log: Log
    tasks: Tasks
    curve: Curve


PLAIN = Curve(
    general_mean=0.0,
    general_variance=1.5,
    general_growth=0.0,
    general_drift_per_day=0.0,
    form_mean=0.0,
    form_variance=0.0,
    form_keep=1.0,
    form_rate=0.0,
    deviation_variance=0.4,
    deviation_growth=0.0,
    deviation_rate=0.0,
    gain_success=0.0,
    gain_failure=0.0,
    familiar_variance=0.0,
    familiar_success=0.0,
    familiar_failure=0.0,
    familiar_rate=0.0,
    repeat_factor=0.5,
    step_max=0.69,
)
"""Everything that can be switched off is."""

curves = st.builds(
    Curve,
    general_mean=st.floats(-4.0, 4.0),
    general_variance=st.floats(0.02, 9.0),
    general_growth=st.floats(0.0, 0.2),
    general_drift_per_day=st.sampled_from((0.0, 0.0003, 0.03)),
    form_mean=st.floats(-2.0, 2.0),
    form_variance=st.floats(0.0, 3.0),
    form_keep=st.floats(0.2, 1.0),
    form_rate=st.sampled_from((0.0, 0.3, 40.0)),
    deviation_variance=st.floats(0.01, 5.0),
    deviation_growth=st.floats(0.0, 0.3),
    deviation_rate=st.sampled_from((0.0, 0.001, 0.3)),
    gain_success=st.floats(-0.2, 0.3),
    gain_failure=st.floats(-0.2, 0.3),
    familiar_variance=st.floats(0.0, 5.0),
    familiar_success=st.floats(-3.0, 3.0),
    familiar_failure=st.floats(-3.0, 3.0),
    familiar_rate=st.sampled_from((0.0, 0.03, 3.0)),
    repeat_factor=st.sampled_from((0.5, 0.0, 1.0, 0.8)),
    step_max=st.floats(0.01, 2.0),
    novelty=st.floats(-2.0, 2.0),
    novelty_keep=st.floats(0.0, 1.0),
)


def _some(values: st.SearchStrategy[float], count: int) -> st.SearchStrategy[list[float]]:
    return st.lists(values, min_size=count, max_size=count)


@st.composite
def tasks_of(draw: st.DrawFn) -> Tasks:
    """Draw what is known of TASKS tasks and SKILLS skills."""
    return Tasks(
        draw(_some(st.floats(-8.0, 8.0), TASKS)),
        draw(_some(st.floats(0.0, 6.0), TASKS)),
        draw(_some(st.floats(-4.0, 4.0), SKILLS)),
        draw(_some(st.floats(0.0, 6.0), SKILLS)),
        draw(_some(st.floats(0.1, 10.0), SKILLS)),
    )


@st.composite
def logs(draw: st.DrawFn, size_max: int = 30) -> tuple[list[int], Log]:
    """Draw one to three persons with their outcomes in order of time."""
    starts, skill_from = [0], [0]
    task: list[int] = []
    skill: list[int] = []
    share: list[float] = []
    at: list[int] = []
    for _ in range(draw(st.integers(1, 3))):
        now = draw(st.integers(0, 2**50))
        for _ in range(draw(st.integers(1, size_max))):
            now += draw(st.sampled_from((0, 0, 1, 60_000_000, int(DAY), 400 * int(DAY))))
            shown = draw(st.lists(st.integers(0, SKILLS - 1), min_size=1, max_size=3, unique=True))
            task.append(draw(st.integers(0, TASKS - 1)))
            skill += shown
            share += [1.0 / len(shown)] * len(shown)
            skill_from.append(len(skill))
            at.append(now)
        starts.append(len(task))
    results = draw(_some(st.one_of(st.sampled_from((0.0, 1.0)), st.floats(0.0, 1.0)), len(task)))
    weights = draw(_some(st.sampled_from((1.0, 1.0, 0.5, 0.2, 0.0)), len(task)))
    return starts, Log(task, skill_from, skill, share, at, results, weights)


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a log and what it is read by."""
    starts, log = draw(logs())
    return Case(starts, log, draw(tasks_of()), draw(curves))


def memory_of(skills: int, tasks: int) -> Memory:
    """Return an empty store for the interpreter."""

    def real(count: int) -> list[float]:
        return [0.0] * count

    def whole(count: int) -> list[int]:
        return [0] * count

    return Memory(
        skill_met=whole(skills),
        skill_mean=real(skills),
        skill_variance=real(skills),
        skill_at=whole(skills),
        skill_step=real(skills),
        skill_used=real(skills),
        task_met=whole(tasks),
        task_mean=real(tasks),
        task_variance=real(tasks),
        task_at=whole(tasks),
        task_moved=real(tasks),
        task_weight=real(tasks),
    )


def trace_of(outcomes: int) -> Trace:
    """Return an empty trace for the interpreter."""
    return Trace(*([0.0] * outcomes for _ in Trace._fields))


def repeats(count: int, result: float = 1.0, weight: float = 1.0, apart: int = 0, *, same: bool = True) -> Log:
    """Return one person's tries, all of task 0 or of one task each, at one skill."""
    return Log(
        task=[0 if same else number for number in range(count)],
        skill_from=list(range(count + 1)),
        skill=[0] * count,
        share=[1.0] * count,
        at=[number * apart for number in range(count)],
        result=[result] * count,
        weight=[weight] * count,
    )


def plain_tasks(count: int, ease: float = 0.0) -> Tasks:
    """Return tasks of one ease that are well known, at one skill."""
    return Tasks([ease] * count, [0.1] * count, [0.0], [0.0], [1.0])


def as_arrays(part: Any) -> Any:
    """Return a Log, Tasks, Memory or Trace of lists as one of arrays, for the compiled fold."""
    import numpy as np

    return type(part)(*(np.array(column, np.int64 if _is_whole(column) else np.float64) for column in part))


def _is_whole(column: list[Any]) -> bool:
    return bool(column) and all(isinstance(value, int) for value in column)
