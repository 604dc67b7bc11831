"""Reviews as rows. The key of the table says that a reviewer marks a submission once, under concurrency too."""

from __future__ import annotations

import json
from typing import Final

import asyncpg

from services.project_submissions.domain.review import Review
from shared.kernel.errors import Conflict
from shared.kernel.ids import PersonId, ReviewId, SubmissionId
from shared.runtime.postgres import Connection

_OF: Final = """
SELECT id, reviewer, rubric, marks, note, submitted_at FROM reviews WHERE submission = $1 ORDER BY submitted_at, id
"""
_ADD: Final = """
INSERT INTO reviews (id, submission, reviewer, rubric, marks, note, submitted_at)
VALUES ($1, $2, $3, $4, $5::jsonb, $6, $7)
"""


class ReviewRows:
    """The reviews of submissions that a transaction may see."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def of(self, submission: SubmissionId) -> tuple[Review, ...]:
        """Return the reviews that are in, oldest first."""
        rows = await self._connection.fetch(_OF, submission)
        return tuple(
            Review(ReviewId(row[0]), PersonId(row[1]), row[2], json.loads(row[3]), row[4], row[5]) for row in rows
        )

    async def add(self, submission: SubmissionId, review: Review) -> None:
        """Keep a review. Raises Conflict for a second of the same reviewer."""
        one, marks = review, json.dumps(dict(review.marks))
        values = (one.id, submission, one.reviewer, one.rubric, marks, one.note, one.submitted_at)
        try:
            await self._connection.execute(_ADD, *values)
        except asyncpg.UniqueViolationError as error:
            raise Conflict.of("/reviewer", "this reviewer's marks are in", "A review is given once.") from error
