"""The three document resources, and how the cases name documents of their own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from shared.kernel.ids import system_uuid7
from tests.conformance.xapi.lrs import Lrs
from tests.conformance.xapi.statements import ADA, QUESTION

Query = dict[str, Any]


@dataclass(frozen=True)
class Resource:
    """A document resource: where it is, what its query must name, and what names one document."""

    path: str
    subjects: tuple[str, ...]
    name: str

    def __str__(self) -> str:
        return self.path

    @property
    def required(self) -> tuple[str, ...]:
        """What PUT and POST must name."""
        return (*self.subjects, self.name)

    def query(self) -> Query:
        """Return a query that names a new document."""
        subjects = {"agent": ADA, "activityId": f"{QUESTION['id']}/{system_uuid7()}"}
        return {name: subjects[name] for name in self.subjects} | {self.name: f"document {system_uuid7()}"}

    def all_of(self, query: Query) -> Query:
        """Return the query for the names of all documents beside the one that `query` names."""
        return {name: query[name] for name in self.subjects}


STATE: Final = Resource("/activities/state", ("activityId", "agent"), "stateId")
AGENT_PROFILE: Final = Resource("/agents/profile", ("agent",), "profileId")
ACTIVITY_PROFILE: Final = Resource("/activities/profile", ("activityId",), "profileId")
RESOURCES: Final = (STATE, AGENT_PROFILE, ACTIVITY_PROFILE)
NEW: Final = {"if-none-match": "*"}
DOCUMENT: Final = {"name": "Ada", "page": {"number": 7}}


async def make(lrs: Lrs, resource: Resource, query: Query, body: Any = DOCUMENT, **headers: str) -> str:
    """Store a document by POST and return its ETag."""
    named: dict[str, str | None] = {name.replace("_", "-"): value for name, value in headers.items()}
    response = await lrs.ask("POST", resource.path, query, body, named)
    assert response.status_code == 204, response.text
    return (await lrs.ask("GET", resource.path, query)).headers["etag"]


async def names_of(lrs: Lrs, resource: Resource, query: Query) -> list[str]:
    """Return the names of the documents that the query is about."""
    response = await lrs.ask("GET", resource.path, query)
    assert response.status_code == 200, response.text
    found: list[str] = response.json()
    return found
