"""How the cases of this folder speak: requests as the standard has them, and the two verdicts on a statement.

Requirements are named by the identifiers of ADL's requirements document (XAPI-00001 to XAPI-00336), or by the section
of the standard where that document has none.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import httpx
import pytest

from tests.suites.learning_events.house import Platform

VERSION_HEADER: Final = "x-experience-api-version"
JSON: Final = "application/json"
Headers = dict[str, str | None]


@dataclass(frozen=True)
class Version:
    """A version of xAPI and the mount that is for it."""

    name: str
    mount: str

    def __str__(self) -> str:
        return self.name


ONE: Final = Version("1.0.3", "/xapi/1")
TWO: Final = Version("2.0.0", "/xapi/2")


@dataclass(frozen=True)
class Lrs:
    """The record store, for one client with one version."""

    platform: Platform
    version: Version

    @property
    def headers(self) -> dict[str, str]:
        """What every request of a client carries."""
        return {VERSION_HEADER: self.version.name, **self.platform.basic}

    async def ask(
        self,
        method: str,
        resource: str,
        query: dict[str, Any] | None = None,
        body: Any = None,
        headers: Headers | None = None,
    ) -> httpx.Response:
        """Send a request; a body that is not bytes goes as JSON, a header that is None is left out."""
        content = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent: Headers = {**self.headers, **({} if body is None else {"content-type": JSON}), **(headers or {})}
        told = {name: value for name, value in sent.items() if value is not None}
        fields = {name: value if isinstance(value, str) else json.dumps(value) for name, value in (query or {}).items()}
        path = f"{self.version.mount}{resource}" + (f"?{urlencode(fields)}" if fields else "")
        return await self.platform.house.http.request(method, path, content=content, headers=told)

    async def post(self, body: Any, **headers: str | None) -> httpx.Response:
        """POST statements; headers by their names with underscores."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.ask("POST", "/statements", None, body, named)

    async def put(self, statement_id: str, body: Any) -> httpx.Response:
        """PUT a statement."""
        return await self.ask("PUT", "/statements", {"statementId": statement_id}, body)

    async def get(self, **query: Any) -> httpx.Response:
        """GET from the statement resource."""
        return await self.ask("GET", "/statements", query)

    async def stored(self, statement: dict[str, Any]) -> dict[str, Any]:
        """Store a statement and return it as it is given back."""
        response = await self.post(statement)
        assert response.status_code == 200, response.text
        (statement_id,) = response.json()
        found: dict[str, Any] = (await self.get(statementId=statement_id)).json()
        return found

    async def takes(self, statement: Any) -> None:
        """The statement is stored."""
        response = await self.post(statement)
        assert response.status_code == 200, response.text
        assert len(response.json()) == 1

    async def refuses(self, statement: Any, pointer: str) -> None:
        """The statement is refused with 400, and the sender is told where it is wrong, by which rule, and the mend."""
        response = await self.post(statement)
        assert response.status_code == 400, response.text
        assert response.headers[VERSION_HEADER] == self.version.name
        faults = response.json()["errors"]
        assert pointer in {fault["pointer"] for fault in faults}, faults
        assert all(fault["rule"] and fault["mend"] for fault in faults)


def case(requirement: str, what: str, *values: Any) -> Any:
    """Return a row of a table, named by its requirement and what is special about it."""
    return pytest.param(*values, id=f"{requirement} {what}")
