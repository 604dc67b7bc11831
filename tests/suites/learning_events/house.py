"""Learning events on real parts: a database of its own, a broker, HTTP and gRPC on sockets, and keys of tenants."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

import services.learning_events.__main__ as learning_events
from deedlog.identity.v1 import service_pb2_grpc as identity_grpc
from deedlog.learning_events.v1 import learning_events_pb2, service_pb2_grpc
from infra.embedded.ports import free_port
from services.learning_events.settings import LearningEventsSettings
from shared.events.event import Event, decode
from shared.events.fact import Fact
from shared.kernel.clock import SystemClock
from shared.kernel.ids import OrganisationId, system_id, system_uuid7
from shared.runtime.auth import Principal, ServiceTokenAuthenticator, expand_scopes
from shared.runtime.backbone import Backbone
from shared.runtime.database_setup import ServiceDatabase, create_database, migrate
from shared.runtime.grpc import RpcServer, channel, kernel_errors
from shared.runtime.http import Endpoint
from shared.runtime.http_server import HttpServer
from shared.runtime.lifecycle import stop_all
from shared.runtime.service import Peers, components_of
from tests.suites.learning_events.identity_double import IdentityDouble

TOKEN = "what-services-show-one-another-32-characters"
FOLDER = Path(learning_events.__file__).parent
HOME_PAGE = "https://lms.example"


def statement(name: str = "ada", **changes: Any) -> dict[str, Any]:
    """Return a statement about the account `name`, under an id of its own."""
    made = {
        "id": str(system_uuid7()),
        "actor": {"account": {"homePage": HOME_PAGE, "name": name}},
        "verb": {"id": "http://adlnet.gov/expapi/verbs/answered"},
        "object": {"id": "https://lms.example/questions/1"},
        "timestamp": "2026-03-01T09:30:00Z",
    }
    return {**made, **changes}


def voiding(target: str, name: str = "operator", **changes: Any) -> dict[str, Any]:
    """Return a statement that voids the one with the id `target`."""
    verb = {"id": "http://adlnet.gov/expapi/verbs/voided"}
    return statement(name, verb=verb, object={"objectType": "StatementRef", "id": target}, **changes)


def identifier(name: str) -> str:
    return f"account:{HOME_PAGE}|{name}"


@dataclass(frozen=True)
class Platform:
    """One organisation's key, and how it sends and reads."""

    house: House
    organisation: str
    key: str
    secret: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.secret}"}

    @property
    def basic(self) -> dict[str, str]:
        return {"authorization": "Basic " + base64.b64encode(f"{self.key}:{self.secret}".encode()).decode()}

    async def send(
        self, body: Any, path: str = "/xapi/statements", method: str = "POST", **headers: str
    ) -> httpx.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"content-type": "application/json", **self.bearer, **named}
        return await self.house.http.request(method, path, content=content, headers=sent)

    async def post(self, body: Any) -> list[str]:
        """Send statements that are taken, and return their ids."""
        response = await self.send(body)
        assert response.status_code == 200, response.text
        ids: list[str] = response.json()
        return ids

    async def get(self, path: str, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.house.http.get(path, headers={**self.bearer, **named})

    async def read(self, statement_id: str) -> dict[str, Any] | None:
        """Return the statement as it is served; None when there is none."""
        response = await self.get(f"/xapi/statements?statementId={statement_id}")
        assert response.status_code in {200, 404}, response.text
        found: dict[str, Any] = response.json()
        return found if response.status_code == 200 else None

    @asynccontextmanager
    async def stub(self) -> AsyncIterator[service_pb2_grpc.LearningEventsServiceStub]:
        async with channel(f"127.0.0.1:{self.house.rpc_port}", self.secret) as opened:
            yield service_pb2_grpc.LearningEventsServiceStub(opened)

    async def publish(self, bodies: Sequence[Any]) -> list[learning_events_pb2.ItemResult]:
        request = learning_events_pb2.PublishBatchRequest(
            format=learning_events_pb2.EVENT_FORMAT_XAPI, items=items_of(bodies)
        )
        async with self.stub() as stub:
            with kernel_errors("learning_events"):
                return list((await stub.PublishBatch(request)).results)

    def person(self, name: str) -> str:
        """Return the person of the account `name` of this organisation."""
        return self.house.identity.account(self.organisation, identifier(name)).person


def items_of(bodies: Sequence[Any]) -> list[learning_events_pb2.EventItem]:
    raw = [body if isinstance(body, bytes) else json.dumps(body).encode() for body in bodies]
    return [learning_events_pb2.EventItem(body=body) for body in raw]


@dataclass
class House:
    """A running learning_events and how to reach it."""

    backbone: Backbone
    settings: LearningEventsSettings
    identity: IdentityDouble
    http: httpx.AsyncClient
    rpc_port: int
    endpoints: Sequence[Endpoint]

    def platform(
        self, scopes: Collection[str] = ("write", "read"), organisation: str | None = None, *, is_test: bool = False
    ) -> Platform:
        """Return a key with these scopes, of a new organisation unless one is named."""
        owner = organisation or system_id("organisation")
        key, secret = system_id("key"), secrets.token_urlsafe(24)
        self.identity.keys[secret] = Principal("key", key, OrganisationId(owner), None, expand_scopes(scopes), is_test)
        return Platform(self, owner, key, secret)

    async def stream(self, subject: str) -> list[Fact]:
        """Return all facts of a stream."""
        facts: list[Fact] = []
        async with self.backbone.reading() as connection:
            while True:
                found, head = await self.backbone.store.read(connection, subject, len(facts), 500)
                facts += found
                if len(facts) >= head:
                    return facts

    async def told(self, subject: str) -> list[Event]:
        """Return the events of a stream."""
        return [decode(fact.type, fact.data or b"{}") for fact in await self.stream(subject)]

    async def counts(self, organisation: str) -> tuple[int, int]:
        """Return how many statements and how many facts there are of an organisation."""
        async with self.backbone.reading() as connection:
            statements = await connection.fetchval(
                "SELECT count(*) FROM statements WHERE organisation = $1", organisation
            )
            facts = await connection.fetchval(
                "SELECT count(*) FROM backbone.facts WHERE organisation = $1", organisation
            )
        return statements, facts


@asynccontextmanager
async def identity_door(double: IdentityDouble) -> AsyncIterator[int]:
    """Serve the double and return its port."""
    server = RpcServer("127.0.0.1", 0, ServiceTokenAuthenticator(TOKEN), name="identity", grace_seconds=0.2)
    server.add(double, identity_grpc.add_IdentityServiceServicer_to_server)
    await server.start()
    try:
        yield server.port
    finally:
        await server.stop()


def settings_for(admin_dsn: str, kafka: str, identity_port: int, **more: Any) -> LearningEventsSettings:
    address = admin_dsn.rpartition("@")[2].partition("/")[0]
    url = f"postgresql://learning_events_{{}}@{address}/deedlog_learning_events"
    told = {
        "service": "learning_events",
        "origin": "https://deedlog.example",
        "database_door_url": url.format("door:door"),
        "database_backbone_url": url.format("backbone:back"),
        "kafka_address": kafka,
        "rpc_port": free_port(),
        "rpc_addresses": json.dumps({"identity": f"127.0.0.1:{identity_port}"}),
        "service_token": TOKEN,
        "people_cache_seconds": 0.2,
        "erasure_again_seconds": 0.3,
    }
    return LearningEventsSettings.model_validate(told | more)


async def set_up(admin_dsn: str) -> None:
    """Make the database when it is missing."""
    wanted = ServiceDatabase("learning_events", FOLDER, "door", "back")
    await create_database(admin_dsn, wanted)
    await migrate(admin_dsn, wanted)


@asynccontextmanager
async def learning_events_house(admin_dsn: str, kafka: str, **more: Any) -> AsyncIterator[House]:
    """Run learning_events until the context ends."""
    await set_up(admin_dsn)
    double = IdentityDouble()  # type: ignore[abstract]  # it is asked nothing else
    async with AsyncExitStack() as stack:
        identity_port = await stack.enter_async_context(identity_door(double))
        settings = settings_for(admin_dsn, kafka, identity_port, **more)
        peers = Peers(settings, SystemClock())
        built = learning_events.build(settings, peers)
        components = components_of(settings, peers, [built])
        started: list[Any] = []
        stack.push_async_callback(lambda: stop_all(started))
        for component in components:
            await component.start()
            started.append(component)
        (http,) = (one for one in components if isinstance(one, HttpServer) and one.name == "http")
        limits = httpx.Limits(max_connections=16)
        client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{http.port}", timeout=30, limits=limits)
        await stack.enter_async_context(client)
        assert built.backbone is not None
        yield House(built.backbone, settings, double, client, settings.rpc_port, built.endpoints)
