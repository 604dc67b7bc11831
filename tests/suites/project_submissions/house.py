"""project_submissions on real parts: its database, a broker, git, HTTP on a socket, and the real identity beside it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx

import services.project_submissions.__main__ as submissions
from infra.embedded.ports import free_port
from services.project_submissions.clients.bundle_folder import BundleFolder
from services.project_submissions.clients.git_bundle import BundleLimits
from services.project_submissions.domain.deployment_rubric import DEPLOYMENT
from services.project_submissions.jobs import Tidying
from services.project_submissions.settings import ProjectSubmissionsSettings
from services.project_submissions.store.library import PostgresLibrary
from shared.events.event import Event, decode
from shared.events.fact import Fact
from shared.runtime import faults
from shared.runtime.backbone import Backbone
from shared.runtime.database_setup import ServiceDatabase, create_database, migrate
from shared.runtime.http_server import HttpServer
from shared.runtime.lifecycle import stop_all
from shared.runtime.service import Peers, components_of
from tests.suites.identity.house import TOKEN, Client, IdentityHouse, MovableClock, answered
from tests.unit.project_submissions.repositories import Workshop

NAME: Final = "project_submissions"
FOLDER: Final = Path(submissions.__file__).parent
BUNDLE: Final = "application/x-git-bundle"
EMAIL: Final = "ada@example.org"
FIVES: Final = dict.fromkeys((criterion.id for criterion in DEPLOYMENT.criteria), 5)
THREES: Final = dict.fromkeys(FIVES, 3)
PATIENCE_SECONDS: Final = 45.0
"""For a condition to come true on a machine where others work too; nothing is proved by how long it takes."""


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    """Wait until an awaitable condition is true. Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not await condition():
            await asyncio.sleep(0.05)


def work(folder: Path, text: str = "print('hello')\n") -> bytes:
    """Return a bundle of a small project with tests, CI and a README; another for another text."""
    workshop = Workshop(folder)
    workshop.commit({"app.py": text, "README.md": "# How it is run\n"})
    workshop.commit({"tests/test_app.py": "def test_app(): ...\n", ".gitlab-ci.yml": "test: {}\n"}, days=2)
    return workshop.bundle().read_bytes()


@dataclass
class Caller(Client):
    """One caller of the HTTP door; `person` is empty for a key and the operator."""

    person: str = ""

    async def project(self, title: str = "Triage of support mail", **more: str) -> str:
        return str((await self.post("/v1/projects", {"title": title} | more))["id"])

    async def send_bundle(
        self, project: str, bundle: Any, names: Sequence[str] = (EMAIL,), media_type: str = BUNDLE, **headers: str
    ) -> httpx.Response:
        sent = {"authorization": f"Bearer {self.secret}", "content-type": media_type}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        path = f"/v1/projects/{project}/submissions"
        return await self.http.post(path, content=bundle, params=[("author", name) for name in names], headers=sent)

    async def submit(
        self, project: str, bundle: Any, names: Sequence[str] = (EMAIL,), status: int = 202, **headers: str
    ) -> Any:
        return answered(await self.send_bundle(project, bundle, names, **headers), status)

    async def checked(self, submission: str) -> Any:
        """Return the submission once it waits no more."""

        async def is_checked() -> bool:
            return bool((await self.get(f"/v1/submissions/{submission}"))["state"] != "received")

        await until(is_checked)
        return await self.get(f"/v1/submissions/{submission}")

    async def give(self, submission: str, marks: dict[str, int], note: str = "", status: int = 201) -> Any:
        listed = [{"criterion": name, "value": value} for name, value in marks.items()]
        return await self.post(f"/v1/submissions/{submission}/reviews", {"marks": listed, "note": note}, status)

    async def sees(self, submission: str) -> list[str]:
        """Return the reviewers whose reviews this caller sees."""
        items = (await self.get(f"/v1/submissions/{submission}/reviews"))["items"]
        return [item["reviewer"] for item in items]


