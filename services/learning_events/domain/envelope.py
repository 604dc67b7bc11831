"""The envelope in which Caliper sends events and entities together (Caliper 1.1 §5.2)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from services.learning_events.domain.batch import ITEM_BYTES_MAX, RefusedStatement
from services.learning_events.domain.caliper import read_caliper
from services.learning_events.domain.caliper_form import check_entity, is_event, is_version
from services.learning_events.domain.derived import Reading
from services.learning_events.domain.faults import MISSING, Faults
from services.learning_events.domain.formats import check_iri, check_timestamp
from services.learning_events.domain.json_slices import array_items, members
from shared.kernel import canonical_json
from shared.kernel.errors import Rejected

_MEMBERS: Final = frozenset({"sensor", "sendTime", "dataVersion", "data"})
_NONE: Final[Mapping[str, dict[str, Any]]] = {}


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a sensor sent in one request. said: sensor, sendTime and dataVersion. items: the text of each of `data`."""

    said: Mapping[str, Any]
    items: tuple[bytes, ...]


def read_envelope(raw: bytes, items_max: int) -> Envelope:
    """Return the envelope in `raw`, its items not read yet.

    Raises Rejected where it is none, with everything wrong with it; TooLarge where it has more than `items_max` items.
    """
    parts = members(raw)
    said = {name: canonical_json.loads(text) for name, text in parts.items() if name != "data"}
    faults = Faults()
    if not _MEMBERS.issuperset(parts):
        faults.add_unknown("", dict(parts), _MEMBERS, "an envelope")
    check_iri(said.get("sensor", MISSING), "/sensor", faults)
    check_timestamp(said.get("sendTime", MISSING), "/sendTime", faults)
    version = said.get("dataVersion", MISSING)
    if not is_version(version):
        mend = "Name http://purl.imsglobal.org/ctx/caliper/v1p2, or v1p1."
        faults.add_wrong("/dataVersion", version, "the context of Caliper 1.1 or 1.2", mend)
    if not parts.get("data", b"").startswith(b"["):
        faults.add("/data", "expected an array of events and entities", "Send them as an array, also a single one.")
    if faults.listed:
        first = faults.listed[0]
        raise Rejected(f"{first.pointer or 'the envelope'}: {first.rule}. {first.mend}", faults.listed)
    return Envelope(said, tuple(array_items(parts["data"], items_max)))


def read_items(envelope: Envelope, received_at: datetime) -> list[Reading]:
    """Return what each item is; pointers start at the item. Events know the entities that came along."""
    values = [_value(raw) for raw in envelope.items]
    entities = described(value for value in values if not isinstance(value, Rejected))
    readings: list[Reading] = []
    for index, (value, raw) in enumerate(zip(values, envelope.items, strict=True)):
        if isinstance(value, Rejected):
            readings.append(RefusedStatement(index, value.faults))
        else:
            said = envelope.said
            readings.append(read_caliper(value, raw, index, received_at, envelope=said, entities=entities))
    return readings


def read_alone(raw: bytes, index: int, received_at: datetime) -> Reading:
    """Return what an event or entity is that came without an envelope; pointers start at it."""
    value = _value(raw)
    if isinstance(value, Rejected):
        return RefusedStatement(index, value.faults)
    return read_caliper(value, raw, index, received_at, envelope={}, entities=_NONE)


def described(values: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """Return the valid entities among these values by IRI; of several with one IRI the last."""
    found: dict[str, dict[str, Any]] = {}
    for value in values:
        faults = Faults()
        if type(value) is dict and not is_event(value):
            check_entity(value, "", faults, is_whole=True, is_in_envelope=True)
            if not faults.listed:
                found[value["id"]] = value
    return found


def _value(raw: bytes) -> Any:
    """Return the value of an item, or why it has none."""
    try:
        return canonical_json.loads(raw, bytes_max=ITEM_BYTES_MAX)
    except Rejected as error:
        return error
