"""What came of it: score, success, completion, response, duration (part 2, section 2.4.5)."""

from __future__ import annotations

from typing import Any, Final

from services.learning_events.domain.faults import Faults
from services.learning_events.domain.formats import check_boolean, check_duration, check_extensions, check_string

_RESULT_CHECKS: Final = {
    "success": check_boolean,
    "completion": check_boolean,
    "response": check_string,
    "duration": check_duration,
    "extensions": check_extensions,
}
_RESULT: Final = frozenset({"score", *_RESULT_CHECKS})
_SCORE: Final = frozenset({"scaled", "raw", "min", "max"})
_NUMBER_MEND: Final = "Send a bare number, not a string, or leave it out."


def check_result(value: Any, pointer: str, faults: Faults) -> None:
    """List what keeps `value` from being a Result."""
    if type(value) is not dict:
        faults.add_wrong(pointer, value, "a Result, that is an object", "Leave it out, or send an object.")
        return
    for name, member in value.items():
        if name == "score":
            check_score(member, f"{pointer}/score", faults)
            continue
        check = _RESULT_CHECKS.get(name)
        if check is not None:
            check(member, f"{pointer}/{name}", faults)
    if not _RESULT.issuperset(value):
        faults.add_unknown(pointer, value, _RESULT, "a Result")


def check_score(value: Any, pointer: str, faults: Faults) -> None:
    """List what keeps `value` from being a Score: -1 <= scaled <= 1, min < max, min <= raw <= max."""
    if type(value) is not dict:
        faults.add_wrong(pointer, value, "a Score, that is an object", 'Send {"scaled": 0.8}.')
        return
    if not _SCORE.issuperset(value):
        faults.add_unknown(pointer, value, _SCORE, "a Score")
    numbers = {name: number for name, number in value.items() if _is_number(number)}
    for name in value:
        if name in _SCORE and name not in numbers:
            faults.add_wrong(f"{pointer}/{name}", value[name], "a number", _NUMBER_MEND)
    _check_bounds(numbers, pointer, faults)


def _check_bounds(numbers: dict[str, float], pointer: str, faults: Faults) -> None:
    scaled, raw = numbers.get("scaled"), numbers.get("raw")
    low, high = numbers.get("min"), numbers.get("max")
    if scaled is not None and not -1 <= scaled <= 1:
        faults.add(f"{pointer}/scaled", "lies between -1 and 1", "Divide the points by the most that can be had.")
    if low is not None and high is not None and not low < high:
        faults.add(f"{pointer}/min", "min is less than max", "Exchange them, or leave both out.")
    elif raw is not None and ((low is not None and raw < low) or (high is not None and raw > high)):
        faults.add(f"{pointer}/raw", "raw lies between min and max", "Correct raw, min or max.")


def _is_number(value: Any) -> bool:
    """Say whether `value` is a number; true and false are none. That a double holds it was seen when it was read."""
    return type(value) in (int, float)
