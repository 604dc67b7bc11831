"""From what the caller hands over to bytes that can be delivered, or to the reason why they never can.

Checked here is what can be seen without the server: that it is JSON, small enough, of a known form and under a usable
id. Whether a statement keeps all rules of xAPI is the server's to say; what it refuses is put aside with its reasons.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from .errors import NotSendable

BATCH_BYTES_MAX: Final = 1 << 20
"""1 MiB: the body of one request before gzip."""
ITEM_BYTES_MAX: Final = BATCH_BYTES_MAX - 2
"""One item fills a batch with the brackets around it."""
DEPTH_MAX: Final = 63
"""Containers inside one another: the server reads 64, of which the batch is one."""
INTEGER_MAX: Final = 2**53 - 1
"""Beyond it JSON readers disagree about the number (RFC 8259, 6)."""

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}").fullmatch


@dataclass(frozen=True, slots=True)
class Item:
    """One statement or event as it will be sent.

    source: the CloudEvents source, within which its id is unique; "" for a statement.
    is_stamped: whether the instant in it was put there by us, because the caller gave none.
    """

    id: str
    source: str
    body: bytes
    is_stamped: bool

    @property
    def is_statement(self) -> bool:
        """Whether it is an xAPI statement; else it is a CloudEvent."""
        return not self.source


def item_of(value: Any, new_id: Callable[[], str], timestamp: Callable[[], str]) -> Item:
    """Return `value` as an item, under its own id or a fresh one, with the present instant where it has none.

    Without that instant the server would take the time of arrival, which after an outage is hours late.
    Raises NotSendable.
    """
    if not isinstance(value, dict):
        raise NotSendable("", f"expected an object, got {type(value).__name__}", "Send a statement or a CloudEvent.")
    check_json(value)
    members: dict[str, Any] = dict(value)
    is_event = "specversion" in members
    _check_event(members) if is_event else _check_statement(members)
    members.setdefault("id", new_id())
    when = time_name(is_statement=not is_event)
    is_stamped = when not in members
    members.setdefault(when, timestamp())
    body = spelled(members)
    if len(body) > ITEM_BYTES_MAX:
        rule = f"it has {len(body)} bytes where at most {ITEM_BYTES_MAX} are taken"
        raise NotSendable("", rule, "Keep large content elsewhere and send its address.")
    item_id = str(members["id"])
    return Item(item_id if is_event else item_id.lower(), str(members["source"]) if is_event else "", body, is_stamped)


def time_name(*, is_statement: bool) -> str:
    """Return the name of the member that says when it happened."""
    return "timestamp" if is_statement else "time"


def spelled(value: Mapping[str, Any]) -> bytes:
    """Return a checked value as JSON without blanks."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def without_time(body: bytes, *, is_statement: bool) -> dict[str, Any]:
    """Return what an item's body says, without the instant."""
    members: dict[str, Any] = json.loads(body)
    members.pop(time_name(is_statement=is_statement), None)
    return members


def check_json(value: Any, pointer: str = "", depth: int = 0) -> None:
    """Raise NotSendable, with the place, for what has no form in JSON that every reader understands alike."""
    if isinstance(value, dict | list | tuple):
        if depth == DEPTH_MAX:
            raise NotSendable(pointer, f"it is nested deeper than {DEPTH_MAX} levels", "Send it flatter.")
        for name, child in value.items() if isinstance(value, dict) else enumerate(value):
            if isinstance(value, dict):
                _check_name(name, pointer)
            check_json(child, f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}", depth + 1)
    else:
        _check_scalar(value, pointer)


def _check_name(name: object, pointer: str) -> None:
    if not isinstance(name, str):
        raise NotSendable(pointer, f"a name must be text, got {type(name).__name__}", "Write the name as text.")
    _check_text(name, pointer)


def _check_scalar(value: object, pointer: str) -> None:
    if isinstance(value, str):
        _check_text(value, pointer)
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise NotSendable(pointer, "NaN and infinities are no JSON", "Leave the member out.")
    elif isinstance(value, int):
        if not -INTEGER_MAX <= value <= INTEGER_MAX:
            raise NotSendable(pointer, "the integer is beyond ±(2^53-1)", "Send it as text.")
    elif value is not None:
        raise NotSendable(pointer, f"{type(value).__name__} is no JSON", "Send it as text or number.")


def _check_text(text: str, pointer: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise NotSendable(pointer, "the text holds half of a surrogate pair", "Send valid Unicode.") from None


def _check_statement(members: dict[str, Any]) -> None:
    for name in ("actor", "verb", "object"):
        if not isinstance(members.get(name), dict):
            mend = "Send actor, verb and object, or a CloudEvent with its specversion."
            raise NotSendable(f"/{name}", "a statement needs it, and as an object", mend)
    if "id" in members and not (isinstance(members["id"], str) and _UUID(members["id"])):
        mend = "Send one, or leave it out and one is given."
        raise NotSendable("/id", "a statement's id is a UUID in its standard form", mend)


def _check_event(members: dict[str, Any]) -> None:
    if members["specversion"] != "1.0":
        raise NotSendable("/specversion", 'the only version spoken is "1.0"', 'Send "1.0".')
    for name in ("source", "type"):
        if not isinstance(members.get(name), str) or not members[name]:
            raise NotSendable(f"/{name}", "a CloudEvent needs it, as text that is not empty", "Send it.")
    if "id" in members and not (isinstance(members["id"], str) and members["id"]):
        mend = "Send one, or leave it out and one is given."
        raise NotSendable("/id", "an event's id is text that is not empty", mend)
