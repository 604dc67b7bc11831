"""skill_profiles on real parts: Postgres, a broker, gRPC and HTTP on sockets; the other services are a book of facts.

Facts are handed to the consumer core directly, as its Kafka door would; the flow over a broker has a test of its own.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import grpc
import httpx

import services.skill_profiles.__main__ as skill_profiles
from deedlog.facts.v1 import service_pb2_grpc as facts_grpc
from deedlog.identity.v1 import service_pb2_grpc as identity_grpc
from deedlog.skill_inference.v1 import service_pb2_grpc as inference_grpc
from deedlog.skill_profiles.v1 import service_pb2_grpc, skill_profiles_pb2
from infra.embedded.ports import free_port
from services.skill_profiles.settings import SkillProfilesSettings
from shared.events.event import Event
from shared.events.fact import Fact
from shared.events.sources import SOURCES
from shared.kernel.clock import SystemClock
from shared.runtime.auth import ServiceTokenAuthenticator
from shared.runtime.backbone import Backbone
from shared.runtime.database_setup import ServiceDatabase, create_database, migrate
from shared.runtime.grpc import RpcServer
from shared.runtime.http_server import HttpServer
from shared.runtime.lifecycle import Component, stop_all
from shared.runtime.rebuild import Progress
from shared.runtime.service import Peers, components_of
from tests.suites.skill_profiles.book import FactBook
from tests.suites.skill_profiles.identity import SmallIdentity
from tests.suites.skill_profiles.inference import SmallInference

TOKEN = "what-services-show-one-another-32-characters"
SERVICE = "skill_profiles"
FOLDER = Path(skill_profiles.__file__).parent


@dataclass
class Client:
    """One caller of both doors."""

    http: httpx.AsyncClient
    rpc: service_pb2_grpc.SkillProfilesServiceStub
    secret: str

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        sent = {"authorization": f"Bearer {self.secret}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        return await self.http.request(method, path, json=body, headers=sent)

    async def get(self, path: str, status: int = 200) -> Any:
        return answered(await self.send("GET", path), status)

    async def post(self, path: str, body: Any = None, status: int = 200, **headers: str) -> Any:
        return answered(await self.send("POST", path, body, **headers), status)

    async def profile(self, person: str, status: int = 200) -> Any:
        return await self.get(f"/v1/people/{person}/profile", status)

    async def rpc_profile(self, person: str) -> skill_profiles_pb2.GetProfileResponse:
        request = skill_profiles_pb2.GetProfileRequest(person=person)
        answer: skill_profiles_pb2.GetProfileResponse = await self.rpc.GetProfile(request, metadata=self._metadata())
        return answer

    def follow(self, cursor: str = "") -> Any:
        request = skill_profiles_pb2.FollowProfilesRequest(cursor=cursor)
        return self.rpc.FollowProfiles(request, metadata=self._metadata())

    def _metadata(self) -> tuple[tuple[str, str], ...]:
        return (("authorization", f"Bearer {self.secret}"),)


def answered(response: httpx.Response, status: int) -> Any:
    assert response.status_code == status, response.text
    return response.json() if response.content else None


@dataclass
class ProfilesHouse:
    """A running skill_profiles and how to reach it."""

    backbone: Backbone
    book: FactBook
    identity: SmallIdentity
    http: httpx.AsyncClient
    rpc: service_pb2_grpc.SkillProfilesServiceStub
    dsn: str

    def client(self, secret: str) -> Client:
        return Client(self.http, self.rpc, secret)

    def person_client(self, person: str) -> Client:
        return self.client(self.identity.session(person))

    def reader(self, organisation: str) -> Client:
        return self.client(self.identity.key(organisation, "profile"))

    async def hear(self, facts: Sequence[Fact]) -> None:
        """Have the facts applied, as the Kafka door does."""
        assert self.backbone.consumer is not None
        held = await self.backbone.consumer.apply(facts)
        assert not held

    async def tell(self, subject: str, *events: Event) -> list[Fact]:
        """Have the events told by their services and applied."""
        facts = self.book.tell(subject, *events)
        await self.hear(facts)
        return facts

    async def told(self, subject: str) -> list[Fact]:
        """Return what skill_profiles itself told in this stream."""
        store, pool = self.backbone.feed_store()
        async with pool.acquire() as connection:
            facts, _ = await store.read(connection, subject, 0, 500)
        return facts

    async def rebuilt(self, *, is_check_only: bool) -> Progress:
        """Return the last report of a rebuild."""
        async with aclosing(self.backbone.rebuild(is_check_only=is_check_only)) as progress:
            reports = [report async for report in progress]
        assert reports[-1].is_done
        return reports[-1]

    @asynccontextmanager
    async def operator(self) -> AsyncIterator[Any]:
        """A connection past all policies."""
        connection = await asyncpg.connect(self.dsn)
        try:
            yield connection
        finally:
            await connection.close()


@asynccontextmanager
async def profiles_house(
    admin_dsn: str, kafka: str, number: int, identity_address: str = "", **more: Any
) -> AsyncIterator[ProfilesHouse]:
    """Run skill_profiles on an empty database of its own, until the context ends.

    identity_address: host:port of a real identity, which then answers in the place of the small one.
    """
    service = f"{SERVICE}_{number}"
    wanted = ServiceDatabase(service, FOLDER, "door", "back")
    await create_database(admin_dsn, wanted)
    await migrate(admin_dsn, wanted)
    book = FactBook()
    identity = SmallIdentity(book)  # type: ignore[abstract]  # it is asked nothing else
    async with AsyncExitStack() as stack:
        started: list[Component] = []
        stack.push_async_callback(lambda: stop_all(started))
        others = _others(book, identity)
        await others.start()
        started.append(others)
        addresses = dict.fromkeys(SOURCES, f"127.0.0.1:{others.port}")
        if identity_address:
            addresses["identity"] = identity_address
        settings = _settings(admin_dsn, kafka, service, addresses, **more)
        peers = Peers(settings, SystemClock())
        built = skill_profiles.build(settings, peers)
        components = components_of(settings, peers, [built])
        for component in components:
            await component.start()
            started.append(component)
        http = next(one for one in components if isinstance(one, HttpServer) and one.name == "http")
        rpc = next(one for one in components if isinstance(one, RpcServer))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{http.port}"))
        channel = await stack.enter_async_context(grpc.aio.insecure_channel(f"127.0.0.1:{rpc.port}"))
        assert built.backbone is not None
        dsn = admin_dsn.rpartition("/")[0] + f"/deedlog_{service}"
        stub = service_pb2_grpc.SkillProfilesServiceStub(channel)
        house = ProfilesHouse(built.backbone, book, identity, client, stub, dsn)
        identity.hear = house.hear
        yield house


def _others(book: FactBook, identity: SmallIdentity) -> RpcServer:
    """One gRPC server that stands for all other services."""
    server = RpcServer("127.0.0.1", 0, ServiceTokenAuthenticator(TOKEN), name="others", grace_seconds=0.1)
    server.add(book, facts_grpc.add_FactFeedServiceServicer_to_server)
    server.add(SmallInference(), inference_grpc.add_SkillInferenceServiceServicer_to_server)  # type: ignore[abstract]
    server.add(identity, identity_grpc.add_IdentityServiceServicer_to_server)
    return server


def _settings(
    admin_dsn: str, kafka: str, service: str, addresses: dict[str, str], **more: Any
) -> SkillProfilesSettings:
    address = admin_dsn.rpartition("@")[2].partition("/")[0]
    return SkillProfilesSettings.model_validate(
        {
            "service": service,
            "is_embedded": True,
            "database_door_url": f"postgresql://{service}_door:door@{address}/deedlog_{service}",
            "database_backbone_url": f"postgresql://{service}_backbone:back@{address}/deedlog_{service}",
            "kafka_address": kafka,
            "rpc_port": free_port(),
            "rpc_addresses": json.dumps(addresses),
            "service_token": TOKEN,
            "fetch_wait_ms": 10,
        }
        | more
    )
