"""Who is part of whom, in the derived table `aliases`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from services.skill_inference.domain.people import People, outside
from services.skill_inference.domain.testimony import Link
from shared.runtime.postgres import Connection

ROUNDS_MAX: Final = 64
"""Links followed one after another; identity keeps chains at one link, so more than two are never met."""

_AROUND: Final = """
SELECT alias, canonical FROM aliases WHERE alias = ANY($1::text[])
UNION SELECT alias, canonical FROM aliases WHERE canonical = ANY($1::text[])
"""
_LINK: Final = """
INSERT INTO aliases (alias, canonical, number) VALUES ($1, $2, $3)
ON CONFLICT (alias) DO UPDATE SET canonical = excluded.canonical, number = excluded.number
"""


async def people(connection: Connection, persons: Collection[str]) -> People:
    """Return who is whom around `persons`: every link that can be reached from them, either way."""
    links: dict[str, str] = {}
    known, fresh = set(persons), set(persons)
    for _ in range(ROUNDS_MAX):
        if not fresh:
            break
        links.update({row[0]: row[1] for row in await connection.fetch(_AROUND, list(fresh))})
        fresh = outside(known, links)
        known |= fresh
    return People(links)


async def link(connection: Connection, links: Sequence[Link]) -> None:
    """Have kept who is part of whom, in the order given."""
    for alias, number, canonical in links:
        if canonical is None:
            await connection.execute("DELETE FROM aliases WHERE alias = $1", alias)
        else:
            await connection.execute(_LINK, alias, canonical, number)
