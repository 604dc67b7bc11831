"""Names that people and organisations are called by: any script, bounded, and nothing that rewrites a terminal."""

from __future__ import annotations

import re
from typing import Final

from shared.kernel.errors import Rejected

CHARACTERS_MAX: Final = 200
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def check_text(text: str, pointer: str, characters_max: int = CHARACTERS_MAX) -> str:
    """Return `text` when it is a line of 1 to `characters_max` characters and not blank. Raises Rejected at `pointer`.

    Control characters, line separators and what turns the writing direction are refused; joiners, which several scripts
    need, are not.
    """
    if not text.strip() or len(text) > characters_max or _CONTROL.search(text):
        rule = f"it is not a line of 1 to {characters_max} characters without control characters"
        raise Rejected.of(pointer, rule, "Send a shorter text in one line.")
    return text
