"""Which scope opens what: each scope at each operation, and what a key sees that may see a part only."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any, Final
from urllib.parse import quote

import pytest

from deedlog.learning_events.v1 import learning_events_pb2
from services.learning_events.http.mounts import MOUNTS
from shared.kernel.errors import Forbidden
from shared.kernel.ids import system_uuid7
from shared.runtime.auth import SCOPES
from shared.runtime.grpc import kernel_errors
from tests.suites.learning_events.house import HOME_PAGE, House, Platform, items_of, statement

pytestmark = pytest.mark.asyncio(loop_scope="session")

WRITE, STATE, PROFILE, READ = ({"write"}, {"state"}, {"profile"}, {"read"})
ADMIN = {"admin"}
READ_OR_MINE = {"read", "read/mine"}
WRITE_OR_READ = {"write", "read"}
DOCUMENT: Final = ("GET", "PUT", "POST", "DELETE")
NEEDED: Final[dict[tuple[str, str], set[str]]] = {
    **{
        (method, base + path): scopes
        for base in MOUNTS
        for methods, path, scopes in [
            (("POST", "PUT"), "/statements", WRITE),
            (("GET",), "/statements", READ_OR_MINE),
            (DOCUMENT, "/activities/state", STATE),
            (DOCUMENT, "/activities/profile", PROFILE),
            (DOCUMENT, "/agents/profile", PROFILE),
            (("GET",), "/activities", READ),
            (("GET",), "/agents", READ),
        ]
        for method in methods
    },
    ("POST", "/v1/statements:bulk"): WRITE,
    ("POST", "/v1/events"): WRITE,
    ("POST", "/v1/events:validate"): WRITE,
    ("POST", "/caliper"): WRITE,
    ("GET", "/v1/events"): READ,
    ("GET", "/v1/events/stream"): READ,
    ("GET", "/v1/events/{id}/original"): READ_OR_MINE,
    ("GET", "/v1/deliveries"): READ_OR_MINE,
    ("GET", "/v1/deliveries/{id}"): READ_OR_MINE,
    ("POST", "/v1/deliveries/{id}:resend"): WRITE,
    ("PUT", "/v1/deliveries/{id}/items/{index}"): WRITE,
    ("PATCH", "/v1/deliveries/{id}/items/{index}"): WRITE,
    ("POST", "/v1/imports"): WRITE,
    ("GET", "/v1/imports"): WRITE_OR_READ,
    ("GET", "/v1/imports/{import_id}"): WRITE_OR_READ,
    ("GET", "/v1/imports/{import_id}/report"): WRITE_OR_READ,
    ("PATCH", "/v1/imports/{import_id}"): WRITE,
    ("POST", "/v1/imports/{import_id}:cancel"): WRITE,
    ("GET", "/v1/retention"): ADMIN,
    ("PUT", "/v1/retention"): ADMIN,
    ("POST", "/v1/retention:preview"): ADMIN,
}
"""Each operation of a key, and the scopes of which one opens it."""
AGENT = quote(json.dumps({"account": {"homePage": HOME_PAGE, "name": "ada"}}))
ACTIVITY = quote("https://lms.example/questions/1")


async def status_and_rule(platform: Platform, method: str, path: str) -> tuple[int, str]:
    """Return what the operation answers to a request without anything in it, and the rule that it names first."""
    filled = re.sub(r"\{\w+\}", str(system_uuid7()), path)
    headers = {**platform.bearer, "content-type": "application/json", "x-experience-api-version": "2.0.0"}
    if path.startswith("/xapi/1"):
        headers["x-experience-api-version"] = "1.0.3"
    async with platform.house.http.stream(method, filled, headers=headers) as reply:
        if reply.headers.get("content-type") != "application/problem+json":
            return reply.status_code, ""
        told = json.loads(await reply.aread())
    return reply.status_code, (told.get("errors") or [{"rule": ""}])[0]["rule"]


async def test_every_operation_of_a_key_stands_in_the_table(house: House) -> None:
    served = {(one.method, one.path): one for one in house.endpoints if one.access is not None}
    forms = {found for found in served if found[0] == "POST" and found not in NEEDED and served[found].envelope}
    assert served.keys() - forms == NEEDED.keys()
    for _, path in forms:
        assert ("POST", path) not in NEEDED
        assert ("GET", path) in NEEDED, "a form stands for the other operations on its path"


@pytest.mark.parametrize("scope", [*sorted(SCOPES), "all"])
async def test_a_scope_opens_its_operations_and_no_other_one(house: House, scope: str) -> None:
    platform = house.platform([scope])
    granted = {"write", "read", "state", "profile"} if scope == "all" else {scope}
    for (method, path), needed in NEEDED.items():
        status, rule = await status_and_rule(platform, method, path)
        if needed & granted:
            assert status not in {401, 403, 405, 500}, f"{method} {path} with {scope}: {status} {rule}"
        else:
            wanted = f"it needs the scope {' or '.join(sorted(needed))}, and the credential has"
            assert (status, rule.startswith(wanted)) == (403, True), f"{method} {path} with {scope}: {status} {rule}"


@pytest.mark.parametrize("scope", sorted(SCOPES))
@pytest.mark.parametrize("base", ["/xapi", "/xapi/1"])
async def test_a_form_opens_what_the_request_in_it_needs(house: House, scope: str, base: str) -> None:
    platform = house.platform([scope])
    for (method, path), needed in NEEDED.items():
        if not path.startswith(f"{base}/") or (base == "/xapi" and path[6] in "12"):
            continue
        form = {"X-Experience-API-Version": "1.0.3", "Authorization": platform.bearer["authorization"]}
        form |= {"content": "{}"} if method in {"PUT", "POST"} else {}
        reply = await house.http.post(f"{path}?method={method}", data=form)
        assert (reply.status_code == 403) == (scope not in needed), f"{method} {path} with {scope}: {reply.text}"


@pytest.mark.parametrize("scope", sorted(SCOPES))
async def test_only_the_scope_write_publishes_over_grpc(house: House, scope: str) -> None:
    platform = house.platform([scope])
    xapi = learning_events_pb2.EVENT_FORMAT_XAPI
    requests = [learning_events_pb2.PublishStreamRequest(format=xapi, items=items_of([statement()]))]
    async with platform.stub() as stub:
        if scope == "write":
            assert len(await platform.publish([statement()])) == 1
            assert len([one async for one in stub.PublishStream(iter(requests))]) == 1
            return
        with pytest.raises(Forbidden, match="it needs the scope write, and the credential has"):
            await platform.publish([statement()])
        with pytest.raises(Forbidden, match="it needs the scope write"), kernel_errors("learning_events"):
            assert [one async for one in stub.PublishStream(iter(requests))] == []
    assert await house.counts(platform.organisation) == (0, 0)


async def test_a_key_of_mine_alone_sees_its_own_wherever_statements_are_to_be_seen(house: House) -> None:
    owner = house.platform(["write"])
    mine = house.platform(["write", "read/mine"], owner.organisation)
    ours = [(await owner.post(statement()))[0] for _ in range(3)]
    own = [(await mine.post(statement()))[0] for _ in range(3)]
    for one in ours:
        assert await mine.read(one) is None
        assert (await mine.get(f"/xapi/statements?voidedStatementId={one}")).status_code == 404
        assert (await mine.get(f"/v1/events/{one}/original")).status_code == 404
    seen: list[str] = []
    more = "/xapi/statements?limit=1"
    while more:
        page = (await mine.get(more)).json()
        seen += [one["id"] for one in page["statements"]]
        more = page["more"]
    assert seen == own[::-1]
    for one in own:
        assert (await mine.get(f"/v1/events/{one}/original")).status_code == 200
    filters = ("agent=" + AGENT, "activity=" + ACTIVITY, "related_agents=true&agent=" + AGENT, "attachments=true")
    for search in filters:
        reply = await mine.get(f"/xapi/statements?{search}&limit=0")
        assert not any(one in reply.text for one in ours), search
        assert all(one in reply.text for one in own), search


async def test_a_key_of_mine_alone_sees_its_own_deliveries_and_imports(house: House) -> None:
    owner = house.platform(["write", "read"])
    mine = house.platform(["write", "read/mine"], owner.organisation)
    await owner.send([statement(verb={})], "/v1/statements:bulk")
    await mine.send([statement(verb={})], "/v1/statements:bulk")
    async with asyncio.timeout(10):
        while len(listed := (await owner.get("/v1/deliveries")).json()["items"]) < 2:
            await asyncio.sleep(0.05)
    (theirs,) = [one["id"] for one in listed if one["key"] == owner.key]
    assert {one["key"] for one in (await mine.get("/v1/deliveries")).json()["items"]} == {mine.key}
    assert (await mine.get(f"/v1/deliveries/{theirs}")).status_code == 404
    assert (await mine.send({"items": []}, f"/v1/deliveries/{theirs}:resend")).status_code == 404
    made = (await owner.send({"bytes": 3}, "/v1/imports")).json()["id"]
    assert (await mine.get(f"/v1/imports/{made}")).status_code == 404
    assert (await mine.get("/v1/imports")).json()["items"] == []


async def test_nobody_adds_lines_to_the_import_of_another_key(house: House) -> None:
    owner = house.platform(["write"])
    colleague = house.platform(["write", "read"], owner.organisation)
    line = json.dumps(statement()).encode()
    made = (await owner.send({"bytes": len(line)}, "/v1/imports")).json()["id"]
    part = {"content_type": "application/octet-stream", "upload_offset": "0"}
    refused = await colleague.send(line, f"/v1/imports/{made}", "PATCH", **part)
    assert refused.status_code == 404, "what it brought would have stood under the owner's name"
    assert (await colleague.get(f"/v1/imports/{made}")).json()["received_bytes"] == 0


async def test_an_authority_that_a_client_sends_gives_way_to_its_key(house: House, platform: Platform) -> None:
    forged: dict[str, Any] = {"objectType": "Agent", "mbox": "mailto:dean@academy.example"}
    sent = statement(authority=forged)
    other = statement(authority={"account": {"homePage": house.settings.origin, "name": house.platform().key}})
    await platform.post([sent, other])
    expected = {"objectType": "Agent", "account": {"homePage": house.settings.origin, "name": platform.key}}
    for one in (sent, other):
        assert (await platform.read(one["id"]) or {})["authority"] == expected
    named = quote(json.dumps(forged))
    found = (await platform.get(f"/xapi/statements?agent={named}&related_agents=true")).json()
    assert found["statements"] == []


async def test_a_test_key_neither_sees_nor_changes_real_data_anywhere(house: House) -> None:
    real = house.platform(["all"])
    trial = house.platform(["all"], real.organisation, is_test=True)
    documents = {
        f"/xapi/activities/state?stateId=s&activityId={ACTIVITY}&agent={AGENT}": b"real",
        f"/xapi/activities/profile?profileId=p&activityId={ACTIVITY}": b"real",
        f"/xapi/agents/profile?profileId=p&agent={AGENT}": b"real",
    }
    named = statement(object={"id": "https://lms.example/questions/1", "definition": {"name": {"en": "Real"}}})
    await real.post(named)
    made = (await real.send({"bytes": 3}, "/v1/imports")).json()["id"]
    for path, content in documents.items():
        assert (await real.send(content, path, "PUT", content_type="text/plain")).status_code == 204
    for path in documents:
        assert (await trial.get(path)).status_code == 404
        assert (await trial.send(b"test", path, "PUT", content_type="text/plain")).status_code == 204
        assert (await trial.send(b"", path, "DELETE")).status_code == 204
        assert (await real.get(path)).content == b"real"
    assert await trial.read(named["id"]) is None
    assert (await trial.get("/xapi/statements")).json()["statements"] == []
    assert (await trial.get("/v1/events")).json()["items"] == []
    assert (await trial.get(f"/v1/events/{named['id']}/original")).status_code == 404
    assert "definition" not in (await trial.get(f"/xapi/activities?activityId={ACTIVITY}")).json()
    assert (await trial.get(f"/v1/imports/{made}")).status_code == 404
    assert (await trial.get("/v1/deliveries")).json()["items"] == []
