"""Input in our own formats, read into a pydantic model; what does not fit becomes faults that name place and mend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from shared.kernel import canonical_json
from shared.kernel.canonical_json import JsonValue
from shared.kernel.errors import Fault, Rejected
from shared.kernel.json_fault import child_pointer

FAULTS_MAX: Final = 100
"""Told at once; who has more to mend asks again."""
_MENDS: Final = {
    "missing": "Send this field.",
    "extra_forbidden": "Leave it out, or check its spelling: unknown fields are refused on write.",
    "json_type": "Send JSON.",
}
M = TypeVar("M", bound=BaseModel)


def read_model(model: type[M], value: JsonValue, raw: bytes | None = None) -> M:
    """Return `value` as `model`, strictly: no field it does not know, no text taken for a number.

    raw: the JSON `value` was read from by `canonical_json.loads`, if it is at hand. Raises Rejected with at most
    FAULTS_MAX faults. Their texts come from the model, never from the input.
    """
    try:
        return model.model_validate_json(
            canonical_json.dumps(value) if raw is None else raw, strict=True, extra="forbid"
        )
    except ValidationError as error:
        details = error.errors(include_url=False, include_context=False, include_input=False)
        raise _rejection(details[:FAULTS_MAX], len(details), value) from None


def _rejection(details: Sequence[ErrorDetails], count: int, value: JsonValue) -> Rejected:
    faults = [_fault(detail, value) for detail in details]
    more = f" There are {count - 1} more." if count > 1 else ""
    return Rejected(f"{faults[0].pointer or 'the whole input'}: {faults[0].rule}. {faults[0].mend}{more}", faults)


def _fault(detail: ErrorDetails, value: JsonValue) -> Fault:
    rule = detail["msg"][:1].lower() + detail["msg"][1:]
    mend = _MENDS.get(detail["type"], "Send a value that keeps this rule.")
    return Fault(_pointer(detail["loc"], value, detail["type"] == "missing"), rule, mend)


def _pointer(location: Sequence[int | str], value: Any, is_missing: bool) -> str:
    """Return the pointer of a pydantic location, without the names of union branches, which are not in the input."""
    pointer = ""
    for position, part in enumerate(location):
        is_inside = part in value if isinstance(value, dict) else _is_index(part, value)
        if is_inside:
            value = value[part]
        elif not (is_missing and position == len(location) - 1):
            continue
        pointer = child_pointer(pointer, part)
    return pointer


def _is_index(part: int | str, value: Any) -> bool:
    return isinstance(value, list) and isinstance(part, int) and part < len(value)
