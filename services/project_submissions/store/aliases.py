"""Who is an alias of whom, as rows of the derived schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from shared.runtime.postgres import Connection

_FORGET: Final = "DELETE FROM aliases WHERE alias = ANY ($1::text[])"
_KEEP: Final = """
INSERT INTO aliases (alias, canonical, number)
SELECT alias, canonical, number FROM unnest($1::text[], $2::text[], $3::bigint[]) AS new (alias, canonical, number)
"""


@dataclass(frozen=True, slots=True)
class Alias:
    """As whom somebody is known now. number: of the fact in their own stream that says so."""

    canonical: str
    number: int


async def keep_aliases(connection: Connection, known: Mapping[str, Alias | None]) -> None:
    """Have each person known as stated; None for one who stands for themselves."""
    kept = {person: alias for person, alias in known.items() if alias is not None}
    await connection.execute(_FORGET, list(known))
    canonicals = [alias.canonical for alias in kept.values()]
    await connection.execute(_KEEP, list(kept), canonicals, [alias.number for alias in kept.values()])
