"""The list of everything wrong with one statement, so that its sender can mend all of it in one go.

Checks add to the list and go on; nobody wants to learn of ten mistakes in ten requests. A fault names the place, the
rule and the mend, and never a value from the statement: values are personal data.
"""

from __future__ import annotations

from typing import Any, Final

from shared.kernel.errors import Fault
from shared.kernel.json_fault import child_pointer

FAULTS_MAX: Final = 20
"""How many faults of one statement are told. More are not counted: by then the sender maps a wrong format."""
NAME_LENGTH_MAX: Final = 200
"""Characters of a member's name that are repeated in a pointer; a longer name is told by its parent's pointer."""

MISSING: Final = object()
"""Stands for a member that is not there, so that its fault says so and not that it is null."""

_JSON_TYPES: Final = {
    dict: "an object",
    list: "an array",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
}


class Faults:
    """Collects at most FAULTS_MAX faults; what comes after is dropped."""

    __slots__ = ("listed",)

    def __init__(self) -> None:
        self.listed: list[Fault] = []

    def add(self, pointer: str, rule: str, mend: str) -> None:
        """List a fault, unless the list is full."""
        if len(self.listed) < FAULTS_MAX:
            self.listed.append(Fault(pointer, rule, mend))

    def add_wrong(self, pointer: str, value: Any, expected: str, mend: str) -> None:
        """List that `value` is not `expected`; of anything but a string its JSON type is told, never itself."""
        got = "" if type(value) is str else f", got {json_type(value)}"
        self.add(pointer, f"expected {expected}{got}", mend)

    def add_unknown(self, pointer: str, value: dict[str, Any], known: frozenset[str], of_what: str) -> None:
        """List each member of `value` whose name is not one of `known`."""
        for name in value:
            if name not in known:
                near = next((other for other in known if other.lower() == name.lower()), None)
                mend = f"Write it as {near!r}." if near else "Leave it out, or put it under extensions."
                self.add(member_pointer(pointer, name), f"no property of {of_what} has this name", mend)


def member_pointer(pointer: str, name: str) -> str:
    """Return the pointer of the member `name`, or its parent's where the name is longer than NAME_LENGTH_MAX."""
    return child_pointer(pointer, name) if len(name) <= NAME_LENGTH_MAX else pointer


def json_type(value: Any) -> str:
    """Return what JSON calls the type of `value`, with its article; `nothing` for MISSING."""
    return _JSON_TYPES.get(type(value), "nothing")
