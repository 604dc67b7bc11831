"""What of a fact enters the record: its canonical event, the bytes a leaf commits to and a holder later opens.

The canonical event of a fact is the RFC 8785 form of one JSON object, CloudEvents 1.0's JSON format without transport:

    specversion, id, source, subject, type     text, as the fact tells them
    time, recordedtime                         text, RFC 3339 in UTC with microseconds and `Z`
    sequence                                   text, the decimal number of the fact in its stream at the source
    organisation                               text; absent when the fact has none
    data                                       the fact's data, an object; null when it was erased before it came here

Exactly these: whatever else travels with a fact (trace context, content type) is no part of what happened. Another
attribute may join the list one day; what was committed to before is not touched by that, for a reader takes the event
as it is opened. The *kind* of an event is its `type`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, NewType

from shared.events.fact import Fact
from shared.kernel import canonical_json
from shared.kernel.canonical_json import JsonValue
from shared.kernel.clock import parse_rfc3339, rfc3339
from shared.kernel.errors import Rejected

StreamName = NewType("StreamName", str)
"""Names one stream of a person: MAIN, or a project's id."""
MAIN: Final = StreamName("main")
"""Holds every event that belongs to no project."""

_REQUIRED: Final = ("id", "recordedtime", "sequence", "source", "specversion", "subject", "time", "type")
_OPTIONAL: Final = ("organisation",)


class RecordEvent(NamedTuple):
    """An event in the form the record commits to. `source` and `id` name it: nothing is logged twice under them."""

    source: str
    id: str
    kind: str
    canonical: bytes


def record_event(attributes: Mapping[str, str], data: JsonValue) -> RecordEvent:
    """Return the event of a fact with these CloudEvents attributes; `data` is None for an erased one.

    Raises Rejected, with the pointer, when an attribute is missing, no text, or not in its one form, or when the data
    is no object or has no canonical form.
    """
    if data is not None and not isinstance(data, Mapping):
        raise Rejected.of("/data", "the data is no object", "Send the fact's own data.")
    event = {name: _text(attributes, name) for name in _REQUIRED}
    event |= {name: _text(attributes, name) for name in _OPTIONAL if name in attributes}
    _expect_one_form(event)
    return RecordEvent(event["source"], event["id"], event["type"], canonical_json.dumps({**event, "data": data}))


def fact_event(fact: Fact) -> tuple[StreamName, RecordEvent]:
    """Return the stream a fact belongs in, and its event: `record_event` of its attributes and its data.

    Data that are in canonical form, as all that our services tell, are not spelled again. Raises Rejected, with the
    pointer, for data that are no object in JSON's strict form.
    """
    if fact.data is not None and fact.number > 0:
        data = canonical_json.canonical_object(fact.data)
        attributes = fact.attributes()
        if data is not None and all(attributes.values()):
            canonical = canonical_json.dumps_around(attributes, "data", fact.data)
            return stream_of(data), RecordEvent(fact.source, fact.id, fact.type, canonical)
    read = None if fact.data is None else canonical_json.loads(fact.data)
    return stream_of(read), record_event(fact.attributes(), read)


def stream_of(data: JsonValue) -> StreamName:
    """Return the stream a fact with this data belongs in: its `project`'s, else MAIN."""
    project = data.get("project") if isinstance(data, dict) else None
    return StreamName(project) if isinstance(project, str) and project else MAIN


def _text(attributes: Mapping[str, str], name: str) -> str:
    value = attributes.get(name)
    if not isinstance(value, str) or not value:
        raise Rejected.of(f"/{name}", "the attribute is missing or no text", "Send the fact's own attributes.")
    return value


def _expect_one_form(event: Mapping[str, str]) -> None:
    for name in ("time", "recordedtime"):
        if _respelled(event[name]) != event[name]:
            raise Rejected.of(f"/{name}", "not RFC 3339 in UTC with microseconds", "Spell it as the fact does.")
    sequence = event["sequence"]
    if not sequence.isdecimal() or not sequence.isascii() or sequence.startswith("0"):
        raise Rejected.of("/sequence", "no decimal number from 1 upwards", "Spell it without signs or leading zeros.")


def _respelled(text: str) -> str | None:
    try:
        return rfc3339(parse_rfc3339(text))
    except ValueError:
        return None
