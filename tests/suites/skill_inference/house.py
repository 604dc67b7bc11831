"""Skill inference on real parts: a database of its own, a broker, HTTP and gRPC on sockets, keys of tenants."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

import services.skill_inference.__main__ as skill_inference
from deedlog.skill_inference.v1 import service_pb2_grpc, skill_inference_pb2
from infra.embedded.ports import free_port
from services.skill_inference.jobs import Reviser
from services.skill_inference.settings import SkillInferenceSettings
from shared.events.event import Event, decode
from shared.events.fact import Fact
from shared.events.skill_estimates import EstimateRevised, EstimateWithdrawn
from shared.kernel.clock import Clock, FixedClock
from shared.kernel.ids import OrganisationId, system_id
from shared.runtime.auth import Authenticator, Principal, ServiceTokenAuthenticator, expand_scopes, nobody
from shared.runtime.backbone import Backbone
from shared.runtime.database_setup import ServiceDatabase, create_database, migrate
from shared.runtime.feed import FactFeed
from shared.runtime.grpc import kernel_errors
from shared.runtime.http_server import HttpServer
from shared.runtime.lifecycle import stop_all
from shared.runtime.rebuild import Progress
from shared.runtime.service import Peers, components_of
from shared.runtime.settings import Settings
from tests.suites.skill_inference.owners import NOW, Owners

TOKEN = "what-services-show-one-another-32-characters"
FOLDER = Path(skill_inference.__file__).parent
PATIENCE_SECONDS = 20.0
WAITING = """SELECT count(*) FROM pg_locks
WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
_NUMBERS = itertools.count(1)


class Keys:
    """Whose a secret is; as identity answers."""

    def __init__(self) -> None:
        self.principals: dict[str, Principal] = {}

    async def authenticate(self, secret: str, key_id: str) -> Principal:
        """As Authenticator."""
        if secret not in self.principals:
            raise nobody()
        return self.principals[secret]


class Neighbours(Peers):
    """Peers whose feed and keys lie in this process."""

    def __init__(self, settings: Settings, clock: Clock, feed: FactFeed, keys: Keys) -> None:
        super().__init__(settings, clock)
        self._feed = feed
        self._keys = keys

    def feed(self) -> FactFeed:
        """The owners of this process."""
        return self._feed

    def authenticator(self) -> Authenticator:
        """The keys of this process, and the services' own token."""
        return ServiceTokenAuthenticator(TOKEN, self._keys)


@dataclass
class House:
    """A running skill_inference and how to reach it."""

    backbone: Backbone
    reviser: Reviser
    owners: Owners
    keys: Keys
    http: httpx.AsyncClient
    rpc: service_pb2_grpc.SkillInferenceServiceStub
    settings: SkillInferenceSettings

    def organisation(self) -> Tenant:
        """Return a new organisation."""
        return Tenant(self, system_id("organisation"))

    def secret(self, principal: Principal) -> dict[str, str]:
        """Return the headers of a caller who is this principal."""
        word = secrets.token_urlsafe(24)
        self.keys.principals[word] = principal
        return {"authorization": f"Bearer {word}"}

    # Hearing

    async def hear(self, *facts: Fact | Iterable[Fact]) -> None:
        """Have applied these facts in one batch."""
        assert self.backbone.consumer is not None
        batch = [one for each in facts for one in ([each] if isinstance(each, Fact) else each)]
        assert await self.backbone.consumer.apply(batch) == frozenset()

    async def settle(self) -> None:
        """Have done whatever was put off and every sweep."""
        for _ in range(1_000):
            if not await self.reviser.step():
                return
        raise AssertionError("the reviser never ends")

    async def until_waiting(self, backends: int) -> None:
        """Return once so many backends wait for a lock of this database. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while (await self.rows(WAITING))[0][0] < backends:
                await asyncio.sleep(0.02)

    async def rebuild(self, *, is_check_only: bool = True) -> Progress:
        """Rebuild and return the last report."""
        last = Progress(0, 0)
        async for progress in self.backbone.rebuild(is_check_only=is_check_only):
            last = progress
        return last

    # Asking

    async def estimates(self, person: str) -> dict[str, skill_inference_pb2.Estimate]:
        """Return what is answered of a person, by skill."""
        with kernel_errors("skill_inference"):
            answer = await self.rpc.GetEstimates(skill_inference_pb2.GetEstimatesRequest(person=person))
        return {one.skill: one for one in answer.estimates}

    async def stream(self, person: str) -> list[Fact]:
        """Return what was told of a person."""
        facts: list[Fact] = []
        async with self.backbone.reading() as connection:
            while True:
                found, head = await self.backbone.store.read(connection, person, len(facts), 500)
                facts += found
                if len(facts) >= head:
                    return facts

    async def told(self, person: str) -> list[Event]:
        """Return the events of what was told of a person; of erased facts nothing."""
        return [decode(fact.type, fact.data) for fact in await self.stream(person) if fact.data is not None]

    async def standing(self, person: str) -> dict[str, EstimateRevised]:
        """Return what stands told of a person, by skill."""
        found: dict[str, EstimateRevised] = {}
        for event in await self.told(person):
            if isinstance(event, EstimateRevised):
                found[event.skill] = event
            elif isinstance(event, EstimateWithdrawn):
                del found[event.skill]
        return found

    async def aside(self, fact: Fact) -> str | None:
        """Return why a fact was set aside, None when it was not."""
        async with self.backbone.reading() as connection:
            reason: str | None = await connection.fetchval(
                "SELECT reason FROM set_aside WHERE source = $1 AND subject = $2 AND number = $3",
                fact.source,
                fact.subject,
                fact.number,
            )
        return reason

    async def rows(self, query: str, *arguments: Any) -> list[Any]:
        """Return the rows of a query, as the backbone's role sees them."""
        async with self.backbone.reading() as connection:
            return list(await connection.fetch(query, *arguments))


