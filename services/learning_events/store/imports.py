"""Imports as a door sees them: those of its organisation. What records them is `import_queue`."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import orjson

from services.learning_events.domain.import_report import OPEN_MAX, Import, LineFault, Mark, State, Tally
from services.learning_events.handlers.ports import Reader
from services.learning_events.handlers.uploading import require_place, require_room
from shared.kernel.errors import Conflict, Fault, NotFound
from shared.runtime import faults, telemetry
from shared.runtime.backbone import Backbone
from shared.runtime.postgres import Transaction

GATE: Final = 0x696D_7074
"""The first half of the advisory lock keys under which an organisation's imports are counted; "impt" in ASCII."""

COLUMNS: Final = """i.id, i.organisation, i.key, i.is_test, i.name, i.state, i.created_at, i.moved_at, i.started_at,
    i.ended_at, i.bytes, i.received, i.line, i.inflated, i.consumed, i.stored, i.duplicate, i.conflict, i.invalid,
    i.reported, i.refusal"""
_OF_KEY: Final = f"SELECT {COLUMNS} FROM imports AS i WHERE organisation = $1 AND key = $2 AND request_key = $3"  # noqa: S608 - constants
_OPEN: Final = """
SELECT count(*) FROM imports WHERE organisation = $1 AND state IN ('receiving', 'waiting', 'running')
"""
_CREATE: Final = """
INSERT INTO imports (organisation, id, key, is_test, name, request_key, state, created_at, moved_at, bytes)
VALUES ($1, $2, $3, $4, $5, $6, 'receiving', $7, $7, $8)
"""
_SEEN: Final = "i.organisation = $1 AND i.is_test = $2 AND ($3::text IS NULL OR i.key = $3)"
_FIND: Final = f"SELECT {COLUMNS} FROM imports AS i WHERE {_SEEN} AND i.id = $4"  # noqa: S608 - constants
_DIGEST: Final = f"SELECT i.digest FROM imports AS i WHERE {_SEEN} AND i.id = $4"  # noqa: S608 - constants
_LISTED: Final = f"""
SELECT {COLUMNS} FROM imports AS i WHERE {_SEEN} AND ($4::text IS NULL OR i.id < $4) ORDER BY i.id DESC LIMIT $5
"""  # noqa: S608 - constants
_KEPT: Final = "SELECT content FROM import_parts WHERE organisation = $1 AND import = $2 AND place = $3"
_APPEND: Final = "INSERT INTO import_parts (organisation, import, place, content) VALUES ($1, $2, $3, $4)"
_RECEIVED: Final = """
UPDATE imports SET received = $3, moved_at = $4, state = CASE WHEN bytes = $3 THEN 'waiting' ELSE state END,
    digest = CASE WHEN bytes = $3 THEN $5::bytea END
WHERE organisation = $1 AND id = $2
"""
_COMPLETE: Final = """
UPDATE imports SET bytes = received, state = 'waiting', moved_at = $3, digest = $4
WHERE organisation = $1 AND id = $2 AND state = 'receiving' AND bytes IS NULL AND received > 0
"""
_CANCEL: Final = """
UPDATE imports SET state = 'cancelled', moved_at = $3, ended_at = $3, worker = NULL, claimed_until = NULL
WHERE organisation = $1 AND id = $2
"""
_FAULTS: Final = """
SELECT line, outcome, event, faults FROM import_faults
WHERE organisation = $1 AND import = $2 AND line > $3 ORDER BY line LIMIT $4
"""


