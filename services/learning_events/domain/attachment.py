"""Attachments: their headers in the statement (part 2, section 2.4.11), and the data that comes along with it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from services.learning_events.domain.faults import MISSING, Faults
from services.learning_events.domain.formats import check_iri, check_language_map
from shared.kernel.errors import Rejected

_NAME: Final = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"
_MEDIA_TYPE: Final = re.compile(
    rf"{_NAME}/{_NAME}(?:[ \t]*;[ \t]*{_NAME}=(?:{_NAME}|\"(?:[^\"\\\x00-\x1f]|\\.)*\"))*", re.DOTALL
).fullmatch
_SHA2: Final = re.compile(r"(?:[0-9A-Fa-f]{56}|[0-9A-Fa-f]{64}|[0-9A-Fa-f]{96}|[0-9A-Fa-f]{128})").fullmatch
_REQUIRED: Final = ("usageType", "display", "contentType", "length", "sha2")
_ATTACHMENT: Final = frozenset({*_REQUIRED, "description", "fileUrl"})
_HASHES: Final[Mapping[int, Callable[[bytes], Any]]] = {
    56: hashlib.sha224,
    64: hashlib.sha256,
    96: hashlib.sha384,
    128: hashlib.sha512,
}
NO_PARTS: Final[Mapping[str, bytes]] = MappingProxyType({})
"""What comes along with a body that is JSON alone."""


def check_attachments(value: Any, pointer: str, faults: Faults) -> None:
    """List what keeps `value` from being an array of attachment headers."""
    if type(value) is not list:
        faults.add_wrong(pointer, value, "an array of attachments", "Send the attachments as an array.")
        return
    for index, attachment in enumerate(value):
        _check_attachment(attachment, f"{pointer}/{index}", faults)


def check_data_is_there(
    statement: dict[str, Any], pointer: str, faults: Faults, parts: Mapping[str, bytes] = NO_PARTS
) -> None:
    """List each attachment of a checked statement whose data did neither come along nor lies at a URL.

    parts: the data that came along, by SHA-2. It comes in the same request (part 3, section 2.1.1).
    """
    for index, attachment in enumerate(statement.get("attachments", ())):
        if "fileUrl" not in attachment and attachment["sha2"].lower() not in parts:
            mend = "Send the data in a multipart/mixed body, name where it lies, or leave the attachment out."
            faults.add(f"{pointer}/attachments/{index}/fileUrl", "the data of the attachment did not come along", mend)
    target = statement["object"]
    if target.get("objectType") == "SubStatement":
        check_data_is_there(target, f"{pointer}/object", faults, parts)


def hashes_of(statement: dict[str, Any], parts: Mapping[str, bytes]) -> tuple[str, ...]:
    """Return the SHA-2 of a checked statement's attachments whose data is among `parts`, each once, in order."""
    named = (attachment["sha2"].lower() for attachment in attachments_of(statement))
    return tuple(dict.fromkeys(sha2 for sha2 in named if sha2 in parts))


def attachments_of(statement: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the attachment headers of a checked statement, and of a SubStatement in it."""
    yield from statement.get("attachments", ())
    target = statement["object"]
    if target.get("objectType") == "SubStatement":
        yield from attachments_of(target)


def is_hash_of(sha2: str, data: bytes) -> bool:
    """Say whether `sha2`, in lower-case hex digits, is the hash of `data` that its length stands for."""
    compute = _HASHES.get(len(sha2))
    return compute is not None and compute(data).hexdigest() == sha2


def refuse_unnamed(parts: Mapping[str, bytes], named: Iterable[Iterable[str]]) -> None:
    """Raise Rejected where data came along that no statement of the request names."""
    if not parts.keys() <= {sha2 for some in named for sha2 in some}:
        rule = "a part of the body is no attachment of its statements"
        raise Rejected.of("", rule, "Name each part's SHA-2 in an attachment of a statement, or leave the part out.")


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
