"""The sets of outcomes as logs, split by person as given. Nothing is copied: a set that is not there is skipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pyarrow.parquet
import pytest

from services.skill_inference.calibration.machine_code import Column, Reals, Wholes
from services.skill_inference.calibration.response_fit import ResponseFit, fit_responses
from services.skill_inference.calibration.task_ease import ResponseLog, Workbench
from services.skill_inference.domain.response_fold import Log

FOLDER: Final = Path(__file__).resolve().parents[4] / "shared/data/inference"
FOLDS: Final = 5
SPLIT_SEED: Final = 7
MICROSECONDS: Final = 1_000_000


class ResponseSet(NamedTuple):
    """A set, and its splits as (persons to learn from, persons to judge on): nobody is on both sides."""

    name: str
    outcomes: ResponseLog
    splits: list[tuple[Wholes, Wholes]]

    @property
    def result(self) -> Reals:
        return np.asarray(self.outcomes.log.result)


def path_of(name: str) -> Path:
    path = FOLDER / f"{name}.parquet"
    if not path.exists():
        pytest.skip(f"the data folder beside the repository is absent: {path}")
    return path


def load(name: str) -> ResponseSet:
    table = pyarrow.parquet.read_table(path_of(name))
    user = _numbered(table["user_id"].to_pylist())
    shown = table["skills"].to_pylist() if "skills" in table.column_names else None
    skills: list[list[int]] = shown or [[one] for one in table["skill_id"].to_pylist()]
    places = {value: place for place, value in enumerate(sorted({one for row in skills for one in row if one >= 0}))}
    rows = [[places[one] for one in row if one >= 0] for row in skills]
    item = table["item_id" if "item_id" in table.column_names else "skill_id"].to_pylist()
    task = _numbered(item)
    counts = np.array([len(row) for row in rows], np.int64)
    has_time = "timestamp" in table.column_names
    at = np.asarray(table["timestamp"]).astype(np.int64) * MICROSECONDS if has_time else np.zeros(len(user), np.int64)
    starts = np.flatnonzero(np.concatenate([[True], user[1:] != user[:-1], [True]])).astype(np.int64)
    columns: tuple[Column, ...] = (
        task,
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        np.array([one for row in rows for one in row], np.int64),
        np.repeat(1.0 / np.maximum(counts, 1), counts),
        at,
        np.asarray(table["correct"]).astype(np.float64),
        np.ones(len(user)),
    )
    log = Log(*columns)
    outcomes = ResponseLog(log, starts, len(places), int(task.max()) + 1)
    return ResponseSet(name, outcomes, _splits(table, starts))


def fits(data: ResponseSet) -> Iterator[ResponseFit]:
    """Yield what each split's persons to learn from say, found anew from nothing else."""
    bench = Workbench(data.outcomes)
    for learned, _ in data.splits:
        yield fit_responses(bench, learned)


def _numbered(values: list[Any]) -> Wholes:
    place: dict[Any, int] = {}
    return np.array([place.setdefault(value, len(place)) for value in values], np.int64)


def _splits(table: Any, starts: Wholes) -> list[tuple[Wholes, Wholes]]:
    count = len(starts) - 1
    if "split" in table.column_names and set(table["split"].unique().to_pylist()) == {"train", "test"}:
        is_test = np.array([value == "test" for value in table["split"].to_pylist()])[starts[:-1]]
        return [(np.flatnonzero(~is_test), np.flatnonzero(is_test))]
    if "fold" in table.column_names:
        is_test = np.asarray(table["fold"])[starts[:-1]] == 1
        return [(np.flatnonzero(~is_test), np.flatnonzero(is_test))]
    part = np.random.default_rng(SPLIT_SEED).permutation(count) % FOLDS
    return [(np.flatnonzero(part != k), np.flatnonzero(part == k)) for k in range(FOLDS)]
