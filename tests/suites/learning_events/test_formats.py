"""Caliper, CloudEvents and bulk by HTTP and gRPC: one by one, told in one form, kept byte for byte."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest

from deedlog.learning_events.v1 import learning_events_pb2 as pb2
from services.learning_events.handlers.reading import erase_person
from services.learning_events.store.statements import PostgresStatements
from shared.events.learning_events import StatementRecorded
from shared.kernel.canonical_json import digest
from shared.kernel.ids import OrganisationId, system_uuid7
from shared.runtime.grpc import kernel_errors
from tests.suites.learning_events.house import House, Platform, items_of, statement, voiding
from tests.unit.learning_events.caliper_samples import ADA, GRADER, QUIZ, caliper_event, entity, envelope, graded

pytestmark = pytest.mark.asyncio(loop_scope="session")

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
LINES = "application/x-ndjson"
OWN = {
    "actor": {"account": {"homePage": "https://lms.example", "name": "ada"}},
    "verb": "http://adlnet.gov/expapi/verbs/answered",
    "object": "https://lms.example/questions/1",
    "result": {"score": {"scaled": 0.5}},
}
KINDS = ("statement", "caliper", "cloud event")


def cloud_event(**changes: Any) -> dict[str, Any]:
    made = {"specversion": "1.0", "id": str(system_uuid7()), "source": "/lms", "type": "deedlog.learning-event.v1"}
    return {**made, "data": OWN, **changes}


def event_of(kind: str) -> Any:
    return {"statement": statement, "caliper": caliper_event, "cloud event": cloud_event}[kind]()


async def publish(platform: Platform, *items: Any, content_type: str = "application/json") -> list[dict[str, Any]]:
    """Send these as an array, or as lines, and return their results."""
    body = "\n".join(map(json.dumps, items)).encode() if content_type == LINES else items
    answer = await platform.send(body, "/v1/events", content_type=content_type)
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["items"]
    assert [result["index"] for result in results] == list(range(len(items)))
    return results


async def listed(platform: Platform) -> list[dict[str, Any]]:
    answer = await platform.get("/v1/events?limit=100")
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def outcomes(results: Sequence[dict[str, Any]]) -> list[str]:
    return [result["outcome"] for result in results]


def faults_of(answer: httpx.Response) -> list[str]:
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert all(error["rule"] and error["mend"] for error in problem["errors"])
    return [error["pointer"] for error in problem["errors"]]


@pytest.mark.parametrize("content_type", ["application/json", LINES])
async def test_the_good_of_every_format_are_kept_and_the_bad_come_back_with_their_reason(
    house: House, platform: Platform, content_type: str
) -> None:
    known = statement()
    await platform.post(known)
    bad = caliper_event(action="Complete")
    sent = [event_of(kind) for kind in KINDS]
    other = statement(id=known["id"], verb={"id": "https://x.example/other"})
    results = await publish(platform, *sent, known, other, bad, 3, sent[1], content_type=content_type)
    assert outcomes(results) == [*["stored"] * 3, "duplicate", "conflict", "invalid", "invalid", "duplicate"]
    assert results[5]["pointer"] == "/action"
    assert results[5]["id"] == bad["id"].removeprefix("urn:uuid:")
    assert all(bool(one.get("rule")) and bool(one.get("mend")) for one in results[4:7])
    assert await house.counts(platform.organisation) == (4, 4)


async def test_all_formats_are_listed_as_one_and_told_as_one(house: House, platform: Platform) -> None:
    results = await publish(platform, *[event_of(kind) for kind in KINDS])
    events = await listed(platform)
    assert [event["id"] for event in events] == [result["id"] for result in results]
    assert [event["format"] for event in events] == ["xapi", "caliper", "cloudevents"]
    for event in events:
        (told,) = [one for one in await house.told(event["person"]) if getattr(one, "statement", "") == event["id"]]
        assert isinstance(told, StatementRecorded)
        assert (told.format, told.digest) == (event["format"], event["digest"])
        assert (told.verb, told.object) == (event["verb"], event["object"])


@pytest.mark.parametrize("kind", ["caliper", "cloud event"])
async def test_what_was_sent_is_given_back_byte_for_byte(platform: Platform, kind: str) -> None:
    event = event_of(kind)
    raw = json.dumps(event, indent=3).encode()
    answer = await platform.send(raw, "/v1/events")
    (result,) = answer.json()["items"]
    original = await platform.get(f"/v1/events/{result['id']}/original")
    if kind == "caliper":
        assert original.content == raw
        assert original.headers["deedlog-format"] == "caliper"
    else:
        assert raw.replace(b'"data": ' + original.content, b"") != raw
        assert original.json() == OWN
        assert {name: original.headers[f"ce-{name}"] for name in ("id", "source", "type", "specversion")} == {
            name: event[name] for name in ("id", "source", "type", "specversion")
        }
    (listing,) = await listed(platform)
    assert digest(original.json()).hex() == listing["digest"]


async def test_a_statement_is_given_back_in_its_canonical_form(platform: Platform) -> None:
    sent = statement()
    (result,) = await publish(platform, sent)
    assert (await platform.get(f"/v1/events/{result['id']}/original")).json() == sent


async def test_what_others_sent_is_not_given_back(house: House, platform: Platform) -> None:
    (result,) = await publish(platform, caliper_event())
    path = f"/v1/events/{result['id']}/original"
    strangers = [
        house.platform(),
        house.platform(organisation=platform.organisation, is_test=True),
        house.platform(("read/mine",), platform.organisation),
    ]
    assert [(await one.get(path)).status_code for one in (platform, *strangers)] == [200, 404, 404, 404]
    assert (await platform.get("/v1/events/7/original")).status_code == 404


async def test_the_database_shows_a_door_the_originals_of_its_own_organisation_only(
    house: House, platform: Platform
) -> None:
    await publish(platform, caliper_event(), entity(), cloud_event())
    seen = []
    for one in (platform, house.platform()):
        async with house.backbone.door(OrganisationId(one.organisation)) as tx:
            seen.append(await tx.connection.fetchval("SELECT count(*) FROM originals"))
    assert seen == [3, 0]
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with house.backbone.door(OrganisationId(platform.organisation)) as tx:
            await tx.connection.execute("UPDATE originals SET content = NULL")


async def test_a_caliper_event_can_be_read_and_voided_as_a_statement(platform: Platform) -> None:
    (result,) = await publish(platform, graded())
    read = await platform.read(result["id"])
    assert read is not None
    assert (read["actor"], read["object"]["id"]) == ({"openid": ADA}, QUIZ)
    await platform.post(voiding(result["id"]))
    assert await platform.read(result["id"]) is None
    assert [event["is_void"] for event in await listed(platform)] == [True, False]


async def test_a_grade_is_told_of_the_learner_and_of_nobody_else(house: House, platform: Platform) -> None:
    await publish(platform, graded())
    learner = house.identity.account(platform.organisation, f"openid:{ADA}").person
    (told,) = await house.told(learner)
    assert isinstance(told, StatementRecorded)
    assert told.score is not None
    assert told.score.scaled == 0.8
    assert (platform.organisation, f"openid:{GRADER}") not in house.identity.accounts


async def test_a_changed_event_under_a_known_id_is_in_conflict_in_every_part(platform: Platform) -> None:
    event = caliper_event()
    again = [event, {**event, "extensions": {"x": 1}}, {**event, "object": f"{QUIZ}/2"}]
    assert outcomes(await publish(platform, event)) == ["stored"]
    assert outcomes(await publish(platform, *again)) == ["duplicate", "conflict", "conflict"]
    sent = cloud_event()
    changed = [sent, {**sent, "data": {**OWN, "result": {"score": {"scaled": 0.6}}}}, {**sent, "source": "/other"}]
    assert outcomes(await publish(platform, sent)) == ["stored"]
    assert outcomes(await publish(platform, *changed)) == ["duplicate", "conflict", "stored"]


async def test_a_statement_in_a_cloud_event_is_the_statement_that_came_bare(platform: Platform) -> None:
    sent = statement()
    await platform.post(sent)
    assert outcomes(await publish(platform, cloud_event(type="x", data=sent))) == ["duplicate"]


# Envelopes


async def test_an_envelope_keeps_events_and_entities_and_names_what_is_wrong(house: House, platform: Platform) -> None:
    event, thing = caliper_event(), entity()
    sent = envelope(event, thing, caliper_event(object=None), thing)
    answer = await platform.send(sent, "/caliper", **platform.basic)
    assert answer.status_code == 200, answer.text
    results = answer.json()["items"]
    assert outcomes(results) == ["stored", "stored", "invalid", "duplicate"]
    assert results[2]["pointer"] == "/object"
    assert answer.json()["counts"] == {"stored": 2, "duplicate": 1, "conflict": 0, "invalid": 1}
    assert await house.counts(platform.organisation) == (1, 1)
    kept = await platform.get(f"/v1/events/{results[1]['id']}/original")
    assert kept.json() == thing
    assert kept.headers["caliper-sensor"] == sent["sensor"]
    assert outcomes((await platform.send(sent, "/caliper")).json()["items"]) == [
        *["duplicate"] * 2,
        "invalid",
        "duplicate",
    ]


async def test_a_sensor_learns_by_the_status_that_nothing_was_taken(platform: Platform) -> None:
    event = caliper_event()
    bad = await platform.send(envelope(caliper_event(action="x"), caliper_event(id="x")), "/caliper")
    assert (bad.status_code, faults_of(bad)) == (400, ["/data/0/action", "/data/1/id"])
    assert (await platform.send(envelope(event), "/caliper")).status_code == 200
    changed = await platform.send(envelope({**event, "object": f"{QUIZ}/2"}), "/caliper")
    assert (changed.status_code, faults_of(changed)) == (409, ["/data/0/id"])
    none = await platform.send(envelope(sensor="x"), "/caliper")
    assert (none.status_code, faults_of(none)) == (400, ["/sensor"])
    assert (await platform.send(b"{", "/caliper")).status_code == 400
    assert (await platform.send(envelope(event), "/caliper", content_type="text/plain")).status_code == 415


async def test_a_test_keys_entity_stands_apart_from_the_real_one(house: House, platform: Platform) -> None:
    tester = house.platform(organisation=platform.organisation, is_test=True)
    for one in (platform, tester):
        answer = await one.send(envelope(entity()), "/caliper")
        assert outcomes(answer.json()["items"]) == ["stored"]


async def test_erasing_a_person_empties_what_was_sent_about_them(house: House, platform: Platform) -> None:
    results = await publish(platform, caliper_event(), entity(), caliper_event(actor=GRADER))
    await erase_person(
        PostgresStatements(house.backbone), house.identity.account(platform.organisation, f"openid:{ADA}").person
    )
    found = [(await platform.get(f"/v1/events/{result['id']}/original")).status_code for result in results]
    assert found == [404, 404, 200]
    async with house.backbone.reading() as connection:
        left = await connection.fetchval(
            "SELECT string_agg(o::text, '') FROM originals AS o WHERE organisation = $1 AND content IS NULL",
            platform.organisation,
        )
    assert ADA not in left
    assert outcomes(await publish(platform, entity())) == ["duplicate"]


# One event alone


async def test_a_cloud_event_comes_in_each_of_its_modes(platform: Platform) -> None:
    def headers(event: dict[str, Any]) -> dict[str, str]:
        return {f"ce_{name}": value for name, value in event.items() if name != "data"}

    one, other = cloud_event(subject="Jos%C3%A9"), cloud_event()
    third = cloud_event(subject="José", sampled=True, datacontenttype="application/json; charset=utf-8")
    binary = await platform.send(OWN, "/v1/events", **headers(one))
    structured = await platform.send(other, "/v1/events", content_type=STRUCTURED)
    batch = await platform.send([one, other, third], "/v1/events", content_type=BATCH)
    assert [answer.status_code for answer in (binary, structured, batch)] == [200, 200, 200]
    assert outcomes(batch.json()["items"]) == ["duplicate", "duplicate", "stored"]
    (result,) = binary.json()["items"]
    original = await platform.get(f"/v1/events/{result['id']}/original")
    assert original.headers["ce-subject"] == "Jos%C3%A9"
    original = await platform.get(f"/v1/events/{batch.json()['items'][2]['id']}/original")
    assert original.headers["ce-subject"] == "Jos%C3%A9"
    assert (original.headers["ce-sampled"], original.headers["content-type"]) == ("true", third["datacontenttype"])
    assert "ce-datacontenttype" not in original.headers


async def test_a_binary_cloud_event_without_a_media_type_is_read_as_json(platform: Platform) -> None:
    async def send(body: bytes, **more: str) -> httpx.Response:
        attributes = {f"ce-{name}": value for name, value in cloud_event().items() if name != "data"}
        headers = {**platform.bearer, **attributes, **more}
        return await platform.house.http.post("/v1/events", content=body, headers=headers)

    taken = await send(json.dumps(OWN).encode())
    assert (taken.status_code, outcomes(taken.json()["items"])) == (200, ["stored"])
    original = await platform.get(f"/v1/events/{taken.json()['items'][0]['id']}/original")
    assert (original.headers["content-type"], original.json()) == ("application/json", OWN)
    assert (await send(b"<xml/>")).status_code == 400
    assert (await send(b"<xml/>", **{"content-type": "application/xml"})).status_code == 415


async def test_an_event_sent_alone_is_taken_or_refused_by_status(platform: Platform) -> None:
    event = statement()
    assert (await platform.send(event, "/v1/events")).status_code == 200
    changed = await platform.send({**event, "verb": {"id": "https://x.example/x"}}, "/v1/events")
    assert (changed.status_code, faults_of(changed)) == (409, ["/id"])
    bad = await platform.send({**event, "verb": 3}, "/v1/events")
    assert (bad.status_code, faults_of(bad)) == (400, ["/verb"])
    structured = await platform.send(cloud_event(source=""), "/v1/events", content_type=STRUCTURED)
    assert structured.status_code == 400
    assert set(faults_of(structured)) == {"/source"}
    binary = await platform.send(OWN, "/v1/events", ce_specversion="1.0", ce_id="7", ce_type="x")
    assert (binary.status_code, faults_of(binary)) == (400, ["ce-source"])
    wrapped = await platform.send(envelope(caliper_event()), "/v1/events")
    assert "POST it to /caliper" in wrapped.json()["detail"]


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("application/xml", b"<a/>", 415),
        ("application/cloudevents+avro", b"x", 415),
        (BATCH, b"{}", 400),
        ("application/json", b"[1,", 400),
        ("application/json", b"", 400),
    ],
)
async def test_what_is_no_form_of_events_is_refused_whole(
    platform: Platform, content_type: str, body: bytes, status: int
) -> None:
    answer = await platform.send(body, "/v1/events", content_type=content_type)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["mend"]


async def test_a_key_that_may_not_write_stores_nothing(house: House, platform: Platform) -> None:
    reader = house.platform(("read",), platform.organisation)
    for path, body in (
        ("/v1/events", [statement()]),
        ("/v1/statements:bulk", [statement()]),
        ("/v1/events:validate", [statement()]),
        ("/caliper", envelope(caliper_event())),
    ):
        assert (await reader.send(body, path)).status_code == 403
    assert await house.counts(platform.organisation) == (0, 0)


# Many


async def test_statements_in_bulk_have_a_result_each(house: House, platform: Platform) -> None:
    kept, event = statement(), caliper_event()
    await platform.post(kept)
    answer = await platform.send([statement(), kept, event], "/v1/statements:bulk")
    assert outcomes(answer.json()["items"]) == ["stored", "duplicate", "invalid"]
    assert (await platform.send(statement(verb=1), "/v1/statements:bulk")).status_code == 400
    old = statement(context={"contextAgents": []})
    by_old_rules = await platform.send([old], "/v1/statements:bulk", x_experience_api_version="1.0.3")
    assert outcomes(by_old_rules.json()["items"]) == ["invalid"]


async def test_more_than_a_transaction_holds_is_stored_in_parts_and_answered_in_order(
    house: House, platform: Platform
) -> None:
    sent: list[Any] = [statement(f"p{number % 7}") for number in range(1_203)]
    sent[700] = {}
    body = gzip.compress(json.dumps(sent).encode())
    answer = await platform.send(body, "/v1/events", content_encoding="gzip")
    assert answer.json()["counts"] == {"stored": 1_202, "duplicate": 0, "conflict": 0, "invalid": 1}
    results = answer.json()["items"]
    assert [result["id"] for result in results] == [one.get("id") for one in sent]
    assert results[700]["outcome"] == "invalid"
    assert await house.counts(platform.organisation) == (1_202, 1_202)


@pytest.mark.parametrize("path", ["/v1/events", "/v1/statements:bulk", "/caliper"])
async def test_a_batch_over_the_bound_is_refused_whole_and_the_bound_named(
    house: House, platform: Platform, path: str
) -> None:
    items = b"[" + b",".join([b"{}"] * 100_000) + b"]"
    body = items if path != "/caliper" else json.dumps(envelope()).encode().replace(b"[]", items)
    answer = await platform.send(body, path)
    assert answer.status_code == 413
    assert "10000 items" in answer.json()["detail"]
    large = await platform.send(b"[" + b" " * (10 << 20) + b"]", path)
    assert large.status_code == 413
    assert str(10 << 20) in large.json()["detail"]
    assert await house.counts(platform.organisation) == (0, 0)


async def test_what_has_no_id_is_not_stored_twice_under_one_idempotency_key(platform: Platform) -> None:
    sent = [statement(), statement()]
    for one in sent:
        del one["id"]
    first, again = [await platform.send(sent, "/v1/events", idempotency_key="monday") for _ in range(2)]
    other = await platform.send(sent, "/v1/events", idempotency_key="tuesday")
    assert outcomes(first.json()["items"]) == ["stored", "stored"]
    assert outcomes(again.json()["items"]) == ["duplicate", "duplicate"]
    assert outcomes(other.json()["items"]) == ["stored", "stored"]


async def test_the_same_events_from_many_senders_at_once_are_stored_once(house: House, platform: Platform) -> None:
    events = [event_of(kind) for kind in KINDS for _ in range(20)]
    shuffled = [random.Random(seed).sample(events, len(events)) for seed in range(6)]
    answers = await asyncio.gather(*(publish(platform, *some) for some in shuffled))
    counts = Counter(outcome for results in answers for outcome in outcomes(results))
    assert counts == {"stored": len(events), "duplicate": 5 * len(events)}
    assert await house.counts(platform.organisation) == (len(events), len(events))
    async with house.backbone.reading() as connection:
        kept = await connection.fetchval(
            "SELECT count(*) FROM originals WHERE organisation = $1", platform.organisation
        )
    assert kept == len(events) * 2 // 3


async def test_identity_away_stores_nothing_of_the_part(house: House, platform: Platform) -> None:
    house.identity.is_away = True
    try:
        answers = [
            await platform.send([statement("new")], "/v1/events"),
            await platform.send(envelope(entity(id="https://lms.example/users/new")), "/caliper"),
        ]
    finally:
        house.identity.is_away = False
    assert [answer.status_code for answer in answers] == [503, 503]
    assert all(answer.headers["retry-after"] for answer in answers)
    assert await house.counts(platform.organisation) == (0, 0)


async def test_parts_before_one_that_fails_stay_and_are_duplicates_when_sent_again(
    house: House, platform: Platform
) -> None:
    team = {"objectType": "Group", "member": [{"openid": ADA}]}
    sent = [*(statement(actor=team) for _ in range(500)), statement("new")]
    house.identity.is_away = True
    try:
        assert (await platform.send(sent, "/v1/events")).status_code == 503
    finally:
        house.identity.is_away = False
    assert await house.counts(platform.organisation) == (500, 0)
    again = await platform.send(sent, "/v1/events")
    assert again.json()["counts"] == {"stored": 1, "duplicate": 500, "conflict": 0, "invalid": 0}


# gRPC


async def published(platform: Platform, event_format: Any, bodies: Sequence[Any]) -> list[pb2.ItemResult]:
    async with platform.stub() as stub:
        with kernel_errors("learning_events"):
            request = pb2.PublishBatchRequest(format=event_format, items=items_of(bodies))
            return list((await stub.PublishBatch(request)).results)


async def test_every_format_comes_by_grpc_too(house: House, platform: Platform) -> None:
    event = caliper_event()
    caliper = await published(platform, pb2.EVENT_FORMAT_CALIPER, [event, entity(), statement(), event])
    assert [one.outcome for one in caliper] == [
        pb2.ITEM_OUTCOME_STORED,
        pb2.ITEM_OUTCOME_STORED,
        pb2.ITEM_OUTCOME_INVALID,
        pb2.ITEM_OUTCOME_DUPLICATE,
    ]
    cloud = await published(platform, pb2.EVENT_FORMAT_CLOUDEVENTS, [cloud_event(), cloud_event(id=""), b"{"])
    invalid = pb2.ITEM_OUTCOME_INVALID
    assert [one.outcome for one in cloud] == [pb2.ITEM_OUTCOME_STORED, invalid, invalid]
    assert cloud[1].pointer == "/id"
    assert await house.counts(platform.organisation) == (2, 2)


async def test_a_stream_may_hold_batches_of_several_formats(platform: Platform) -> None:
    batches = [(pb2.EVENT_FORMAT_XAPI, statement()), (pb2.EVENT_FORMAT_CALIPER, caliper_event())] * 3
    async with platform.stub() as stub:
        call = stub.PublishStream(
            iter(
                [
                    pb2.PublishStreamRequest(batch=number, format=event_format, items=items_of([body]))
                    for number, (event_format, body) in enumerate(batches)
                ]
            )
        )
        answers = [answer async for answer in call]
    assert [answer.batch for answer in answers] == list(range(6))
    stored, duplicate = pb2.ITEM_OUTCOME_STORED, pb2.ITEM_OUTCOME_DUPLICATE
    assert [answer.results[0].outcome for answer in answers] == [stored, stored, *[duplicate] * 4]


async def test_the_example_for_senders_is_taken(platform: Platform) -> None:
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "send-caliper-and-cloudevents.md").read_text()
    example = page.partition("-d '")[2].partition("'\n```")[0]
    answer = await platform.send(example.encode(), "/v1/events", content_type=STRUCTURED)
    assert outcomes(answer.json()["items"]) == ["stored"]
