"""Fitting the served prediction: a sum over what is known before the outcome, squeezed into a chance.

One column a number of the state and of `readout_features`, one a task, a skill, a skill's successes and tries, a code,
a task after a success or a failure, and a task after another task. Penalised logistic regression; the penalties of the
families stand in fixed ratios, their level is chosen on persons held out of the calibration. The state of calibration
persons is read under tasks learned *without* them (`crossed`), else the ease of a rare task would know its own outcome.
Serving it is a sum in column order, `domain.readout`'s: no matrix library.
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from scipy.optimize import minimize

from services.skill_inference.calibration.curve_search import held_out, log_loss
from services.skill_inference.calibration.machine_code import (
    Reals,
    Wholes,
    compiled,
    compiled_together,
    reals,
    wholes,
)
from services.skill_inference.calibration.task_ease import FOLDS, Spread, Workbench
from services.skill_inference.domain import readout_features as features
from services.skill_inference.domain.readout import CODE_SIZES, WEIGHT_DIGITS
from services.skill_inference.domain.response import FLATTENING
from services.skill_inference.domain.response_fold import Curve, Log, Tasks, Trace

CROSSINGS: Final = 4
CROSSING_SEED: Final = 3
TRANSITION_MIN: Final = 8
"""Calibration outcomes behind a pair of tasks in a row before it has a column."""
PENALTIES: Final = (3.3, 20.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0)
"""By family: numbers, task, skill, skill's successes, skill's tries, codes, transition, task after, skill after."""
INTERCEPT_PENALTY: Final = 1e-3
LEVELS: Final = (0.3, 1.0, 4.0)
STEPS: Final = 120
TRIAL_STEPS: Final = 100
TASK_FOLDS: Final = FOLDS + 1
WIDTH_MIN: Final = 1e-9
INTERCEPT, NUMBERS, TASK, SKILL, WINS, TRIES, CODES, TRANSITION, TASK_AFTER, SKILL_AFTER = range(-1, 9)
"""Families of columns."""


class Rows(NamedTuple):
    """A sparse table: row e has columns and values from start[e] to start[e + 1]. family: of each column.

    offset: where each family's columns begin. middle, width: what a number was shifted and divided by.
    transitions: keys of the pairs of tasks that have a column.
    """

    start: Wholes
    column: Any
    value: Reals
    family: Wholes
    offset: Wholes
    middle: Reals
    width: Reals
    transitions: Wholes


class Crossed(NamedTuple):
    """What was believed before each outcome. tasks: learned from all calibration persons.

    numbers and chance of calibration persons are under tasks that the others of them showed.
    """

    tasks: Tasks
    numbers: Reals
    chance: Reals


def read_log(bench: Workbench) -> features.Reading:
    """Return what was known before each outcome of the log, the state apart."""
    outcomes, log = bench.outcomes, bench.log
    count, shown = len(log.task), len(log.skill)
    person, skill, task, neighbour, last, previous = (wholes(count) for _ in range(6))
    numbers = reals(count * features.NUMBERS)
    reading = features.Reading(numbers, person, skill, task, neighbour, last, previous, reals(shown), reals(shown))
    habits = _habits(outcomes.skill_count, outcomes.task_count)
    _read_everybody()(outcomes.starts, log, habits, reading)
    return reading


def numbers_of(trace: Trace) -> Reals:
    """Return the numbers of the state that the readout looks at, a row an outcome."""
    logit = np.asarray(trace.logit) / np.sqrt(1.0 + FLATTENING * np.asarray(trace.variance))
    bends = (logit * np.abs(logit), np.minimum(logit + 1.0, 0.0), np.maximum(logit - 1.0, 0.0))
    parts = (trace.variance, trace.general, trace.form, trace.deviation, trace.familiar, trace.level_variance)
    return np.column_stack([logit, *parts, *bends])


def crossed(bench: Workbench, persons: Wholes, curve: Curve, spread: Spread) -> Crossed:
    """Return what was believed before each outcome; of `persons` under tasks learned from the others of them."""
    outcomes = bench.outcomes
    tasks = bench.learn_tasks(outcomes.outcomes_of(persons), curve, spread, TASK_FOLDS)
    trace = bench.fold(tasks, curve)
    numbers, chance = numbers_of(trace), np.array(trace.chance)
    part = np.random.default_rng(CROSSING_SEED).permutation(len(persons)) % CROSSINGS
    for k in range(CROSSINGS):
        others = bench.learn_tasks(outcomes.outcomes_of(persons[part != k]), curve, spread)
        mine = outcomes.outcomes_of(persons[part == k])
        trace = bench.fold(others, curve)
        numbers[mine], chance[mine] = numbers_of(trace)[mine], np.asarray(trace.chance)[mine]
    return Crossed(tasks, numbers, chance)


def rows_of(bench: Workbench, reading: features.Reading, numbers: Reals, learned: Wholes) -> Rows:
    """Return the table of the whole log; scales and transitions come from the outcomes `learned` alone."""
    count, tasks, skills = len(bench.log.task), bench.outcomes.task_count, bench.outcomes.skill_count
    read = np.asarray(reading.numbers).reshape(count, features.NUMBERS)
    dense = np.column_stack([np.ones(count), numbers, read])
    middle, width = dense[learned].mean(0), dense[learned].std(0)
    width[width < WIDTH_MIN] = 1.0
    middle[0], width[0] = 0.0, 1.0
    keys = transition_keys(bench, reading)
    transitions = _frequent(keys[learned])
    sizes = (dense.shape[1], tasks, skills, skills, skills, sum(CODE_SIZES), len(transitions), 3 * tasks, 3 * skills)
    family = np.repeat(np.arange(len(sizes)), sizes)
    family[0] = INTERCEPT
    offset = np.concatenate([[0], np.cumsum(sizes)])
    step = _place(keys, transitions)
    table = fill_table(bench.log, reading, (dense - middle) / width, code_columns(reading), step, offset)
    return Rows(*table, family, offset, middle, width, transitions)


def code_columns(reading: features.Reading) -> Wholes:
    """Return the four codes of each outcome, as columns among all codes."""
    cell = np.asarray(reading.task_code) + features.TASK_CODES * np.asarray(reading.neighbour)
    near = np.asarray(reading.skill_code) * 3 + np.asarray(reading.neighbour)
    codes = np.column_stack([reading.person_code, reading.skill_code, cell, near])
    return np.asarray(codes + np.concatenate([[0], np.cumsum(CODE_SIZES)[:-1]]), np.int64)


def transition_keys(bench: Workbench, reading: features.Reading) -> Wholes:
    """Return a number for the task before, this task, and how the one before went."""
    pair = (np.asarray(reading.previous) + 1) * bench.outcomes.task_count + np.asarray(bench.log.task)
    return np.asarray(pair * features.LAST_CODES + np.asarray(reading.last), np.int64)


def fit_weights(rows: Rows, result: Reals, learned: Wholes, level: float, steps: int = STEPS) -> Reals:
    """Return the weights of the columns, rounded as a release stores them. `level` multiplies all penalties."""
    penalty = np.array([*(each * level for each in PENALTIES), INTERCEPT_PENALTY])[rows.family]
    slope = np.zeros(len(penalty))

    def loss(weights: Reals) -> tuple[float, Reals]:
        value = penalised_loss(learned, rows.start, rows.column, rows.value, result, weights, penalty, slope)
        return value, slope.copy()

    options = {"maxiter": steps, "maxcor": 15, "ftol": 1e-8}
    found = minimize(loss, np.zeros(len(penalty)), jac=True, method="L-BFGS-B", options=options).x
    return np.asarray(np.round(found, WEIGHT_DIGITS), np.float64)


def fit_readout(
    bench: Workbench, reading: features.Reading, persons: Wholes, numbers: Reals, level: float
) -> tuple[Rows, Reals]:
    """Return the table of the whole log and the weights that the outcomes of `persons` give its columns."""
    learned = bench.outcomes.outcomes_of(persons)
    rows = rows_of(bench, reading, numbers, learned)
    return rows, fit_weights(rows, np.asarray(bench.log.result), learned, level)


def choose_level(bench: Workbench, reading: features.Reading, persons: Wholes, curve: Curve, spread: Spread) -> float:
    """Return the level of the penalties that serves held-out persons best."""
    part, outcomes, result = held_out(persons), bench.outcomes, np.asarray(bench.log.result)
    learned, judged = outcomes.outcomes_of(persons[part != 0]), outcomes.outcomes_of(persons[part == 0])
    rows = rows_of(bench, reading, crossed(bench, persons[part != 0], curve, spread).numbers, learned)
    losses = {}
    for level in LEVELS:
        chance = serve(
            judged, rows.start, rows.column, rows.value, fit_weights(rows, result, learned, level, TRIAL_STEPS)
        )
        losses[level] = log_loss(result[judged], chance) / len(judged)
    return min(LEVELS, key=lambda level: (losses[level], level))


@compiled
def fill_table(
    log: Log, reading: features.Reading, dense: Reals, codes: Wholes, step: Wholes, offset: Wholes
) -> tuple[Wholes, Any, Reals]:
    """Return start, column and value of the sparse table, each row in the order in which it is served."""
    count = len(log.task)
    room = count * (dense.shape[1] + codes.shape[1] + 3) + 4 * len(log.skill)
    start, column, value, q = np.zeros(count + 1, np.int64), np.zeros(room, np.int32), np.ones(room), 0
    for e in range(count):
        start[e] = q
        for j in range(dense.shape[1]):
            column[q], value[q] = j, dense[e, j]
            q += 1
        column[q] = offset[1] + log.task[e]
        column[q + 1] = offset[7] + 3 * log.task[e] + reading.last[e]
        q += 2
        if step[e] >= 0:
            column[q] = offset[6] + step[e]
            q += 1
        for j in range(codes.shape[1]):
            column[q] = offset[5] + codes[e, j]
            q += 1
        for k in range(log.skill_from[e], log.skill_from[e + 1]):
            s, w = log.skill[k], log.share[k]
            column[q], value[q] = offset[2] + s, w
            column[q + 1], value[q + 1] = offset[3] + s, w * reading.wins[k]
            column[q + 2], value[q + 2] = offset[4] + s, w * reading.tries[k]
            column[q + 3], value[q + 3] = offset[8] + 3 * s + reading.last[e], w
            q += 4
    start[count] = q
    return start, column[:q], value[:q]


@compiled
def penalised_loss(
    learned: Wholes, start: Any, column: Any, value: Any, result: Reals, weights: Reals, penalty: Reals, slope: Reals
) -> float:
    """Return the penalised log loss, its gradient in `slope`."""
    loss = 0.0
    for j in range(len(weights)):
        slope[j] = penalty[j] * weights[j]
        loss += 0.5 * slope[j] * weights[j]
    for q in range(len(learned)):
        e, x = learned[q], 0.0
        for k in range(start[e], start[e + 1]):
            x += weights[column[k]] * value[k]
        t = math.exp(-abs(x))
        loss += math.log(1.0 + t) + max(x, 0.0) - result[e] * x
        surprise = (1.0 / (1.0 + t) if x >= 0.0 else t / (1.0 + t)) - result[e]
        for k in range(start[e], start[e + 1]):
            slope[column[k]] += surprise * value[k]
    return loss


@compiled
def serve(asked: Wholes, start: Any, column: Any, value: Any, weights: Reals) -> Reals:
    """Return the chances of the outcomes asked for, each a sum in column order."""
    chance = np.zeros(len(asked))
    for q in range(len(asked)):
        e, x = asked[q], 0.0
        for k in range(start[e], start[e + 1]):
            x += weights[column[k]] * value[k]
        t = math.exp(-abs(x))
        chance[q] = 1.0 / (1.0 + t) if x >= 0.0 else t / (1.0 + t)
    return chance


def _frequent(keys: Wholes) -> Wholes:
    known, counts = np.unique(keys, return_counts=True)
    return known[counts >= TRANSITION_MIN]


def _place(keys: Wholes, known: Wholes) -> Wholes:
    """Return where each key stands among those known, -1 where it does not."""
    if not len(known):
        return np.full(len(keys), -1)
    place = np.minimum(np.searchsorted(known, keys), len(known) - 1)
    return np.where(known[place] == keys, place, -1)


def _habits(skills: int, tasks: int) -> features.Habits:
    sizes = features.habit_sizes(skills, tasks)
    return features.Habits(*(wholes(n) if name in features.WHOLE else reals(n) for name, n in sizes.items()))


def _read_everybody() -> Any:
    return compiled_together(vars(features), *features.COMPILED)
