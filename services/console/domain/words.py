"""Numbers, times and codes in the words a page uses."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from shared.kernel.clock import parse_rfc3339

_MONTHS: Final = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
GRADES: Final[Mapping[str, str]] = {
    "A": "signed by a third party",
    "B": "observed by us and logged at once",
    "C": "declared by the person",
}
"""What the grade of a piece of evidence means."""
ASSURANCES: Final[Mapping[str, str]] = {
    "self-claim": "claimed by the person",
    "self-attested": "attested by the person",
    "automated-check": "checked by machine",
    "named-reviewer": "marked by named reviewers",
    "deployment": "shown in a deployment",
}
_KINDS: Final[Mapping[str, str]] = {"ci": "CI", "docs": "Documentation"}
_ABSENT: Final = "–"


def day(instant: str | None) -> str:
    """Return "1 February 2026" for an RFC 3339 text; a dash where there is none."""
    if instant is None:
        return _ABSENT
    moment = parse_rfc3339(instant)
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def minute(instant: str | None) -> str:
    """Return "1 February 2026, 09:05 UTC" for an RFC 3339 text; a dash where there is none."""
    return _ABSENT if instant is None else f"{day(instant)}, {_clock(parse_rfc3339(instant))} UTC"


def percent(chance: float) -> str:
    """Return a chance as a whole percentage that never claims certainty: "<1 %", "84 %", ">99 %"."""
    whole = round(100 * chance)
    if whole < 1:
        return "<1 %"
    return f"{whole} %" if whole < 100 else ">99 %"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return "no works", "1 work", "2,310 works"."""
    if number == 1:
        return f"1 {noun}"
    return f"{f'{number:,}' if number else 'no'} {plural or noun + 's'}"


def kind_name(kind: str) -> str:
    """Return how a kind of evidence is headed."""
    return _KINDS.get(kind, kind.replace("-", " ").replace("_", " ").capitalize())


def listed(parts: list[str]) -> str:
    """Return "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), *parts[-1:])))


def milliseconds(number: int) -> str:
    """Return "12 ms", "1.4 s", "3 min"."""
    if number < 1_000:
        return f"{number} ms"
    return f"{number / 1_000:.1f} s" if number < 120_000 else f"{number // 60_000} min"


def short(identifier: str) -> str:
    """Return the end of an identifier, for beside a copyable whole: "prs_…7HQ2KD"."""
    prefix, _, rest = identifier.partition("_")
    return identifier if len(rest) <= 8 else f"{prefix}_…{rest[-6:]}"


def _clock(moment: datetime) -> str:
    return f"{moment.hour:02}:{moment.minute:02}"
