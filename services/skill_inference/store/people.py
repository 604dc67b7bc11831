"""Who is part of whom, in the derived table `aliases`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from services.skill_inference.domain.people import People, outside
from services.skill_inference.domain.testimony import Link
from services.skill_inference.handlers.desk import Basis
from services.skill_inference.store.alignments import BASIS
from shared.runtime.postgres import Connection

ROUNDS_MAX: Final = 64
"""Links followed one after another; identity keeps chains at one link, so more than two are never met."""

_AROUND: Final = """
SELECT alias, canonical FROM aliases WHERE alias = ANY($1::text[])
UNION SELECT alias, canonical FROM aliases WHERE canonical = ANY($1::text[])
"""
_HOLDING_AROUND: Final = f"""
{_AROUND}
UNION ALL SELECT NULL, NULL WHERE pg_advisory_xact_lock_shared($2) IS NULL
"""
"""Takes the lock and adds no row, for what it returns is not null: a round trip is saved."""
_AROUND_AND_BASIS: Final = f"""
SELECT alias, canonical, NULL::bigint, NULL::bigint, NULL::bigint FROM ({_AROUND}) AS links
UNION ALL SELECT NULL, NULL, basis.generation, basis.adoption, basis.calibration FROM ({BASIS}) AS basis
"""  # noqa: S608 - a constant
_LINK: Final = """
INSERT INTO aliases (alias, canonical, number) VALUES ($1, $2, $3)
ON CONFLICT (alias) DO UPDATE SET canonical = excluded.canonical, number = excluded.number
"""


async def people(connection: Connection, persons: Collection[str], lock_key: int | None = None) -> People:
    """Return who is whom around `persons`: every link that can be reached from them, either way.

    lock_key: an advisory lock that the transaction holds, shared, from now on.
    """
    first = (_AROUND, list(persons)) if lock_key is None else (_HOLDING_AROUND, list(persons), lock_key)
    return await _further(connection, persons, dict(await connection.fetch(*first)))


async def people_and_basis(connection: Connection, persons: Collection[str]) -> tuple[People, Basis]:
    """Return who is whom around `persons`, and what evidence is read by at present."""
    rows = await connection.fetch(_AROUND_AND_BASIS, list(persons))
    (basis,) = (Basis(row[2], row[3], row[4]) for row in rows if row[0] is None)
    links = {row[0]: row[1] for row in rows if row[0] is not None}
    return await _further(connection, persons, links), basis


async def _further(connection: Connection, persons: Collection[str], links: dict[str, str]) -> People:
    """Follow the links around `persons` to their ends, either way."""
    known = set(persons)
    fresh = outside(known, links)
    known |= fresh
    for _ in range(ROUNDS_MAX):
        if not fresh:
            break
        links.update(dict(await connection.fetch(_AROUND, list(fresh))))
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
