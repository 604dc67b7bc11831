"""Statements over HTTP: taken whole, kept as they came, given back to those who may read them."""

from __future__ import annotations

import gzip
import json
from typing import Any
from uuid import UUID

import pytest

from shared.events.learning_events import StatementRecorded
from shared.kernel import canonical_json
from shared.kernel.clock import parse_rfc3339
from shared.kernel.hashing import hex_digest
from tests.suites.learning_events.house import House, Platform, statement, voiding
from tests.unit.learning_events.samples import full

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_an_array_is_stored_whole_and_its_ids_come_back_in_order(house: House, platform: Platform) -> None:
    sent = [statement(f"person-{number}") for number in range(7)]
    assert await platform.post(sent) == [one["id"] for one in sent]
    assert await house.counts(platform.organisation) == (7, 7)


async def test_one_statement_alone_is_answered_with_its_id_in_an_array(platform: Platform) -> None:
    sent = statement()
    assert await platform.post(sent) == [sent["id"]]


async def test_an_empty_array_stores_nothing_and_is_no_fault(house: House, platform: Platform) -> None:
    assert await platform.post([]) == []
    assert await house.counts(platform.organisation) == (0, 0)


async def test_a_statement_without_an_id_is_given_one(platform: Platform) -> None:
    sent = statement()
    del sent["id"]
    first, second = await platform.post(sent) + await platform.post(sent)
    assert first != second
    assert (await platform.read(first) or {})["id"] == first
    assert UUID(first).version in range(1, 6), "RFC 4122 ends at 5, and xAPI clients in use raise at a 7"


async def test_a_statement_is_told_in_its_persons_stream(house: House, platform: Platform) -> None:
    sent = full()
    await platform.post(sent)
    person = house.identity.account(platform.organisation, "account:https://lms.example|4711")
    (fact,) = await house.stream(person.person)
    assert fact.organisation == platform.organisation
    assert fact.occurred_at == parse_rfc3339(sent["timestamp"])
    (event,) = await house.told(person.person)
    assert isinstance(event, StatementRecorded)
    assert (event.statement, event.account) == (sent["id"], person.account)
    assert (event.verb, event.object, event.object_type) == (sent["verb"]["id"], sent["object"]["id"], "Activity")
    assert event.score is not None
    assert (event.score.scaled, event.score.raw) == (0.5, 5)
    assert (event.success, event.completion, event.duration_seconds) == (True, False, 90.256)
    assert event.digest == hex_digest(canonical_json.dumps(sent))
    assert not event.is_test


async def test_what_a_group_did_is_stored_and_told_of_nobody(house: House, platform: Platform) -> None:
    member = {"account": {"homePage": "https://lms.example", "name": "ada"}}
    groups = [{"objectType": "Group", "member": [member]}, {"objectType": "Group", "mbox": "mailto:team@example.org"}]
    sent = [statement(actor=group) for group in groups]
    await platform.post([*sent, statement(actor={"mbox": "mailto:team@example.org"})])
    assert await house.counts(platform.organisation) == (3, 1)
    assert (await platform.read(sent[0]["id"]) or {})["actor"] == groups[0]


async def test_a_statement_is_given_back_as_it_came_with_what_the_store_sets(platform: Platform) -> None:
    sent = full()
    await platform.post(sent)
    found = await platform.read(sent["id"].upper())
    assert found is not None
    key = {"homePage": "https://deedlog.example", "name": platform.key}
    assert found.pop("authority") == {"objectType": "Agent", "account": key}
    assert parse_rfc3339(found.pop("stored")) > parse_rfc3339(sent["stored"])
    activities = sent["context"]["contextActivities"]
    activities["parent"] = [activities["parent"]]
    assert found == {name: value for name, value in sent.items() if name not in {"authority", "stored"}}


@pytest.mark.parametrize(("mount", "version"), [("/xapi", "2.0.0"), ("/xapi/1", "1.0.0"), ("/xapi/2", "2.0.0")])
async def test_id_timestamp_and_version_are_set_where_none_were_sent(
    platform: Platform, mount: str, version: str
) -> None:
    sent = statement()
    del sent["id"], sent["timestamp"]
    spoken = {"x_experience_api_version": "1.0.3" if mount == "/xapi/1" else "2.0.0"}
    (statement_id,) = (await platform.send(sent, f"{mount}/statements", **spoken)).json()
    found = await platform.read(statement_id)
    assert found is not None
    assert found["version"] == version
    assert found["timestamp"] == found["stored"]


async def test_put_stores_under_the_id_of_the_query(house: House, platform: Platform) -> None:
    sent = statement()
    path = f"/xapi/statements?statementId={sent['id']}"
    assert (await platform.send(sent, path, "PUT")).status_code == 204
    without = {name: value for name, value in sent.items() if name != "id"}
    again = await platform.send(without, path.replace(sent["id"], sent["id"].upper()), "PUT")
    assert (again.status_code, again.content) == (204, b"")
    assert await house.counts(platform.organisation) == (1, 1)


