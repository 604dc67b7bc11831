"""The newest reviews that are kept, for the operators' look at reviewers."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Final

from services.skill_inference.domain.observation import Mark
from services.skill_inference.domain.people import People
from services.skill_inference.handlers.raters import KeptReview
from services.skill_inference.store import opt_outs, people
from shared.runtime.postgres import Connection

_NEWEST: Final = """
SELECT subject, project, reviewer, marks FROM (
    SELECT subject, number, project, reviewer, marks, occurred_at,
           row_number() OVER (PARTITION BY subject ORDER BY occurred_at DESC, number DESC) AS place
    FROM reviews) AS placed
WHERE place <= $2 ORDER BY occurred_at DESC, subject, number LIMIT $1
"""


class ConnectedRaterDesk:
    """Reviews over one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def newest_reviews(self, limit: int, of_one: int) -> list[KeptReview]:
        """Return the newest reviews, at most `of_one` of one id, and at most `limit`. Walks all that are kept."""
        rows = await self._connection.fetch(_NEWEST, limit, of_one)
        return [KeptReview(row[0], row[1], row[2], tuple(Mark(*mark) for mark in json.loads(row[3]))) for row in rows]

    async def people(self, persons: Collection[str]) -> People:
        """Return who is whom around `persons`."""
        return await people.people(self._connection, persons)

    async def opted_out(self, members: Mapping[str, Collection[str]]) -> Collection[str]:
        """Return the persons who want nothing inferred, which one id of theirs has said."""
        return await opt_outs.opted_out(self._connection, members)
