"""Opening projects and finding them again.

A person opens projects of their own and may offer one to a platform: the platform then sees it, submits versions of it
in their name and names reviewers. It gives the person no sight of anything at the platform.
"""

from __future__ import annotations

from collections.abc import Callable

from services.project_submissions.domain.project import Project, register
from services.project_submissions.handlers.actor import Actor
from services.project_submissions.handlers.canonical import canonical
from services.project_submissions.handlers.filed import no_such_project
from services.project_submissions.handlers.ports import Library, Mint, People
from shared.kernel.clock import Clock
from shared.kernel.errors import Forbidden, Rejected, TooLarge
from shared.kernel.ids import OrganisationId, PersonId, ProjectId, has_prefix


class ProjectDesk:
    """The use cases. full: called when a person's projects reach their bound."""

    def __init__(
        self,
        library: Library,
        people: People,
        clock: Clock,
        mint: Mint,
        projects_max: int,
        full: Callable[[], None],
    ) -> None:
        self._library = library
        self._people = people
        self._clock = clock
        self._mint = mint
        self._projects_max = projects_max
        self._full = full

    async def register(self, actor: Actor, title: str, person: str | None, organisation: str | None) -> Project:
        """Return the new project, which is told. A key opens it for the `person` it names, a person for themselves.

        Raises Rejected for the title or the organisation, Forbidden for somebody else's project or organisation,
        NotFound for an unknown person, TooLarge when they have as many as one may.
        """
        belongs_to = _belongs_to(actor, organisation)
        owner = await self._owner(actor, person)
        now = self._clock.now()
        project, event = register(self._mint.project(), belongs_to, owner, title, now)
        async with self._library.opened_by(actor) as shelf:
            await shelf.lock(owner)
            if await shelf.projects.count(owner) >= self._projects_max:
                self._full()
                rule = f"a person has at most {self._projects_max} projects"
                raise TooLarge.of("/person", rule, "Submit the work as a new version of a project there is.")
            await shelf.projects.add(project)
            await shelf.tell(belongs_to, self._mint.facts([event], owner, now, belongs_to))
        return project

    async def project(self, actor: Actor, project: ProjectId) -> Project:
        """Return a project the actor may see. Raises NotFound."""
        async with self._library.opened_by(actor) as shelf:
            found = await shelf.projects.find(project)
        if found is None:
            raise no_such_project()
        return found

    async def page(self, actor: Actor, before: str, limit: int) -> list[Project]:
        """Return up to `limit` projects of the signed-in person, newest first; with `before`, the older ones."""
        async with self._library.opened_by(actor) as shelf:
            return await shelf.projects.owned(shelf.own, before, limit)

    async def _owner(self, actor: Actor, person: str | None) -> PersonId:
        if actor.person is not None:
            if person not in (None, actor.person):
                raise Forbidden.of("/person", "a person opens projects of their own", "Leave it out.")
            return actor.person
        if person is None:
            raise Rejected.of("/person", "nobody is signed in, so it must say whose project it is", "Name a person.")
        owner = PersonId(person)
        return (await canonical(self._people, [owner], "/person"))[owner]


def _belongs_to(actor: Actor, organisation: str | None) -> OrganisationId:
    if organisation is not None and not has_prefix(organisation, "org"):
        raise Rejected.of("/organisation", "it is no organisation's id", "Ask the platform for its id, org_….")
    if actor.organisation is None:
        return OrganisationId(organisation or "")
    if organisation not in (None, actor.organisation):
        raise Forbidden.of("/organisation", "a key acts for its own organisation", "Leave it out.")
    return actor.organisation
