"""By what one Agent is known: what was asked for, and the other accounts of the person at the organisation."""

from __future__ import annotations

from typing import Any

import pytest

from tests.suites.learning_events.documents import path
from tests.suites.learning_events.house import HOME_PAGE, House, Platform, identifier

pytestmark = pytest.mark.asyncio(loop_scope="session")

ADA = {"objectType": "Agent", "name": "Ada", "account": {"homePage": HOME_PAGE, "name": "ada"}}


async def person(platform: Platform, agent: Any = ADA) -> Any:
    response = await platform.get(path("/xapi/agents", agent=agent))
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("account", {"homePage": HOME_PAGE, "name": "ada"}),
        ("mbox", "mailto:ada@Example.org"),
        ("mbox_sha1sum", "A" * 40),
        ("openid", "https://ada.example"),
    ],
)
async def test_whoever_is_not_known_is_told_as_asked_in_arrays(platform: Platform, kind: str, value: Any) -> None:
    found = await person(platform, {"name": "Ada", kind: value})
    assert found == {"objectType": "Person", "name": ["Ada"], kind: [value]}


async def test_the_persons_other_accounts_at_the_organisation_are_told_too(house: House) -> None:
    mine, stranger = house.platform(), house.platform()
    owner = mine.person("ada")
    others = [identifier("lovelace"), "mbox:ada@example.org", "openid:https://ada.example", f"mbox_sha1sum:{'a' * 40}"]
    for other in others:
        house.identity.move(mine.organisation, other, owner)
    house.identity.move(stranger.organisation, identifier("elsewhere"), owner)
    assert await person(mine) == {
        "objectType": "Person",
        "name": ["Ada"],
        "account": [ADA["account"], {"homePage": HOME_PAGE, "name": "lovelace"}],
        "mbox": ["mailto:ada@example.org"],
        "mbox_sha1sum": ["a" * 40],
        "openid": ["https://ada.example"],
    }
    assert await person(stranger) == {"objectType": "Person", "name": ["Ada"], "account": [ADA["account"]]}


async def test_a_test_key_is_told_what_it_asked_for_alone(house: House) -> None:
    mine = house.platform()
    test = house.platform(("read",), mine.organisation, is_test=True)
    house.identity.move(mine.organisation, "mbox:ada@example.org", mine.person("ada"))
    assert "mbox" not in await person(test)


async def test_asking_mints_nobody(house: House) -> None:
    platform = house.platform()
    await person(platform)
    assert (platform.organisation, identifier("ada")) not in house.identity.accounts


@pytest.mark.parametrize(
    "query",
    [{}, {"agent": "no JSON"}, {"agent": {"name": "Ada"}}, {"agent": ADA, "since": "2026"}, {"agent": "x" * 9_000}],
)
@pytest.mark.parametrize("mount", ["/xapi", "/xapi/1", "/xapi/2"])
async def test_what_names_no_agent_is_refused(platform: Platform, mount: str, query: dict[str, Any]) -> None:
    refused = await platform.get(path(f"{mount}/agents", **query), x_experience_api_version="1.0.3")
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["mend"]


async def test_who_may_read_only_their_own_statements_knows_no_agents(house: House) -> None:
    mine = house.platform(("read/mine", "write", "state", "profile"))
    assert (await mine.get(path("/xapi/agents", agent=ADA))).status_code == 403


async def test_while_identity_is_away_agents_are_not_known(house: House, platform: Platform) -> None:
    house.identity.is_away = True
    try:
        assert (await platform.get(path("/xapi/agents", agent=ADA))).status_code == 503
    finally:
        house.identity.is_away = False


async def test_head_is_answered_as_get_without_a_body(platform: Platform) -> None:
    head = await platform.house.http.head(path("/xapi/agents", agent=ADA), headers=platform.bearer)
    assert (head.status_code, head.content) == (200, b"")
