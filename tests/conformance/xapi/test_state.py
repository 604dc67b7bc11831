"""What only the State resource has: registrations, and DELETE of all (part 3, 2.3)."""

from __future__ import annotations

import pytest

from shared.kernel.ids import system_uuid7
from tests.conformance.xapi.documents import DOCUMENT, STATE, make, names_of
from tests.conformance.xapi.lrs import Lrs

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_registration_keeps_states_apart(lrs: Lrs) -> None:
    """XAPI-00218, XAPI-00219, XAPI-00220, XAPI-00227."""
    query = STATE.query()
    registered = {**query, "registration": str(system_uuid7())}
    await make(lrs, STATE, query, {"of": "none"})
    await make(lrs, STATE, registered, {"of": "one"})
    assert (await lrs.ask("GET", STATE.path, registered)).json() == {"of": "one"}
    assert (await lrs.ask("DELETE", STATE.path, registered)).status_code == 204
    assert (await lrs.ask("GET", STATE.path, registered)).status_code == 404
    assert (await lrs.ask("GET", STATE.path, query)).json() == {"of": "none"}


@pytest.mark.parametrize("method", ["PUT", "POST", "GET", "DELETE"])
async def test_a_registration_is_a_uuid(lrs: Lrs, method: str) -> None:
    """XAPI-00200 to XAPI-00203."""
    query = {**STATE.query(), "registration": "course-7"}
    body = DOCUMENT if method in {"PUT", "POST"} else None
    assert (await lrs.ask(method, STATE.path, query, body)).status_code == 400


async def test_delete_without_a_name_empties_the_whole_state(lrs: Lrs) -> None:
    """XAPI-00187, XAPI-00194."""
    query = STATE.query()
    for name in ("one", "two"):
        await make(lrs, STATE, {**query, "stateId": name})
    everything = STATE.all_of(query)
    assert (await lrs.ask("DELETE", STATE.path, everything)).status_code == 204
    assert await names_of(lrs, STATE, everything) == []
