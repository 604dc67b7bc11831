"""What came in another form than that of a statement: kept with the statement made of it, read back, erased."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

from services.learning_events.domain.arrival import Account, Arrival, Kept, Writer
from services.learning_events.domain.derived import ReceivedEntity
from services.learning_events.domain.original import Original
from services.learning_events.handlers.ports import Reader
from shared.kernel import canonical_json
from shared.runtime.backbone import Backbone
from shared.runtime.postgres import Connection

ERASED_AT_ONCE: Final = 500

_KEEP: Final = """
INSERT INTO originals (organisation, is_test, key, id, format, stored_at, entity, person, envelope, content)
SELECT $1, $2, $3, new.* FROM unnest($4::uuid[], $5::text[], $6::timestamptz[], $7::text[], $8::text[], $9::bytea[],
    $10::bytea[]) AS new (id, format, stored_at, entity, person, envelope, content)
ORDER BY new.id
ON CONFLICT (organisation, id) DO NOTHING
RETURNING id
"""
_FIND: Final = """
SELECT format, envelope, content FROM originals
WHERE organisation = $1 AND is_test = $2 AND ($3::text IS NULL OR key = $3) AND id = $4 AND content IS NOT NULL
"""
_FORMATS: Final = """
SELECT id, format FROM originals WHERE organisation = $1 AND id = ANY($2::uuid[]) AND content IS NOT NULL
"""
_STANDING: Final = "SELECT id, original, is_test FROM statements WHERE organisation = $1 AND id = ANY($2::uuid[])"
_ENTITIES: Final = "SELECT id FROM originals WHERE organisation = $1 AND id = ANY($2::uuid[]) AND entity IS NOT NULL"
_ERASE: Final = """
UPDATE originals SET envelope = NULL, content = NULL, entity = NULL
WHERE ctid = ANY(ARRAY(SELECT ctid FROM originals WHERE person = $1 AND content IS NOT NULL LIMIT $2 FOR UPDATE))
"""


async def keep_originals(connection: Connection, writer: Writer, arrivals: Sequence[Arrival]) -> None:
    """Have kept what these new statements were made of."""
    rows = [
        (one.id, one.statement.sent, one.received_at, None, one.account.person if one.account else None)
        for one in arrivals
    ]
    await connection.execute(_KEEP, writer.organisation, writer.is_test, writer.key, *_columns(rows))


async def erase_originals(backbone: Backbone, person: str) -> None:
    """Have emptied what came about this person, ERASED_AT_ONCE rows a transaction. Ids stay."""
    while True:
        async with backbone.backbone() as tx:
            said = await tx.connection.execute(_ERASE, person, ERASED_AT_ONCE)
        if int(said.rpartition(" ")[2]) < ERASED_AT_ONCE:
            return


class PostgresOriginals:
    """The originals of all organisations; a door's transaction sees those of its own."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def keep_entities(
        self,
        writer: Writer,
        entities: Sequence[ReceivedEntity],
        received_at: datetime,
        owners: Mapping[str, Account],
    ) -> set[str]:
        """Have kept what was described, and return the ids of those that were not there before."""
        rows = [
            (one.id, one.original, received_at, one.entity, owners[one.owner].person if one.owner else None)
            for one in entities
        ]
        async with self._backbone.door(writer.organisation) as tx:
            new = await tx.connection.fetch(_KEEP, writer.organisation, writer.is_test, writer.key, *_columns(rows))
        return {str(row[0]) for row in new}

    async def find(self, reader: Reader, event_id: str) -> Original | None:
        """Return what was sent, if it did not come as a statement and this reader may see it."""
        async with self._backbone.door(reader.organisation) as tx:
            row = await tx.connection.fetchrow(_FIND, reader.organisation, reader.is_test, reader.only_key, event_id)
        if row is None:
            return None
        return Original(row[0], row[2], cast("dict[str, Any]", canonical_json.loads(row[1])))

    async def formats(self, organisation: str, ids: Collection[str]) -> dict[str, str]:
        """Return the format of those of these events that did not come as statements."""
        async with self._backbone.door(organisation) as tx:
            rows = await tx.connection.fetch(_FORMATS, organisation, list(ids))
        return {str(row[0]): row[1] for row in rows}

    async def standing(self, organisation: str, ids: Collection[str]) -> dict[str, Kept]:
        """Return what stands under these ids, statements of real and of test data alike."""
        async with self._backbone.door(organisation) as tx:
            rows = await tx.connection.fetch(_STANDING, organisation, list(ids))
        return {str(row[0]): Kept(row[1], row[2]) for row in rows}

    async def known_entities(self, organisation: str, ids: Collection[str]) -> set[str]:
        """Return those of the ids under which an entity is kept."""
        async with self._backbone.door(organisation) as tx:
            rows = await tx.connection.fetch(_ENTITIES, organisation, list(ids))
        return {str(row[0]) for row in rows}


def _columns(rows: Sequence[tuple[str, Original | None, datetime, str | None, str | None]]) -> list[list[Any]]:
    """Return the arrays of `_KEEP` from its fourth parameter on."""
    found = [(row, row[1]) for row in rows if row[1] is not None]
    return [
        [row[0] for row, _ in found],
        [original.format for _, original in found],
        [row[2] for row, _ in found],
        [row[3] for row, _ in found],
        [row[4] for row, _ in found],
        [canonical_json.dumps(dict(original.envelope)) for _, original in found],
        [original.content for _, original in found],
    ]
