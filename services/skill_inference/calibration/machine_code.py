"""Machine code of functions on arrays: of calibration's own loops, and of what the service interprets.

The compiler may not contract, reorder or approximate anything: what it gives has the bits of the interpreter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Reals: TypeAlias = NDArray[np.float64]
Wholes: TypeAlias = NDArray[np.int64]

Column: TypeAlias = Any
"""An array where the service has a list: machine code wants the one, the interpreter is quicker with the other."""

Function = TypeVar("Function", bound=Callable[..., Any])


def reals(count: int, value: float = 0.0) -> Column:
    """Return so many numbers."""
    return np.full(count, value, np.float64)


def wholes(count: int) -> Column:
    """Return so many zeros, as whole numbers."""
    return np.zeros(count, np.int64)


def compiled(function: Function) -> Function:
    """Return the function as machine code, which is made when it is called first."""
    return cast("Function", njit(function, fastmath=False))


def compiled_together(module: Mapping[str, Any], *names: str) -> Callable[..., Any]:
    """Return the last of a module's functions as machine code, those named before it compiled beneath it.

    The module stays as it is: the functions are compiled among its names, not in it. None of them may allocate, for
    who holds which array is not counted.
    """
    options: dict[str, Any] = {"fastmath": False, "forceinline": True, "_nrt": False}
    space = dict(module)
    for name in names:
        plain = FunctionType(module[name].__code__, space, name)
        space[name] = njit(plain, **options)
    return cast("Callable[..., Any]", space[names[-1]])
