"""The baseline of the literature, Best-LR (Gervet et al. 2020), fitted here from its description.

Logistic regression on the task, its skills, the logs of a person's successes and tries by skill, by task and in all;
L2 with C = 1, columns of large values scaled to a root mean square of 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from scipy.optimize import minimize

from services.skill_inference.calibration.machine_code import Reals, Wholes
from tests.conformance.inference.response_sets import ResponseSet


def best_lr(data: ResponseSet) -> Reals:
    """Return the baseline's chances of all outcomes that any split judges."""
    chance = np.full(len(data.result), np.nan)
    table = _table(data)
    for learned, judged in data.splits:
        train, test = data.outcomes.outcomes_of(learned), data.outcomes.outcomes_of(judged)
        chance[test] = _fitted(table, data.result, train, test)
    return chance


def _table(data: ResponseSet) -> Any:
    log, count = data.outcomes.log, len(data.result)
    counts = np.diff(np.asarray(log.skill_from))
    row = np.repeat(np.arange(count), counts)
    by_skill, dense = _counts(data)
    skills = data.outcomes.skill_count
    blocks = [_sparse(np.ones(count), np.arange(count), np.asarray(log.task), (count, data.outcomes.task_count))]
    values = (np.ones(len(row)), by_skill[0], by_skill[1])
    blocks += [_sparse(value, row, np.asarray(log.skill), (count, skills)) for value in values]
    return scipy.sparse.hstack([*blocks, scipy.sparse.csr_matrix(dense)]).tocsr()


def _sparse(value: Reals, row: Wholes, column: Any, shape: tuple[int, int]) -> Any:
    return scipy.sparse.csr_matrix((value, (row, column)), shape=shape)


def _counts(data: ResponseSet) -> tuple[Reals, Reals]:
    """Return logs of successes and tries: by skill, a column a shown skill; and of the task and in all, a row each."""
    log = data.outcomes.log
    task, skill, since = (np.asarray(part).tolist() for part in (log.task, log.skill, log.skill_from))
    result = data.result.tolist()
    by_skill, dense = np.zeros((2, len(skill))), np.zeros((len(result), 4))
    for first, last in zip(data.outcomes.starts[:-1].tolist(), data.outcomes.starts[1:].tolist(), strict=True):
        seen: dict[tuple[str, int], list[float]] = {}
        for e in range(first, last):
            own, whole = seen.setdefault(("task", task[e]), [0.0, 0.0]), seen.setdefault(("all", 0), [0.0, 0.0])
            dense[e] = *own, *whole
            shown = [seen.setdefault(("skill", one), [0.0, 0.0]) for one in skill[since[e] : since[e + 1]]]
            for k, counts in enumerate(shown, since[e]):
                by_skill[:, k] = counts
            for counts in (own, whole, *shown):
                counts[0] += result[e]
                counts[1] += 1.0
    return np.log1p(by_skill), np.log1p(dense)


def _fitted(table: Any, result: Reals, train: Wholes, test: Wholes) -> Reals:
    size = np.asarray(np.sqrt(table[train].multiply(table[train]).mean(0))).ravel()
    scaled = table @ scipy.sparse.diags(np.where(size > 0.9, 1 / np.maximum(size, 0.9), 1.0))
    own, y = scaled[train], result[train]

    def loss(weights: Reals) -> tuple[float, Reals]:
        logit = own @ weights[1:] + weights[0]
        off = 1 / (1 + np.exp(-logit)) - y
        value = float(np.sum(np.logaddexp(0, logit) - y * logit) + 0.5 * np.sum(weights[1:] ** 2))
        return value, np.concatenate([[off.sum()], own.T @ off + weights[1:]])

    options = {"maxiter": 400, "ftol": 1e-9, "gtol": 1e-4}
    weights = minimize(loss, np.zeros(own.shape[1] + 1), jac=True, method="L-BFGS-B", options=options).x
    return np.asarray(1 / (1 + np.exp(-(scaled[test] @ weights[1:] + weights[0]))))
