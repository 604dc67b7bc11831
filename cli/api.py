"""The house as a command meets it: its public HTTP API, nothing else.

Every POST carries an Idempotency-Key, so that one that was lost on the way can be sent again without being done twice.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlencode

import httpx

from cli.answers import Refusal
from cli.surroundings import Surroundings
from shared.kernel.errors import Unavailable
from shared.kernel.ids import system_uuid7

TIMEOUT_SECONDS: Final = 30.0
CONNECT_SECONDS: Final = 3.0
SILENCE_SECONDS: Final = 60.0
"""A stream that says nothing for so long, not even that there is nothing, has lost its other end."""
TRIES: Final = 4
"""For what was refused with 503 or lost on the way; the pause doubles from half a second."""
PAUSE_SECONDS: Final = 0.5
PAGE: Final = 100
CHUNK_BYTES: Final = 256 * 1024
IDEMPOTENCY_KEY: Final = "Idempotency-Key"
_NOTHING_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout)


class Away(Unavailable):
    """Nobody answers at the origin."""

    code = "away"


class Api:
    """The public API under one credential. Close it, or use it as a context."""

    def __init__(self, base_url: str, credential: str | None, client: httpx.Client | None = None) -> None:
        self._base_url = base_url
        self._credential = credential
        timeout = httpx.Timeout(TIMEOUT_SECONDS, connect=CONNECT_SECONDS)
        self._client = client or httpx.Client(base_url=base_url, timeout=timeout, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def as_caller(self, token: str) -> Api:
        """Return the API under another credential, over the same connections."""
        return Api(self._base_url, token, self._client)

    def as_person(self, person: str) -> Api:
        """Return the API as this person, signed in by the operator; embedded mode only."""
        return self.as_caller(self.post("/v1/sessions", {"person": person})["token"])

    def get(self, path: str, **query: Any) -> Any:
        """Return the JSON at a path. Raises Refusal or Away."""
        return _json(self._sent("GET", with_query(path, query)))

    def text(self, path: str) -> str:
        """Return the text at a path. Raises Refusal or Away."""
        return self._sent("GET", path).text

    def find(self, path: str) -> Any | None:
        """Return the JSON at a path; None when there is none, or it is not to be seen yet."""
        try:
            return self.get(path)
        except Refusal as refusal:
            if refusal.status in {403, 404, 409}:
                return None
            raise

    def items(self, path: str, limit: int = 10_000, **query: Any) -> list[dict[str, Any]]:
        """Return the items of a list, page after page, at most `limit`."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while len(found) < limit:
            page = self.get(path, limit=min(PAGE, limit - len(found)), cursor=cursor, **query)
            found += page["items"]
            cursor = page.get("next_cursor")
            if not cursor or not page.get("has_more", True):
                break
        return found

    def post(self, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Any:
        """Post JSON, no body when it is None, and return the reply's. Done once, however often it is sent."""
        content = b"" if body is None else json.dumps(body).encode()
        kind = {} if body is None else {"Content-Type": "application/json"}
        return _json(self._sent("POST", path, content, {**_fresh_key(), **kind, **(headers or {})}))

    def send(
        self, method: str, path: str, content: bytes, media_type: str, headers: Mapping[str, str] | None = None
    ) -> Any:
        """Send bytes and return the reply's JSON."""
        key = _fresh_key() if method == "POST" else {}
        return _json(self._sent(method, path, content, {**key, "Content-Type": media_type, **(headers or {})}))

    def upload(self, path: str, file: Path, media_type: str, sent: Any = None) -> Any:
        """Post a file without holding it and return the reply's JSON. sent: called with each chunk's bytes."""

        def chunks() -> Iterator[bytes]:
            with file.open("rb") as reader:
                while chunk := reader.read(CHUNK_BYTES):
                    yield chunk
                    if sent is not None:
                        sent(len(chunk))

        headers = self._headers({"Content-Type": media_type, "Content-Length": str(file.stat().st_size)})
        try:
            return _json(_checked(self._client.post(path, content=chunks(), headers=headers)))
        except httpx.HTTPError as error:
            raise self._away(error) from None

    def delete(self, path: str) -> None:
        """Have deleted what is at a path. Raises Refusal or Away."""
        self._sent("DELETE", path)

    def lines(self, path: str, body: Any) -> Iterator[dict[str, Any]]:
        """Post JSON and yield each line of JSON that comes back, as it comes."""
        headers = self._headers({"Content-Type": "application/json"})
        timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)
        try:
            with self._client.stream("POST", path, json=body, headers=headers, timeout=timeout) as response:
                if response.status_code >= 400:
                    response.read()
                _checked(response)
                for line in _lines(response):
                    if line.strip():
                        yield json.loads(line)
        except httpx.HTTPError as error:
            raise self._away(error) from None

    def messages(self, path: str, last: str) -> Iterator[tuple[str, str, str]]:
        """Yield each server-sent event behind `last`, as it comes: kind, data and the last id told (HTML §9.2)."""
        headers = {**self._headers({"Last-Event-ID": last}), "Accept": "text/event-stream"}
        timeout = httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
        try:
            with self._client.stream("GET", path, headers=headers, timeout=timeout) as response:
                if response.status_code >= 400:
                    response.read()
                _checked(response)
                fields: dict[str, str] = {}
                for line in _lines(response):
                    name, _, value = line.partition(":")
                    fields[name] = value.removeprefix(" ")
                    if not line:
                        last = fields.get("id", last)
                        yield fields.get("event", ""), fields.get("data", ""), last
                        fields = {}
        except httpx.HTTPError as error:
            raise self._away(error) from None

    def _sent(
        self, method: str, path: str, content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Send, and send again what was lost on the way or refused with 503 when that cannot be done twice."""
        may_repeat = method != "POST" or IDEMPOTENCY_KEY in (headers or {})
        for attempt in range(TRIES):
            is_last = attempt == TRIES - 1
            try:
                response = self._client.request(method, path, content=content, headers=self._headers(headers or {}))
                if is_last or response.status_code != 503 or not may_repeat:
                    return _checked(response)
            except _NOTHING_SENT as error:
                raise self._away(error) from None
            except httpx.HTTPError as error:
                if is_last or not may_repeat:
                    raise self._away(error) from None
            time.sleep(PAUSE_SECONDS * 2**attempt)
        raise AssertionError("the last try returns or raises")

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        shown = {} if self._credential is None else {"Authorization": f"Bearer {self._credential}"}
        return {**shown, "Accept": "application/json", **more}

    def _away(self, error: Exception) -> Away:
        return Away(
            f"nobody answers at {self._base_url} ({type(error).__name__}). "
            "Start the house: deedlog up; or, if it runs, see: deedlog status"
        )


def operator(surroundings: Surroundings | None = None) -> Api:
    """Return the API as the operator of the house around. Raises Rejected without a credential."""
    found = surroundings or Surroundings.look()
    return Api(found.base_url(), found.credential())


def stranger(surroundings: Surroundings | None = None) -> Api:
    """Return the API as anybody meets it, with no credential."""
    return Api((surroundings or Surroundings.look()).base_url(), None)


def with_query(path: str, query: Mapping[str, Any]) -> str:
    """Return the path with those of the fields that are not None."""
    fields = {name: value for name, value in query.items() if value is not None}
    return f"{path}?{urlencode(fields, doseq=True)}" if fields else path


def _lines(response: httpx.Response) -> Iterator[str]:
    """Yield each line as it comes. A line feed alone ends one: the text of JSON may hold what httpx would split at."""
    rest = b""
    for chunk in response.iter_bytes():
        *ended, rest = (rest + chunk).split(b"\n")
        yield from (line.removesuffix(b"\r").decode() for line in ended)
    if rest:
        yield rest.decode()


def _fresh_key() -> dict[str, str]:
    return {IDEMPOTENCY_KEY: str(system_uuid7())}


def _json(response: httpx.Response) -> Any:
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError:
        raise Away("what answers at the origin does not speak JSON; is it Deedlog?") from None


def _checked(response: httpx.Response) -> httpx.Response:
    if response.status_code < 400:
        return response
    try:
        problem = response.json()
    except ValueError:
        problem = None
    told = problem if isinstance(problem, dict) else {"title": f"HTTP {response.status_code}"}
    raise Refusal(response.status_code, told)
