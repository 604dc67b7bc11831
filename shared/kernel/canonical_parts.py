"""Canonical JSON of an object whose shape its maker knows: what is known need not be looked for.

`canonical_json.dumps` walks every value to find what orjson would not spell as RFC 8785 does. Whoever makes an object
of known members can say it instead, number by number. The bytes are the same. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from .errors import Broken

_PLAIN_MIN: Final = 1e-4
_PLAIN_MAX: Final = 1e15
"""Between these, orjson spells a number that has a fraction as ECMAScript does."""
_DECIMALS_MIN: Final = 1e-6
"""From here up ECMAScript writes decimals, where Python goes to exponents below 1e-4."""
_OPTIONS: Final = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER


class UnknownShape(Broken):
    """These parts are not spelled here; `canonical_json.dumps` spells them, or says what is wrong."""


def spelled(number: float) -> int | float | orjson.Fragment:
    """Return what stands for `number` in `dumps_spelled`. Raises UnknownShape for one that is not small enough."""
    size = abs(number)
    if number.is_integer():
        if size < _PLAIN_MAX:
            return int(number)
    elif _PLAIN_MIN <= size < _PLAIN_MAX:
        return number
    elif size < _DECIMALS_MIN:
        return orjson.Fragment(repr(number).replace("e-0", "e-"))
    elif size < _PLAIN_MIN:
        digits, _, exponent = repr(size).partition("e-")
        sign = "-" if number < 0.0 else ""
        return orjson.Fragment(f"{sign}0.{'0' * (int(exponent) - 1)}{digits.replace('.', '')}")
    raise UnknownShape("a number of 1e15 and more is spelled with care")


def dumps_spelled(members: Mapping[str, Any]) -> bytes:
    """Return the RFC 8785 bytes of an object with ASCII names in which every float was `spelled`.

    What the caller owes: those names, less than DEPTH_MAX levels, and no None. Raises UnknownShape for what orjson
    does not take: a lone surrogate, an integer beyond ±(2^53-1), whatever is no JSON.
    """
    try:
        return orjson.dumps(members, option=_OPTIONS)
    except TypeError as error:
        raise UnknownShape(f"not spelled here: {error}") from error
