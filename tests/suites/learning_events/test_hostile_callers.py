"""Whoever makes up cursors, headers, keys and patches is told so, costs little, and breaks nothing for others."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from services.learning_events.http.connection_test import STRANGER_BYTES_MAX
from shared.runtime.pages import encode_cursor
from tests.suites.learning_events.house import House, Platform, statement
from tests.suites.learning_events.test_deliveries import deliveries
from tests.suites.learning_events.test_resending import newest, patch

pytestmark = pytest.mark.asyncio(loop_scope="session")
BIG = (1 << 53) - 1
TEST = "/v1/connection-test"

# What a door's role may reach without being told an organisation, by tables of ours: nothing but what says no name.
_UNGUARDED = """
SELECT c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attname = 'organisation' AND NOT a.attisdropped
WHERE n.nspname IN ('public', 'derived', 'backbone') AND c.relkind IN ('r', 'p')
    AND has_column_privilege('learning_events_door', c.oid, 'organisation', 'SELECT,INSERT,UPDATE')
    AND (NOT c.relrowsecurity OR NOT c.relforcerowsecurity OR EXISTS (
        SELECT FROM pg_policy AS p WHERE p.polrelid = c.oid
        AND 'learning_events_door'::regrole = ANY (p.polroles)
        AND position('deedlog.organisation' IN coalesce(pg_get_expr(p.polqual, c.oid), '')) = 0
        AND position('deedlog.organisation' IN coalesce(pg_get_expr(p.polwithcheck, c.oid), '')) = 0))
"""


async def test_every_table_that_names_an_organisation_is_walled_for_a_door(house: House) -> None:
    async with house.backbone.reading() as connection:
        assert [row[0] for row in await connection.fetch(_UNGUARDED)] == []


@pytest.mark.parametrize("position", [(BIG, 0, 0), (0, -1, 0), (0, 0, BIG), (-1, 0, 0), (0, 0, -BIG)])
async def test_a_cursor_that_somebody_made_up_is_refused(platform: Platform, position: tuple[int, int, int]) -> None:
    cursor = encode_cursor("events", position)
    listed = await platform.get(f"/v1/events?cursor={cursor}")
    assert (listed.status_code, listed.json()["errors"][0]["pointer"]) == (400, "cursor")
    watched = await platform.get("/v1/events/stream", last_event_id=cursor)
    assert watched.status_code == 400, watched.text


@pytest.mark.parametrize("place", [(-1, 0, 0), (0, -1, 0), (0, 0, 1 << 15), (0, 0, -1), (-BIG, 0, 0)])
async def test_a_more_link_that_somebody_made_up_is_refused(platform: Platform, place: tuple[int, int, int]) -> None:
    cursor = encode_cursor("statements", [platform.key, *place])
    found = await platform.get(f"/xapi/statements?cursor={cursor}")
    assert (found.status_code, found.json()["errors"][0]["pointer"]) == (400, "cursor")


@pytest.mark.parametrize(
    "told", ["99999999999999999999999999 Mar 2026 00:00:00 GMT", "02 Mar 2026 09:30:00 +99999999999999999999"]
)
async def test_a_date_no_calendar_holds_is_told_as_a_fault(house: House, told: str) -> None:
    response = await house.http.get(TEST, headers={"date": f"Mon, {told}"})
    assert response.status_code == 200, response.text
    assert "clock" in {one["check"] for one in response.json()["checks"] if one["verdict"] == "failed"}


async def test_who_shows_no_key_has_few_statements_looked_at(house: House, platform: Platform) -> None:
    body = json.dumps([statement() for _ in range(300)]).encode()
    assert len(body) > STRANGER_BYTES_MAX
    headers = {"content-type": "application/json"}
    assert (await house.http.post(TEST, content=body, headers=headers)).status_code == 413
    known = await house.http.post(TEST, content=body, headers={**headers, **platform.bearer})
    assert known.status_code == 200, known.text
    few = await house.http.post(TEST, content=json.dumps([statement()]).encode(), headers=headers)
    assert few.status_code == 200, few.text


async def test_an_item_is_not_patched_deeper_than_one_may_be_sent(platform: Platform) -> None:
    await platform.send([statement(verb={})], "/v1/statements:bulk")
    delivery = await newest(platform)
    nest: Any = {}
    for _ in range(40):
        nest = {"a": nest}
    step = "/a" * 40
    for count in (3, 20, 60):
        change = [{"op": "add", "path": step * turn + "/a", "value": nest} for turn in range(count)]
        response = await patch(platform, delivery, 0, change)
        assert response.status_code == 400, response.text
        assert "levels" in response.text
    assert (await platform.get(f"/v1/deliveries/{delivery['id']}")).json()["refused"] == delivery["refused"]


async def test_a_key_id_no_database_can_hold_hides_no_other_failed_key(house: House, platform: Platform) -> None:
    """The attack: somebody without a key has the look-up of all that waits fail."""
    house.identity.unnameable.add("\0")
    for key in ("\0", platform.key):
        shown = "Basic " + base64.b64encode(f"{key}:dlk_wrong".encode()).decode()
        headers = {"authorization": shown, "content-type": "application/json"}
        assert (await house.http.post("/xapi/statements", content=b"{}", headers=headers)).status_code == 401
    (found,) = await deliveries(platform, 1)
    assert (found["key"], found["status"]) == (platform.key, 401)
