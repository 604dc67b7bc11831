"""The three mounts of xAPI, and the version that every request speaks and every reply names.

A header X-Experience-API-Version decides on each of them. Without it `/xapi` takes a request for 2.0; `/xapi/1` and
`/xapi/2` keep to the letter of the standard and refuse it (part 3, 3.3), in a reply of their own version.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from services.learning_events.domain.arrival import Writer
from services.learning_events.domain.sender_credential import credential_fault
from services.learning_events.domain.statement import XapiVersion
from services.learning_events.handlers.ports import Reader
from shared.kernel.errors import Forbidden, Rejected, Unauthenticated
from shared.runtime.auth import Kind
from shared.runtime.http import Call, Reply
from shared.runtime.problem import problem


@dataclass(frozen=True, slots=True)
class Mount:
    """The version that replies speak where the request names none, and whether a request must name one."""

    version: XapiVersion
    is_strict: bool


MOUNTS: Final = {
    "/xapi": Mount(XapiVersion.V2_0, is_strict=False),
    "/xapi/1": Mount(XapiVersion.V1_0, is_strict=True),
    "/xapi/2": Mount(XapiVersion.V2_0, is_strict=True),
}
"""Each base path of the resources."""
VERSIONS: Final = ("2.0.0", "1.0.3", "1.0.2", "1.0.1", "1.0.0")
"""What `about` tells: the versions a request may name."""
VERSION_HEADER: Final = "x-experience-api-version"
WRITE: Final = frozenset({"write"})
READ: Final = frozenset({"read", "read/mine"})
READ_ALL: Final = frozenset({"read"})
KEYS: Final[frozenset[Kind]] = frozenset({"key"})
JSON: Final = frozenset({"application/json"})
_FORMS: Final = (
    (re.compile(r"1\.0(?:\.[0-9]{1,4})?").fullmatch, XapiVersion.V1_0),
    (re.compile(r"2\.0(?:\.[0-9]{1,4})?").fullmatch, XapiVersion.V2_0),
)

Operation = Callable[[Call, XapiVersion], Awaitable[Reply]]


def version_of(headers: Mapping[str, str], mount: Mount) -> XapiVersion:
    """Return the version a request speaks. Raises Rejected for one that is not spoken here (part 3, 3.3).

    Raises Rejected too where the mount is strict and the request names none.
    """
    text = headers.get(VERSION_HEADER)
    if text is None and mount.is_strict:
        mend = f"Send {mount.version.value}, or use the mount /xapi, where a request without it speaks 2.0.0."
        raise Rejected.of("X-Experience-API-Version", "the request does not say which version it speaks", mend)
    if text is None:
        return mount.version
    for matches, version in _FORMS:
        if matches(text):
            return version
    mend = "Send 1.0.3 or 2.0.0, or leave the header out."
    raise Rejected.of("X-Experience-API-Version", "the version is none that is spoken here", mend)


def speaking(mount: Mount, operation: Operation) -> Callable[[Call], Awaitable[Reply]]:
    """Return the operation as a handler that knows the version its request speaks."""

    async def speak(call: Call) -> Reply:
        return await operation(call, version_of(call.headers, mount))

    return speak


def finishing(mount: Mount) -> Callable[[Mapping[str, str], Reply], Reply]:
    """Return what puts the version on every reply: the request's where it can be spoken, else the mount's."""

    def finish(headers: Mapping[str, str], reply: Reply) -> Reply:
        try:
            version = version_of(headers, mount)
        except Rejected:
            version = mount.version
        return named_credential_fault(headers, reply).with_headers(("X-Experience-API-Version", version.value))

    return finish


def named_credential_fault(headers: Mapping[str, str], reply: Reply) -> Reply:
    """Return the reply; a 401 to a credential of the wrong form says what is wrong with the form."""
    fault = credential_fault(headers.get("authorization")) if reply.status == 401 else None
    return reply if fault is None else problem(Unauthenticated.of(fault.pointer, fault.rule, fault.mend))


def only(query: Mapping[str, str], known: frozenset[str]) -> None:
    """Raise Rejected for a field of the query that is none of `known` (part 3, 3.2)."""
    for name in query:
        if name not in known:
            rule = "this operation knows no such field in the query"
            raise Rejected.of(name[:80], rule, f"Name {' or '.join(sorted(known)) or 'none'}.")


def writer(call: Call) -> Writer:
    """Return on whose behalf the caller writes. Raises Forbidden for a key of no organisation."""
    return Writer(organisation(call), call.principal.id, call.principal.is_test)


def reader(call: Call) -> Reader:
    """Return what the caller may read. Raises Forbidden for a key of no organisation."""
    principal = call.principal
    only_key = None if principal.has_any(READ_ALL) else principal.id
    return Reader(organisation(call), principal.is_test, only_key)


def organisation(call: Call) -> str:
    """Return the caller's organisation. Raises Forbidden for a key of none."""
    if call.principal.organisation is None:
        raise Forbidden.of("authorization", "the key belongs to no organisation", "Use an organisation's key.")
    return call.principal.organisation