@dataclass
class Tenant:
    """An organisation."""

    house: House
    id: str

    def caller(self, scopes: Collection[str] = ("write", "read"), *, is_test: bool = False) -> dict[str, str]:
        """Return the headers of a key of this organisation."""
        key = Principal("key", system_id("key"), OrganisationId(self.id), None, expand_scopes(scopes), is_test)
        return self.house.secret(key)

    async def put(self, table: str | bytes, caller: Mapping[str, str] | None = None, **headers: str) -> httpx.Response:
        """Send a table of alignments."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"content-type": "text/csv", **(caller or self.caller()), **named}
        return await self.house.http.put("/v1/alignments", content=table, headers=sent)

    async def align(self, *lines: str) -> None:
        """Have these alignments in force, and everybody they touch revised."""
        answer = await self.put(table(*lines))
        assert answer.status_code == 200, answer.text
        await self.house.settle()


def table(*lines: str) -> str:
    """Return a table of alignments."""
    return "".join(f"{line}\n" for line in ("activity_id,skill,difficulty,assurance,weight", *lines))


def line(activity: str, skill: str, difficulty: float = 0.0, assurance: str = "automated-check") -> str:
    """Return a line of such a table."""
    return f"{activity},{skill},{difficulty},{assurance},1"


@asynccontextmanager
async def inference_house(
    admin_dsn: str,
    kafka: str,
    owners: Owners | None = None,
    *,
    feed: FactFeed | None = None,
    clock: Clock | None = None,
    **more: Any,
) -> AsyncIterator[House]:
    """Run a skill_inference on a database of its own until the context ends. feed: in place of the owners'."""
    service = more.pop("service", f"skill_inference_{next(_NUMBERS)}")
    wanted = ServiceDatabase(service, FOLDER, "door", "back")
    await create_database(admin_dsn, wanted)
    await migrate(admin_dsn, wanted)
    settings = _settings(admin_dsn, kafka, service, more)
    owners, keys = owners or Owners(), Keys()
    neighbours = Neighbours(settings, clock or FixedClock(NOW), feed or owners, keys)
    built = skill_inference.build(settings, neighbours)
    components = components_of(settings, neighbours, [built])
    async with AsyncExitStack() as stack:
        started: list[Any] = []
        stack.push_async_callback(lambda: stop_all(started))
        for component in components:
            await component.start()
            started.append(component)
        (http,) = (one for one in components if isinstance(one, HttpServer) and one.name == "http")
        (reviser,) = (one for one in built.components if isinstance(one, Reviser))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=f"http://127.0.0.1:{http.port}"))
        rpc = service_pb2_grpc.SkillInferenceServiceStub(neighbours.channel("skill_inference"))
        assert built.backbone is not None
        yield House(built.backbone, reviser, owners, keys, client, rpc, settings)


def _settings(admin_dsn: str, kafka: str, service: str, more: Mapping[str, Any]) -> SkillInferenceSettings:
    address = admin_dsn.rpartition("@")[2].partition("/")[0]
    url = f"postgresql://{service}_{{}}@{address}/deedlog_{service}"
    port = free_port()
    told = {
        "service": service,
        "origin": "https://deedlog.example",
        "is_embedded": True,
        "database_door_url": url.format("door:door"),
        "database_backbone_url": url.format("backbone:back"),
        "kafka_address": kafka,
        "rpc_port": port,
        "rpc_addresses": json.dumps({"skill_inference": f"127.0.0.1:{port}"}),
        "service_token": TOKEN,
    }
    return SkillInferenceSettings.model_validate(told | dict(more))
