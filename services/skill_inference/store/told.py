"""What was told last, who is still to be revised, and of whom what was told must go: owned, never rebuilt."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from services.skill_inference.domain.revision import Revision
from services.skill_inference.domain.telling import Told
from shared.events.erasure import facts_erased
from shared.events.sources import SKILL_INFERENCE
from shared.runtime.postgres import Connection

_TOLD: Final = "SELECT person, skill, mean, release, claim FROM told WHERE person = ANY($1::text[])"
_REMEMBER: Final = """
INSERT INTO told (person, skill, mean, release, claim)
SELECT * FROM unnest($1::text[], $2::text[], $3::float8[], $4::text[], $5::smallint[])
ON CONFLICT (person, skill) DO UPDATE
SET mean = excluded.mean, release = excluded.release, claim = excluded.claim
"""
_FORGET: Final = """
DELETE FROM told USING unnest($1::text[], $2::text[]) AS gone (person, skill)
WHERE told.person = gone.person AND told.skill = gone.skill
"""
_PUT_OFF: Final = "INSERT INTO put_off (person) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"
_PUT_OFF_REVIEWED: Final = """
WITH reviewed AS (SELECT DISTINCT subject FROM reviews WHERE reviewer = ANY($1::text[])),
     news AS (INSERT INTO put_off (person) SELECT subject FROM reviewed ORDER BY subject ON CONFLICT DO NOTHING)
SELECT EXISTS (SELECT FROM reviewed)
"""
_EMPTY_LATER: Final = "INSERT INTO erasures_due (person) SELECT unnest($1::text[]) ON CONFLICT DO NOTHING"
_TO_BE_EMPTIED: Final = "SELECT person FROM erasures_due ORDER BY person LIMIT $1"
_SAYS_ANYTHING: Final = """
SELECT EXISTS (SELECT FROM backbone.facts WHERE subject = $1 AND type <> $2 AND data IS NOT NULL)
"""
_OWN_ERASURE: Final = facts_erased(SKILL_INFERENCE, 0).type


async def told(connection: Connection, persons: Collection[str]) -> dict[str, dict[str, Told]]:
    """Return what was told last of each person of whom something is told, by skill."""
    found: defaultdict[str, dict[str, Told]] = defaultdict(dict)
    for person, skill, mean, release, claim in await connection.fetch(_TOLD, list(persons)):
        found[person][skill] = Told(mean, release, claim)
    return dict(found)


async def remember(connection: Connection, news: Mapping[str, Sequence[Revision]]) -> None:
    """Have remembered what is told of each person from now on."""
    rows = [
        (person, one.skill, *one.told)
        for person, found in sorted(news.items())
        for one in found
        if one.told is not None
    ]
    if rows:
        await connection.execute(_REMEMBER, *(list(column) for column in zip(*rows, strict=True)))
    gone = [(person, one.skill) for person, found in news.items() for one in found if one.told is None]
    if gone:
        await connection.execute(_FORGET, *(list(column) for column in zip(*gone, strict=True)))


async def forget(connection: Connection, person: str) -> None:
    """Have forgotten that anything was told of this person."""
    await connection.execute("DELETE FROM told WHERE person = $1", person)


async def put_off(connection: Connection, persons: Collection[str]) -> None:
    """Have remembered that these persons are still to be revised."""
    await connection.execute(_PUT_OFF, sorted(persons))


async def put_off_reviewed(connection: Connection, reviewers: Collection[str]) -> bool:
    """Have remembered that everybody whom any of these ids reviewed is still to be revised; say if there is any."""
    found: bool = await connection.fetchval(_PUT_OFF_REVIEWED, sorted(reviewers))
    return found


async def waiting(connection: Connection, limit: int) -> list[str]:
    """Return up to `limit` persons who are still to be revised."""
    return [row[0] for row in await connection.fetch("SELECT person FROM put_off ORDER BY person LIMIT $1", limit)]


async def is_done(connection: Connection, persons: Collection[str]) -> None:
    """Have forgotten that these persons were to be revised."""
    await connection.execute("DELETE FROM put_off WHERE person = ANY($1::text[])", list(persons))


async def empty_later(connection: Connection, persons: Collection[str]) -> None:
    """Have remembered that what was told of these persons is still to be emptied."""
    await connection.execute(_EMPTY_LATER, sorted(persons))


async def to_be_emptied(connection: Connection, limit: int) -> list[str]:
    """Return up to `limit` persons of whom what was told is still to be emptied."""
    return [row[0] for row in await connection.fetch(_TO_BE_EMPTIED, limit)]


async def says_anything(connection: Connection, person: str) -> bool:
    """Say whether any fact that we told of this person still has its data."""
    found: bool = await connection.fetchval(_SAYS_ANYTHING, person, _OWN_ERASURE)
    return found


async def is_emptied(connection: Connection, person: str) -> None:
    """Have forgotten that what was told of this person was to be emptied."""
    await connection.execute("DELETE FROM erasures_due WHERE person = $1", person)