@pytest.mark.parametrize(
    ("query", "body", "pointer"),
    [
        ("", statement(), "statementId"),
        ("?statementId=7", statement(), "statementId"),
        (f"?statementId={statement()['id']}", statement(), "/id"),
        (f"?statementId={statement()['id']}", [statement()], ""),
        (f"?statementId={statement()['id']}&verb=x", statement(), "verb"),
        (f"?statementId={statement()['id']}&statementId={statement()['id']}", statement(), "statementId"),
    ],
    ids=["none", "no-uuid", "another", "two-statements", "a-filter", "twice"],
)
async def test_put_refuses_what_does_not_name_one_statement(
    house: House, platform: Platform, query: str, body: Any, pointer: str
) -> None:
    response = await platform.send(body, f"/xapi/statements{query}", "PUT")
    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == pointer
    assert await house.counts(platform.organisation) == (0, 0)


async def test_sent_again_a_statement_is_there_already_and_nothing_more_is_told(
    house: House, platform: Platform
) -> None:
    sent = [statement("ada"), statement("ben")]
    ids = await platform.post(sent)
    respelled = [{**one, "timestamp": "2026-03-01T10:30:00.000+01:00", "version": "2.0.0"} for one in sent]
    assert await platform.post(respelled) == ids
    assert await house.counts(platform.organisation) == (2, 2)


async def test_a_new_statement_beside_known_ones_is_stored(house: House, platform: Platform) -> None:
    known, fresh = statement(), statement()
    await platform.post(known)
    assert await platform.post([known, fresh]) == [known["id"], fresh["id"]]
    assert await house.counts(platform.organisation) == (2, 2)


async def test_another_statement_under_a_kept_id_refuses_the_whole_request(house: House, platform: Platform) -> None:
    kept = statement()
    await platform.post(kept)
    other = statement(id=kept["id"], verb={"id": "http://adlnet.gov/expapi/verbs/passed"})
    response = await platform.send([statement(), statement(), other])
    assert response.status_code == 409
    problem = response.json()
    assert problem["code"] == "conflict"
    assert [(fault["pointer"], fault["rule"]) for fault in problem["errors"]] == [
        ("/2/id", "another statement is kept under this id")
    ]
    assert problem["errors"][0]["mend"]
    assert await house.counts(platform.organisation) == (1, 1)
    assert (await platform.send(other)).json()["errors"][0]["pointer"] == "/id"


async def test_a_compressed_body_is_read(platform: Platform) -> None:
    sent = statement()
    response = await platform.send(gzip.compress(json.dumps(sent).encode()), content_encoding="gzip")
    assert response.json() == [sent["id"]]


async def test_a_large_request_is_taken_like_any_other(house: House, platform: Platform) -> None:
    sent = [statement(result={"response": "x" * 30_000}) for _ in range(200)]
    assert await platform.post(sent) == [one["id"] for one in sent]
    response = await platform.send([*sent, statement(verb={})])
    assert response.json()["errors"][0]["pointer"] == "/200/verb/id"
    assert await house.counts(platform.organisation) == (200, 200)


async def test_key_and_secret_come_by_basic_too(house: House, platform: Platform) -> None:
    sent = statement()
    headers = {"content-type": "application/json", **platform.basic}
    response = await house.http.post("/xapi/statements", content=json.dumps(sent), headers=headers)
    assert response.json() == [sent["id"]]


@pytest.mark.parametrize(
    ("mount", "header", "spoken"),
    [
        ("/xapi", None, "2.0.0"),
        ("/xapi", "1.0.3", "1.0.3"),
        ("/xapi", "1.0", "1.0.3"),
        ("/xapi/1", "1.0.3", "1.0.3"),
        ("/xapi/1", "2.0.0", "2.0.0"),
        ("/xapi/2", "2.0.0", "2.0.0"),
        ("/xapi/2", "1.0.1", "1.0.3"),
    ],
)
async def test_the_header_decides_the_version_and_without_one_it_is_2(
    platform: Platform, mount: str, header: str | None, spoken: str
) -> None:
    versioned = {} if header is None else {"x_experience_api_version": header}
    only_in_2 = statement(context={"contextAgents": [{"objectType": "contextAgent", "agent": full()["actor"]}]})
    response = await platform.send(only_in_2, f"{mount}/statements", **versioned)
    assert response.headers["x-experience-api-version"] == spoken
    assert response.status_code == (200 if spoken == "2.0.0" else 400)


@pytest.mark.parametrize(("mount", "version"), [("/xapi/1", "1.0.3"), ("/xapi/2", "2.0.0")])
@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
async def test_a_strict_mount_refuses_a_request_that_names_no_version(
    platform: Platform, mount: str, version: str, method: str
) -> None:
    sent = statement()
    query = "" if method == "POST" else f"?statementId={sent['id']}"
    response = await platform.send(sent, f"{mount}/statements{query}", method)
    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == "X-Experience-API-Version"
    assert response.headers["x-experience-api-version"] == version


