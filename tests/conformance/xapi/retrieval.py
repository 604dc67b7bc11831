"""How the cases about GET keep statements and read lists of them."""

from __future__ import annotations

from typing import Any, Final

import httpx

from shared.kernel.ids import system_uuid7
from tests.conformance.xapi.lrs import Lrs
from tests.conformance.xapi.statements import QUESTION, changed, stating

CONSISTENT: Final = "x-experience-api-consistent-through"
REGISTRATION: Final = "ec531277-b57b-4c15-8d91-d292c5b2b8f7"
OTHER: Final = changed(QUESTION, id="https://lms.example/questions/other")


def result(response: httpx.Response) -> list[dict[str, Any]]:
    """Return the statements of a page."""
    assert response.status_code == 200, response.text
    statements: list[dict[str, Any]] = response.json()["statements"]
    return statements


async def found(lrs: Lrs, **query: Any) -> set[str]:
    """Return the ids that a query finds on its first page."""
    return {one["id"] for one in result(await lrs.get(**query))}


async def kept(lrs: Lrs, **changes: Any) -> str:
    """Store a statement and return its id."""
    statement_id = str(system_uuid7())
    await lrs.takes(stating(id=statement_id, **changes))
    return statement_id
