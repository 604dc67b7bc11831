"""A project: a piece of work a person shows, again and again as it grows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from shared.events.project_submissions import ProjectRegistered
from shared.kernel.errors import Rejected
from shared.kernel.ids import OrganisationId, PersonId, ProjectId

TITLE_LENGTH_MAX: Final = 200
"""Characters of a title; it is shown in one line."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]").search


@dataclass(frozen=True, slots=True)
class Project:
    """A person's project. Its submissions are its versions; together they count as one work."""

    id: ProjectId
    organisation: OrganisationId
    owner: PersonId
    title: str
    opened_at: datetime


def register(
    project_id: ProjectId, organisation: OrganisationId, owner: PersonId, title: str, at: datetime
) -> tuple[Project, ProjectRegistered]:
    """Return the new project and what is told of it. Raises Rejected for a title that is empty, long or no line."""
    title = title.strip()
    if not 1 <= len(title) <= TITLE_LENGTH_MAX or _CONTROL(title):
        rule = f"a title is one line of 1 to {TITLE_LENGTH_MAX} characters"
        raise Rejected.of("/title", rule, "Name the project as you would to a colleague.")
    project = Project(project_id, organisation, owner, title, at)
    return project, ProjectRegistered(project=project_id, title=title)
