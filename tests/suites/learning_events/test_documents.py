"""Documents over HTTP: kept as they came, merged, listed, removed, and given back to those who may read them."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import asyncpg
import pytest

from services.learning_events.domain.document import DOCUMENT_BYTES_MAX, NAME_BYTES_MAX
from services.learning_events.store.documents import CLEARED_AT_ONCE, PostgresDocuments
from shared.events.erasure import facts_erased
from shared.events.sources import IDENTITY
from shared.kernel.clock import rfc3339
from tests.suites.learning_events.documents import (
    ACTIVITY,
    ADA,
    BEN,
    REGISTRATION,
    activity_profile,
    agent_profile,
    path,
    state,
)
from tests.suites.learning_events.house import House, Platform, statement
from tests.suites.learning_events.test_hearing_identity import hear

pytestmark = pytest.mark.asyncio(loop_scope="session")

PATHS: list[Callable[..., str]] = [state, agent_profile, activity_profile]
each_resource = pytest.mark.parametrize("named", PATHS, ids=lambda one: one.__name__)
ANY_CHANGE = [("PUT", b"{}"), ("POST", b"{}"), ("DELETE", b"")]


@pytest.fixture
def keeper(house: House) -> Platform:
    """A tenant's key that may do everything a platform does."""
    return house.platform(("all",))


async def put(keeper: Platform, where: str, body: Any = b"{}", **headers: str) -> int:
    return (await keeper.send(body, where, "PUT", **headers)).status_code


@each_resource
async def test_a_document_of_any_type_comes_back_as_it_was_sent(keeper: Platform, named: Callable[..., str]) -> None:
    sent = bytes(range(256)) * 5
    assert await put(keeper, named(), sent, content_type="image/x-odd; a=b") == 204
    found = await keeper.get(named())
    assert (found.status_code, found.content, found.headers["content-type"]) == (200, sent, "image/x-odd; a=b")
    assert found.headers["etag"] == f'"{hashlib.sha1(sent).hexdigest()}"'
    assert abs(parsedate_to_datetime(found.headers["last-modified"]) - datetime.now(UTC)) < timedelta(seconds=30)
    assert found.headers["content-security-policy"].startswith("sandbox")


@each_resource
async def test_head_is_answered_as_get_without_a_body(keeper: Platform, named: Callable[..., str]) -> None:
    await put(keeper, named(), {"a": 1})
    got = await keeper.get(named())
    head = await keeper.house.http.head(named(), headers=keeper.bearer)
    assert (head.status_code, head.content) == (200, b"")
    names = ("etag", "last-modified", "content-type", "content-length")
    assert [head.headers[name] for name in names] == [got.headers[name] for name in names]


@each_resource
async def test_what_was_never_kept_or_was_deleted_is_not_found(keeper: Platform, named: Callable[..., str]) -> None:
    assert (await keeper.get(named())).status_code == 404
    await put(keeper, named())
    assert [(await keeper.send(b"", named(), "DELETE")).status_code for _ in range(2)] == [204, 204]
    assert (await keeper.get(named())).status_code == 404


@each_resource
async def test_a_post_merges_objects_member_by_member_one_level_deep(
    keeper: Platform, named: Callable[..., str]
) -> None:
    for sent in ({"a": {"x": 1}, "b": "kept"}, {"a": {"y": 2}, "c": [True, None, 1.5]}):
        assert (await keeper.send(sent, named())).status_code == 204
    assert (await keeper.get(named())).json() == {"a": {"y": 2}, "b": "kept", "c": [True, None, 1.5]}


@pytest.mark.parametrize(
    ("kept", "kept_type", "sent", "sent_type"),
    [
        (b'{"a":1}', "application/json", b"abc", "text/plain"),
        (b"abc", "text/plain", b'{"a":1}', "application/json"),
        (b'{"a":1}', "application/json", b'{"a":1}{', "application/json"),
        (b'{"a":1}', "application/json", b"[1]", "application/json"),
        (b"[1]", "application/json", b'{"a":1}', "application/json"),
    ],
    ids=["sent-no-json", "kept-no-json", "sent-broken", "sent-array", "kept-array"],
)
async def test_what_cannot_be_merged_is_refused_and_changes_nothing(
    keeper: Platform, kept: bytes, kept_type: str, sent: bytes, sent_type: str
) -> None:
    await put(keeper, state(), kept, content_type=kept_type)
    refused = await keeper.send(sent, state(), content_type=sent_type)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["mend"]
    found = await keeper.get(state())
    assert (found.content, found.headers["content-type"]) == (kept, kept_type)


