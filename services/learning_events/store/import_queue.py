"""Imports as those see them who record them: of all organisations, claimed one by one.

A claim is a worker's name and a time. Whoever finds the time past takes it over; every write of a claim names its
worker, so that one who was taken for dead cannot move what another has. Uploads are removed as soon as an import ends,
by pieces, because a transaction is short.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from datetime import datetime
from typing import Any, Final

import orjson

from services.learning_events.domain.import_report import REPORT_AGE, REPORTED_MAX, UPLOAD_AGE, Import, State, Step
from services.learning_events.handlers.importing import Claim, ClaimLost
from services.learning_events.store.imports import COLUMNS, read_import, written
from shared.kernel.errors import Fault
from shared.runtime import faults, telemetry
from shared.runtime.backbone import Backbone

PIECES_REMOVED_AT_ONCE: Final = 64
"""Pieces of an upload that one transaction removes: up to 64 MiB."""
FAULTS_REMOVED_AT_ONCE: Final = 500

# An organisation whose import is being recorded comes after those that have none, so that one cannot hold all workers.
_CLAIM: Final = f"""
UPDATE imports AS i SET state = 'running', worker = $1, claimed_until = $3, started_at = coalesce(i.started_at, $2),
    attempts = i.attempts + CASE WHEN i.worker IS DISTINCT FROM $1 THEN 1 ELSE 0 END
FROM (SELECT organisation, id FROM imports AS o
    WHERE state = 'waiting' OR (state = 'running' AND (claimed_until < $2 OR worker = $1))
    ORDER BY worker IS NOT DISTINCT FROM $1 DESC, EXISTS (SELECT FROM imports AS r WHERE r.state = 'running'
        AND r.organisation = o.organisation AND r.id <> o.id AND r.claimed_until >= $2), moved_at
    LIMIT 1 FOR UPDATE SKIP LOCKED) AS free
WHERE i.organisation = free.organisation AND i.id = free.id
RETURNING {COLUMNS}, i.batch_at, i.attempts
"""  # noqa: S608 - constants
_HELD: Final = "WHERE organisation = $1 AND id = $2 AND worker = $3 AND state = 'running'"
_FIRST: Final = """
SELECT substring(string_agg(content, ''::bytea ORDER BY place) FROM 1 FOR 4) FROM (SELECT place, content
    FROM import_parts WHERE organisation = $1 AND import = $2 ORDER BY place LIMIT 4) AS head
"""
_HOLDING: Final = """
SELECT coalesce(max(place), 0) FROM import_parts WHERE organisation = $1 AND import = $2 AND place <= $3
"""
_PIECE: Final = """
SELECT place, content FROM import_parts WHERE organisation = $1 AND import = $2 AND place >= $3 ORDER BY place LIMIT 1
"""
_PLAN: Final = "SET LOCAL enable_sort = off; SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off"
_LAG: Final = """
SELECT f.recorded_at FROM backbone.facts AS f
WHERE (f.epoch, f.xid, f.id) > (SELECT r.epoch, r.xid, r.id FROM backbone.relay AS r)
ORDER BY f.epoch, f.xid, f.id LIMIT 1
"""
_RENEW: Final = f"UPDATE imports SET claimed_until = $4 {_HELD} RETURNING true"  # noqa: S608 - constants
_BEGIN: Final = f"UPDATE imports SET claimed_until = $4, batch_at = least(clock_timestamp(), $5) {_HELD} RETURNING true"  # noqa: S608 - constants
_STORED_SINCE: Final = """
SELECT id::text FROM statements WHERE organisation = $1 AND id = ANY($2::uuid[]) AND stored_at >= $3 AND key = $4
UNION SELECT id::text FROM originals
WHERE organisation = $1 AND id = ANY($2::uuid[]) AND stored_at >= $3 AND key = $4 AND entity IS NOT NULL
"""
_RECORDED: Final = f"""
UPDATE imports SET claimed_until = $4, moved_at = $5, line = $6, inflated = $7, consumed = $8, stored = stored + $9,
    duplicate = duplicate + $10, conflict = conflict + $11, invalid = invalid + $12, batch_at = NULL, attempts = 0
{_HELD} RETURNING reported
"""  # noqa: S608 - constants
_REPORT: Final = """
INSERT INTO import_faults (organisation, import, line, outcome, event, faults)
SELECT $1, $2, new.* FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[]) AS new
"""
_REPORTED: Final = "UPDATE imports SET reported = reported + $3 WHERE organisation = $1 AND id = $2"
_END: Final = f"""
UPDATE imports SET state = $4, refusal = $5, moved_at = CASE WHEN $4 = 'done' THEN moved_at ELSE $6 END, ended_at = $6,
    worker = NULL, claimed_until = NULL
{_HELD} RETURNING true
"""  # noqa: S608 - constants
_REMOVE_PIECES: Final = """
DELETE FROM import_parts WHERE organisation = $1 AND import = $2 AND place IN
    (SELECT place FROM import_parts WHERE organisation = $1 AND import = $2 ORDER BY place LIMIT $3)
