"""What is known of an Activity: folded from what statements told of it, for those who may read."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from services.learning_events.domain.activity_definition import DEFINITION_BYTES_MAX, DEFINITIONS_MAX
from services.learning_events.handlers.erasing import erase_everywhere
from services.learning_events.store.activities import PostgresActivities
from services.learning_events.store.statements import PostgresStatements
from shared.kernel.ids import system_uuid7
from tests.suites.learning_events.documents import path
from tests.suites.learning_events.house import House, Platform, statement, voiding

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUESTION = "https://lms.example/questions/1"
EXTENSION = "https://lms.example/extensions/"
mounts = pytest.mark.parametrize("mount", ["/xapi", "/xapi/1", "/xapi/2"])


def told(definition: dict[str, Any], name: str = "ada", activity: str = QUESTION) -> dict[str, Any]:
    """Return a statement that tells this of an activity."""
    return statement(name, object={"id": activity, "definition": definition})


async def known(platform: Platform, activity: str = QUESTION) -> Any:
    """Return the definition that is served; None where there is none."""
    response = await platform.get(path("/xapi/activities", activityId=activity))
    assert response.status_code == 200, response.text
    found = response.json()
    assert (found["objectType"], found["id"]) == ("Activity", activity)
    return found.get("definition")


async def rows(house: House, platform: Platform) -> int:
    async with house.backbone.reading() as connection:
        query = "SELECT count(*) FROM activity_definitions WHERE organisation = $1"
        count: int = await connection.fetchval(query, platform.organisation)
        return count


async def test_what_a_statement_tells_is_known_when_it_is_answered(platform: Platform) -> None:
    definition = {"name": {"en": "A question"}, "type": "https://lms.example/types/question"}
    await platform.post(told(definition))
    assert await known(platform) == definition


async def test_an_activity_nobody_told_of_has_an_id_and_no_definition(platform: Platform) -> None:
    assert await known(platform) is None
    await platform.post(statement())
    assert await known(platform) is None


async def test_definitions_are_joined_by_language_and_extension_and_the_later_wins(platform: Platform) -> None:
    await platform.post(told({"name": {"en": "Old", "fr": "Vieux"}, "extensions": {f"{EXTENSION}a": 1}}))
    await platform.post(told({"name": {"en": "New"}, "extensions": {f"{EXTENSION}b": {"c": 2}}, "moreInfo": "urn:x"}))
    assert await known(platform) == {
        "name": {"en": "New", "fr": "Vieux"},
        "extensions": {f"{EXTENSION}a": 1, f"{EXTENSION}b": {"c": 2}},
        "moreInfo": "urn:x",
    }


async def test_context_and_sub_statements_tell_of_activities_too(platform: Platform) -> None:
    course, inner = "https://lms.example/courses/1", "https://lms.example/inner/1"
    context = {"contextActivities": {"parent": {"id": course, "definition": {"name": {"en": "A course"}}}}}
    target = {"id": inner, "definition": {"name": {"en": "Inside"}}}
    sub = {"objectType": "SubStatement", **{name: statement()[name] for name in ("actor", "verb")}, "object": target}
    await platform.post([statement(context=context), statement(object=sub)])
    assert await known(platform, course) == {"name": {"en": "A course"}}
    assert await known(platform, inner) == {"name": {"en": "Inside"}}


async def test_what_many_tell_alike_is_kept_twice_at_most_and_asked_for_once(house: House, platform: Platform) -> None:
    for start in range(3):
        await platform.post([told({"name": {"en": "One"}}, f"person-{start}-{number}") for number in range(20)])
    assert await rows(house, platform) == 2
    assert await known(platform) == {"name": {"en": "One"}}


async def test_eight_writers_of_the_same_activities_all_are_taken(house: House, platform: Platform) -> None:
    """Interleaving: each batch tells of the same new activities in another order, in transactions at one time."""
    names = [f"https://lms.example/shared/{number}" for number in range(30)]
    keys = [house.platform(("write",), platform.organisation) for _ in range(8)]
    batches = [
        [told({"name": {"en": name}}, f"writer-{start}", name) for name in names[start * 3 :] + names[: start * 3]]
        for start in range(8)
    ]
    sent = [key.send(batch) for key, batch in zip(keys, batches, strict=True)]
    assert [response.status_code for response in await asyncio.gather(*sent)] == [200] * 8
    assert [await known(platform, name) for name in names] == [{"name": {"en": name}} for name in names]


async def test_no_more_definitions_of_one_activity_are_kept_than_stated(house: House, platform: Platform) -> None:
    def numbered(count: int) -> list[dict[str, Any]]:
        return [told({"extensions": {f"{EXTENSION}{system_uuid7()}": number}}) for number in range(count)]

    await platform.post(numbered(DEFINITIONS_MAX - 10))
    await platform.post(numbered(50))
    await platform.post(numbered(50))
    assert 90 <= len((await known(platform))["extensions"]) <= DEFINITIONS_MAX
    assert await rows(house, platform) <= DEFINITIONS_MAX


async def test_a_definition_that_is_too_long_stays_in_its_statement(platform: Platform) -> None:
    sent = told({"name": {"en": "x" * DEFINITION_BYTES_MAX}})
    await platform.post(sent)
    assert await known(platform) is None
    assert (await platform.read(sent["id"]) or {})["object"] == sent["object"]


async def test_other_organisations_and_test_keys_know_activities_of_their_own(house: House) -> None:
    mine, stranger = house.platform(), house.platform()
    test = house.platform(("write", "read"), mine.organisation, is_test=True)
    for platform, name in ((mine, "mine"), (stranger, "stranger"), (test, "test")):
        await platform.post(told({"name": {"en": name}}))
    found = [await known(platform) for platform in (mine, stranger, test)]
    assert found == [{"name": {"en": name}} for name in ("mine", "stranger", "test")]


async def test_an_erasure_takes_what_nobody_else_told_and_leaves_the_rest(house: House, platform: Platform) -> None:
    await platform.post([told({"name": {"en": "Shared"}}), told({"name": {"en": "Shared"}}, "ben")])
    await platform.post(told({"description": {"en": "told by Ada alone"}}))
    stores = (PostgresActivities(house.backbone), PostgresStatements(house.backbone))
    for _ in range(2):
        await erase_everywhere(stores, platform.person("ada"))
    assert await known(platform) == {"name": {"en": "Shared"}}
    await erase_everywhere(stores, platform.person("ben"))
    assert await known(platform) is None


async def test_a_duplicate_and_a_refused_batch_tell_nothing(house: House, platform: Platform) -> None:
    sent = statement()
    await platform.post(sent)
    again = {**sent, "object": {"id": QUESTION, "definition": {"name": {"en": "Other"}}}}
    assert await platform.post(again) == [sent["id"]]
    conflict = {**again, "verb": {"id": "https://lms.example/verbs/other"}}
    assert (await platform.send([told({"name": {"en": "New"}}), conflict])).status_code == 409
    assert await rows(house, platform) == 0


async def test_a_statement_that_is_void_still_told_of_its_activity(platform: Platform) -> None:
    sent = told({"name": {"en": "One"}})
    await platform.post([sent, voiding(sent["id"])])
    assert await known(platform) == {"name": {"en": "One"}}


@mounts
async def test_activities_are_asked_for_by_one_iri(platform: Platform, mount: str) -> None:
    spoken = {"x_experience_api_version": "1.0.3"}
    assert (await platform.get(path(f"{mount}/activities", activityId=QUESTION), **spoken)).status_code == 200
    for query in ({}, {"activityId": "no iri"}, {"activityId": QUESTION, "id": "x"}):
        refused = await platform.get(path(f"{mount}/activities", **query), **spoken)
        assert (refused.status_code, refused.headers["x-experience-api-version"]) == (400, "1.0.3")


async def test_who_may_read_only_their_own_statements_knows_no_activities(house: House) -> None:
    mine = house.platform(("read/mine", "write", "state", "profile"))
    assert (await mine.get(path("/xapi/activities", activityId=QUESTION))).status_code == 403


async def test_head_is_answered_as_get_without_a_body(platform: Platform) -> None:
    where = path("/xapi/activities", activityId=QUESTION)
    head = await platform.house.http.head(where, headers=platform.bearer)
    assert (head.status_code, head.content) == (200, b"")


@mounts
async def test_about_tells_versions_and_bounds_to_whoever_asks(house: House, mount: str) -> None:
    response = await house.http.get(f"{mount}/about")
    assert response.status_code == 200
    assert {"1.0.3", "2.0.0"} <= set(response.json()["version"])
    assert response.json()["extensions"]["urn:deedlog:bounds"]["statements"] == 500
    assert (await house.http.head(f"{mount}/about")).content == b""
    assert (await house.http.get(f"{mount}/about?x=1")).status_code == 400
