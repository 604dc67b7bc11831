"""The public APIs, called over HTTP at the one origin as any other client calls them."""

from __future__ import annotations

from typing import Any, Final

import httpx
import orjson

from services.console.handlers.api import Json
from shared.kernel.clock import Clock
from shared.kernel.errors import (
    Broken,
    Conflict,
    DeedlogError,
    Forbidden,
    NotFound,
    Rejected,
    Unauthenticated,
    Unavailable,
)
from shared.runtime import telemetry
from shared.runtime.lifecycle import Readiness

ANSWER_SECONDS: Final = 8.0
"""How long a page waits for one of its parts."""
ANSWER_BYTES_MAX: Final = 4 << 20
CONNECTIONS_MAX: Final = 64
PUBLISHED_SECONDS: Final = 300.0
"""How long what never changes within a build is kept."""
PUBLISHED_MAX: Final = 100
"""Documents kept; a profile names a handful."""
_FAMILIES: Final[dict[int, type[Rejected]]] = {401: Unauthenticated, 403: Forbidden, 404: NotFound, 409: Conflict}


class HttpApi:
    """A PublicApi, and a component: its connections open with it and close with it."""

    def __init__(self, origin: str, clock: Clock) -> None:
        self.name = "console.api"
        self._origin = origin
        self._clock = clock
        self._client: httpx.AsyncClient | None = None
        self._published: dict[str, tuple[float, Json]] = {}

    async def start(self) -> None:
        """Be able to ask; connections are opened as they are needed."""
        limits = httpx.Limits(max_connections=CONNECTIONS_MAX, max_keepalive_connections=8, keepalive_expiry=15.0)
        self._client = httpx.AsyncClient(
            base_url=self._origin, timeout=ANSWER_SECONDS, limits=limits, trust_env=False, follow_redirects=False
        )

    async def stop(self) -> None:
        """Have closed every connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def readiness(self) -> Readiness:
        """Say whether it asks; whether the services answer is theirs to say."""
        return Readiness(self.name, self._client is not None, "" if self._client is not None else "it has not started")

    async def get(self, path: str, credential: str | None) -> Json:
        """Return what is answered there. Raises the kernel error that the answer names, Unavailable when none comes."""
        if self._client is None:
            raise Unavailable("The console is stopping.")
        headers = {"accept": "application/json"}
        if credential is not None:
            headers["authorization"] = f"Bearer {credential}"
        try:
            async with self._client.stream("GET", path, headers=headers) as response:
                return _answer(response.status_code, await _content(response))
        except httpx.HTTPError as error:
            raise Unavailable("The house does not answer at the moment.") from error

    async def published(self, path: str) -> Json | None:
        """Return what everybody may read there and never changes; None while it does not answer."""
        kept = self._published.get(path)
        if kept is not None and kept[0] > self._clock.monotonic():
            return kept[1]
        try:
            document = await self.get(path, None)
        except (Unavailable, NotFound, Broken):
            return None
        if len(self._published) >= PUBLISHED_MAX:
            self._published.clear()
        self._published[path] = (self._clock.monotonic() + PUBLISHED_SECONDS, document)
        return document


async def _content(response: httpx.Response) -> bytes:
    content = b""
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > ANSWER_BYTES_MAX:
            telemetry.count_bound("console-answer-bytes")
            raise Unavailable(f"An answer has more than {ANSWER_BYTES_MAX} bytes.")
    return content


def _answer(status: int, content: bytes) -> Json:
    try:
        document: Any = orjson.loads(content)
    except orjson.JSONDecodeError:
        document = None
    if not isinstance(document, dict):
        raise Unavailable("The house answered something that is no JSON.")
    if status == 200:
        return document
    raise _error(status, document)


def _error(status: int, problem: Json) -> DeedlogError:
    """Return the kernel error a problem document tells (RFC 9457), with its own words."""
    detail = str(problem.get("detail", "No reason was given."))
    if status in _FAMILIES:
        return _FAMILIES[status](detail)
    if status == 503:
        return Unavailable(detail)
    return Rejected(detail) if 400 <= status < 500 else Broken(detail)
