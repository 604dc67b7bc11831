"""Refused items read once more, each in the form in which it came.

An item without an id gets one from its delivery and its place: sent again twice, it is a duplicate. A statement without
a timestamp gets the time at which it came first; days may have passed since.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.learning_events.domain.any_event import read_any
from services.learning_events.domain.batch import ITEM_BYTES_MAX, STATEMENTS_MAX, RefusedStatement, validate_item
from services.learning_events.domain.caliper import read_caliper
from services.learning_events.domain.cloud_event import read_structured
from services.learning_events.domain.derived import Reading
from services.learning_events.domain.envelope import described, read_envelope
from services.learning_events.domain.original import derived_id
from services.learning_events.domain.refused_items import RefusedItem, RefusedItems
from services.learning_events.domain.statement import XapiVersion
from shared.kernel import canonical_json
from shared.kernel.clock import rfc3339
from shared.kernel.errors import Fault, Rejected


def read_again(
    refused: RefusedItems, items: Sequence[RefusedItem], delivery: str, came_at: datetime, version: XapiVersion
) -> list[Reading]:
    """Return what each of these refused items is now; its index is its place in `items`.

    Raises Rejected where the envelope in which they came is none.
    """
    if refused.form == "caliper":
        return _in_envelope(refused, items, came_at)
    return [_read(refused, one, place, delivery, came_at, version) for place, one in enumerate(items)]


def faults_of(reading: Reading) -> tuple[Fault, ...]:
    """Return what is wrong with what was read; nothing where it would be taken."""
    return reading.faults if isinstance(reading, RefusedStatement) else ()


def _read(
    refused: RefusedItems, one: RefusedItem, place: int, delivery: str, came_at: datetime, version: XapiVersion
) -> Reading:
    if refused.form == "cloudevents":
        return read_structured(_body(one.item), place, came_at)
    body = _body(_dated(one.item, came_at))

    def given_id() -> str:
        return derived_id("delivery", delivery, str(one.index))

    if refused.form == "any":
        return read_any(body, place, came_at, given_id, version)
    return validate_item(body, place, came_at, given_id, version=version)


def _in_envelope(refused: RefusedItems, items: Sequence[RefusedItem], came_at: datetime) -> list[Reading]:
    """Return the items as those of their envelope, where they had one; they know the entities that came along."""
    if refused.envelope:
        read_envelope(canonical_json.dumps({**refused.envelope, "data": []}), STATEMENTS_MAX)
    entities = described([*refused.entities, *(one.item for one in refused.items)])
    readings: list[Reading] = []
    for place, one in enumerate(items):
        body = _body(one.item)
        try:
            value = canonical_json.loads(body, bytes_max=ITEM_BYTES_MAX)
        except Rejected as error:
            readings.append(RefusedStatement(place, error.faults))
            continue
        envelope = refused.envelope
        readings.append(read_caliper(value, body, place, came_at, envelope=envelope, entities=entities))
    return readings


def _dated(item: Any, came_at: datetime) -> Any:
    """Return a statement with a timestamp; anything else as it is."""
    if isinstance(item, dict) and "verb" in item and "specversion" not in item:
        return {"timestamp": rfc3339(came_at), **item}
    return item


def _body(item: Any) -> bytes:
    """Return the text of an item; of one that was no JSON, that again."""
    return item.encode() if isinstance(item, str) else json.dumps(item, ensure_ascii=False).encode()
