"""A platform is given access in each of the three ways, and by tokens the client sends what it was given."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest

from deedlog.learning_events.v1 import learning_events_pb2, service_pb2_grpc
from infra.embedded.layout import lay_out
from shared.client import Client, ClientCredentials
from shared.kernel.ids import system_uuid7
from shared.runtime.grpc import channel
from tests.journeys.house import JourneyHouse, running_house

ADA = {"account": {"homePage": "https://lms.example", "name": "ada"}}


@pytest.fixture(scope="module")
def house() -> Iterator[JourneyHouse]:
    """A running house."""
    with running_house() as running:
        yield running


@pytest.fixture(scope="module")
def key(house: JourneyHouse) -> dict[str, Any]:
    """A key that may write, read and keep states."""
    organisation = house.answer("organisations", "create", "My academy")["id"]
    words = ["keys", "create", "--organisation", organisation, "--scopes", "write,read,state"]
    made: dict[str, Any] = house.answer(*words)
    return made


def statement() -> dict[str, Any]:
    return {
        "id": str(system_uuid7()),
        "actor": ADA,
        "verb": {"id": "http://adlnet.gov/expapi/verbs/answered"},
        "object": {"id": "https://lms.example/questions/1"},
    }


def token_for(house: JourneyHouse, key: dict[str, Any], **more: str) -> str:
    """Return an access token, as the how-to gets it."""
    form = {"grant_type": "client_credentials", **more}
    shown = (key["id"], key["secret"])
    reply = httpx.post(f"{house.origin}/oauth/token", data=form, auth=shown, timeout=30, trust_env=False)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["access_token"])


def request(house: JourneyHouse, method: str, path: str, authorization: str, body: Any = None) -> httpx.Response:
    headers = {"authorization": authorization, "x-experience-api-version": "2.0.0"}
    return httpx.request(method, house.origin + path, json=body, headers=headers, timeout=30, trust_env=False)


def test_basic_a_secret_and_a_token_write_and_read_the_same_record(house: JourneyHouse, key: dict[str, Any]) -> None:
    basic = base64.b64encode(f"{key['id']}:{key['secret']}".encode()).decode()
    ways = [f"Basic {basic}", f"Bearer {key['secret']}", f"Bearer {token_for(house, key)}"]
    sent = []
    for way in ways:
        one = statement()
        assert request(house, "POST", "/xapi/statements", way, one).status_code == 200
        sent.append(one["id"])
    for way in ways:
        for one in sent:
            found = request(house, "GET", f"/xapi/statements?statementId={one}", way)
            assert found.status_code == 200
            assert found.json()["authority"]["account"]["name"] == key["id"]


def test_a_token_of_fewer_scopes_opens_less_than_its_key(house: JourneyHouse, key: dict[str, Any]) -> None:
    way = f"Bearer {token_for(house, key, scope='state')}"
    state = f"/xapi/activities/state?activityId=https://lms.example/q&stateId=s&agent={json.dumps(ADA)}"
    assert request(house, "PUT", state, way, {"at": 3}).status_code == 204
    refused = request(house, "POST", "/xapi/statements", way, statement())
    assert refused.status_code == 403
    assert "it needs the scope write, and the credential has state" in refused.json()["detail"]
    assert refused.headers["www-authenticate"].endswith('error="insufficient_scope", scope="write"')
    assert request(house, "GET", "/xapi/statements", way).status_code == 403


async def test_a_token_opens_grpc_as_far_as_its_scopes_go(house: JourneyHouse, key: dict[str, Any]) -> None:
    state = house.state()
    address = lay_out(state.layout, state.port, state.services).rpc_addresses["learning_events"]
    items = [learning_events_pb2.EventItem(body=json.dumps(statement()).encode())]
    batch = learning_events_pb2.PublishBatchRequest(format=learning_events_pb2.EVENT_FORMAT_XAPI, items=items)
    async with channel(address, token_for(house, key, scope="write")) as opened:
        (result,) = (await service_pb2_grpc.LearningEventsServiceStub(opened).PublishBatch(batch)).results
    assert result.outcome == learning_events_pb2.ITEM_OUTCOME_STORED
    async with channel(address, token_for(house, key, scope="state")) as opened:
        stub = service_pb2_grpc.LearningEventsServiceStub(opened)
        with pytest.raises(grpc.aio.AioRpcError, match="it needs the scope write, and the credential has state"):
            await stub.PublishBatch(batch)


def test_the_client_delivers_by_tokens_that_it_fetches(
    house: JourneyHouse, key: dict[str, Any], tmp_path: Path
) -> None:
    credentials = ClientCredentials(key["id"], key["secret"], scope="write")
    with Client(house.origin, credentials, tmp_path / "events.spool") as client:
        ids = client.send_many([statement() for _ in range(50)])
        assert client.flush(60)
        assert client.progress().problem is None
    found = request(house, "GET", f"/xapi/statements?statementId={ids[-1]}", f"Bearer {key['secret']}")
    assert found.json()["authority"]["account"]["name"] == key["id"]
