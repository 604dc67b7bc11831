"""What a refused request held, item by item, so that what was refused of it can be kept, mended and sent again."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.learning_events.domain import json_slices
from services.learning_events.domain.batch import STATEMENTS_MAX
from services.learning_events.domain.envelope import described
from services.learning_events.domain.refused_items import Errors, Form, RefusedItem, RefusedItems
from shared.kernel import canonical_json
from shared.kernel.errors import Rejected

ITEMS_MAX = 10_000


@dataclass(frozen=True, slots=True)
class SentItems:
    """The text of each item. envelope: of Caliper, without its data."""

    form: Form
    bodies: Sequence[bytes]
    envelope: Mapping[str, Any] = field(default_factory=dict)


def sent_alone_or_listed(form: Form, raw: bytes, *, are_lines: bool = False) -> SentItems:
    """Return one item, an array of them, or lines. Raises Rejected where the whole cannot be parted."""
    if are_lines:
        return SentItems(form, json_slices.lines(raw, ITEMS_MAX))
    return SentItems(form, json_slices.array_items(raw, ITEMS_MAX) if json_slices.is_array(raw) else [raw])


def sent_under_id(raw: bytes, statement_id: str) -> SentItems:
    """Return the statement of a PUT, whose id may stand in its query alone. Raises Rejected."""
    item = canonical_json.loads(raw, bytes_max=len(raw))
    whole = {"id": statement_id, **item} if isinstance(item, dict) else item
    return SentItems("xapi", [canonical_json.dumps(whole)])


def sent_in_envelope(raw: bytes) -> SentItems:
    """Return what stood under the data of an envelope. Raises Rejected where there is none to be parted."""
    parts = json_slices.members(raw)
    said = {name: canonical_json.loads(text) for name, text in parts.items() if name != "data"}
    return SentItems("caliper", json_slices.array_items(parts.get("data", b""), ITEMS_MAX), said)


def sent_in_binary(attributes: Mapping[str, str], content: bytes) -> SentItems:
    """Return a CloudEvent, whose attributes came in headers, as one in structured mode."""
    try:
        data: dict[str, Any] = {"data": canonical_json.loads(content, bytes_max=len(content))}
    except Rejected:
        data = {"data_base64": base64.b64encode(content).decode()}
    return SentItems("cloudevents", [canonical_json.dumps({**attributes, **data})])


def refused_items(sent: SentItems, errors: Errors, *, is_whole: bool) -> RefusedItems | None:
    """Return what is to be kept; None where nothing is, or more than STATEMENTS_MAX items.

    is_whole: the request was refused whole, so that all its items are; else those that `errors` name.
    """
    count = len(sent.bodies)
    wanted = [index for index in range(count) if is_whole or index in errors]
    if not 0 < len(wanted) <= STATEMENTS_MAX:
        return None
    items = [RefusedItem(index, _value(sent.bodies[index]), tuple(errors.get(index, ()))) for index in wanted]
    entities: list[Any] = []
    if sent.form == "caliper" and len(wanted) < count:
        others = described(_value(body) for index, body in enumerate(sent.bodies) if index not in set(wanted))
        entities = _named_in([one.item for one in items], others)
    return RefusedItems(sent.form, tuple(items), sent.envelope, tuple(entities))


def _named_in(values: Sequence[Any], entities: Mapping[str, dict[str, Any]]) -> list[Any]:
    """Return those of the entities that the values name, or that one of those names."""
    found: dict[str, dict[str, Any]] = {}
    waiting = list(values)
    while waiting:
        for text in _texts(waiting.pop()):
            if text in entities and text not in found:
                found[text] = entities[text]
                waiting.append(entities[text])
    return list(found.values())


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _texts(part)


def _value(body: bytes) -> Any:
    """Return the value of an item; its text where it is no JSON."""
    try:
        return canonical_json.loads(body, bytes_max=len(body))
    except Rejected:
        return body.decode(errors="replace")
