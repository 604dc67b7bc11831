"""The step of learning as machine code: the source of `domain.response_fold`, read by a compiler instead.

Calibration folds the same log hundreds of times, a replay of everybody a million outcomes; the service needs neither
and runs the source as it stands. Nothing may be contracted or reordered, so both have the same bits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any, Final

from numba import njit

from services.skill_inference.domain import response, response_fold
from services.skill_inference.domain.response_fold import fold_everybody, fold_person

_INNER: Final = (
    response.sigmoid,
    response.predictive_scale,
    response.outcome_surprise,
    response_fold.fading,
    response_fold.returned,
    response_fold.newcomer,
    response_fold.aged_person,
    response_fold.known_task,
    response_fold.aged_deviation,
    response_fold.reach_skills,
    response_fold.taught,
    response_fold.bounded,
    response_fold.learn_task,
    response_fold.learn_skills,
    response_fold.learn_person,
    response_fold.learn_outcome,
    fold_person,
)
"""Each after those it calls."""

_OPTIONS: Final[dict[str, Any]] = {"fastmath": False, "forceinline": True, "_nrt": False}
"""Nothing is allocated, so nothing need be counted: to count who holds the arrays takes ten times the step itself."""


@cache
def compiled_fold() -> Callable[..., None]:
    """Return `fold_everybody` for numpy arrays (int64 and float64). The first call of it takes seconds to compile."""
    return _machine(fold_everybody, _space())  # type: ignore[no-any-return]


@cache
def compiled_fold_person() -> Callable[..., Any]:
    """Return `fold_person` for numpy arrays."""
    return _space()["fold_person"]  # type: ignore[no-any-return]


@cache
def _space() -> dict[str, Any]:
    """Return the names that the compiled functions see: those of their modules, functions as machine code."""
    space: dict[str, Any] = {**vars(response), **vars(response_fold)}
    for function in _INNER:
        space[function.__name__] = _machine(function, space)
    return space


def _machine(function: Any, space: dict[str, Any]) -> Any:
    plain = FunctionType(function.__code__, space, function.__name__)
    return njit(plain, **_OPTIONS)
