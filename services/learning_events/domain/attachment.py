"""The headers of attachments (part 2, section 2.4.11). Their data comes in no form that is read here."""

from __future__ import annotations

import re
from typing import Any, Final

from services.learning_events.domain.faults import MISSING, Faults
from services.learning_events.domain.formats import check_iri, check_language_map

_NAME: Final = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_MEDIA_TYPE: Final = re.compile(
    rf"{_NAME}/{_NAME}(?:[ \t]*;[ \t]*{_NAME}=(?:{_NAME}|\"(?:[^\"\\\x00-\x1f]|\\.)*\"))*", re.DOTALL
).fullmatch
_SHA2: Final = re.compile(r"(?:[0-9A-Fa-f]{56}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{96}|[0-9A-Fa-f]{128})").fullmatch
_REQUIRED: Final = ("usageType", "display", "contentType", "length", "sha2")
_ATTACHMENT: Final = frozenset({*_REQUIRED, "description", "fileUrl"})


def check_attachments(value: Any, pointer: str, faults: Faults) -> None:
    """List what keeps `value` from being an array of attachment headers."""
    if type(value) is not list:
        faults.add_wrong(pointer, value, "an array of attachments", "Send the attachments as an array.")
        return
    for index, attachment in enumerate(value):
        _check_attachment(attachment, f"{pointer}/{index}", faults)


def check_data_is_elsewhere(statement: dict[str, Any], pointer: str, faults: Faults) -> None:
    """List each attachment of a checked statement that says of no URL where its data lies.

    Such data would come in the same request (part 3, section 2.1.1), and a request in JSON alone carries none.
    """
    for index, attachment in enumerate(statement.get("attachments", ())):
        if "fileUrl" not in attachment:
            mend = "Name where the data lies, or leave the attachment out."
            faults.add(f"{pointer}/attachments/{index}/fileUrl", "the data of the attachment did not come along", mend)
    target = statement["object"]
    if target.get("objectType") == "SubStatement":
        check_data_is_elsewhere(target, f"{pointer}/object", faults)


def _check_attachment(value: Any, pointer: str, faults: Faults) -> None:
    if type(value) is not dict:
        faults.add_wrong(pointer, value, "an attachment, that is an object", f"Give {', '.join(_REQUIRED)}.")
        return
    if not _ATTACHMENT.issuperset(value):
        faults.add_unknown(pointer, value, _ATTACHMENT, "an attachment")
    check_iri(value.get("usageType", MISSING), f"{pointer}/usageType", faults)
    check_language_map(value.get("display", MISSING), f"{pointer}/display", faults)
    if "description" in value:
        check_language_map(value["description"], f"{pointer}/description", faults)
    if "fileUrl" in value:
        check_iri(value["fileUrl"], f"{pointer}/fileUrl", faults)
    _check_measure(value, pointer, faults)


def _check_measure(value: dict[str, Any], pointer: str, faults: Faults) -> None:
    content_type, length, sha2 = (value.get(name, MISSING) for name in ("contentType", "length", "sha2"))
    if type(content_type) is not str or _MEDIA_TYPE(content_type) is None:
        faults.add_wrong(
            f"{pointer}/contentType", content_type, "a media type (RFC 2046)", "Send text/plain or the like."
        )
    if type(length) is not int or length < 0:
        faults.add(f"{pointer}/length", "expected a whole number of octets, 0 or more", "Send the length as a number.")
    if type(sha2) is not str or _SHA2(sha2) is None:
        faults.add_wrong(f"{pointer}/sha2", sha2, "a SHA-2 hash in hex digits", "Send the SHA-256 in 64 hex digits.")