@pytest.mark.parametrize("header", ["", "0.95", "1.1.0", "2", "2.1.0", "3.0.0", "1.0.3, 2.0.0"])
async def test_a_version_that_is_not_spoken_is_refused(platform: Platform, header: str) -> None:
    response = await platform.send(statement(), x_experience_api_version=header)
    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == "X-Experience-API-Version"
    assert response.headers["x-experience-api-version"] == "2.0.0"


@pytest.mark.parametrize(("mount", "version"), [("/xapi", "2.0.0"), ("/xapi/1", "1.0.3"), ("/xapi/2", "2.0.0")])
async def test_about_needs_no_key_and_names_the_versions(house: House, mount: str, version: str) -> None:
    response = await house.http.get(f"{mount}/about")
    assert response.status_code == 200
    assert {"1.0.3", "2.0.0"} <= set(response.json()["version"])
    assert response.headers["x-experience-api-version"] == version


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 409])
async def test_every_reply_names_the_version(house: House, platform: Platform, status: int) -> None:
    kept = statement()
    await platform.post(kept)
    missing = "/xapi/statements?statementId=00000000-0000-4000-8000-000000000000"
    responses = {
        200: lambda: platform.send(statement()),
        400: lambda: platform.send(b"{"),
        401: lambda: house.http.post("/xapi/statements", content=b"{}"),
        403: lambda: house.platform(["read"]).send(statement()),
        404: lambda: platform.get(missing),
        409: lambda: platform.send({**kept, "verb": {"id": "https://x.example/other"}}),
    }
    response = await responses[status]()
    assert response.status_code == status, response.text
    assert response.headers["x-experience-api-version"] == "2.0.0"


@pytest.mark.parametrize(
    ("scopes", "method", "status"),
    [
        (["read", "state", "profile"], "POST", 403),
        (["read"], "PUT", 403),
        (["write"], "GET", 403),
        (["read"], "GET", 404),
        (["read/mine"], "GET", 404),
        (["all"], "POST", 200),
    ],
)
async def test_writing_and_reading_need_their_scopes(house: House, scopes: list[str], method: str, status: int) -> None:
    sent = statement()
    query = "" if method == "POST" else f"?statementId={sent['id']}"
    response = await house.platform(scopes).send(sent if method != "GET" else b"", f"/xapi/statements{query}", method)
    assert response.status_code == status
    assert await house.counts("org_none") == (0, 0)


async def test_another_organisation_neither_reads_nor_meets_a_statement(house: House, platform: Platform) -> None:
    sent = statement()
    await platform.post(sent)
    stranger = house.platform()
    assert await stranger.read(sent["id"]) is None
    other = {**sent, "verb": {"id": "https://x.example/other"}}
    assert await stranger.post(other) == [sent["id"]]
    assert (await platform.read(sent["id"]) or {})["verb"] == sent["verb"]
    assert (await stranger.read(sent["id"]) or {})["verb"] == other["verb"]


async def test_the_database_itself_shows_a_door_the_rows_of_its_organisation_only(
    house: House, platform: Platform
) -> None:
    target = statement()
    await platform.post([target, voiding(target["id"])])
    seen = {}
    for organisation in (platform.organisation, "org_stranger", None):
        async with house.backbone.door(organisation) as tx:
            for table in ("statements", "voids"):
                seen[organisation, table] = await tx.connection.fetchval(f"SELECT count(*) FROM {table}")
    assert seen[platform.organisation, "statements"] == 2
    assert seen[platform.organisation, "voids"] == 1
    assert {seen[organisation, table] for organisation, table in seen if organisation != platform.organisation} == {0}


async def test_a_key_that_may_read_its_own_reads_no_other_keys_statement(house: House, platform: Platform) -> None:
    mine = house.platform(["write", "read/mine"], platform.organisation)
    own, other = statement(), statement()
    await mine.post(own)
    await platform.post(other)
    assert await mine.read(own["id"]) is not None
    assert await mine.read(other["id"]) is None
    assert await platform.read(own["id"]) is not None


async def test_test_data_and_real_data_do_not_see_each_other(house: House, platform: Platform) -> None:
    trial = house.platform(organisation=platform.organisation, is_test=True)
    real, test = statement("ada"), statement("ben")
    await platform.post(real)
    await trial.post(test)
    assert (await platform.read(test["id"]), await trial.read(real["id"])) == (None, None)
    assert (await trial.send(real)).status_code == 409
    (event,) = await house.told(platform.person("ben"))
    assert isinstance(event, StatementRecorded)
    assert event.is_test


async def test_a_time_in_the_year_1_is_told_as_it_is(house: House, platform: Platform) -> None:
    sent = statement("first", timestamp="0001-01-01T00:00:00.000001Z")
    await platform.post(sent)
    (fact,) = await house.stream(platform.person("first"))
    assert fact.attributes()["time"] == "0001-01-01T00:00:00.000001Z"


@pytest.mark.parametrize("timestamp", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"])
async def test_an_end_of_the_calendar_is_refused_since_it_stands_for_no_time(
    house: House, platform: Platform, timestamp: str
) -> None:
    response = await platform.send([statement(), statement(timestamp=timestamp)])
    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == "/1/timestamp"
    assert await house.counts(platform.organisation) == (0, 0)
