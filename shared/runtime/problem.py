"""The one place where an error becomes an HTTP answer: RFC 9457 problem details.

What is safe to show was decided where the error was made: Rejected and Unavailable speak for themselves, everything
else is told by a code and an incident id, under which the log has the whole story.
"""

from __future__ import annotations

import logging
import math
from typing import Any, Final

import orjson

from shared.kernel.errors import (
    Conflict,
    DeedlogError,
    Forbidden,
    NotFound,
    Rejected,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unsupported,
)
from shared.kernel.ids import system_uuid7
from shared.runtime.auth import InsufficientScope
from shared.runtime.edge_errors import (
    IdempotencyMismatch,
    InvalidToken,
    MethodNotAllowed,
    PreconditionFailed,
    PreconditionRequired,
    SlowBody,
)
from shared.runtime.reply import Header, Reply

MEDIA_TYPE: Final = "application/problem+json"
DOCS: Final = "/docs/problems/"
"""Where the page about a code stands, under the public origin."""
_BEARER: Final = 'Bearer realm="deedlog"'
_BASIC: Final = ("WWW-Authenticate", 'Basic realm="deedlog", charset="UTF-8"')

STATUSES: Final[dict[type[DeedlogError], tuple[int, str]]] = {
    Rejected: (400, "The request breaks a rule"),
    Unauthenticated: (401, "A valid credential is needed"),
    Forbidden: (403, "The caller may not do this"),
    NotFound: (404, "There is no such thing"),
    MethodNotAllowed: (405, "The method is not answered here"),
    SlowBody: (408, "The request took too long to arrive"),
    Conflict: (409, "The state is another one"),
    PreconditionFailed: (412, "The state is not the one that was named"),
    TooLarge: (413, "The request is over a bound"),
    Unsupported: (415, "This form of request is not read here"),
    IdempotencyMismatch: (422, "The idempotency key belongs to another request"),
    PreconditionRequired: (428, "The request must name the state it changes"),
    Unavailable: (503, "Not possible at the moment"),
    DeedlogError: (500, "Something of ours is broken"),
}
"""The status and title of each error; a class that is not here has those of the nearest one above it."""

_log = logging.getLogger(__name__)


def status_of(error: DeedlogError) -> int:
    """Return the HTTP status of this error."""
    return _status_and_title(error)[0]


def problem(error: DeedlogError) -> Reply:
    """Return the problem details of `error`. Of what is not Rejected or Unavailable only the code is told."""
    status, title = _status_and_title(error)
    if status >= 500 and not isinstance(error, Unavailable):
        return incident(error)
    body: dict[str, Any] = {
        "type": f"urn:deedlog:problem:{error.code}",
        "title": title,
        "status": status,
        "detail": error.message,
        "code": error.code,
        "docs": DOCS + error.code,
    }
    if isinstance(error, Rejected) and error.faults:
        body["errors"] = [{"pointer": fault.pointer, "rule": fault.rule, "mend": fault.mend} for fault in error.faults]
    return Reply(status, orjson.dumps(body), MEDIA_TYPE, _headers(error))


def incident(error: BaseException) -> Reply:
    """Return a 500 that shows nothing but a code and an id, under which the error was logged."""
    code = error.code if isinstance(error, DeedlogError) else "broken"
    incident_id = str(system_uuid7())
    _log.error("a request failed by our fault", extra={"incident": incident_id, "code": code}, exc_info=error)
    status, title = STATUSES[DeedlogError]
    body = {
        "type": f"urn:deedlog:problem:{code}",
        "title": title,
        "status": status,
        "detail": f"It was logged as incident {incident_id}. Quote that id when you ask about it.",
        "code": code,
        "incident": incident_id,
        "docs": DOCS + code,
    }
    return Reply(status, orjson.dumps(body), MEDIA_TYPE)


def _status_and_title(error: DeedlogError) -> tuple[int, str]:
    return next(STATUSES[family] for family in type(error).__mro__ if family in STATUSES)


def _headers(error: DeedlogError) -> tuple[Header, ...]:
    if isinstance(error, Unauthenticated):
        why = ', error="invalid_token"' if isinstance(error, InvalidToken) else ""
        return ("WWW-Authenticate", _BEARER + why), _BASIC
    if isinstance(error, InsufficientScope):
        # RFC 6750 §3 has no way to say "one of these", so several are told in the body alone.
        which = f', scope="{next(iter(error.scopes))}"' if len(error.scopes) == 1 else ""
        return (("WWW-Authenticate", f'{_BEARER}, error="insufficient_scope"{which}'),)
    if isinstance(error, Unavailable):
        return (("Retry-After", str(max(1, math.ceil(error.retry_after_seconds)))),)
    if isinstance(error, MethodNotAllowed):
        return (("Allow", ", ".join(error.allowed)),)
    if isinstance(error, Unsupported) and any(fault.pointer == "content-encoding" for fault in error.faults):
        return (("Accept-Encoding", "gzip, deflate, identity"),)
    return ()
