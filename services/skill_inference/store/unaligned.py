"""What an organisation's own statements say of its activities, read by its door: the database lets it see no others.

Nothing is counted as statements come; a page is counted when it is asked for, each activity to a bound.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from services.skill_inference.handlers.adopting import Touched
from services.skill_inference.handlers.unaligned import TALLIED_MAX, Tally
from shared.runtime.postgres import Connection

STATEMENTS_MAX: Final = 200_000
"""Statements looked at to count people: some 100 ms, by the index alone."""

# A step of the index an activity, however many statements it has.
_ACTIVITIES: Final = """
WITH RECURSIVE walk (activity) AS (
    (SELECT activity FROM statements WHERE organisation = $1 AND activity > $2 ORDER BY activity LIMIT 1)
    UNION ALL
    SELECT (SELECT s.activity FROM statements s WHERE s.organisation = $1 AND s.activity > walk.activity
            ORDER BY s.activity LIMIT 1)
    FROM walk WHERE walk.activity IS NOT NULL
)
SELECT activity FROM walk WHERE activity IS NOT NULL LIMIT $3
"""
_TALLIES: Final = """
SELECT asked.activity, least(tally.statements, $3), tally.people, tally.last_seen_at, tally.statements > $3
FROM unnest($2::text[]) WITH ORDINALITY AS asked (activity, place)
CROSS JOIN LATERAL (
    SELECT count(*) AS statements, count(DISTINCT subject) AS people, max(occurred_at) AS last_seen_at
    FROM (SELECT subject, occurred_at FROM statements
          WHERE organisation = $1 AND activity = asked.activity ORDER BY subject LIMIT $3 + 1) AS counted
) AS tally
WHERE tally.statements > 0 ORDER BY asked.place
"""
_PEOPLE: Final = """
SELECT count(DISTINCT subject), count(*) > $3 FROM (
    SELECT subject FROM statements WHERE organisation = $1 AND activity = ANY($2::text[]) LIMIT $3 + 1) AS counted
"""


class OrganisationActivities:
    """The activities of one organisation in one transaction of a door."""

    def __init__(self, connection: Connection, organisation: str) -> None:
        self._connection = connection
        self._organisation = organisation

    async def activities(self, after: str, limit: int) -> list[str]:
        """Return the activities with a scored statement that follow `after`, by id."""
        return [row[0] for row in await self._connection.fetch(_ACTIVITIES, self._organisation, after, limit)]

    async def tallies(self, activities: Collection[str]) -> list[Tally]:
        """Return what is known of each of these that has a statement, TALLIED_MAX of them counted; voided ones too."""
        rows = await self._connection.fetch(_TALLIES, self._organisation, list(activities), TALLIED_MAX)
        return [Tally(*row) for row in rows]

    async def people(self, activities: Collection[str]) -> Touched:
        """Return how many have a statement about one of these activities, STATEMENTS_MAX looked at."""
        return Touched(*await self._connection.fetchrow(_PEOPLE, self._organisation, list(activities), STATEMENTS_MAX))
