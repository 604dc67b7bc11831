"""Reading a published JSON document field by field, so that a fault names its pointer, its rule and its mend.

Framework and releases are read by the same few questions: a number within bounds, a text, a list, a section. What was
not asked for is refused by `close`, because a misspelt parameter must not be a silent default.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from typing import Any

from shared.kernel import canonical_json
from shared.kernel.errors import Rejected


class Section:
    """One JSON object of a document, and what has been asked of it so far. `pointer` is its RFC 6901 pointer."""

    def __init__(self, value: object, pointer: str = "") -> None:
        if not isinstance(value, dict):
            raise Rejected.of(pointer, "this is no JSON object", "Write an object with the documented members.")
        self.pointer = pointer
        self._members: dict[str, Any] = value
        self._asked: set[str] = set()

    def at(self, name: str) -> str:
        """Return the pointer of the member `name`."""
        return f"{self.pointer}/{name.replace('~', '~0').replace('/', '~1')}"

    def names(self) -> tuple[str, ...]:
        """Return the names of all members, sorted; for sections whose names are data."""
        return tuple(sorted(self._members))

    def text(self, name: str, characters_max: int = 2_000) -> str:
        """Return a text of 1 to `characters_max` characters."""
        value = self._value(name)
        if not isinstance(value, str) or not 0 < len(value) <= characters_max:
            rule = f"expected a text of 1 to {characters_max} characters"
            raise Rejected.of(self.at(name), rule, "Write such a text.")
        return value

    def text_or_none(self, name: str, characters_max: int = 2_000) -> str | None:
        """Return a text as `text` does, None where the member is left out."""
        return self.text(name, characters_max) if name in self._members else None

    def number(self, name: str, low: float, high: float) -> float:
        """Return a finite number in [low, high], as a float."""
        return _number(self._value(name), self.at(name), low, high)

    def numbers(self, name: str, count: int, low: float, high: float) -> tuple[float, ...]:
        """Return exactly `count` numbers in [low, high]."""
        values = self.items(name)
        if len(values) != count:
            raise Rejected.of(self.at(name), f"expected {count} numbers, got {len(values)}", f"Write {count} numbers.")
        return tuple(_number(value, f"{self.at(name)}/{index}", low, high) for index, value in enumerate(values))

    def items(self, name: str) -> Sequence[object]:
        """Return the list under `name`, whatever its items are."""
        value = self._value(name)
        if not isinstance(value, list):
            raise Rejected.of(self.at(name), "expected a list", "Write a JSON array.")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return the texts of the list under `name`, none of them empty."""
        items = self.items(name)
        for index, item in enumerate(items):
            if not isinstance(item, str) or not item:
                raise Rejected.of(f"{self.at(name)}/{index}", "expected a text", "Write such a text.")
        return tuple(str(item) for item in items)

    def day(self, name: str) -> date:
        """Return the day under `name`, written year-month-day."""
        try:
            return date.fromisoformat(self.text(name, 10))
        except ValueError:
            raise Rejected.of(self.at(name), "expected a day, year-month-day", "Write such as 2026-11-23.") from None

    def section(self, name: str) -> Section:
        """Return the object under `name`."""
        return Section(self._value(name), self.at(name))

    def sections(self, name: str) -> tuple[Section, ...]:
        """Return the objects of the list under `name`."""
        return tuple(Section(value, f"{self.at(name)}/{index}") for index, value in enumerate(self.items(name)))

    def close(self) -> None:
        """Hold the section to what was asked of it. Raises Rejected for any other member."""
        for name in self.names():
            if name not in self._asked:
                raise Rejected.of(self.at(name), "no such member is known", "Remove it, or mend its spelling.")

    def _value(self, name: str) -> object:
        if name not in self._members:
            raise Rejected.of(self.at(name), "this member is missing", "Write it.")
        self._asked.add(name)
        return self._members[name]


def read_document(raw: bytes) -> Section:
    """Return the outermost section of a strict JSON text. Raises Rejected for what is no JSON object."""
    return Section(canonical_json.loads(raw))


def _number(value: object, pointer: str, low: float, high: float) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # Written so that NaN, which compares false with everything, is refused.
    if not (is_number and low <= value <= high and math.isfinite(value)):  # type: ignore[operator, arg-type]
        raise Rejected.of(pointer, f"expected a number from {low} to {high}", "Write a number within these bounds.")
    return float(value)  # type: ignore[arg-type]
