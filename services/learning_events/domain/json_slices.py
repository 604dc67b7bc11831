"""The bytes of the parts of a JSON text, each as it was spelled, so that what is kept is what was sent.

A part is found, not judged: whoever reads it does so strictly, and a fault in one part is that part's alone. Here only
the text as a whole is JSON or it is not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Final, NoReturn

from shared.kernel import canonical_json
from shared.kernel.errors import Rejected, TooLarge

_BLANK: Final = re.compile(r"[ \t\n\r]*")

_LINE: Final = re.compile(rb"[^\n]+")


def _nothing(text: str) -> None:
    """Numbers are not read here: their digits may be many."""


_SCAN: Final[Callable[[str, int], tuple[Any, int]]] = json.JSONDecoder(
    parse_int=_nothing, parse_float=_nothing, parse_constant=_nothing
).raw_decode


def is_array(raw: bytes) -> bool:
    """Say whether the text is an array, if it is anything."""
    return raw.lstrip(b" \t\n\r").startswith(b"[")


def array_items(raw: bytes, items_max: int) -> list[bytes]:
    """Return the text of each item of the array in `raw`.

    Raises Rejected where it is no array, or no JSON; TooLarge where it has more than `items_max` items.
    """
    text = _text(raw)
    items: list[bytes] = []
    place = _skip(text, _expect(text, _skip(text, 0), "[", raw))
    while text[place : place + 1] != "]":
        if items:
            place = _skip(text, _expect(text, place, ",", raw))
        end = _end(text, place, raw)
        items.append(text[place:end].encode())
        if len(items) > items_max:
            raise too_many(items_max)
        place = _skip(text, end)
    _expect_end(text, place + 1, raw)
    return items


def members(raw: bytes) -> dict[str, bytes]:
    """Return the text of each member of the object in `raw`, by name.

    Raises Rejected where it is no object, or no JSON, or a name stands twice.
    """
    text = _text(raw)
    found: dict[str, bytes] = {}
    place = _skip(text, _expect(text, _skip(text, 0), "{", raw))
    while text[place : place + 1] != "}":
        if found:
            place = _skip(text, _expect(text, place, ",", raw))
        end = _end(text, place, raw)
        name = canonical_json.loads(text[place:end].encode())
        start = _skip(text, _expect(text, _skip(text, end), ":", raw))
        end = _end(text, start, raw)
        if not isinstance(name, str):
            raise _no_json(raw)
        if name in found:
            raise Rejected.of("", "a name stands twice in the object", "Name each member once.")
        found[name] = text[start:end].encode()
        place = _skip(text, end)
    _expect_end(text, place + 1, raw)
    return found


def lines(raw: bytes, items_max: int) -> list[bytes]:
    """Return the lines of `raw` that are not blank. Raises TooLarge where there are more than `items_max`."""
    found: list[bytes] = []
    for match in _LINE.finditer(raw):
        line = match.group()
        if line.strip():
            found.append(line)
        if len(found) > items_max:
            raise too_many(items_max)
    return found


def too_many(items_max: int) -> TooLarge:
    """Return the refusal of more items than one request holds."""
    rule = f"more than {items_max} items are not taken in one request"
    return TooLarge.of("", rule, f"Send them in several requests of at most {items_max}.")


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        _refuse(raw)


def _skip(text: str, place: int) -> int:
    blank = _BLANK.match(text, place)
    return place if blank is None else blank.end()


def _expect(text: str, place: int, sign: str, raw: bytes) -> int:
    if text[place : place + 1] != sign:
        raise _no_json(raw)
    return place + 1


def _expect_end(text: str, place: int, raw: bytes) -> None:
    if _skip(text, place) != len(text):
        raise _no_json(raw)


def _end(text: str, place: int, raw: bytes) -> int:
    try:
        return _SCAN(text, place)[1]
    except (ValueError, RecursionError):
        _refuse(raw)


def _refuse(raw: bytes) -> NoReturn:
    raise _no_json(raw)


def _no_json(raw: bytes) -> Rejected:
    """Return why `raw` is not what was expected, in the words of whoever reads JSON strictly."""
    try:
        canonical_json.loads(raw, bytes_max=len(raw))
    except Rejected as error:
        return error
    return Rejected.of("", "it is another JSON value than is expected here", "Send the form this operation documents.")