@dataclass
class SubmissionsHouse:
    """A running project_submissions, and the identity that it asks."""

    identity: IdentityHouse
    backbone: Backbone
    clock: MovableClock
    http: httpx.AsyncClient
    files: Path
    tidying: Tidying
    admin_dsn: str

    @property
    def operator(self) -> Caller:
        return Caller(self.http, self.identity.admin.secret)

    async def someone(self, name: str = "Ada") -> Caller:
        """Return a person, signed in."""
        person = await self.identity.person(name)
        return Caller(self.http, (await self.identity.signed_in(person)).secret, person)

    async def platform(self, *scopes: str) -> tuple[str, Caller]:
        """Return a new organisation and a key of it."""
        organisation = await self.identity.organisation()
        return organisation, await self.key(organisation, *scopes)

    async def key(self, organisation: str, *scopes: str, **more: object) -> Caller:
        return Caller(self.http, (await self.identity.key(organisation, scopes or ("write",), **more))["secret"])

    async def accepted(self, author: Caller, bundle: bytes, **more: str) -> str:
        """Return an accepted submission of the author's to a new project."""
        submission = (await author.submit(await author.project(**more), bundle))["id"]
        assert (await author.checked(submission))["state"] == "accepted"
        return str(submission)

    async def in_review(self, author: Caller, bundle: bytes, **more: str) -> tuple[str, Caller, Caller]:
        """Return a submission of the author's that two reviewers, fresh ones, were named for."""
        submission = await self.accepted(author, bundle, **more)
        one, other = await self.someone("Ben"), await self.someone("Cleo")
        await self.assign(submission, one, other)
        return submission, one, other

    async def assign(self, submission: str, *reviewers: Caller, status: int = 200) -> Any:
        body = {"reviewers": [reviewer.person for reviewer in reviewers]}
        return await self.operator.post(f"/v1/submissions/{submission}/reviewers", body, status)

    async def link(self, one: Caller, other: Caller) -> None:
        """Have the two be one person, by identity's word and as heard here."""
        clients = [Client(self.identity.http, caller.secret) for caller in (one, other)]
        proposed = await clients[0].post("/v1/account-links", {})
        path = f"/v1/account-links/{proposed['id']}:confirm"
        canonical = (await clients[1].post(path, {"code": proposed["code"]}, 200))["canonical"]
        alias = one.person if canonical == other.person else other.person

        async def is_heard() -> bool:
            async with self.backbone.reading() as connection:
                query = "SELECT canonical FROM aliases WHERE alias = $1"
                return bool(await connection.fetchval(query, alias) == canonical)

        await until(is_heard)
        # The sessions' owners are remembered for a while.
        self.clock.advance(60)

    async def stream(self, person: str) -> list[Fact]:
        store, pool = self.backbone.feed_store()
        async with pool.acquire() as connection:
            return (await store.read(connection, person, 0, 500))[0]

    async def told(self, person: str) -> list[Event | None]:
        """Return the events of a person's stream; None for one that was erased."""
        return [None if fact.data is None else decode(fact.type, fact.data) for fact in await self.stream(person)]

    async def transactions(self, person: str) -> list[tuple[str, int]]:
        """Return the last word of each fact's type in a person's stream, and the transaction that told it."""
        query = "SELECT type, xid::text::bigint FROM backbone.facts WHERE subject = $1 ORDER BY number"
        async with self.backbone.reading() as connection:
            rows = await connection.fetch(query, person)
        return [(row[0].split(".")[-2], row[1]) for row in rows]

    def bundles(self) -> set[str]:
        """Return the digests of the bundles on disk."""
        return {f"sha256:{path.stem}" for path in (self.files / "bundles").iterdir()}

    @asynccontextmanager
    async def submissions_read_only(self) -> AsyncIterator[Callable[[], Awaitable[int]]]:
        """While the context lasts submissions are read and not written. Gives how many backends wait for a lock."""
        connection = await asyncpg.connect(f"{self.admin_dsn.rpartition('/')[0]}/deedlog_{NAME}")

        async def waiting() -> int:
            # pg_stat_activity would show one moment for as long as this transaction lasts.
            query = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            return int(await connection.fetchval(query))

        try:
            async with connection.transaction():
                await connection.execute("LOCK TABLE submissions IN SHARE MODE")
                yield waiting
        finally:
            await connection.close()

    @asynccontextmanager
    async def checks_held(self, bundle: bytes) -> AsyncIterator[None]:
        """While the context lasts, for 4 s at most, nothing is checked: a check of somebody else's is at its commit."""
        reached, go_on = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            reached.set()
            await go_on.wait()

        blocker = await self.someone("Somebody before you")
        project = await blocker.project()
        with faults.arm("project-submissions.told", hold):
            submission = (await blocker.submit(project, bundle))["id"]
            await reached.wait()
            try:
                yield
            finally:
                go_on.set()
        assert (await blocker.checked(submission))["state"] == "accepted"


@asynccontextmanager
async def submissions_house(
    identity: IdentityHouse, admin_dsn: str, kafka: str, files: Path
) -> AsyncIterator[SubmissionsHouse]:
    """Run project_submissions on a database that is made if it is missing, until the context ends."""
    await set_up(admin_dsn)
    settings = ProjectSubmissionsSettings.model_validate(settings_of(identity, admin_dsn, kafka, files))
    peers = Peers(settings, identity.clock)
    built = submissions.build(settings, peers)
    components = components_of(settings, peers, [built])
    async with AsyncExitStack() as stack:
        started: list[Any] = []
        stack.push_async_callback(lambda: stop_all(started))
        for component in components:
            await component.start()
            started.append(component)
        (http,) = (one for one in components if isinstance(one, HttpServer) and one.name == "http")
        url = f"http://127.0.0.1:{http.port}"
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=PATIENCE_SECONDS))
        assert built.backbone is not None
        folder = BundleFolder(files, identity.clock, BundleLimits())
        tidying = Tidying(PostgresLibrary(built.backbone), folder)
        yield SubmissionsHouse(identity, built.backbone, identity.clock, client, files, tidying, admin_dsn)


async def set_up(admin_dsn: str) -> None:
    """The database stands."""
    wanted = ServiceDatabase(NAME, FOLDER, "door", "back")
    await create_database(admin_dsn, wanted)
    await migrate(admin_dsn, wanted)


def settings_of(identity: IdentityHouse, admin_dsn: str, kafka: str, files: Path) -> dict[str, Any]:
    """Return the settings of a service that asks this identity."""
    address = admin_dsn.rpartition("@")[2].partition("/")[0]
    rpc_port = free_port()
    addresses = {"identity": f"127.0.0.1:{identity.backbone.settings.rpc_port}", NAME: f"127.0.0.1:{rpc_port}"}
    return {
        "service": NAME,
        "database_door_url": f"postgresql://{NAME}_door:door@{address}/deedlog_{NAME}",
        "database_backbone_url": f"postgresql://{NAME}_backbone:back@{address}/deedlog_{NAME}",
        "kafka_address": kafka,
        "rpc_port": rpc_port,
        "rpc_addresses": json.dumps(addresses),
        "service_token": TOKEN,
        "fetch_wait_ms": 10,
        "session_timeout_ms": 6_000,
        "broker_watch_seconds": 0.2,
        "data_folder": files,
    }
