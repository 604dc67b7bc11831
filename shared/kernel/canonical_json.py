"""One byte string for one JSON value, so that a digest or a signature means the same to everybody.

`dumps` writes RFC 8785 (JCS). `loads` reads JSON so strictly that whatever it returns has a canonical form:
`dumps(loads(raw))` never fails where both keep DEPTH_MAX, and `loads(dumps(value))` equals `value`.

The common case is spelled by orjson, whose sorted output is RFC 8785's as long as (a) no character lies beyond the
basic plane, where UTF-8 and UTF-16 sort names differently, and (b) no number is spelled otherwise by ECMAScript. Both
are checked on every call; the rest goes through the `rfc8785` library. Pure: no clock, no randomness, no IO.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias, cast

import orjson
import rfc8785

from .errors import TooLarge
from .hashing import sha256
from .json_fault import INT_SAFE, explain_text, explain_value

JsonValue: TypeAlias = bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"] | None
"""What JSON can say. `loads` returns dict and list; `dumps` takes dict, list and tuple."""

DEPTH_MAX: Final = 64
"""Containers inside one another: a scalar has depth 0, `[]` has 1. Deeper documents are accidents or attacks."""
BYTES_MAX: Final = 1 << 20
"""1 MiB: the largest single document read unless the caller states another bound."""

_ORJSON: Final = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER
_BEYOND_BASIC_PLANE: Final = re.compile(rb"[\xf0-\xf4]")
_FRACTION_MIN: Final = 1e-4
"""From here up both spell a number that has a fraction in plain decimals; below 1e-5 orjson goes to exponents."""
_INT_64: Final = 2.0**63
_INTEGER_MAX: Final = 2.0**53 - 1
"""Up to here a whole double is spelled as the integer it is, minus zero too (RFC 8785 §3.2.2.3)."""
_WHOLE_FLOAT: Final = re.compile(rb"\.0[,\]}]")
_EXPONENT: Final = re.compile(rb"e[-+0-9]+[,\]}]")
"""Together, all that orjson's spelling of a number inside a container may have otherwise than ECMAScript's."""
_BLANKS: Final = b" \t\r\n"
_NAME_ENDS: Final = (b'":', b" :", b"\t:", b"\n:", b"\r:")


def dumps(value: JsonValue) -> bytes:
    """Return the RFC 8785 bytes of `value`.

    Raises Rejected, with the JSON pointer, for NaN, an infinity, an integer beyond ±(2^53-1), a lone surrogate and more
    than DEPTH_MAX levels; TypeError for what is no JSON value at all, which is a programmer's fault.
    """
    oddity = _oddity(value)
    if oddity == "depth":
        raise explain_value(value, DEPTH_MAX)
    try:
        if oddity != "other":
            out = orjson.dumps(_respelled(value) if oddity == "number" else value, option=_ORJSON)
            if out.isascii() or _BEYOND_BASIC_PLANE.search(out) is None:
                return out
        return rfc8785.dumps(cast("Any", value))
    except (TypeError, ValueError, RecursionError) as error:
        raise explain_value(value, DEPTH_MAX) from error


def digest(value: JsonValue) -> bytes:
    """Return the 32-byte SHA-256 over the canonical form of `value`; raises as `dumps` does."""
    return sha256(dumps(value))


def loads(raw: bytes, *, depth_max: int = DEPTH_MAX, bytes_max: int = BYTES_MAX) -> JsonValue:
    """Return the value of one strict JSON text (RFC 8259 in UTF-8, with RFC 7493's musts) as dict, list and scalars.

    Raises TooLarge over `bytes_max`; Rejected, with JSON pointer, rule and mend, for a name that stands twice in one
    object (in whatever spelling), NaN and the infinities, a number beyond the doubles, an integer beyond ±(2^53-1)
    unless its digits are those RFC 8785 gives to some double, a lone surrogate, invalid UTF-8, a byte order mark,
    more than `depth_max` levels, and whatever is no JSON. Linear in the size of `raw`.
    """
    value = _parsed(raw, depth_max, bytes_max)
    if _is_beyond_doubt(raw, value, depth_max):
        return cast("JsonValue", value)
    return _loads_slowly(raw, depth_max)


def loads_items(raw: bytes, *, bytes_max: int = BYTES_MAX) -> tuple[JsonValue, list[tuple[Any, bytes]]]:
    """Return what `loads` returns, and each item of that array, or it alone, with what `dumps` returns for it.

    For half the price of both. Raises as `loads` does.
    """
    value = _parsed(raw, DEPTH_MAX, bytes_max)
    if _is_echo(raw, value):
        items = value if type(value) is list else [value]
        forms = [_plain_form(item) for item in items]
        if None not in forms:
            return value, cast("list[tuple[Any, bytes]]", list(zip(items, forms, strict=True)))
    if not _is_beyond_doubt(raw, value, DEPTH_MAX):
        value = _loads_slowly(raw, DEPTH_MAX)
    return value, [(item, dumps(item)) for item in (value if type(value) is list else [value])]


def spelling(value: JsonValue) -> bytes:
    """Return bytes that no other value of `loads` has; one value has as many as its names have orders.

    Cheaper than a canonical form: for a memory of what was seen, never for a digest.
    """
    return orjson.dumps(value)


def kept(spelling: bytes) -> bytes:
    """Return a copy that takes no more room than its bytes, for a memory: the library's own takes some kilobytes."""
    return bytes(memoryview(spelling))


def canonical_object(raw: bytes) -> dict[str, JsonValue] | None:
    """Return the object whose canonical form `raw` beyond doubt is; None asks to look closer, and refuses nothing.

    Where it returns `value`, `loads(raw)` is `value` and `dumps(value)` is `raw`, and so it is as a member of another
    object: it has less than DEPTH_MAX levels. For who is told what was spelled by `dumps`, at half the price of both.
    """
    try:
        value = orjson.loads(raw)
        # An echo has every name once and in order, no spelling but orjson's own, and no integer beyond ±(2^53-1).
        if type(value) is not dict or raw != orjson.dumps(value, option=_ORJSON):
            return None
    except (ValueError, TypeError):
        return None
    if raw.count(b"{") + raw.count(b"[") >= DEPTH_MAX or len(raw) > BYTES_MAX:
        return None
    if _EXPONENT.search(raw) is not None or _WHOLE_FLOAT.search(raw) is not None:
        return None
    return value if raw.isascii() or _BEYOND_BASIC_PLANE.search(raw) is None else None


def dumps_around(texts: Mapping[str, str], name: str, canonical: bytes) -> bytes:
    """Return the RFC 8785 bytes of an object of these texts and, as `name`, what was spelled canonically before.

    What the caller owes: that `canonical` is the form of a value with less than DEPTH_MAX levels. Raises as `dumps`.
    """
    try:
        out = orjson.dumps({**texts, name: orjson.Fragment(canonical)}, option=_ORJSON)
        if out.isascii() or _BEYOND_BASIC_PLANE.search(out) is None:
            return out
    except TypeError:
        pass  # A lone surrogate, which `dumps` explains.
    return dumps({**texts, name: loads(canonical)})


def _oddity(value: JsonValue) -> Literal["none", "number", "other", "depth"]:
    """Say what keeps orjson from spelling `value` as RFC 8785 does: numbers, foreign types, or its depth."""
    if type(value) not in (dict, list, tuple):
        return "other"
    level: list[Any] = [value]
    found: Literal["none", "number"] = "none"
    for _ in range(DEPTH_MAX):
        below: list[Any] = []
        for node in level:
            for child in node.values() if type(node) is dict else node:
                kind = type(child)
                if kind is dict or kind is list or kind is tuple:
                    below.append(child)
                elif kind is float:
                    if _is_odd(child):
                        found = "number"
                elif kind is not str and kind is not int and kind is not bool and child is not None:
                    return "other"
        if not below:
            return found
        level = below
    return "depth"


def _is_odd(number: float) -> bool:
    """Say whether orjson may spell `number` otherwise; of NaN and the infinities, for which it writes null, as well."""
    return number.is_integer() or not _FRACTION_MIN <= abs(number) < _INT_64


def _respelled(value: Any) -> Any:
    """Return a copy in which every float that needs it carries its RFC 8785 spelling."""
    if type(value) is dict:
        return {name: _respelled(child) for name, child in value.items()}
    if type(value) is list or type(value) is tuple:
        return [_respelled(child) for child in value]
    if type(value) is float and _is_odd(value):
        is_whole = value.is_integer() and abs(value) <= _INTEGER_MAX
        return int(value) if is_whole else orjson.Fragment(rfc8785.dumps(value))
    return value


def _parsed(raw: bytes, depth_max: int, bytes_max: int) -> Any:
    """Return what orjson takes the text for. Raises TooLarge, and Rejected for what is no JSON."""
    if len(raw) > bytes_max:
        rule = f"it has {len(raw)} bytes where at most {bytes_max} are taken"
        raise TooLarge.of("", rule, "Send it in smaller parts.")
    try:
        return orjson.loads(raw)
    except ValueError as error:
        raise explain_text(raw, depth_max) from error


def _is_beyond_doubt(raw: bytes, value: Any, depth_max: int) -> bool:
    """Say whether `raw` keeps the rules that orjson does not look at; False means "look closer", not "refused".

    Those rules are: no name twice, no deeper than depth_max, no integer beyond ±(2^53-1).
    """
    if _is_echo(raw, value):
        return _brackets(raw) <= depth_max or not _is_deeper(value, depth_max)
    # Every name ends in a quote, perhaps blanks, and a colon: this sum is never below the true count of names. It is
    # above where a string holds such an ending, and then the slow reading decides.
    return _names_if_sound(value, depth_max) == sum([raw.count(end) for end in _NAME_ENDS])


def _is_echo(raw: bytes, value: Any) -> bool:
    """Say whether `raw` spells what it says as orjson would, but for blanks, and has no integer beyond ±(2^53-1).

    An echo has every name once. A text that equals it has, too, and so has one that differs by blanks alone: where its
    strings and names begin and end is told by what is no blank.
    """
    if b"\\u" in raw or b"\\/" in raw:
        return False
    try:
        echo = orjson.dumps(value, option=orjson.OPT_STRICT_INTEGER)
    except TypeError:
        return False
    return raw == echo or raw.translate(None, _BLANKS) == echo.translate(None, _BLANKS)


def _plain_form(item: Any) -> bytes | None:
    """Return the canonical form of an item of an echo; None where it is too deep for an array."""
    if type(item) is not dict and type(item) is not list:
        return dumps(item)
    out = orjson.dumps(item, option=_ORJSON)
    if _brackets(out) >= DEPTH_MAX and _is_deeper(item, DEPTH_MAX - 1):
        return None
    is_plain = _WHOLE_FLOAT.search(out) is None and _EXPONENT.search(out) is None
    if is_plain and (out.isascii() or _BEYOND_BASIC_PLANE.search(out) is None):
        return out
    return dumps(item)


def _brackets(text: bytes) -> int:
    """Return how many brackets `text` opens: no value is deeper."""
    return text.count(b"{") + text.count(b"[")


def _names_if_sound(value: Any, depth_max: int) -> int | None:
    """Return how many names `value` has; None when it is too deep or may hold an integer beyond ±(2^53-1).

    orjson reads an integer of more than 64 bits as a float, without a word.
    """
    level: list[Any] = [[value]]
    names = 0
    for _ in range(depth_max + 1):
        below: list[Any] = []
        for node in level:
            children = node
            if type(node) is dict:
                names += len(node)
                children = node.values()
            for child in children:
                kind = type(child)
                if kind is dict or kind is list:
                    below.append(child)
                elif kind is int:
                    if not -INT_SAFE <= child <= INT_SAFE:
                        return None
                elif kind is float and not -_INT_64 < child < _INT_64:
                    return None
        if not below:
            return names
        level = below
    return None


def _loads_slowly(raw: bytes, depth_max: int) -> JsonValue:
    """Read what orjson took as JSON once more with the library that shows each name and number as it was spelled."""
    try:
        value = json.loads(raw, object_pairs_hook=_object, parse_int=_integer)
    except (ValueError, RecursionError) as error:
        raise explain_text(raw, depth_max) from error
    if _is_deeper(value, depth_max):
        raise explain_text(raw, depth_max)
    return cast("JsonValue", value)


def _is_deeper(value: Any, depth_max: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    children = value.values() if isinstance(value, dict) else value
    return depth_max == 0 or any(_is_deeper(child, depth_max - 1) for child in children)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name stands twice")
    return members


def _integer(digits: str) -> int | float:
    """Return the integer, or the double whose RFC 8785 spelling these digits are; raise ValueError for others."""
    if len(digits) <= 22:
        number = int(digits)
        if -INT_SAFE <= number <= INT_SAFE:
            return number
        if rfc8785.dumps(float(number)) == digits.encode():
            return float(number)
    raise ValueError("an integer that no double holds")
