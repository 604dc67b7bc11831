"""Why a JSON text or value is refused: the pointer, the rule and the mend, found on the way out.

Reading and writing are fast and only know *that* something is wrong (`canonical_json.py`); this looks for *what*, and
runs for refused input alone. Its work is bounded: past TOKENS_MAX it says what it knows without a pointer.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any, Final, NoReturn

import rfc8785

from .errors import Rejected

INT_SAFE: Final = 2**53 - 1
"""The largest integer a double tells apart from its neighbours (RFC 7493 §2.2)."""
TOKENS_MAX: Final = 20_000
"""About 30 ms: what a refused megabyte may cost. A fault behind them is told without its place."""

_TOKEN: Final = re.compile(
    r"""[ \t\r\n]*(?:
      (?P<string>"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*")
    | (?P<number>-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?(?![0-9A-Za-z.+-]))
    | (?P<word>true|false|null)\b
    | (?P<mark>[{}\[\]:,])
    | (?P<nan>-?(?:NaN|Infinity))
    | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_NUMBER_MEND: Final = "Send it as a string, or as a number a double holds."


def explain_text(raw: bytes, depth_max: int) -> Rejected:
    """Return the rejection of the first fault in `raw`, a text known to be refused."""
    if raw.startswith(b"\xef\xbb\xbf"):
        return Rejected.of("", "it begins with a byte order mark", "Send UTF-8 without one.")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        return Rejected.of("", f"byte {error.start} is not valid UTF-8", "Encode the text as UTF-8.")
    try:
        _Reading(text, depth_max).document()
    except Rejected as fault:
        return fault
    return Rejected.of("", "it is no JSON text that can be kept", "Check it with a strict JSON reader.")


def explain_value(value: Any, depth_max: int) -> Rejected | TypeError:
    """Return the rejection of the first fault in `value`, known to have no canonical form; TypeError for no JSON."""
    for pointer, node in _nodes("", value, depth_max):
        kind = type(node).__name__
        if node is _TOO_DEEP:
            return _too_deep(pointer, depth_max)
        if isinstance(node, str):
            if not _is_unicode(node):
                return _lone_surrogate(pointer)
        elif isinstance(node, int) and not -INT_SAFE <= node <= INT_SAFE:
            return _wide_integer(pointer)
        elif isinstance(node, float) and not math.isfinite(node):
            return Rejected.of(pointer, "NaN and the infinities are no JSON numbers", "Leave it out, or send null.")
        elif isinstance(node, dict) and not all(isinstance(name, str) for name in node):
            return TypeError(f"at {pointer or 'the whole value'}: a name in a JSON object is a str")
        elif not isinstance(node, None | bool | int | float | list | tuple | dict):
            return TypeError(f"at {pointer or 'the whole value'}: a {kind} is no JSON value")
    return TypeError("the value has no canonical form")


def child_pointer(pointer: str, name: str | int) -> str:
    """Return the RFC 6901 pointer of the member or item `name` below `pointer`, a name of over 128 characters cut."""
    text = str(name)
    shown = text if len(text) <= 128 else f"{text[:128]}…"
    return f"{pointer}/{shown.replace('~', '~0').replace('/', '~1')}"


class _Reading:
    """Reads a text token by token, raising Rejected at the first fault; recursion is bounded by depth_max."""

    def __init__(self, text: str, depth_max: int) -> None:
        self._text = text
        self._at = 0
        self._depth_left = depth_max
        self._depth_max = depth_max
        self._tokens_left = TOKENS_MAX

    def document(self) -> None:
        kind, lexeme = self._next("")
        self._value("", kind, lexeme)
        kind, lexeme = self._next("")
        if kind != "end":
            self._refuse("", lexeme)

    def _value(self, pointer: str, kind: str, lexeme: str) -> None:
        if kind == "string":
            _string(pointer, lexeme)
        elif kind == "number":
            _number(pointer, lexeme)
        elif lexeme in {"{", "["}:
            if self._depth_left == 0:
                raise _too_deep(pointer, self._depth_max)
            self._depth_left -= 1
            if lexeme == "{":
                self._object(pointer)
            else:
                self._array(pointer)
            self._depth_left += 1
        elif kind != "word":
            self._refuse(pointer, lexeme)

    def _object(self, pointer: str) -> None:
        seen: set[str] = set()
        kind, lexeme = self._next(pointer)
        if lexeme == "}":
            return
        while True:
            if kind != "string":
                self._refuse(pointer, lexeme)
            name = _string(pointer, lexeme)
            here = child_pointer(pointer, name)
            if name in seen:
                raise Rejected.of(here, "the name stands twice in one object", "Send each name once.")
            seen.add(name)
            self._expect(here, ":")
            self._value(here, *self._next(here))
            if self._expect(here, ",}") == "}":
                return
            kind, lexeme = self._next(pointer)

    def _array(self, pointer: str) -> None:
        here = child_pointer(pointer, 0)
        kind, lexeme = self._next(here)
        if lexeme == "]":
            return
        for index in count(1):
            self._value(here, kind, lexeme)
            if self._expect(here, ",]") == "]":
                return
            here = child_pointer(pointer, index)
            kind, lexeme = self._next(here)

    def _expect(self, pointer: str, marks: str) -> str:
        kind, lexeme = self._next(pointer)
        if kind != "mark" or lexeme not in marks:
            self._refuse(pointer, lexeme)
        return lexeme

    def _next(self, pointer: str) -> tuple[str, str]:
        self._tokens_left -= 1
        match = _TOKEN.match(self._text, self._at)
        if match is None or match.lastgroup is None or self._tokens_left < 0:
            self._refuse("" if self._tokens_left < 0 else pointer, None)
        self._at = match.end()
        if match.lastgroup == "nan":
            raise Rejected.of(pointer, f"{match['nan']} is no JSON number", "Leave it out, or send null.")
        return match.lastgroup, match[match.lastgroup]

    def _refuse(self, pointer: str, lexeme: str | None) -> NoReturn:
        if lexeme == "":
            raise Rejected.of(pointer, "the text ends too early", "Send the whole document.")
        if self._tokens_left < 0:
            raise Rejected.of("", f"a fault lies behind character {self._at}", "Check it with a strict JSON reader.")
        place = self._at - len(lexeme or "")
        rule = f"character {place} cannot stand there in JSON (RFC 8259)"
        raise Rejected.of(pointer, rule, "Check it with a strict JSON reader.")


def _string(pointer: str, lexeme: str) -> str:
    text = str(json.loads(lexeme))
    if not _is_unicode(text):
        raise _lone_surrogate(pointer)
    return text


def _number(pointer: str, lexeme: str) -> None:
    if math.isinf(float(lexeme)):
        raise Rejected.of(pointer, "the number is beyond what a double holds", _NUMBER_MEND)
    if (
        lexeme.lstrip("-").isdigit()
        and abs(float(lexeme)) > INT_SAFE
        and rfc8785.dumps(float(lexeme)) != lexeme.encode()
    ):
        raise _wide_integer(pointer)


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _lone_surrogate(pointer: str) -> Rejected:
    return Rejected.of(pointer, "half of a surrogate pair stands alone", "Send whole Unicode characters.")


def _wide_integer(pointer: str) -> Rejected:
    return Rejected.of(pointer, "an integer beyond ±(2^53-1), which readers round differently", _NUMBER_MEND)


def _too_deep(pointer: str, depth_max: int) -> Rejected:
    return Rejected.of(pointer, f"more than {depth_max} levels inside one another", "Send a flatter document.")


_TOO_DEEP: Final = object()


def _nodes(pointer: str, value: Any, depth_left: int) -> Iterator[tuple[str, Any]]:
    """Yield every node with its pointer, names included, parents first; _TOO_DEEP in place of what lies too deep."""
    is_container = isinstance(value, list | tuple | dict)
    yield pointer, _TOO_DEEP if is_container and depth_left == 0 else value
    if not is_container or depth_left == 0:
        return
    for name, child in value.items() if isinstance(value, Mapping) else enumerate(value):
        below = child_pointer(pointer, name)
        if isinstance(value, Mapping):
            yield pointer, name
        yield from _nodes(below, child, depth_left - 1)
