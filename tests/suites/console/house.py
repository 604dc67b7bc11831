"""The console before real APIs: one origin with profiles, framework, releases and the operator's operations on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

import services.console.__main__ as console
from infra.embedded.gateway import Gateway
from infra.embedded.ports import free_port
from services.console.settings import ConsoleSettings
from services.skill_inference import parameters
from services.skill_inference.domain.framework import parse_framework
from services.skill_inference.domain.release import parse_release
from services.skill_inference.domain.roles import parse_roles
from services.skill_inference.http.framework import FrameworkPages
from services.skill_inference.http.publications import published
from shared.events.credentials import CredentialRevoked
from shared.events.identity import OrganisationRegistered
from shared.events.project_submissions import Mark, ProjectRegistered, ReviewCompleted, SubmissionAccepted
from shared.kernel.clock import SystemClock
from shared.kernel.errors import NotFound
from shared.kernel.ids import system_id
from shared.runtime.auth import Kind
from shared.runtime.call import Call
from shared.runtime.grpc import channel
from shared.runtime.http import Application, Endpoint, application, endpoint, one_origin
from shared.runtime.http_server import HttpServer
from shared.runtime.lifecycle import Component, stop_all
from shared.runtime.operator_http import operator_endpoints
from shared.runtime.reply import JSON, Reply
from shared.runtime.rpc_authenticator import RpcAuthenticator
from shared.runtime.service import Peers
from tests.suites.skill_profiles.house import TOKEN, ProfilesHouse
from tests.suites.skill_profiles.samples import credential, estimate, evidence, statement

ANY: frozenset[str] = frozenset()


@dataclass
class ConsoleHouse:
    """A running console, and the profiles it shows."""

    origin: str
    profiles: ProfilesHouse
    http: httpx.AsyncClient
    names: dict[str, str] = field(default_factory=dict)
    accounts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    async def visit(self, path: str, secret: str | None = None, **headers: str) -> httpx.Response:
        sent = {"cookie": f"deedlog_credential={secret}"} if secret else {}
        return await self.http.get(path, headers=sent | headers)

    async def told_person(self, name: str = "Sample Person") -> str:
        """A person with something in every part of the page, whose profile was asked for and looked at."""
        profiles = self.profiles
        person, organisation = profiles.identity.person(), system_id("organisation")
        self.names[person] = name
        self.accounts[person] = [account("acc_1", "Lernhaus", None), account("acc_2", "Lernhaus", "lnk_1")]
        await profiles.tell(organisation, OrganisationRegistered(organisation=organisation, name="Northwind Freight"))
        await tell_everything(profiles, person)
        given = await profiles.identity.give(person, organisation, purpose="Deployment lead, Rotterdam")
        reader = profiles.reader(organisation)
        await reader.profile(person)
        wanted = {"person": person, "purpose": "Follow-up for the team in Gdańsk"}
        await reader.post("/v1/verification-requests", wanted, 201)
        assert given.grant
        return person

    async def looked_at_by_one_without_a_name(self, person: str) -> None:
        """Have the profile looked at by an organisation whose name was never told, so that its id is shown."""
        organisation = system_id("organisation")
        await self.profiles.identity.give(person, organisation, purpose="A position as deployment engineer")
        await self.profiles.reader(organisation).profile(person)


def account(name: str, platform: str, link: str | None) -> dict[str, Any]:
    """An account as identity shows it to its person."""
    return {
        "id": name,
        "organisation_name": platform,
        "identifier": f"account:https://lms.example|{name}",
        "proof_words": "declared by the platform" if link else "the account the others were linked with",
        "is_yours_since": "2026-03-01T09:30:00.000000Z",
        "link": link,
    }


async def tell_everything(profiles: ProfilesHouse, person: str) -> None:
    """Everything services tell of a person."""
    release = next(iter(releases()))
    skills = (
        estimate("integration.apis", 2.9, variance=0.3, level=3, release=release, **reached(2.9, 0.9)),
        estimate("integration.testing", 1.1, level=2, release=release, **reached(1.1, 0.7)),
        estimate("operationalization.monitoring", -0.4, level=1, release=release, works=1, **reached(-0.4, 1.6)),
        estimate("scaled-deployment.release", 5.0, level=4, release=release, **reached(5.0, 1.1)),
        estimate("stakeholder-management.limits", -2.6, level=0, release=release, raters=1, **reached(-2.6, 1.3)),
    )
    await profiles.tell(person, *skills)
    submitted = SubmissionAccepted(
        submission="sub_1", project="prj_1", bundle_digest="d", head_commit="c", commits=184, authorship_share=0.82
    )
    await profiles.tell(person, ProjectRegistered(project="prj_1", title="Invoice triage in production"), submitted)
    await profiles.tell(
        person,
        evidence(
            "A",
            "The image that runs in production was built from this commit and signed by the build service.",
            kind="container",
        ),
        evidence("B", "CI is configured for GitHub Actions in 3 files; that it ran is not shown.", kind="ci"),
        evidence(
            "C",
            "184 commits between May and November 2025 carry this author's name, as the commits say.",
            kind="authorship",
        ),
    )
    for place in (1, 2):
        await profiles.tell(person, eight_marks(f"prs_REVIEWER{place}", place))
    await profiles.tell(person, credential(f"vcr_{person}_1"), credential(f"vcr_{person}_2", level=1))
    await profiles.tell(person, CredentialRevoked(credential=f"vcr_{person}_2", reason="superseded"))
    await profiles.tell(person, *[statement() for _ in range(42)])


def reached(mean: float, half: float) -> dict[str, Any]:
    """The interval and chances around a mean, roughly as inference would have them."""
    chances = tuple(min(max((mean - cut) / (2 * half) + 0.5, 0.0), 1.0) for cut in (-1.5, 0.5, 2.5, 4.5, 6.5))
    return {"interval_low": mean - half, "interval_high": mean + half, "level_probabilities": chances}


def eight_marks(reviewer: str, place: int) -> ReviewCompleted:
    """A review of every criterion."""
    criteria = ("interfaces", "data-contracts", "monitoring", "drift", "communication", "limits", "release", "capacity")
    marks = tuple(
        Mark(criterion=name, skill="integration.apis", layer="integration", value=2 + (place + offset) % 3)
        for offset, name in enumerate(criteria)
    )
    return ReviewCompleted(
        review=system_id("review"),
        submission="sub_1",
        project="prj_1",
        reviewer=reviewer,
        rubric="deployment-1",
        marks=marks,
    )


def releases() -> dict[str, bytes]:
    """The releases of this build by their ids."""
    return {parse_release(raw).id: raw for raw in parameters.release_documents().values()}


@asynccontextmanager
async def console_house(profiles: ProfilesHouse, *, is_embedded: bool = True) -> AsyncIterator[ConsoleHouse]:
    """Run the console and one origin before `profiles`, until the context ends."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    settings = ConsoleSettings.model_validate(
        {"service": "console", "origin": origin, "is_embedded": is_embedded, "service_token": TOKEN}
    )
    built = console.build(settings, Peers(settings, SystemClock()))
    gateway = Gateway({"skill_profiles": str(profiles.http.base_url).rstrip("/")})
    async with AsyncExitStack() as stack:
        started: list[Component] = []
        stack.push_async_callback(lambda: stop_all(started))
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=origin))
        house = ConsoleHouse(origin, profiles, client)
        own = profiles.backbone.settings.rpc_port
        rpcs = {profiles.backbone.name: channel(f"127.0.0.1:{own}", TOKEN), "gone": channel("127.0.0.1:1", TOKEN)}
        for rpc in rpcs.values():
            stack.push_async_callback(rpc.close)
        others = channel(profiles.backbone.settings.rpc_addresses["identity"], TOKEN)
        stack.push_async_callback(others.close)
        shown = application(built.endpoints, service="console")
        apis = application(
            [*_published(origin), *operator_endpoints(rpcs.__getitem__, list(rpcs)), *_people(house)],
            service="apis",
            authenticator=RpcAuthenticator(others),
        )
        served: list[Application] = [shown, apis]
        server = HttpServer(one_origin([*served, gateway]), "127.0.0.1", port)
        for component in (*built.components, gateway, server):
            await component.start()
            started.append(component)
        yield house


def _published(origin: str) -> list[Endpoint]:
    framework = parse_framework(parameters.framework_document())
    pages = FrameworkPages(framework, parse_roles(parameters.roles_document(), framework), origin)
    return [
        endpoint("GET", "/v1/framework", pages.framework, scopes=None),
        endpoint("GET", "/v1/releases/{id}", _release, scopes=None),
    ]


async def _release(call: Call) -> Reply:
    document = releases().get(call.path["id"])
    if document is None:
        raise NotFound("there is no such release")
    return published(call, document, JSON)


def _people(house: ConsoleHouse) -> list[Endpoint]:
    async def person(call: Call) -> Reply:
        return Reply.json({"id": call.path["id"], "name": house.names.get(call.path["id"])})

    async def accounts(call: Call) -> Reply:
        return Reply.json({"person": call.path["id"], "accounts": house.accounts.get(call.path["id"], [])})

    kinds: frozenset[Kind] = frozenset({"person", "admin"})
    return [
        endpoint("GET", "/v1/people/{id}", person, scopes=ANY, kinds=kinds),
        endpoint("GET", "/v1/people/{id}/accounts", accounts, scopes=ANY, kinds=kinds),
    ]