class PostgresImports:
    """The imports of all organisations; a door's transaction sees those of its own."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def create(self, new: Import, request_key: str | None) -> tuple[Import, bool]:
        """Keep it, unless there is one of this key of the writer. Raises Conflict for more than OPEN_MAX at once."""
        async with self._backbone.door(new.organisation) as tx:
            await tx.connection.fetchval("SELECT pg_advisory_xact_lock($1, $2)", GATE, _half(new.organisation))
            row = await tx.connection.fetchrow(_OF_KEY, new.organisation, new.key, request_key)
            if row is not None:
                return read_import(row), False
            if await tx.connection.fetchval(_OPEN, new.organisation) >= OPEN_MAX:
                telemetry.count_bound("imports-open")
                rule = f"{OPEN_MAX} imports of the organisation have not ended"
                raise Conflict.of("", rule, "Wait for one to end, or cancel one.")
            values = (new.organisation, new.id, new.key, new.is_test, new.name, request_key, new.created_at, new.bytes)
            await tx.connection.execute(_CREATE, *values)
        return new, True

    async def find(self, reader: Reader, import_id: str) -> Import | None:
        """Return the import, if there is one that this reader may see."""
        async with self._backbone.door(reader.organisation) as tx:
            row = await tx.connection.fetchrow(_FIND, *_seen_by(reader), import_id)
        return None if row is None else read_import(row)

    async def digest(self, reader: Reader, import_id: str) -> bytes | None:
        """Return the SHA-256 of an upload that came as a single body and is whole; else None."""
        async with self._backbone.door(reader.organisation) as tx:
            digest: bytes | None = await tx.connection.fetchval(_DIGEST, *_seen_by(reader), import_id)
        return digest

    async def listed(self, reader: Reader, before: str | None, limit: int) -> Sequence[Import]:
        """Return the newest first, those before an id where one is given."""
        async with self._backbone.door(reader.organisation) as tx:
            rows = await tx.connection.fetch(_LISTED, *_seen_by(reader), before, limit)
        return [read_import(row) for row in rows]

    async def append(
        self, reader: Reader, import_id: str, place: int, content: bytes, now: datetime, digest: bytes | None
    ) -> Import:
        """Keep these bytes, unless equal ones are there; all announced being there, have the import wait to be read."""
        async with self._backbone.door(reader.organisation) as tx:
            one = await _locked(tx, reader, import_id)
            is_repeated = one.state is State.RECEIVING and place < one.received
            if is_repeated and await tx.connection.fetchval(_KEPT, one.organisation, one.id, place) == content:
                return one
            require_place(one, place)
            require_room(one, len(content))
            await tx.connection.execute(_APPEND, one.organisation, one.id, place, content)
            end = place + len(content)
            await tx.connection.execute(_RECEIVED, one.organisation, one.id, end, now, digest)
            row = await tx.connection.fetchrow(_FIND, *_seen_by(reader), import_id)
        await faults.point("learning-events.import-part")
        return read_import(row)

    async def complete(self, reader: Reader, import_id: str, now: datetime, digest: bytes) -> Import:
        """Have an upload without announced length wait to be read; nothing happens to one that does already."""
        async with self._backbone.door(reader.organisation) as tx:
            one = await _locked(tx, reader, import_id)
            await tx.connection.execute(_COMPLETE, one.organisation, one.id, now, digest)
            row = await tx.connection.fetchrow(_FIND, *_seen_by(reader), import_id)
        return read_import(row)

    async def cancel(self, reader: Reader, import_id: str, now: datetime) -> Import:
        """Have it end; what was recorded stays. Raises Conflict where it has ended another way, NotFound."""
        async with self._backbone.door(reader.organisation) as tx:
            one = await _locked(tx, reader, import_id)
            if one.state in {State.DONE, State.FAILED}:
                raise Conflict.of("", f"the import is {one.state.value}", "Void the statements it stored, if need be.")
            if one.state is not State.CANCELLED:
                await tx.connection.execute(_CANCEL, one.organisation, one.id, now)
            row = await tx.connection.fetchrow(_FIND, *_seen_by(reader), import_id)
        return read_import(row)

    async def faults(self, reader: Reader, import_id: str, after: int, limit: int) -> Sequence[LineFault]:
        """Return the lines of the report after a line."""
        async with self._backbone.door(reader.organisation) as tx:
            rows = await tx.connection.fetch(_FAULTS, reader.organisation, import_id, after, limit)
        return [LineFault(row[0], row[1], row[2], tuple(Fault(*one) for one in orjson.loads(row[3]))) for row in rows]


def read_import(row: Any) -> Import:
    """Return the import in a row of COLUMNS."""
    refusal = None if row["refusal"] is None else Fault(*orjson.loads(row["refusal"]))
    mark = Mark(row["line"], row["inflated"], row["consumed"])
    tally = Tally(row["stored"], row["duplicate"], row["conflict"], row["invalid"])
    return Import(
        id=row["id"],
        organisation=row["organisation"],
        key=row["key"],
        is_test=row["is_test"],
        name=row["name"],
        state=State(row["state"]),
        created_at=row["created_at"],
        moved_at=row["moved_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
        bytes=row["bytes"],
        received=row["received"],
        mark=mark,
        tally=tally,
        reported=row["reported"],
        refusal=refusal,
    )


def written(fault: Fault) -> tuple[str, str, str]:
    """Return a fault as it is kept."""
    return fault.pointer, fault.rule, fault.mend


async def _locked(tx: Transaction, reader: Reader, import_id: str) -> Import:
    """Return the import, which nobody else changes until the end. Raises NotFound."""
    row = await tx.connection.fetchrow(f"{_FIND} FOR UPDATE", *_seen_by(reader), import_id)
    if row is None:
        raise NotFound("There is no such import, or none that this key may see.")
    return read_import(row)


def _seen_by(reader: Reader) -> tuple[str, bool, str | None]:
    return reader.organisation, reader.is_test, reader.only_key


def _half(organisation: str) -> int:
    return zlib.crc32(organisation.encode()) - (1 << 31)