"""
_REMOVED: Final = "UPDATE imports SET has_bytes = false WHERE organisation = $1 AND id = $2"
_EXPIRE: Final = """
UPDATE imports SET state = 'failed', ended_at = $2, refusal = $3 WHERE state = 'receiving' AND moved_at < $1
"""
_WITH_BYTES: Final = "SELECT organisation, id FROM imports WHERE ended_at IS NOT NULL AND has_bytes LIMIT 20"
_OLD: Final = "SELECT organisation, id FROM imports WHERE ended_at < $1 AND NOT has_bytes LIMIT 20"
_REMOVE_FAULTS: Final = """
DELETE FROM import_faults WHERE organisation = $1 AND import = $2 AND line IN
    (SELECT line FROM import_faults WHERE organisation = $1 AND import = $2 ORDER BY line LIMIT $3)
"""
_REMOVE: Final = "DELETE FROM imports WHERE organisation = $1 AND id = $2"
_ABANDONED: Final = Fault(
    "", f"nothing was added to the upload for {UPLOAD_AGE.total_seconds() / 3600:.0f} hours", "Begin a new import."
)


class PostgresImportQueue:
    """The imports of all organisations, for those who record them."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def claim(self, worker: str, now: datetime, until: datetime) -> Claim | None:
        """Return an import that waits, or whose claim has run out, claimed until then; None where there is none."""
        async with self._backbone.backbone() as tx:
            row = await tx.connection.fetchrow(_CLAIM, worker, now, until)
        return None if row is None else Claim(read_import(row), worker, row["batch_at"], row["attempts"])

    async def first_bytes(self, one: Import) -> bytes:
        """Return the first bytes of the upload, four if there are so many."""
        async with self._backbone.reading() as connection:
            return bytes(await connection.fetchval(_FIRST, one.organisation, one.id) or b"")

    async def pieces(self, one: Import, place: int) -> AsyncIterator[tuple[int, bytes]]:
        """Yield the upload by pieces with their places, from the one on that holds `place`; no connection is held."""
        async with self._backbone.reading() as connection:
            place = await connection.fetchval(_HOLDING, one.organisation, one.id, place)
        while True:
            async with self._backbone.reading() as connection:
                row = await connection.fetchrow(_PIECE, one.organisation, one.id, place)
            if row is None:
                return
            yield row[0], row[1]
            place = row[0] + len(row[1])

    async def lag_seconds(self, now: datetime) -> float:
        """Return the age of the oldest fact that was not told yet; 0 where there is none."""
        async with self._backbone.backbone() as tx:
            await tx.connection.execute(_PLAN)
            oldest = await tx.connection.fetchval(_LAG)
        return 0.0 if oldest is None else (now - oldest).total_seconds()

    async def renew(self, claim: Claim, until: datetime) -> None:
        """Have the claim last until then. Raises ClaimLost."""
        await self._moved(_RENEW, claim, until)

    async def begin(self, claim: Claim, now: datetime, until: datetime) -> None:
        """Keep the time from which on the next step is stored: of two clocks, the one that is behind.

        Raises ClaimLost.
        """
        await self._moved(_BEGIN, claim, until, now)
        await faults.point("learning-events.import-begun")

    async def stored_since(self, claim: Claim, ids: Collection[str]) -> frozenset[str]:
        """Return those of the ids that the import's key stored at the claim's `batch_at` or later."""
        one = claim.one
        async with self._backbone.reading() as connection:
            rows = await connection.fetch(_STORED_SINCE, one.organisation, list(ids), claim.batch_at, one.key)
        return frozenset(row[0] for row in rows)

    async def recorded(self, claim: Claim, step: Step, now: datetime, until: datetime) -> None:
        """Keep what became of a step, and the place behind it, in one transaction. Raises ClaimLost."""
        one, mark, tally = claim.one, step.mark, step.tally
        counts = (tally.stored, tally.duplicate, tally.conflict, tally.invalid)
        await faults.point("learning-events.import-recorded")
        async with self._backbone.backbone() as tx:
            place = (mark.line, mark.inflated, mark.consumed)
            held = (one.organisation, one.id, claim.worker, until, now)
            reported = await tx.connection.fetchval(_RECORDED, *held, *place, *counts)
            if reported is None:
                raise _lost()
            told = step.faults[: max(0, REPORTED_MAX - reported)]
            if len(told) < len(step.faults):
                telemetry.count_bound("import-reported-lines")
            if told:
                columns = [
                    [fault.line for fault in told],
                    [fault.outcome for fault in told],
                    [fault.event for fault in told],
                    [orjson.dumps([written(each) for each in fault.faults]).decode() for fault in told],
                ]
                await tx.connection.execute(_REPORT, one.organisation, one.id, *columns)
                await tx.connection.execute(_REPORTED, one.organisation, one.id, len(told))
        await faults.point("learning-events.import-step")

    async def end(self, claim: Claim, state: State, refusal: Fault | None, now: datetime) -> None:
        """Have the import ended. Raises ClaimLost."""
        why = None if refusal is None else orjson.dumps(written(refusal)).decode()
        one = claim.one
        async with self._backbone.backbone() as tx:
            if not await tx.connection.fetchval(_END, one.organisation, one.id, claim.worker, state.value, why, now):
                raise _lost()
        await faults.point("learning-events.import-ended")

    async def remove_bytes(self, organisation: str, import_id: str) -> None:
        """Have removed what was uploaded, PIECES_REMOVED_AT_ONCE a transaction. Safe to repeat."""
        await self._remove(_REMOVE_PIECES, organisation, import_id, PIECES_REMOVED_AT_ONCE)
        async with self._backbone.backbone() as tx:
            await tx.connection.execute(_REMOVED, organisation, import_id)

    async def sweep(self, now: datetime) -> None:
        """Have ended uploads nobody goes on with, and removed the bytes of what has ended, and what ended long ago."""
        async with self._backbone.backbone() as tx:
            why = orjson.dumps(written(_ABANDONED)).decode()
            await tx.connection.execute(_EXPIRE, now - UPLOAD_AGE, now, why)
        while with_bytes := await self._named(_WITH_BYTES):
            for organisation, import_id in with_bytes:
                await self.remove_bytes(organisation, import_id)
        while old := await self._named(_OLD, now - REPORT_AGE):
            for organisation, import_id in old:
                await self._remove(_REMOVE_FAULTS, organisation, import_id, FAULTS_REMOVED_AT_ONCE)
                async with self._backbone.backbone() as tx:
                    await tx.connection.execute(_REMOVE, organisation, import_id)

    async def _named(self, query: str, *values: Any) -> list[tuple[str, str]]:
        async with self._backbone.reading() as connection:
            return [(row[0], row[1]) for row in await connection.fetch(query, *values)]

    async def _moved(self, query: str, claim: Claim, *values: Any) -> None:
        one = claim.one
        async with self._backbone.backbone() as tx:
            if not await tx.connection.fetchval(query, one.organisation, one.id, claim.worker, *values):
                raise _lost()

    async def _remove(self, query: str, organisation: str, import_id: str, rows_max: int) -> None:
        while True:
            async with self._backbone.backbone() as tx:
                done = await tx.connection.execute(query, organisation, import_id, rows_max)
            if int(done.rpartition(" ")[2]) < rows_max:
                return


def _lost() -> ClaimLost:
    return ClaimLost("the import was cancelled, or another records it")
