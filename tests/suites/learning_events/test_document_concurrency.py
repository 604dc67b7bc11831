"""Of those who change one document at a time, each changes what they saw, or is told that it is another by now."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from tests.suites.learning_events.documents import activity_profile, agent_profile, state
from tests.suites.learning_events.house import House, Platform

pytestmark = pytest.mark.asyncio(loop_scope="session")

each_resource = pytest.mark.parametrize("named", [state, agent_profile, activity_profile], ids=lambda one: one.__name__)
each_version = pytest.mark.parametrize("version", ["1.0.3", "2.0.0"])
WRITERS = 8
ROUNDS = 5
STALE = '"0000000000000000000000000000000000000000"'


@pytest.fixture
def keeper(house: House) -> Platform:
    """A tenant's key that may do everything a platform does."""
    return house.platform(("all",))


async def tag_of(keeper: Platform, where: str) -> str:
    return (await keeper.get(where)).headers["etag"]


@each_resource
@each_version
@pytest.mark.parametrize(("method", "body"), [("PUT", {"a": 2}), ("POST", {"a": 2}), ("DELETE", {})])
async def test_a_change_of_what_was_seen_is_made_and_of_another_state_is_refused(
    keeper: Platform, named: Callable[..., str], version: str, method: str, body: object
) -> None:
    spoken = {"x_experience_api_version": version}
    await keeper.send({"a": 1}, named())
    tag = await tag_of(keeper, named())
    refused = await keeper.send(body, named(), method, if_match=STALE, **spoken)
    assert (refused.status_code, refused.json()["code"]) == (412, "precondition-failed")
    assert (await keeper.get(named())).json() == {"a": 1}
    assert (await keeper.send(body, named(), method, if_match=f"{STALE}, {tag}", **spoken)).status_code == 204
    found = await keeper.get(named())
    assert found.status_code == 404 if method == "DELETE" else found.json() == {"a": 2}


@each_resource
@each_version
async def test_if_none_match_star_makes_a_document_and_overwrites_none(
    keeper: Platform, named: Callable[..., str], version: str
) -> None:
    headers = {"x_experience_api_version": version, "if_none_match": "*"}
    first, second = [await keeper.send({"a": number}, named(), "PUT", **headers) for number in (1, 2)]
    assert (first.status_code, second.status_code) == (204, 412)
    assert (await keeper.get(named())).json() == {"a": 1}


@each_resource
async def test_if_match_of_what_is_not_there_is_refused(keeper: Platform, named: Callable[..., str]) -> None:
    for method in ("PUT", "POST", "DELETE"):
        assert (await keeper.send({}, named(), method, if_match="*")).status_code == 412
    assert (await keeper.get(named())).status_code == 404


@pytest.mark.parametrize(
    ("named", "version", "when_there", "when_not"),
    [
        (state, "1.0.3", 204, 204),
        (agent_profile, "1.0.3", 409, 400),
        (activity_profile, "1.0.3", 409, 400),
        (state, "2.0.0", 409, 204),
        (agent_profile, "2.0.0", 409, 204),
        (activity_profile, "2.0.0", 409, 204),
    ],
)
async def test_a_put_that_does_not_say_what_it_saw_is_taken_as_the_version_has_it(
    keeper: Platform, named: Callable[..., str], version: str, when_there: int, when_not: int
) -> None:
    spoken = {"x_experience_api_version": version}
    assert (await keeper.send({"a": 1}, named(), "PUT", **spoken)).status_code == when_not
    await keeper.send({"a": 1}, named())
    blind = await keeper.send({"a": 2}, named(), "PUT", **spoken)
    assert blind.status_code == when_there
    if when_there == 409:
        assert "If-Match" in blind.json()["errors"][0]["mend"]
    assert (await keeper.get(named())).json() == {"a": 1 if when_there == 409 else 2}


@each_resource
async def test_a_post_and_a_delete_need_not_say_what_they_saw(keeper: Platform, named: Callable[..., str]) -> None:
    assert [(await keeper.send({"a": 1}, named())).status_code for _ in range(2)] == [204, 204]
    assert (await keeper.send(b"", named(), "DELETE")).status_code == 204


async def test_a_tag_without_quotes_is_refused_and_told_how(keeper: Platform) -> None:
    await keeper.send({"a": 1}, state())
    refused = await keeper.send({"a": 2}, state(), "PUT", if_match=(await tag_of(keeper, state())).strip('"'))
    assert refused.status_code == 400
    assert "quotes" in refused.json()["errors"][0]["mend"]


@each_resource
async def test_who_has_the_document_already_is_sent_nothing(keeper: Platform, named: Callable[..., str]) -> None:
    await keeper.send({"a": 1}, named())
    tag = await tag_of(keeper, named())
    again = await keeper.get(named(), if_none_match=tag)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert (await keeper.get(named(), if_none_match=STALE)).json() == {"a": 1}


def _statuses(told: Sequence[int]) -> dict[int, int]:
    return {status: told.count(status) for status in set(told)}


@each_resource
async def test_of_writers_who_all_saw_nothing_exactly_one_makes_the_document(
    keeper: Platform, named: Callable[..., str]
) -> None:
    for number in range(ROUNDS):
        where = named(f"name-{number}")
        sent = [keeper.send({"by": writer}, where, "PUT", if_none_match="*") for writer in range(WRITERS)]
        told = [reply.status_code for reply in await asyncio.gather(*sent)]
        assert _statuses(told) == {204: 1, 412: WRITERS - 1}
        assert (await keeper.get(where)).json() == {"by": told.index(204)}


@each_resource
@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE"])
async def test_of_writers_who_all_saw_the_same_exactly_one_changes_it(
    keeper: Platform, named: Callable[..., str], method: str
) -> None:
    for number in range(ROUNDS):
        where = named(f"name-{number}")
        await keeper.send({"by": "nobody"}, where)
        tag = await tag_of(keeper, where)
        sent = [keeper.send({"by": writer}, where, method, if_match=tag) for writer in range(WRITERS)]
        told = [reply.status_code for reply in await asyncio.gather(*sent)]
        assert _statuses(told) == {204: 1, 412: WRITERS - 1}
        found = await keeper.get(where)
        assert found.status_code == 404 if method == "DELETE" else found.json() == {"by": told.index(204)}


@each_resource
async def test_mergers_at_the_same_time_lose_no_member(keeper: Platform, named: Callable[..., str]) -> None:
    sent = [keeper.send({f"by-{writer}": writer}, named()) for writer in range(2 * WRITERS)]
    assert _statuses([reply.status_code for reply in await asyncio.gather(*sent)]) == {204: 2 * WRITERS}
    assert (await keeper.get(named())).json() == {f"by-{writer}": writer for writer in range(2 * WRITERS)}


async def test_deleting_all_waits_for_who_holds_a_state_and_takes_it_along(keeper: Platform) -> None:
    """Whoever came first, a PUT under If-Match is refused after the deletion, or is deleted by it."""
    for _ in range(2 * ROUNDS):
        await keeper.send({"a": 1}, state())
        tag = await tag_of(keeper, state())
        put, cleared = await asyncio.gather(
            keeper.send({"a": 2}, state(), "PUT", if_match=tag), keeper.send(b"", state(None), "DELETE")
        )
        assert cleared.status_code == 204
        assert put.status_code in {204, 412}
        assert (await keeper.get(state())).status_code == 404
