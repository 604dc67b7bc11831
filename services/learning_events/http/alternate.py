"""The alternate request syntax of xAPI 1.0.3: any request as a POST with a form, for who can send nothing else.

`POST …?method=PUT` with the form fields `content`, the headers of `HEADERS`, and what would stand in the query (part 1,
1.3). It is 1.0's alone: 2.0 dropped it, and there such a POST is refused for naming `method`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from services.learning_events.domain.statement import XapiVersion
from services.learning_events.http.mounts import MOUNTS, VERSION_HEADER, Mount, version_of
from shared.kernel.errors import Rejected, TooLarge
from shared.runtime.call import QUERY_FIELDS_MAX
from shared.runtime.edge_errors import MethodNotAllowed
from shared.runtime.http import Call, Endpoint, Reply
from shared.runtime.media_type import parse_media_type
from shared.runtime.request_body import BYTES_MAX, RequestBody
from shared.runtime.resource import Handler, Request

METHODS: Final = ("GET", "PUT", "POST", "DELETE")
HEADERS: Final = frozenset(
    {"authorization", VERSION_HEADER, "content-type", "content-length", "if-match", "if-none-match"}
)
"""The fields of the form that count as headers, in whatever case."""
STRANGERS_BYTES_MAX: Final = 64 << 10
"""Of a form that brings its own credential: it is read before anybody knows who sends it."""
_FORM: Final = "application/x-www-form-urlencoded"
_OF_THE_FORM: Final = frozenset({"content-type", "content-length", "content-encoding", "transfer-encoding"})


class AlternateSyntax:
    """Opens such forms on one mount."""

    def __init__(self, mount: Mount) -> None:
        self._mount = mount

    def is_one(self, request: Request) -> bool:
        """Say whether this is such a request: it names a method, and does not speak 2.0."""
        if "method=" not in request.query_string:
            return False
        spoken = request.headers.get(VERSION_HEADER)
        if spoken is None:
            # On /xapi the form may still say 1.0; /xapi/2 has to be told before.
            return self._mount.version is XapiVersion.V1_0 or not self._mount.is_strict
        return spoken.startswith("1.0")

    async def open(self, request: Request) -> Request:
        """Return the request that the form stands for. Raises Rejected for a form that is none or says too much."""
        method = _method(request.query_string)
        form = await _form(request)
        headers = {name: value for name, value in request.headers.items() if name not in _OF_THE_FORM}
        headers |= {name.lower(): value for name, value in form.items() if name.lower() in HEADERS}
        query = {name: value for name, value in form.items() if name.lower() not in HEADERS}
        if version_of(headers, self._mount) is not XapiVersion.V1_0:
            raise Rejected.of("method", "xAPI 2.0 has no alternate request syntax", "Send the request itself.")
        content = _content(method, query)
        if content is None:
            headers.pop("content-type", None)
        else:
            headers.setdefault("content-type", "application/json")
        length = len(content or b"")
        headers["content-length"] = str(length)
        return Request(method, headers, urlencode(query), _body(content or b""))


def with_alternate_syntax(endpoints: Iterable[Endpoint]) -> list[Endpoint]:
    """Return these operations so that each below a mount can be asked for by a form, too."""
    listed = list(endpoints)
    methods: dict[str, set[str]] = {}
    for one in listed:
        methods.setdefault(one.path, set()).add(one.method)
    found = []
    for one in listed:
        mount = _mount_of(one.path)
        if mount is None:
            found.append(one)
            continue
        envelope = AlternateSyntax(mount)
        found.append(replace(one, envelope=envelope) if one.method == "POST" else one)
        if one.method == "GET" and "POST" not in methods[one.path]:
            found.append(replace(one, method="POST", handler=_refusing(methods[one.path]), envelope=envelope))
    return found


def _refusing(methods: set[str]) -> Handler:
    async def refuse(call: Call) -> Reply:
        raise MethodNotAllowed(call.method, methods)

    return refuse


def _mount_of(path: str) -> Mount | None:
    """Return the mount that a path is below: the one with the longest base."""
    bases = [base for base in MOUNTS if path.startswith(f"{base}/")]
    return MOUNTS[max(bases, key=len)] if bases else None


def _method(query_string: str) -> str:
    fields = parse_qsl(query_string, keep_blank_values=True)
    for name, _ in fields:
        if name != "method":
            raise Rejected.of(name[:80], "beside method the query names nothing", "Put it into the form.")
    if len(fields) != 1 or fields[0][1] not in METHODS:
        raise Rejected.of("method", "it is not the name of one method", f"Name {', '.join(METHODS)}.")
    return fields[0][1]


async def _form(request: Request) -> dict[str, str]:
    """Return the form. Raises Rejected for what is none, and for a field that stands twice."""
    media_type = parse_media_type(request.headers.get("content-type", ""))
    if media_type is None or media_type.essence != _FORM:
        raise Rejected.of("content-type", "the alternate request syntax is a form", f"Send {_FORM}.")
    bytes_max = BYTES_MAX if "authorization" in request.headers else STRANGERS_BYTES_MAX
    raw = await request.body.read(bytes_max)
    if raw.count(b"&") >= QUERY_FIELDS_MAX:
        raise TooLarge.of("", f"the form has more than {QUERY_FIELDS_MAX} fields", "Name fewer fields.")
    form: dict[str, str] = {}
    try:
        for name, value in parse_qsl(raw.decode(), keep_blank_values=True, errors="strict"):
            if name in form:
                raise Rejected.of(name[:80], "the form names it twice", "Name each field once.")
            form[name] = value
    except UnicodeDecodeError:
        raise Rejected.of("", "the form is not UTF-8 in percent encoding", "Encode it as UTF-8.") from None
    return form


def _content(method: str, query: dict[str, str]) -> bytes | None:
    """Take the content out of what will be the query. Raises Rejected where it is missing or has no place."""
    content = query.pop("content", None)
    if method in ("PUT", "POST") and content is None:
        raise Rejected.of("content", f"a {method} has content, and the form has none", "Add the field content=….")
    if method in ("GET", "DELETE") and content is not None:
        raise Rejected.of("content", f"a {method} has no content", "Leave the field out.")
    return None if content is None else content.encode()


def _body(content: bytes) -> RequestBody:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    return RequestBody({"content-length": str(len(content))}, receive)
