"""Everybody of whom evidence is kept, some hundred at a time, as one who calibrates reads it."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from services.skill_inference.domain.observation import Observation
from services.skill_inference.domain.reading import observations, organisations
from services.skill_inference.store import evidence, opt_outs, people
from services.skill_inference.store.alignments import AlignmentBook
from shared.runtime.postgres import Connection

_SUBJECTS: Final = "SELECT DISTINCT subject FROM shelves WHERE subject > $1 ORDER BY subject LIMIT $2"
_COUNT: Final = "SELECT count(DISTINCT subject) FROM shelves"


async def subjects_count(connection: Connection) -> int:
    """Return of how many ids anything is kept."""
    count: int = await connection.fetchval(_COUNT)
    return count


async def subjects_after(connection: Connection, after: str, limit: int) -> list[str]:
    """Return the next ids of whom anything is kept, in order."""
    return [row[0] for row in await connection.fetch(_SUBJECTS, after, limit)]


async def observed(
    connection: Connection, book: AlignmentBook, skills: Collection[str], subjects: Collection[str]
) -> dict[str, list[Observation]]:
    """Return what was seen of those whose ids these are, by the id that stands for them, under the alignments in force.

    Who opted out is not among them.
    """
    around = await people.people(connection, subjects)
    members = {person: around.members(person) for person in around.canonicals(subjects)}
    for person in await opt_outs.opted_out(connection, members):
        del members[person]
    if not members:
        return {}
    kept = await evidence.evidence(connection, members)
    targets = await book.targets(connection, organisations(kept.values()))
    return {person: observations(kept[person], targets, skills, ids) for person, ids in members.items()}
