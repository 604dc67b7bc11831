"""As much of orjson as reading a release takes, by the standard library: for processors that no wheel was brought for.

First on the path of an emulated interpreter and nowhere else. No number is computed by it: both read a decimal as the
nearest double, and the name of the release, a hash over what was written, is compared with the rest.
"""

from __future__ import annotations

import json
from typing import Any, Final

OPT_SORT_KEYS: Final = 1
OPT_STRICT_INTEGER: Final = 2
JSONDecodeError = json.JSONDecodeError
JSONEncodeError = TypeError


def dumps(value: Any, option: int = 0) -> bytes:
    """Return the value as JSON without white space."""
    is_sorted = bool(option & OPT_SORT_KEYS)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=is_sorted).encode()


def loads(raw: bytes | str) -> Any:
    """Return the value that is written. Raises JSONDecodeError where none is."""
    return json.loads(raw)
