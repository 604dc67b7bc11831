"""CloudEvents 1.0: the context attributes, and the data, which is one of the three kinds of event that are read here.

The event is the same in structured and in binary mode: what is kept are its attributes and the bytes of its data. What
the data is, is seen from the data: `type` decides only for our own event (`learning_event.py`).

An xAPI statement in a CloudEvent is that statement: with its own id it is a duplicate of the one that came bare. What
has no id of its own gets one from `source` and `id`, which together name an event once and for all (§3.1).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from services.learning_events.domain.batch import (
    ITEM_BYTES_MAX,
    ReceivedStatement,
    RefusedStatement,
    validate_item,
)
from services.learning_events.domain.caliper import read_caliper
from services.learning_events.domain.caliper_form import is_caliper
from services.learning_events.domain.cloud_event_attributes import check_attributes
from services.learning_events.domain.derived import Reading, derived, rebased
from services.learning_events.domain.faults import Faults
from services.learning_events.domain.json_slices import members
from services.learning_events.domain.learning_event import TYPE, as_statement, check_learning_event
from services.learning_events.domain.original import Original, derived_id
from shared.kernel import canonical_json
from shared.kernel.errors import Fault, Rejected

_DATA_MEND: Final = f"Send an xAPI statement, a Caliper event, or {TYPE}."


def is_cloud_event(item: Any) -> bool:
    """Say whether a JSON value says of itself that it is a CloudEvent."""
    return type(item) is dict and "specversion" in item


def read_structured(raw: bytes, index: int, received_at: datetime) -> Reading:
    """Return what the CloudEvent in its JSON format is (JSON Event Format §3); pointers start at it."""
    try:
        item = canonical_json.loads(raw, bytes_max=ITEM_BYTES_MAX)
        if not isinstance(item, dict):
            raise Rejected.of("", "expected a CloudEvent, that is an object", "Send its attributes and data.")
        attributes = {name: value for name, value in item.items() if name not in ("data", "data_base64")}
        check_attributes(attributes, "/")
        content, base = _content(item, raw)
    except Rejected as error:
        return RefusedStatement(index, error.faults)
    return _read(attributes, content, index, received_at, base)


def read_binary(attributes: Mapping[str, str], content: bytes, index: int, received_at: datetime) -> Reading:
    """Return what the CloudEvent is that came with its attributes in headers (HTTP Binding §3.1).

    attributes: by name, without their prefix. Pointers start at the body; an attribute's is its header's name.
    """
    try:
        check_attributes(attributes, "ce-")
    except Rejected as error:
        return RefusedStatement(index, error.faults)
    return _read(attributes, content, index, received_at, "")


def _read(attributes: Mapping[str, Any], content: bytes, index: int, received_at: datetime, base: str) -> Reading:
    try:
        value = canonical_json.loads(content, bytes_max=ITEM_BYTES_MAX)
    except Rejected as error:
        return rebased(RefusedStatement(index, error.faults), base)
    if attributes["type"] == TYPE:
        reading = _own(attributes, content, value, index, received_at)
    elif is_caliper(value):
        reading = read_caliper(value, content, index, received_at, envelope=dict(attributes), entities={})
    elif isinstance(value, dict) and "verb" in value:
        reading = _statement(attributes, content, value, index, received_at)
    else:
        reading = RefusedStatement(index, (Fault("", "the data is no event that is read here", _DATA_MEND),))
    return rebased(reading, base) if isinstance(reading, RefusedStatement) else reading


def _own(attributes: Mapping[str, Any], content: bytes, value: Any, index: int, received_at: datetime) -> Reading:
    event_id = _id(attributes)
    faults = Faults()
    check_learning_event(value, "", faults)
    if faults.listed:
        return RefusedStatement(index, tuple(faults.listed), event_id)
    statement = as_statement(value, event_id, attributes.get("time"))
    original = Original("cloudevents", content, dict(attributes))
    return derived(statement, original, value, index, received_at, {"/verb/id": "/verb"})


def _statement(
    attributes: Mapping[str, Any], content: bytes, value: dict[str, Any], index: int, received_at: datetime
) -> Reading:
    """Return the statement with the id and the time that the CloudEvent gives it, where it has none of its own."""
    whole = dict(value)
    whole.setdefault("id", _id(attributes))
    if "time" in attributes:
        whole.setdefault("timestamp", attributes["time"])
    spelled = canonical_json.dumps(whole)
    reading = validate_item(spelled, index, received_at, lambda: _id(attributes), bytes_max=len(spelled))
    if isinstance(reading, ReceivedStatement):
        return replace(reading, sent=Original("xapi", content, dict(attributes)))
    return reading


def _id(attributes: Mapping[str, Any]) -> str:
    return derived_id("cloudevents", str(attributes["source"]), str(attributes["id"]))


def _content(item: dict[str, Any], raw: bytes) -> tuple[bytes, str]:
    """Return the bytes of the data, and the pointer to where it stands."""
    if ("data" in item) is ("data_base64" in item):
        raise Rejected.of("/data", "an event has data or data_base64, one of them", _DATA_MEND)
    if "data" in item:
        return members(raw)["data"], "/data"
    try:
        return base64.b64decode(item["data_base64"], validate=True), "/data_base64"
    except (binascii.Error, TypeError, ValueError):
        raise Rejected.of("/data_base64", "it is no text in base64", "Send the data as JSON under data.") from None
