"""Projects as rows."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from services.project_submissions.domain.project import Project
from shared.kernel.ids import OrganisationId, PersonId, ProjectId
from shared.runtime.postgres import Connection

_ADD: Final = "INSERT INTO projects (id, organisation, owner, title, opened_at) VALUES ($1, $2, $3, $4, $5)"
_FIND: Final = "SELECT id, organisation, owner, title, opened_at FROM projects WHERE id = $1"
# Identifiers begin with their time, so their order is that of the projects.
_OWNED: Final = """
SELECT id, organisation, owner, title, opened_at FROM projects
WHERE owner = ANY ($1::text[]) AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3
"""


class ProjectRows:
    """The projects that a transaction may see."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, project: Project) -> None:
        """Keep a new project."""
        one = project
        await self._connection.execute(_ADD, one.id, one.organisation, one.owner, one.title, one.opened_at)

    async def find(self, project: ProjectId) -> Project | None:
        """Return a project; None when it is not there or not to be seen."""
        row = await self._connection.fetchrow(_FIND, project)
        return _project(row) if row else None

    async def owned(self, owners: Collection[PersonId], before: str, limit: int) -> list[Project]:
        """Return the owners' projects, newest first; with `before`, those that are older than the project it names."""
        rows = await self._connection.fetch(_OWNED, list(owners), before, limit)
        return [_project(row) for row in rows]

    async def count(self, owner: PersonId) -> int:
        """Return how many projects of the owner there are to be seen."""
        return int(await self._connection.fetchval("SELECT count(*) FROM projects WHERE owner = $1", owner))


def _project(row: Any) -> Project:
    return Project(ProjectId(row[0]), OrganisationId(row[1]), PersonId(row[2]), row[3], row[4])
