"""The Person of an agent, and the Activity behind an id (part 3, 2.4 and 2.5)."""

from __future__ import annotations

from typing import Any

import pytest

from shared.kernel.ids import system_uuid7
from tests.conformance.xapi.lrs import Lrs, case
from tests.conformance.xapi.statements import ACCOUNT, ADA, BEN, QUESTION, changed, stating

pytestmark = pytest.mark.asyncio(loop_scope="session")

SHA1 = "cd9b00a5611f94eaa7b1661edab976068e364975"
ARRAYS = frozenset({"name", "mbox", "mbox_sha1sum", "openid", "account"})


@pytest.mark.parametrize(
    ("agent", "name", "value"),
    [
        case("XAPI-00239", "mbox", BEN, "mbox", BEN["mbox"]),
        case("XAPI-00238", "name", BEN, "name", "Ben"),
        case("XAPI-00242", "account", ADA, "account", ACCOUNT),
        case("XAPI-00240", "mbox_sha1sum", {"mbox_sha1sum": SHA1}, "mbox_sha1sum", SHA1),
        case("XAPI-00241", "openid", {"openid": "https://ada.example.org"}, "openid", "https://ada.example.org"),
    ],
)
async def test_a_person_holds_in_arrays_what_the_agent_is_known_by(lrs: Lrs, agent: Any, name: str, value: Any) -> None:
    """XAPI-00236, XAPI-00237, XAPI-00244 to XAPI-00248."""
    await lrs.takes(stating(actor=agent))
    response = await lrs.ask("GET", "/agents", {"agent": agent})
    assert response.status_code == 200
    person = response.json()
    assert person["objectType"] == "Person"
    assert all(type(person[key]) is list for key in ARRAYS & set(person))
    assert value in person[name]


@pytest.mark.parametrize(
    "query",
    [
        case("XAPI-00243", "no agent", {}),
        case("XAPI-00249", "no JSON", {"agent": "ada"}),
        case("XAPI-00249", "no identifier", {"agent": {"name": "Ada"}}),
        case("XAPI-00324", "an unknown field", {"agent": ADA, "colour": "red"}),
        case("XAPI-00325", "other case", {"Agent": ADA}),
    ],
)
async def test_a_question_for_no_agent_is_refused(lrs: Lrs, query: Any) -> None:
    assert (await lrs.ask("GET", "/agents", query)).status_code == 400


async def test_an_activity_tells_all_that_statements_told_of_it(lrs: Lrs) -> None:
    """XAPI-00251 to XAPI-00254."""
    activity_id = f"https://lms.example/questions/{system_uuid7()}"
    for definition in ({"name": {"en": "Question"}}, {"name": {"de": "Frage"}, "type": "https://x.example/question"}):
        await lrs.takes(stating(object=changed(QUESTION, id=activity_id, definition=definition)))
    response = await lrs.ask("GET", "/activities", {"activityId": activity_id})
    assert response.status_code == 200
    activity = response.json()
    assert activity["id"] == activity_id
    assert activity["definition"]["name"] == {"en": "Question", "de": "Frage"}
    assert activity["definition"]["type"] == "https://x.example/question"


async def test_an_activity_that_nobody_told_of_is_at_least_its_id(lrs_2: Lrs) -> None:
    """2.0, 4.1.6.4."""
    activity_id = f"https://lms.example/unheard/{system_uuid7()}"
    response = await lrs_2.ask("GET", "/activities", {"activityId": activity_id})
    assert (response.status_code, response.json()["id"]) == (200, activity_id)


@pytest.mark.parametrize(
    "query",
    [
        case("XAPI-00250", "no activity", {}),
        case("XAPI-00012", "no IRI", {"activityId": "question 1"}),
        case("XAPI-00324", "an unknown field", {"activityId": QUESTION["id"], "colour": "red"}),
        case("XAPI-00325", "other case", {"activityid": QUESTION["id"]}),
    ],
)
async def test_a_question_for_no_activity_is_refused(lrs: Lrs, query: Any) -> None:
    assert (await lrs.ask("GET", "/activities", query)).status_code == 400


@pytest.mark.parametrize(
    ("path", "query"), [("/agents", {"agent": ADA}), ("/activities", {"activityId": QUESTION["id"]}), ("/about", {})]
)
async def test_head_is_get_without_the_body(lrs: Lrs, path: str, query: Any) -> None:
    """XAPI-00125, XAPI-00126."""
    await lrs.takes(stating())
    got, head = [await lrs.ask(method, path, query) for method in ("GET", "HEAD")]
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == got.headers["content-length"]
