"""The context attributes of a CloudEvent: required, optional and extensions (CloudEvents 1.0 §3)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from services.learning_events.domain.faults import MISSING, Faults
from services.learning_events.domain.formats import check_iri, check_timestamp
from services.learning_events.domain.learning_event import TYPE
from shared.kernel.errors import Rejected

ATTRIBUTES_MAX: Final = 64
ATTRIBUTE_BYTES_MAX: Final = 2_048
"""UTF-8 bytes of one attribute."""
BYTES_MAX: Final = 8_192
"""UTF-8 bytes of all of them, with their names: they are given back in headers."""
_NAME: Final = re.compile(r"[a-z0-9]{1,64}").fullmatch
_REFERENCE: Final = re.compile(r"[^\x00-\x20\x7f<>\"{}|\\^`]+").fullmatch
_JSON_TYPE: Final = re.compile(
    r"(?:application|text)/(?:json|[A-Za-z0-9!#$&^_.-]+\+json)[ \t]*(?:;.*)?", re.DOTALL
).fullmatch
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]").search
_REQUIRED: Final = {
    "specversion": 'Write "1.0".',
    "id": "Send an id that is the event's own at its source.",
    "source": "Send a URI-reference that names where it happened.",
    "type": f"Name the type, such as {TYPE}.",
}


def check_attributes(attributes: Mapping[str, Any], prefix: str) -> None:
    """Raise Rejected with everything wrong with the attributes (CloudEvents §3)."""
    faults = Faults()
    if len(attributes) > ATTRIBUTES_MAX:
        faults.add("", f"at most {ATTRIBUTES_MAX} attributes, got {len(attributes)}", "Leave extensions out.")
    if sum(len(f"{name}{value}".encode()) for name, value in attributes.items()) > BYTES_MAX:
        faults.add("", f"all attributes together have at most {BYTES_MAX} bytes", "Put what is long into the data.")
    for name, value in attributes.items():
        _check_attribute(name, value, prefix + name[:64], faults)
    for name, mend in _REQUIRED.items():
        value = attributes.get(name, MISSING)
        if type(value) is not str or not value:
            faults.add_wrong(prefix + name, value, "a text that is not empty", mend)
    if not faults.listed:
        _check_known(attributes, prefix, faults)
    if faults.listed:
        first = faults.listed[0]
        raise Rejected(f"{first.pointer}: {first.rule}. {first.mend}", faults.listed)


def _check_known(attributes: Mapping[str, Any], prefix: str, faults: Faults) -> None:
    if attributes["specversion"] != "1.0":
        faults.add(f"{prefix}specversion", "only CloudEvents 1.0 are read", 'Write "1.0".')
    if _REFERENCE(attributes["source"]) is None:
        faults.add(f"{prefix}source", "it is no URI-reference (RFC 3986)", _REQUIRED["source"])
    if "time" in attributes:
        check_timestamp(attributes["time"], f"{prefix}time", faults)
    if "dataschema" in attributes:
        check_iri(attributes["dataschema"], f"{prefix}dataschema", faults)
    content_type = attributes.get("datacontenttype", "application/json")
    if type(content_type) is not str or _JSON_TYPE(content_type) is None:
        faults.add(f"{prefix}datacontenttype", "only data in JSON is read", "Send application/json.")


def _check_attribute(name: str, value: Any, pointer: str, faults: Faults) -> None:
    if _NAME(name) is None:
        faults.add(pointer, "the name of an attribute has lower-case letters and digits only", "Rename it.")
    if type(value) is str:
        if not value or _CONTROL(value) or len(value.encode()) > ATTRIBUTE_BYTES_MAX:
            rule = f"it is not a text of 1 to {ATTRIBUTE_BYTES_MAX} bytes without control characters"
            faults.add(pointer, rule, "Shorten it, or leave it out.")
    elif type(value) not in (bool, int):
        faults.add_wrong(
            pointer, value, "a text, a whole number, true or false", "Leave it out, or put it in the data."
        )