async def test_a_merger_over_the_bound_is_refused_and_changes_nothing(keeper: Platform) -> None:
    half = "x" * (DOCUMENT_BYTES_MAX // 2)
    assert (await keeper.send({"a": half}, state())).status_code == 204
    assert (await keeper.send({"b": half}, state())).status_code == 413
    assert (await keeper.get(state())).json() == {"a": half}


async def test_a_document_over_the_bound_is_refused(keeper: Platform) -> None:
    assert await put(keeper, state(), b"x" * DOCUMENT_BYTES_MAX) == 204
    assert await put(keeper, state("other"), b"x" * (DOCUMENT_BYTES_MAX + 1)) == 413


@pytest.mark.parametrize(
    ("where", "field"),
    [
        (path("/xapi/activities/state", agent=ADA, stateId="a"), "activityId"),
        (path("/xapi/activities/state", activityId="no iri", agent=ADA, stateId="a"), "activityId"),
        (path("/xapi/activities/state", activityId=ACTIVITY, stateId="a"), "agent"),
        (state(agent="not JSON"), "agent"),
        (state(agent={"name": "Ada"}), "agent"),
        (state(agent={"mbox": "ada@example.org"}), "agent/mbox"),
        (state(agent={"objectType": "Group", "member": [ADA]}), "agent"),
        (state(registration="7"), "registration"),
        (state(""), "stateId"),
        (state("ä" * (NAME_BYTES_MAX // 2) + "x"), "stateId"),
        (state(StateId="b"), "StateId"),
        (activity_profile(agent="{}"), "agent"),
        (activity_profile(registration=REGISTRATION), "registration"),
        (agent_profile(activityId=ACTIVITY), "activityId"),
        (path("/xapi/agents/profile", profileId="a"), "agent"),
        (path("/xapi/activities/profile", profileId="a"), "activityId"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "POST", "GET", "DELETE"])
async def test_a_query_that_names_no_place_is_refused_with_its_field(
    keeper: Platform, where: str, field: str, method: str
) -> None:
    refused = await keeper.send(b"{}", where, method)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == field


@pytest.mark.parametrize(
    ("where", "method"),
    [
        (state(None), "PUT"),
        (state(None), "POST"),
        (agent_profile(None), "PUT"),
        (agent_profile(None), "POST"),
        (agent_profile(None), "DELETE"),
        (activity_profile(None), "DELETE"),
        (state(None, since="yesterday"), "GET"),
        (agent_profile(None, since="true"), "GET"),
        (state(since="2026-03-01T09:30:00Z"), "DELETE"),
    ],
)
async def test_a_missing_name_or_a_wrong_time_is_refused(keeper: Platform, where: str, method: str) -> None:
    assert (await keeper.send(b"{}", where, method)).status_code == 400


async def test_a_text_with_u0000_is_refused(keeper: Platform) -> None:
    assert await put(keeper, state("a\0b")) == 400


@each_resource
async def test_without_a_name_the_names_are_listed_each_once_and_sorted(
    keeper: Platform, named: Callable[..., str]
) -> None:
    for name in ("b", "ä", "a"):
        await put(keeper, named(name))
    assert (await keeper.get(named(None))).json() == ["a", "b", "ä"]


@each_resource
async def test_since_lists_what_changed_after_it(keeper: Platform, named: Callable[..., str]) -> None:
    await put(keeper, named("old"))
    await asyncio.sleep(0.002)
    between = rfc3339(datetime.now(UTC))
    await asyncio.sleep(0.002)
    await put(keeper, named("new"))
    assert (await keeper.get(named(None, since=between))).json() == ["new"]
    assert (await keeper.get(named(None, since="2020-01-01T00:00:00Z"))).json() == ["new", "old"]
    await keeper.send({"changed": True}, named("old"))
    assert (await keeper.get(named(None, since=between))).json() == ["new", "old"]


async def test_a_registration_has_states_of_its_own_and_none_means_all_in_lists(keeper: Platform) -> None:
    within = {"registration": REGISTRATION}
    await put(keeper, state("a"), {"of": "none"})
    await put(keeper, state("a", **within), {"of": "one"})
    await put(keeper, state("b", registration=REGISTRATION.upper()), {"of": "one"})
    assert (await keeper.get(state("a"))).json() == {"of": "none"}
    assert (await keeper.get(state("a", **within))).json() == {"of": "one"}
    assert (await keeper.get(state("b"))).status_code == 404
    assert (await keeper.get(state(None))).json() == ["a", "b"]
    assert (await keeper.get(state(None, registration=REGISTRATION.upper()))).json() == ["a", "b"]
    await keeper.send(b"", state(None, **within), "DELETE")
    assert (await keeper.get(state(None))).json() == ["a"]


async def test_deleting_all_states_reaches_the_last_and_spares_other_agents(keeper: Platform, house: House) -> None:
    await put(keeper, state("a", BEN))
    await put(keeper, state("first"))
    copies = """
    INSERT INTO documents SELECT organisation, is_test, shelf, registration, name || number, resource, person, content,
        media_type, modified_at FROM documents, generate_series(1, $2) AS number
    WHERE organisation = $1 AND name = 'first'
    """
    async with house.backbone.door(keeper.organisation) as tx:
        await tx.connection.execute(copies, keeper.organisation, 2 * CLEARED_AT_ONCE)
    assert len((await keeper.get(state(None))).json()) == 2 * CLEARED_AT_ONCE + 1
    assert (await keeper.send(b"", state(None), "DELETE")).status_code == 204
    assert (await keeper.get(state(None))).json() == []
    assert (await keeper.get(state(None, BEN))).json() == ["a"]


async def test_deleting_all_under_a_condition_is_refused(keeper: Platform) -> None:
    await put(keeper, state())
    assert (await keeper.send(b"", state(None), "DELETE", if_match="*")).status_code == 400
    assert (await keeper.get(state())).status_code == 200


async def test_more_names_than_one_answer_holds_are_refused_and_told_how_to_ask(keeper: Platform, house: House) -> None:
    await put(keeper, activity_profile("first"))
    copies = """
    INSERT INTO documents SELECT organisation, is_test, shelf, registration, 'n' || number, resource, person, content,
        media_type, '2020-01-01Z' FROM documents, generate_series(1, 10000) AS number WHERE organisation = $1
    """
    async with house.backbone.door(keeper.organisation) as tx:
        await tx.connection.execute(copies, keeper.organisation)
    assert (await keeper.get(activity_profile(None))).status_code == 413
    assert (await keeper.get(activity_profile(None, since="2021-01-01T00:00:00Z"))).json() == ["first"]


@each_resource
async def test_other_organisations_and_test_keys_keep_documents_of_their_own(
    house: House, named: Callable[..., str]
) -> None:
    mine = house.platform(("all",))
    test = house.platform(("all",), mine.organisation, is_test=True)
    stranger, beside = house.platform(("all",)), house.platform(("all",), mine.organisation)
    for keeper, body in ((mine, {"of": "mine"}), (test, {"of": "test"}), (stranger, {"of": "stranger"})):
        assert await put(keeper, named(), body) == 204
    await stranger.send(b"", named(), "DELETE")
    await stranger.send(b"", state(None), "DELETE")
    assert (await stranger.get(named())).status_code == 404
    found = [(await keeper.get(named())).json()["of"] for keeper in (mine, beside, test)]
    assert found == ["mine", "mine", "test"]


@pytest.mark.parametrize(
    ("where", "scope"), [(state(), "state"), (agent_profile(), "profile"), (activity_profile(), "profile")]
)
async def test_only_the_scope_of_a_resource_opens_it(house: House, where: str, scope: str) -> None:
    others = {"write", "read", "read/mine", "state", "profile", "admin"} - {scope}
    opener, other = house.platform((scope,)), house.platform(others)
    assert await put(opener, where) == 204
    for method, body in [*ANY_CHANGE, ("GET", b"")]:
        assert (await other.send(body, where, method)).status_code == 403
    assert (await house.http.get(where)).status_code == 401


async def test_documents_of_an_agent_need_identity_and_are_not_kept_without(keeper: Platform, house: House) -> None:
    house.identity.is_away = True
    try:
        refused = await keeper.send({}, state(agent={"mbox": "mailto:new@example.org"}), "PUT")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
        assert await put(keeper, activity_profile()) == 204
    finally:
        house.identity.is_away = False
    assert (await keeper.get(state(agent={"mbox": "mailto:new@example.org"}))).status_code == 404


async def test_an_erasure_removes_what_is_kept_about_a_person_everywhere_and_spares_others(house: House) -> None:
    mine, stranger = house.platform(("all",)), house.platform(("all",))
    test = house.platform(("all",), mine.organisation, is_test=True)
    person = mine.person("ada")
    house.identity.move(stranger.organisation, "account:https://lms.example|ada", person)
    for keeper in (mine, stranger, test):
        for where in (state(), state("b", registration=REGISTRATION), agent_profile(), state(agent=BEN)):
            assert await put(keeper, where, {"a": 1}) == 204
        assert await put(keeper, activity_profile(), {"a": 1}) == 204
    for _ in range(2):
        await PostgresDocuments(house.backbone).erase(person)
    for keeper in (mine, stranger, test):
        assert (await keeper.get(state(None))).json() == (await keeper.get(agent_profile(None))).json() == []
        assert (await keeper.get(state(None, BEN))).json() == ["bookmark"]
        assert (await keeper.get(activity_profile(None))).json() == ["settings"]


async def test_whom_identity_erases_has_no_document_left_a_moment_later(house: House, keeper: Platform) -> None:
    await put(keeper, state())
    await put(keeper, state(agent=BEN))
    await hear(house, keeper.person("ada"), facts_erased(IDENTITY, 0))
    async with asyncio.timeout(20):
        while (await keeper.get(state())).status_code == 200:
            await asyncio.sleep(0.02)
    assert (await keeper.get(state(agent=BEN))).status_code == 200


@pytest.mark.parametrize("table", ["documents", "activity_definitions"])
async def test_the_database_itself_shows_a_door_no_row_of_another_organisation(house: House, table: str) -> None:
    mine, stranger = house.platform(("all",)), house.platform(("all",))
    definition = {"name": {"en": "Mine"}}
    await mine.post(statement(object={"id": ACTIVITY, "definition": definition}))
    await put(mine, state())
    async with house.backbone.door(stranger.organisation) as tx:
        assert await tx.connection.fetchval(f"SELECT count(*) FROM {table}") == 0
    async with house.backbone.door(mine.organisation) as tx:
        assert await tx.connection.fetchval(f"SELECT count(*) FROM {table}") == 1
    await forge(house, table, mine.organisation, mine.organisation)
    with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
        await forge(house, table, mine.organisation, stranger.organisation)


async def forge(house: House, table: str, owner: str, writer: str) -> None:
    """Write a row of `owner` as `writer`."""
    columns = {"shelf": "\\x00", "registration": "", "name": "a", "resource": "state", "content": "\\x00"}
    columns |= {"media_type": "a/b", "modified_at": "2026-03-01Z", "told_at": "2026-03-01Z", "person": ""}
    columns |= {"activity": "\\x00", "digest": "\\x00", "organisation": owner}
    insert = f"INSERT INTO {table} SELECT (jsonb_populate_record(NULL::{table}, $1::jsonb)).*"
    async with house.backbone.door(writer) as tx:
        await tx.connection.execute(insert, json.dumps({**columns, "is_test": False}))


async def test_a_groups_documents_are_nobodys(house: House) -> None:
    keeper = house.platform(("all",))
    team = {"objectType": "Group", "mbox": "mailto:team@example.org"}
    assert await put(keeper, state(agent=team), {"a": 1}) == 204
    async with house.backbone.reading() as connection:
        query = "SELECT person FROM documents WHERE organisation = $1"
        assert await connection.fetchval(query, keeper.organisation) is None
    assert "mbox:team@example.org" not in house.identity.asked


async def test_a_content_type_that_is_none_is_refused_and_none_is_bytes(keeper: Platform) -> None:
    assert await put(keeper, state(), b"x", content_type="nonsense") == 400
    assert await put(keeper, state(), b"x", content_type="a/" + "b" * 254) == 400
    request = keeper.house.http.build_request("PUT", state(), content=b"x", headers=keeper.bearer)
    assert (await keeper.house.http.send(request)).status_code == 204
    assert (await keeper.get(state())).headers["content-type"] == "application/octet-stream"


async def test_a_gzipped_document_is_kept_inflated(keeper: Platform) -> None:
    sent = json.dumps({"a": 1}).encode()
    assert await put(keeper, state(), gzip.compress(sent), content_encoding="gzip") == 204
    assert (await keeper.get(state())).content == sent
