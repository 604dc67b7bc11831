"""What was refused is mended and sent again, in each form in which it came, and once taken it is let go."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from deedlog.learning_events.v1 import learning_events_pb2
from services.learning_events.domain.refused_items import ITEMS_BYTES_MAX
from shared.kernel.ids import system_uuid7
from tests.suites.learning_events.house import House, Platform, items_of, statement
from tests.suites.learning_events.test_deliveries import deliveries
from tests.unit.learning_events.caliper_samples import GRADER, QUIZ, attempt, caliper_event, envelope, graded

pytestmark = pytest.mark.asyncio(loop_scope="session")
PATH = "/v1/deliveries"
ROOT: Final = Path(__file__).resolve().parents[3]
VERB = {"id": "https://x.example/verb"}


def cloud_event(data: Any, **changes: Any) -> dict[str, Any]:
    made = {"specversion": "1.0", "id": str(system_uuid7()), "source": "https://lms.example", "type": "x.answered"}
    return {**made, "data": data, **changes}


async def newest(platform: Platform) -> dict[str, Any]:
    """Return the newest delivery, with its refused items."""
    told = (await deliveries(platform, 1))[0]
    found: dict[str, Any] = (await platform.get(f"{PATH}/{told['id']}")).json()
    return found


async def resent(platform: Platform, delivery: dict[str, Any], body: Any = None) -> list[tuple[int, str]]:
    response = await platform.send(body or {}, f"{PATH}/{delivery['id']}:resend")
    assert response.status_code == 200, response.text
    return [(one["index"], one["outcome"]) for one in response.json()["items"]]


async def mend(platform: Platform, delivery: dict[str, Any], index: int, item: Any) -> dict[str, Any]:
    response = await platform.send(item, f"{PATH}/{delivery['id']}/items/{index}", "PUT")
    assert response.status_code == 200, response.text
    told: dict[str, Any] = response.json()
    return told


async def patch(platform: Platform, delivery: dict[str, Any], index: int, change: list[dict[str, Any]]) -> Any:
    path = f"{PATH}/{delivery['id']}/items/{index}"
    return await platform.send(change, path, "PATCH", content_type="application/json-patch+json")


async def stored_count(house: House, platform: Platform) -> int:
    return (await house.counts(platform.organisation))[0]


async def test_statements_are_mended_one_by_one_and_each_is_sent_until_it_is_taken(
    house: House, platform: Platform
) -> None:
    good, first, second = statement(), statement(verb={}), statement(actor={})
    await platform.send([good, first, second], "/v1/statements:bulk")
    delivery = await newest(platform)
    told = await mend(platform, delivery, 1, {**first, "verb": {"id": "no IRI"}})
    assert (told["is_ready"], told["errors"][0]["pointer"], told["is_mended"]) == (False, "/verb/id", True)
    told = await mend(platform, delivery, 1, {**first, "verb": VERB})
    assert (told["is_ready"], told["errors"]) == (True, [])
    assert await stored_count(house, platform) == 1
    assert await resent(platform, delivery) == [(1, "stored"), (2, "invalid")]
    delivery = await newest(platform)
    assert delivery["resent_at"] is None
    one, other = delivery["refused"]
    assert (one["item"], one["resent"]["outcome"], one["resent"]["id"]) == (None, "stored", first["id"])
    assert (other["item"], other["errors"][0]["pointer"]) == (second, "/actor")
    response = await patch(platform, delivery, 2, [{"op": "replace", "path": "/actor", "value": good["actor"]}])
    assert response.json()["is_ready"]
    assert await resent(platform, delivery) == [(1, "stored"), (2, "stored")]
    assert await resent(platform, delivery) == [(1, "stored"), (2, "stored")]
    assert await house.counts(platform.organisation) == (3, 3)
    delivery = await newest(platform)
    assert delivery["resent_at"] is not None
    assert [one["item"] for one in delivery["refused"]] == [None, None]
    assert (await platform.send(first, f"{PATH}/{delivery['id']}/items/1", "PUT")).status_code == 409


async def test_of_an_envelope_of_caliper_only_the_refused_event_goes_again_and_knows_what_came_along(
    house: House, platform: Platform
) -> None:
    described = attempt()
    good, bad = caliper_event(), graded(object=described["id"], eventTime="yesterday")
    await platform.send(envelope(good, described, bad), "/caliper")
    delivery = await newest(platform)
    assert [(one["index"], one["item"]) for one in delivery["refused"]] == [(2, bad)]
    assert delivery["envelope"]["sensor"] == "https://lms.example/sensors/1"
    assert await resent(platform, delivery) == [(2, "invalid")]
    mended = {**bad, "eventTime": "2026-03-01T10:00:00.000Z"}
    assert (await mend(platform, delivery, 2, mended))["is_ready"]
    assert await resent(platform, delivery) == [(2, "stored")]
    assert await resent(platform, delivery) == [(2, "stored")]
    assert await stored_count(house, platform) == 2
    made = await platform.read(mended["id"].removeprefix("urn:uuid:"))
    assert made is not None
    assert made["actor"]["openid"] == described["assignee"]["id"]
    assert made["context"]["instructor"]["openid"] == GRADER
    assert made["object"]["id"] == QUIZ
    again = await platform.send(envelope(good, described, mended), "/caliper")
    assert again.json()["counts"]["duplicate"] == 3


async def test_an_envelope_that_was_refused_as_such_is_mended_when_it_is_sent_again(
    house: House, platform: Platform
) -> None:
    sent = envelope(caliper_event(), caliper_event(), sendTime="yesterday")
    assert (await platform.send(sent, "/caliper")).status_code == 400
    delivery = await newest(platform)
    assert [one["pointer"] for one in delivery["errors"]] == ["/sendTime"]
    assert [one["errors"] for one in delivery["refused"]] == [[], []]
    response = await platform.send({}, f"{PATH}/{delivery['id']}:resend")
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (400, "/sendTime")
    unknown = await platform.send({"envelope": {"data": []}}, f"{PATH}/{delivery['id']}:resend")
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (400, "/envelope")
    change = {"envelope": {"sendTime": "2026-03-01T09:31:00.000Z"}}
    assert await resent(platform, delivery, change) == [(0, "stored"), (1, "stored")]
    assert await resent(platform, delivery) == [(0, "stored"), (1, "stored")]
    assert await stored_count(house, platform) == 2


@pytest.mark.parametrize("kind", ["structured", "batch", "binary", "array", "lines"])
async def test_cloud_events_of_every_mode_are_mended_and_sent_again(
    house: House, platform: Platform, kind: str
) -> None:
    bad = cloud_event(statement(verb={}))
    if kind == "structured":
        await platform.send(bad, "/v1/events", content_type="application/cloudevents+json")
    elif kind == "batch":
        good = cloud_event(statement())
        await platform.send([good, bad], "/v1/events", content_type="application/cloudevents-batch+json")
    elif kind == "binary":
        attributes = {f"ce_{name}": str(value) for name, value in bad.items() if name != "data"}
        await platform.send(bad["data"], "/v1/events", **attributes)
    elif kind == "array":
        await platform.send([cloud_event(statement()), bad], "/v1/events")
    else:
        lines = b"\n".join(json.dumps(one).encode() for one in (cloud_event(statement()), bad))
        await platform.send(lines, "/v1/events", content_type="application/x-ndjson")
    delivery = await newest(platform)
    (kept,) = delivery["refused"]
    assert (kept["item"]["id"], kept["item"]["data"]) == (bad["id"], bad["data"])
    before = await stored_count(house, platform)
    change = [{"op": "replace", "path": "/data/verb", "value": VERB}]
    assert (await patch(platform, delivery, kept["index"], change)).json()["is_ready"]
    assert await resent(platform, delivery) == [(kept["index"], "stored")]
    assert await resent(platform, delivery) == [(kept["index"], "stored")]
    assert await stored_count(house, platform) == before + 1
    mended = {**bad, "data": {**bad["data"], "verb": VERB}}
    again = await platform.send([mended], "/v1/events", content_type="application/cloudevents-batch+json")
    assert again.json()["counts"]["duplicate"] == 1


async def test_a_line_that_was_no_json_is_mended_as_a_whole(house: House, platform: Platform) -> None:
    lines = json.dumps(statement()).encode() + b'\n{"actor": \n'
    await platform.send(lines, "/v1/events", content_type="application/x-ndjson")
    delivery = await newest(platform)
    assert [(one["index"], one["item"]) for one in delivery["refused"]] == [(1, '{"actor": ')]
    assert await resent(platform, delivery) == [(1, "invalid")]
    assert await resent(platform, delivery, {"items": [{"index": 1, "item": statement()}]}) == [(1, "stored")]
    assert await stored_count(house, platform) == 2


async def test_a_put_is_kept_under_the_id_of_its_query(house: House, platform: Platform) -> None:
    bad = statement(verb={})
    statement_id = bad.pop("id")
    assert (await platform.send(bad, f"/xapi/statements?statementId={statement_id}", "PUT")).status_code == 400
    delivery = await newest(platform)
    assert delivery["refused"][0]["item"] == {**bad, "id": statement_id}
    assert await resent(
        platform, delivery, {"items": [{"index": 0, "item": {**bad, "id": statement_id, "verb": VERB}}]}
    ) == [(0, "stored")]
    assert await platform.read(statement_id) is not None


@pytest.mark.parametrize("name", ["XAPI", "CALIPER", "CLOUDEVENTS"])
async def test_what_was_refused_by_grpc_is_mended_and_sent_again(house: House, platform: Platform, name: str) -> None:
    bad, mended = {
        "XAPI": lambda: (one := statement(verb={}), {**one, "verb": VERB}),
        "CALIPER": lambda: (one := caliper_event(eventTime="x"), {**one, "eventTime": "2026-03-01T10:00:00.000Z"}),
        "CLOUDEVENTS": lambda: (one := cloud_event({}), {**one, "data": statement()}),
    }[name]()
    request = learning_events_pb2.PublishBatchRequest(
        format=getattr(learning_events_pb2, f"EVENT_FORMAT_{name}"), items=items_of([bad])
    )
    async with platform.stub() as stub:
        answer = await stub.PublishBatch(request)
    assert answer.results[0].outcome == learning_events_pb2.ITEM_OUTCOME_INVALID
    delivery = await newest(platform)
    assert [one["item"] for one in delivery["refused"]] == [bad]
    assert (await mend(platform, delivery, 0, mended))["is_ready"]
    assert await resent(platform, delivery) == [(0, "stored")]
    assert await resent(platform, delivery) == [(0, "stored")]
    assert await stored_count(house, platform) == 1


async def test_what_has_no_id_gets_one_from_its_delivery_so_that_sent_twice_at_once_it_is_one(
    house: House, platform: Platform
) -> None:
    bad = statement(verb={})
    del bad["id"]
    await platform.send([bad], "/v1/statements:bulk")
    delivery = await newest(platform)
    body = {"items": [{"index": 0, "item": {**bad, "verb": VERB}}]}
    found = await asyncio.gather(*(resent(platform, delivery, body) for _ in range(5)))
    assert {outcome for ((_, outcome),) in found} <= {"stored", "duplicate"}
    assert await house.counts(platform.organisation) == (1, 1)
    other = {"items": [{"index": 0, "item": {**bad, "verb": {"id": "https://x.example/other"}}}]}
    assert (await platform.send(other, f"{PATH}/{delivery['id']}:resend")).status_code == 409
    told = (await newest(platform))["refused"][0]["resent"]
    assert await platform.read(told["id"]) is not None


async def test_what_is_sent_again_is_of_the_time_at_which_it_came_first(house: House, platform: Platform) -> None:
    sent = statement(verb={})
    del sent["timestamp"]
    await platform.send([sent], "/v1/statements:bulk")
    delivery = await newest(platform)
    mended = {**delivery["refused"][0]["item"], "verb": VERB}
    assert await resent(platform, delivery, {"items": [{"index": 0, "item": mended}]}) == [(0, "stored")]
    (told,) = (await platform.get("/v1/events")).json()["items"]
    assert told["occurred_at"] == delivery["received_at"]
    assert (await platform.send([{**sent, "verb": VERB}], "/v1/statements:bulk")).json()["counts"]["duplicate"] == 1


@pytest.mark.parametrize(
    ("path", "method", "content_type", "status"),
    [
        ("items/9", "PUT", "application/json", 404),
        ("items/x", "PUT", "application/json", 404),
        ("items/0", "PUT", "text/plain", 415),
        ("items/0", "PATCH", "application/json", 415),
        ("items/0?why=so", "PUT", "application/json", 400),
    ],
)
async def test_a_mend_that_names_nothing_or_is_of_another_type_is_refused(
    platform: Platform, path: str, method: str, content_type: str, status: int
) -> None:
    await platform.send(statement(verb={}))
    delivery = await newest(platform)
    response = await platform.send([], f"{PATH}/{delivery['id']}/{path}", method, content_type=content_type)
    assert response.status_code == status


async def test_a_mend_is_bounded_and_a_patch_that_cannot_be_done_changes_nothing(platform: Platform) -> None:
    await platform.send(statement(verb={}))
    delivery = await newest(platform)
    path = f"{PATH}/{delivery['id']}/items/0"
    assert (await platform.send("x" * ITEMS_BYTES_MAX, path, "PUT")).status_code == 413
    refused = await patch(platform, delivery, 0, [{"op": "remove", "path": "/nothing"}])
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (400, "/0/path")
    assert (await patch(platform, delivery, 0, [{"op": "test", "path": "/verb", "value": 1}])).status_code == 409
    assert (await newest(platform))["refused"] == delivery["refused"]


async def test_nobody_else_mends_and_whoever_only_reads_does_not(house: House, platform: Platform) -> None:
    await platform.send(statement(verb={}))
    delivery = await newest(platform)
    path = f"{PATH}/{delivery['id']}/items/0"
    strangers = (
        house.platform(),
        house.platform(organisation=platform.organisation, is_test=True),
        house.platform(["write"], platform.organisation),
    )
    for stranger in strangers:
        assert (await stranger.send(statement(), path, "PUT")).status_code == 404
    assert (await house.platform(["read"], platform.organisation).send(statement(), path, "PUT")).status_code == 403
    assert (await newest(platform))["refused"] == delivery["refused"]


async def test_after_an_erasure_nothing_is_left_to_be_mended(house: House, platform: Platform) -> None:
    await platform.send(statement(verb={}))
    delivery = await newest(platform)
    async with house.backbone.backbone() as tx:
        await tx.connection.execute("UPDATE deliveries SET refused = NULL WHERE id = $1", delivery["id"])
    assert (await platform.send(statement(), f"{PATH}/{delivery['id']}/items/0", "PUT")).status_code == 404
    assert (await platform.send({}, f"{PATH}/{delivery['id']}:resend")).status_code == 404


async def test_two_patches_at_once_are_both_there(platform: Platform) -> None:
    await platform.send(statement(verb={}))
    delivery = await newest(platform)
    names = [f"urn:x:{number}" for number in range(6)]
    changes = [[{"op": "add", "path": f"/verb/{name}", "value": 1}] for name in names]
    for response in await asyncio.gather(*(patch(platform, delivery, 0, change) for change in changes)):
        assert response.status_code == 200
    assert sorted((await newest(platform))["refused"][0]["item"]["verb"]) == names


async def test_stored_and_not_marked_it_is_a_duplicate_the_next_time_and_marked_then(
    house: House, platform: Platform
) -> None:
    await platform.send([statement(verb={})], "/v1/statements:bulk")
    delivery = await newest(platform)
    body = {"items": [{"index": 0, "item": {**delivery["refused"][0]["item"], "verb": VERB}}]}
    async with house.backbone.backbone() as tx:  # holds the row, so that what was stored cannot be marked
        await tx.connection.execute("UPDATE deliveries SET bytes = bytes WHERE id = $1", delivery["id"])
        sending = asyncio.create_task(platform.send(body, f"{PATH}/{delivery['id']}:resend"))
        async with asyncio.timeout(4):
            while await stored_count(house, platform) == 0:
                await asyncio.sleep(0.02)
        sending.cancel()  # the sender goes away here
        await asyncio.gather(sending, return_exceptions=True)
    assert await resent(platform, delivery, body) in ([(0, "duplicate")], [(0, "stored")])
    assert await resent(platform, delivery) in ([(0, "duplicate")], [(0, "stored")])
    assert (await newest(platform))["resent_at"] is not None
    assert await house.counts(platform.organisation) == (1, 1)


async def test_by_the_command_line_it_is_listed_mended_patched_and_sent_again(
    house: House, platform: Platform, tmp_path: Path
) -> None:
    first, second = statement(verb={}), cloud_event(statement(verb={}))
    await platform.send([statement(), first, second], "/v1/events")
    await deliveries(platform, 1)

    async def events(*words: str) -> tuple[int, Any]:
        environment = os.environ | {
            "DEEDLOG_ORIGIN": str(house.http.base_url).rstrip("/"),
            "DEEDLOG_KEY": platform.secret,
            "DEEDLOG_HOME": str(tmp_path / "home"),
        }
        command = [sys.executable, "-m", "cli.main", "events", *words]
        pipe = asyncio.subprocess.PIPE
        run = await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=environment, stdout=pipe, stderr=pipe)
        out, err = await asyncio.wait_for(run.communicate(), 60)
        return run.returncode or 0, json.loads(out or b"null") if "--json" in words else (out + err).decode()

    code, (told,) = await events("refused", "--json")
    assert (code, told["counts"]["invalid"]) == (0, 2)
    delivery = told["id"]
    _, whole = await events("refused", delivery)
    assert "/verb/id" in whole
    mended, change = tmp_path / "mended.json", tmp_path / "patch.json"
    mended.write_text(json.dumps({**first, "verb": VERB}))
    change.write_text(json.dumps([{"op": "replace", "path": "/data/verb", "value": VERB}]))
    code, answer = await events("mend", delivery, "1", str(mended), "--json")
    assert (code, answer["is_ready"]) == (0, True)
    code, answer = await events("resend", delivery, "--json")
    assert (code, [one["outcome"] for one in answer["items"]]) == (1, ["stored", "invalid"])
    assert (await events("mend", delivery, "2", str(change), "--patch"))[0] == 0
    for _ in range(2):
        code, answer = await events("resend", delivery, "--json")
        assert (code, [one["outcome"] for one in answer["items"]]) == (0, ["stored", "stored"])
    assert await stored_count(house, platform) == 3
    mended.write_text("{")
    code, text = await events("mend", delivery, "1", str(mended))
    assert (code, "no JSON" in text) == (2, True)
    code, text = await events("mend", delivery, "1", str(change))
    assert (code, "was sent again and is stored" in text) == (1, True)
