"""Figures as text, always rounded against the claim: what a credential says is never more than what was found.

Text and not numbers, because Open Badges results are text, and because a signature then covers what is read.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal


def floored(value: float, digits: int) -> str:
    """Return `value` in plain decimals with `digits` places, never above `value`: 0.8999 becomes "0.89"."""
    return _rounded(value, digits, ROUND_FLOOR)


def ceiled(value: float, digits: int) -> str:
    """Return `value` in plain decimals with `digits` places, never below `value`."""
    return _rounded(value, digits, ROUND_CEILING)


def _rounded(value: float, digits: int, rounding: str) -> str:
    # By the shortest text that reads back as `value`, so that 0.9 is nine tenths and not a hair less.
    return f"{Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), rounding=rounding):f}"
