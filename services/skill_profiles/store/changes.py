"""The log of changes: written in the transaction of the effect, read by followers behind the snapshot horizon.

A row a person (and one a consent) that moves to the end whenever it changes: a follower who reads in order of (epoch,
xid, person, organisation) sees every person who changed after their place, each once, and the log never grows beyond
the people there are. It is owned and not derived, so places outlive rebuilds; after one, every profile counts as
changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from services.skill_profiles.domain.places import Due, ExpiryPlace, LogPlace, Place, Step, latest_a_person
from shared.runtime.backbone import Backbone
from shared.runtime.postgres import Connection

PAGE_ROWS_MAX: Final = 200
"""Changes looked at in one step of a follower."""
TOUCH_ROWS_MAX: Final = 500
"""Rows moved in one transaction after a rebuild."""
_EPOCH_START: Final = datetime(1970, 1, 1, tzinfo=UTC)

_TOUCH: Final = """
INSERT INTO changes (person, organisation, epoch, xid)
SELECT person, organisation, (SELECT epoch FROM backbone.epochs), pg_current_xact_id()
FROM unnest($1::text[], $2::text[]) AS touched (person, organisation) ORDER BY person, organisation
ON CONFLICT (person, organisation) DO UPDATE SET epoch = excluded.epoch, xid = excluded.xid
"""
_CONSENTERS: Final = """
SELECT DISTINCT person, organisation FROM grants WHERE person = ANY ($1::text[]) AND withdrawn_at IS NULL
"""
_BEHIND_HORIZON: Final = """
(c.epoch, c.xid) < ((SELECT epoch FROM backbone.epochs), pg_snapshot_xmin(pg_current_snapshot()))
"""
_END: Final = f"""
SELECT c.epoch, c.xid::text::bigint, c.person, c.organisation FROM changes c WHERE {_BEHIND_HORIZON}
ORDER BY c.epoch DESC, c.xid DESC, c.person DESC, c.organisation DESC LIMIT 1
"""  # noqa: S608 - a constant
_AFTER: Final = f"""
WITH page AS (
    SELECT c.epoch, c.xid, c.person, c.organisation FROM changes c
    WHERE (c.epoch, c.xid, c.person, c.organisation) > ($1::integer, $2::text::xid8, $3::text, $4::text)
      AND {_BEHIND_HORIZON} AND c.organisation IN ('', $5)
    ORDER BY c.epoch, c.xid, c.person, c.organisation LIMIT $6
)
SELECT page.epoch, page.xid::text::bigint, page.person, page.organisation,
       CASE WHEN page.organisation = '' THEN coalesce(a.canonical, page.person) ELSE page.person END,
       page.organisation <> '' OR EXISTS (
           SELECT 1 FROM grants g LEFT JOIN aliases ga ON ga.alias = g.person
           WHERE g.organisation = $5 AND g.withdrawn_at IS NULL
             AND coalesce(ga.canonical, g.person) = coalesce(a.canonical, page.person))
FROM page LEFT JOIN aliases a ON a.alias = page.person
ORDER BY page.epoch, page.xid, page.person, page.organisation
"""  # noqa: S608 - a constant
_OPENING: Final = """
SELECT DISTINCT person FROM grants
WHERE organisation = $1 AND withdrawn_at IS NULL AND expires_at > $2 AND person > $3 ORDER BY person LIMIT $4
"""
_EXPIRED: Final = """
SELECT person, expires_at, grant_id FROM grants
WHERE organisation = $1 AND (expires_at, grant_id) > ($2, $3) AND expires_at <= $4 AND withdrawn_at IS NULL
ORDER BY expires_at, grant_id LIMIT $5
"""
_TOUCH_NEW: Final = """
WITH page AS (SELECT person FROM heard_facts WHERE person > $1 ORDER BY person LIMIT $2),
     added AS (INSERT INTO changes (person, organisation, epoch, xid)
               SELECT person, '', (SELECT epoch FROM backbone.epochs), pg_current_xact_id() FROM page ORDER BY person
               ON CONFLICT DO NOTHING)
SELECT max(person) FROM page
"""
_TOUCH_STALE: Final = """
UPDATE changes SET epoch = (SELECT epoch FROM backbone.epochs), xid = pg_current_xact_id()
WHERE (person, organisation) IN (
    SELECT person, organisation FROM changes WHERE (person, organisation) > ($1, $2)
    ORDER BY person, organisation LIMIT $3)
