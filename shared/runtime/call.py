"""One HTTP request, as a handler sees it: who calls, what is named in path, query and headers, and the body on demand.

Strict where guessing would hurt: a name that stands twice in the query, a header that may stand once, JSON that two
readers would read differently, and fields our own formats do not know are refused with their place.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel

from shared.kernel import canonical_json
from shared.kernel.canonical_json import JsonValue
from shared.kernel.errors import Rejected, TooLarge, Unauthenticated
from shared.runtime import telemetry
from shared.runtime.auth import Principal
from shared.runtime.media_type import JSON_TYPES, MediaType, require_media_type
from shared.runtime.model_input import read_model
from shared.runtime.request_body import BYTES_MAX, RequestBody

QUERY_FIELDS_MAX: Final = 100
IDEMPOTENCY_KEY_CHARACTERS_MAX: Final = 255
_SINGULAR: Final = frozenset(
    {"authorization", "content-type", "content-length", "content-encoding", "idempotency-key", "if-match", "host"}
)
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Call:
    """A request. route: the path's template; path: its parameters; headers: names in lower case; caller: None on an
    operation that asks for no credential.
    """

    method: str
    route: str
    path: Mapping[str, str]
    headers: Mapping[str, str]
    query_string: str
    caller: Principal | None
    body: RequestBody

    @property
    def principal(self) -> Principal:
        """The caller. Raises Unauthenticated on an operation that asked for no credential."""
        if self.caller is None:
            raise Unauthenticated.of("authorization", "this operation knows no caller", "Send a credential.")
        return self.caller

    @property
    def query(self) -> dict[str, str]:
        """The query's fields. Raises Rejected for one that stands twice, or is not UTF-8."""
        fields: dict[str, str] = {}
        for name, value in self.query_pairs:
            if name in fields:
                raise Rejected.of(name[:80], "the query names it twice", "Name each field once.")
            fields[name] = value
        return fields

    @property
    def query_pairs(self) -> list[tuple[str, str]]:
        """The query's fields in order, where one may stand several times."""
        if not self.query_string:
            return []
        if self.query_string.count("&") >= QUERY_FIELDS_MAX:
            telemetry.count_bound("http-query-fields")
            raise TooLarge.of("", f"the query has more than {QUERY_FIELDS_MAX} fields", "Name fewer fields.")
        try:
            return parse_qsl(self.query_string, keep_blank_values=True, errors="strict")
        except UnicodeDecodeError:
            raise Rejected.of("", "the query is not UTF-8 in percent encoding", "Encode it as UTF-8.") from None

    @property
    def idempotency_key(self) -> str | None:
        """The Idempotency-Key, if there is one. Raises Rejected for an empty or overlong one."""
        key = self.headers.get("idempotency-key")
        if key is not None and not (0 < len(key) <= IDEMPOTENCY_KEY_CHARACTERS_MAX and key.isprintable()):
            rule = f"it is not 1 to {IDEMPOTENCY_KEY_CHARACTERS_MAX} printable characters"
            raise Rejected.of("idempotency-key", rule, "Send a fresh UUID for each new request.")
        return key

    def media_type(self, allowed: frozenset[str]) -> MediaType:
        """Return the body's media type. Raises Unsupported unless it is among `allowed`; `+json` allows a suffix."""
        return require_media_type(self.headers.get("content-type"), allowed)

    async def body_bytes(self, bytes_max: int = BYTES_MAX) -> bytes:
        """Return the whole body, inflated. Raises TooLarge, Unsupported, Rejected or SlowBody."""
        return await self.body.read(bytes_max)

    def body_chunks(self, bytes_max: int) -> AsyncIterator[bytes]:
        """Return the body, inflated, as it arrives. Raises as `body_bytes` does, while iterating."""
        return self.body.chunks(bytes_max)

    async def json(self, bytes_max: int = BYTES_MAX, media_types: frozenset[str] = JSON_TYPES) -> JsonValue:
        """Return the body read as strict JSON. Raises as `media_type`, `body_bytes` and `canonical_json.loads` do."""
        self.media_type(media_types)
        return canonical_json.loads(await self.body.read(bytes_max), bytes_max=bytes_max)

    async def model(self, model: type[M], bytes_max: int = BYTES_MAX) -> M:
        """Return the body as `model`. Raises as `json` does, and Rejected with a fault for each field that is unknown,
        missing or wrong.
        """
        value = await self.json(bytes_max)
        return read_model(model, value, await self.body.read(bytes_max))


def parse_headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the headers by lower-case name; those that stand several times are joined by commas (RFC 9110 §5.3).

    Raises Rejected when one that may stand once stands twice: two readers would choose differently.
    """
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}
    if len(headers) != len(raw):
        headers.clear()
        for name, value in ((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw):
            if name in headers and name in _SINGULAR:
                raise Rejected.of(name, "the header stands twice", "Send it once.")
            headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers
