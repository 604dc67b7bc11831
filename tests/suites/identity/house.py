"""Identity on real parts: a database of its own, a broker, gRPC and HTTP on sockets, and a clock that can be moved."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

import services.identity.__main__ as identity
from deedlog.facts.v1 import facts_pb2
from deedlog.facts.v1 import service_pb2_grpc as facts_grpc
from deedlog.identity.v1 import identity_pb2, service_pb2_grpc
from infra.embedded.ports import free_port
from services.identity.settings import IdentitySettings
from shared.events.event import Event, decode
from shared.events.fact import Fact
from shared.kernel.clock import SystemClock
from shared.runtime.backbone import Backbone
from shared.runtime.database_setup import ServiceDatabase, create_database, migrate
from shared.runtime.feed import fact_of_message
from shared.runtime.grpc import kernel_errors
from shared.runtime.http_server import HttpServer
from shared.runtime.lifecycle import stop_all
from shared.runtime.service import Peers, components_of

TOKEN = "what-services-show-one-another-32-characters"
ADMIN_SECRET = "dla-operators-own-secret"
FOLDER = Path(identity.__file__).parent


class MovableClock(SystemClock):
    """The machine's clock, moved forward by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.seconds)

    def monotonic(self) -> float:
        return super().monotonic() + self.seconds

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class Client:
    """One caller of the HTTP door."""

    http: httpx.AsyncClient
    secret: str

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        sent = {"authorization": f"Bearer {self.secret}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        return await self.http.request(method, path, json=body, headers=sent)

    async def get(self, path: str, status: int = 200) -> Any:
        return answered(await self.send("GET", path), status)

    async def post(self, path: str, body: Any, status: int = 201, **headers: str) -> Any:
        return answered(await self.send("POST", path, body, **headers), status)

    async def delete(self, path: str, status: int = 204) -> Any:
        return answered(await self.send("DELETE", path), status)


def answered(response: httpx.Response, status: int) -> Any:
    assert response.status_code == status, response.text
    return response.json() if response.content else None


@dataclass
class IdentityHouse:
    """A running identity and how to reach it."""

    backbone: Backbone
    clock: MovableClock
    http: httpx.AsyncClient
    rpc: service_pb2_grpc.IdentityServiceStub
    facts: facts_grpc.FactFeedServiceStub

    @property
    def admin(self) -> Client:
        return Client(self.http, ADMIN_SECRET)

    async def organisation(self, name: str = "A platform") -> str:
        return str((await self.admin.post("/v1/organisations", {"name": name}))["id"])

    async def key(self, organisation: str, scopes: Sequence[str] = ("write",), **more: Any) -> dict[str, Any]:
        body = {"organisation": organisation, "scopes": list(scopes)} | more
        key: dict[str, Any] = await self.admin.post("/v1/api-keys", body)
        return key

    async def platform(self, organisation: str) -> Client:
        return Client(self.http, (await self.key(organisation))["secret"])

    async def person(self, name: str | None = None) -> str:
        return str((await self.admin.post("/v1/people", {} if name is None else {"name": name}))["id"])

    async def signed_in(self, person: str) -> Client:
        return Client(self.http, (await self.admin.post("/v1/sessions", {"person": person}))["token"])

    async def authenticate(self, secret: str, key_id: str = "") -> identity_pb2.AuthenticateResponse:
        with kernel_errors("identity"):
            return await self.rpc.Authenticate(identity_pb2.AuthenticateRequest(secret=secret, key_id=key_id))

    async def resolve(self, organisation: str, *identifiers: str) -> list[str]:
        """Return the canonical person of each."""
        return [account.person for account in await self.accounts(organisation, *identifiers)]

    async def accounts(self, organisation: str, *identifiers: str) -> list[identity_pb2.ResolvedAccount]:
        request = identity_pb2.ResolveAccountsRequest(organisation=organisation, identifiers=identifiers)
        with kernel_errors("identity"):
            return list((await self.rpc.ResolveAccounts(request)).accounts)

    async def stream(self, subject: str) -> list[Fact]:
        """Return the facts of a stream, as other services read them."""
        request = facts_pb2.ReadRequest(source="identity", subject=subject, after=0, limit=500)
        return [fact_of_message(message) for message in (await self.facts.Read(request)).facts]

    async def told(self, subject: str) -> list[Event]:
        """Return the events of a stream."""
        return [decode(fact.type, fact.data or b"{}") for fact in await self.stream(subject)]


@asynccontextmanager
async def identity_house(
    admin_dsn: str, kafka: str, peers: Mapping[str, str] | None = None
) -> AsyncIterator[IdentityHouse]:
    """Run identity on a database that is made if it is missing, until the context ends. peers: host:port of others."""
    wanted = ServiceDatabase("identity", FOLDER, "door", "back")
    await create_database(admin_dsn, wanted)
    await migrate(admin_dsn, wanted)
    settings = _settings(admin_dsn, kafka, peers)
    clock = MovableClock()
    others = Peers(settings, clock)
    built = identity.build(settings, others)
    components = components_of(settings, others, [built])
    async with AsyncExitStack() as stack:
        started: list[Any] = []
        stack.push_async_callback(lambda: stop_all(started))
        for component in components:
            await component.start()
            started.append(component)
        (http,) = (one for one in components if isinstance(one, HttpServer) and one.name == "http")
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{http.port}"))
        channel = others.channel("identity")
        rpc, facts = service_pb2_grpc.IdentityServiceStub(channel), facts_grpc.FactFeedServiceStub(channel)
        assert built.backbone is not None
        yield IdentityHouse(built.backbone, clock, client, rpc, facts)


def _settings(admin_dsn: str, kafka: str, peers: Mapping[str, str] | None) -> IdentitySettings:
    address = admin_dsn.rpartition("@")[2].partition("/")[0]
    rpc_port = free_port()
    return IdentitySettings.model_validate(
        {
            "service": "identity",
            "is_embedded": True,
            "database_door_url": f"postgresql://identity_door:door@{address}/deedlog_identity",
            "database_backbone_url": f"postgresql://identity_backbone:back@{address}/deedlog_identity",
            "kafka_address": kafka,
            "rpc_port": rpc_port,
            "rpc_addresses": json.dumps({"identity": f"127.0.0.1:{rpc_port}", **(peers or {})}),
            "service_token": TOKEN,
            "admin_key_digest": hashlib.sha256(ADMIN_SECRET.encode()).hexdigest(),
        }
    )