RETURNING person, organisation
"""
_PARKED: Final = "SELECT subject FROM positions WHERE source = 'identity' AND parked_number IS NOT NULL"


async def touch(connection: Connection, touched: Iterable[tuple[str, str]]) -> None:
    """Have each (person, organisation) stand at the end of the log when this transaction commits."""
    rows = sorted(set(touched))
    if rows:
        await connection.execute(_TOUCH, [person for person, _ in rows], [organisation for _, organisation in rows])


async def consents_of(connection: Connection, people: Sequence[str]) -> list[tuple[str, str]]:
    """Return (person, organisation) of the consents these people gave and did not withdraw."""
    return [(row[0], row[1]) for row in await connection.fetch(_CONSENTERS, list(people))]


class PostgresChanges:
    """What followers read. `organisation` is always the follower's own."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def end(self) -> LogPlace:
        """Return the place after everything that committed and lies behind the horizon."""
        async with self._backbone.reading() as connection:
            row = await connection.fetchrow(_END)
        return LogPlace(*row) if row else LogPlace()

    async def step(self, organisation: str, place: Place, now: datetime) -> Step:
        """Return what is due after `place`: of the opening while it lasts, then ends of consents, then changes."""
        async with self._backbone.door(organisation) as tx:
            if place.opening is not None:
                return await _open(tx.connection, organisation, place, place.opening, now)
            expired = await _expired(tx.connection, organisation, place, now)
            if expired.due:
                return expired
            return await _changed(tx.connection, organisation, place)

    # After a rebuild

    async def mark_rebuilt(self) -> bool:
        """Have every profile count as changed when the derived state is another one than was last seen; say whether.

        A crash in between leaves it to the next call. The first call only remembers what there is.
        """
        async with self._backbone.reading() as connection:
            seen, present = await connection.fetchrow(
                "SELECT s.schema, n.oid FROM derived_seen s, pg_namespace n WHERE n.nspname = 'derived'"
            )
        if seen == present:
            return False
        if seen is not None:
            await self._touch_everybody()
        async with self._backbone.backbone() as tx:
            await tx.connection.execute("UPDATE derived_seen SET schema = $1", present)
        return seen is not None

    async def _touch_everybody(self) -> None:
        person: str | None = ""
        while person is not None:
            async with self._backbone.backbone() as tx:
                person = await tx.connection.fetchval(_TOUCH_NEW, person, TOUCH_ROWS_MAX)
        after: tuple[str, str] | None = ("", "")
        while after is not None:
            async with self._backbone.backbone() as tx:
                rows = await tx.connection.fetch(_TOUCH_STALE, *after, TOUCH_ROWS_MAX)
            after = max((row[0], row[1]) for row in rows) if rows else None

    # People whose record is closed because their stream at identity is parked

    async def mark_parked(self) -> int:
        """Have the profile of everybody whose stream parked, or flows again, count as changed; return how many."""
        async with self._backbone.backbone() as tx:
            parked = {row[0] for row in await tx.connection.fetch(_PARKED)}
            told = {row[0] for row in await tx.connection.fetch("SELECT person FROM closed_people")}
            if parked != told:
                await tx.connection.execute("DELETE FROM closed_people WHERE person = ANY ($1)", sorted(told - parked))
                await tx.connection.execute(
                    "INSERT INTO closed_people SELECT unnest($1::text[]) ON CONFLICT DO NOTHING", sorted(parked - told)
                )
                await touch(tx.connection, ((person, "") for person in parked ^ told))
        return len(parked ^ told)


async def _open(connection: Connection, organisation: str, place: Place, after: str, now: datetime) -> Step:
    rows = await connection.fetch(_OPENING, organisation, now, after, PAGE_ROWS_MAX)
    due = tuple(Due(row[0], "opening", Place(place.log, place.expiry, row[0])) for row in rows)
    is_last = len(rows) < PAGE_ROWS_MAX
    end = Place(place.log, place.expiry, None if is_last else rows[-1][0])
    if is_last and due:
        due = (*due[:-1], Due(due[-1].person, "opening", end))
    return Step(due, end, has_more=True)


async def _expired(connection: Connection, organisation: str, place: Place, now: datetime) -> Step:
    since = _EPOCH_START + timedelta(microseconds=place.expiry.at_us)
    rows = await connection.fetch(_EXPIRED, organisation, since, place.expiry.grant, now, PAGE_ROWS_MAX)
    due = tuple(Due(row[0], "expiry", Place(place.log, _expiry_place(row))) for row in rows)
    return Step(due, due[-1].place if due else place, has_more=True)


async def _changed(connection: Connection, organisation: str, place: Place) -> Step:
    log = place.log
    values = (log.epoch, str(log.xid), log.person, log.organisation, organisation, PAGE_ROWS_MAX)
    rows = await connection.fetch(_AFTER, *values)
    found = [
        Due(row[4], "consent" if row[3] else "profile", Place(LogPlace(*row[:4]), place.expiry))
        for row in rows
        if row[5]
    ]
    end = Place(LogPlace(*rows[-1][:4]), place.expiry) if rows else place
    return Step(latest_a_person(found), end, has_more=len(rows) == PAGE_ROWS_MAX)


def _expiry_place(row: Any) -> ExpiryPlace:
    return ExpiryPlace((row[1] - _EPOCH_START) // timedelta(microseconds=1), row[2])
