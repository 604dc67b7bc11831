"""/v1/projects: a person's pieces of work."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel

from services.project_submissions.domain.project import Project
from services.project_submissions.handlers.projects import ProjectDesk
from services.project_submissions.http.callers import (
    ANY,
    CALLERS,
    PEOPLE,
    READ,
    WRITE,
    actor_of,
    before_id,
    id_in_path,
    page_of,
)
from shared.kernel.clock import rfc3339
from shared.kernel.ids import ProjectId
from shared.runtime.call import Call
from shared.runtime.http import Endpoint, endpoint
from shared.runtime.idempotency import IdempotencyStore, idempotent
from shared.runtime.pages import page_limit
from shared.runtime.reply import Reply

_LIST: Final = "projects"


class NewProject(BaseModel):
    """The body of POST /v1/projects. person: whose it is, said by a key; organisation: to whom a person offers it."""

    title: str
    person: str | None = None
    organisation: str | None = None


def project_endpoints(desk: ProjectDesk, idempotency: IdempotencyStore) -> list[Endpoint]:
    """Return the operations on projects."""
    resource = _Resource(desk)
    register = idempotent(resource.register, idempotency)
    return [
        endpoint("POST", "/v1/projects", register, scopes=ANY, kinds=CALLERS),
        endpoint("GET", "/v1/projects", resource.projects, scopes=ANY, kinds=PEOPLE),
        endpoint("GET", "/v1/projects/{id}", resource.project, scopes=ANY, kinds=CALLERS),
    ]


class _Resource:
    def __init__(self, desk: ProjectDesk) -> None:
        self._desk = desk

    async def register(self, call: Call) -> Reply:
        actor = actor_of(call, WRITE)
        wanted = await call.model(NewProject)
        project = await self._desk.register(actor, wanted.title, wanted.person, wanted.organisation)
        return Reply.json(_project(project), 201, {"Location": f"/v1/projects/{project.id}"})

    async def projects(self, call: Call) -> Reply:
        limit = page_limit(call.query)
        found = await self._desk.page(actor_of(call, READ), before_id(_LIST, call), limit + 1)
        return page_of(_LIST, [_project(one) for one in found], limit)

    async def project(self, call: Call) -> Reply:
        project = ProjectId(id_in_path(call, "prj"))
        return Reply.json(_project(await self._desk.project(actor_of(call, READ), project)))


def _project(project: Project) -> dict[str, Any]:
    return {
        "id": project.id,
        "title": project.title,
        "owner": project.owner,
        "organisation": project.organisation or None,
        "opened_at": rfc3339(project.opened_at),
    }
