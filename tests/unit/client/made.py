"""What the client's tests send, and a spool of theirs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from shared.client.exchange import Answer
from shared.client.item import Item, item_of

NOW = "2026-03-01T09:30:00.000Z"
_DEFAULT = object()


def uuid_of(number: int) -> str:
    return f"01890000-0000-7000-8000-{number:012x}"


def statement(number: int = 1, **changes: Any) -> dict[str, Any]:
    made = {
        "id": uuid_of(number),
        "actor": {"account": {"homePage": "https://lms.example", "name": "ada"}},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/answered"},
        "object": {"id": f"https://lms.example/questions/{number}"},
        "timestamp": NOW,
    }
    return {**made, **changes}


def event(number: int = 1, **changes: Any) -> dict[str, Any]:
    made = {"specversion": "1.0", "id": f"e{number}", "source": "/lms", "type": "lms.answered", "time": NOW}
    return {**made, **changes}


def item(value: Any = _DEFAULT, number: int = 1) -> Item:
    return item_of(statement(number) if value is _DEFAULT else value, lambda: uuid_of(99), lambda: NOW)


def receipt(items: Sequence[Item]) -> Answer:
    return Answer(200, {"content-type": "application/json"}, json.dumps([one.id for one in items]).encode())


def problem(status: int, code: str, faults: Sequence[tuple[str, str, str]] = (), **headers: str) -> Answer:
    errors = [{"pointer": pointer, "rule": rule, "mend": mend} for pointer, rule, mend in faults]
    body = {"status": status, "code": code, "detail": "It is refused.", "errors": errors}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, {"content-type": "application/problem+json", **named}, json.dumps(body).encode())
