"""Sweeps: walks over everybody whom a change of alignments, or a rebuild, may have touched.

A sweep only finds people and puts them off, some hundred a transaction; they are revised like whoever else waits.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from services.skill_inference.store.alignments import AlignmentBook
from services.skill_inference.store.told import put_off
from shared.runtime.postgres import Connection

PERSONS_MAX: Final = 500
"""People found in one transaction."""
NAMED_MAX: Final = 2_000
"""Changed activities that are looked up by name; beyond, everybody of the organisation is looked at."""

_OLDEST: Final = """
SELECT number, organisation, version_before, version, after_subject FROM sweeps ORDER BY number LIMIT 1
"""
_ALIGNED: Final = """
SELECT DISTINCT subject FROM statements
WHERE organisation = $1 AND subject > $2 AND activity = ANY($4::text[]) ORDER BY subject LIMIT $3
"""
_SCORED: Final = """
SELECT DISTINCT subject FROM shelves WHERE organisation = $1 AND subject > $2 ORDER BY subject LIMIT $3
"""
_EVERYBODY: Final = """
(SELECT DISTINCT subject FROM shelves WHERE subject > $1 ORDER BY subject LIMIT $2)
UNION (SELECT alias FROM aliases WHERE alias > $1 ORDER BY alias LIMIT $2)
UNION (SELECT DISTINCT person FROM told WHERE person > $1 ORDER BY person LIMIT $2)
ORDER BY subject LIMIT $2
"""
_MOVE: Final = "UPDATE sweeps SET after_subject = $3 WHERE number = $1 AND after_subject = $2"
_END: Final = "DELETE FROM sweeps WHERE number = $1 AND after_subject = $2"


async def sweep(connection: Connection, book: AlignmentBook) -> bool:
    """Have put off the next people of the oldest sweep, in this transaction; False when there is no sweep.

    Two who sweep at once do each step once: the later one finds the sweep moved, and what it put off does no harm.
    """
    row = await connection.fetchrow(_OLDEST)
    if row is None:
        return False
    number, organisation, before, version, after = row
    if organisation is None:
        found = await connection.fetch(_EVERYBODY, after, PERSONS_MAX)
    else:
        changed = await _changed(connection, book, organisation, before, version)
        found = await _touched(connection, organisation, after, changed)
    subjects = [one[0] for one in found]
    if subjects:
        await put_off(connection, subjects)
        await connection.execute(_MOVE, number, after, subjects[-1])
    else:
        await connection.execute(_END, number, after)
    return True


async def _changed(
    connection: Connection, book: AlignmentBook, organisation: str, before: int, version: int
) -> set[str] | None:
    """Return the activities that the two versions read differently; None where one of them is not kept any more."""
    old = await book.version(connection, organisation, before) if before else {}
    new = await book.version(connection, organisation, version)
    if old is None or new is None:
        return None
    return {activity for activity in old.keys() | new.keys() if old.get(activity) != new.get(activity)}


async def _touched(
    connection: Connection, organisation: str, after: str, changed: Collection[str] | None
) -> list[tuple[str]]:
    if changed is None or len(changed) > NAMED_MAX:
        return list(await connection.fetch(_SCORED, organisation, after, PERSONS_MAX))
    return list(await connection.fetch(_ALIGNED, organisation, after, PERSONS_MAX, list(changed)))
