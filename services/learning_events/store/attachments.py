"""The SQL of attachments: their data is stored once an organisation, and kept as long as a statement names it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from services.learning_events.domain.arrival import Arrival, Writer
from services.learning_events.handlers.ports import Reader
from services.learning_events.store.gate import hold_gate
from shared.runtime.backbone import Backbone
from shared.runtime.postgres import Connection

_ADD: Final = """
INSERT INTO attachments (organisation, sha2, content)
SELECT $1, new.* FROM unnest($2::text[], $3::bytea[]) AS new (sha2, content) ORDER BY new.sha2
ON CONFLICT (organisation, sha2) DO NOTHING
"""
_NAME: Final = """
INSERT INTO attached (organisation, statement, sha2, place)
SELECT $1, new.* FROM unnest($2::uuid[], $3::text[], $4::smallint[]) AS new
"""
_SIZES: Final = """
SELECT named.statement, named.sha2, octet_length(a.content) FROM attached AS named
JOIN attachments AS a ON a.organisation = named.organisation AND a.sha2 = named.sha2
WHERE named.organisation = $1 AND named.statement = ANY($2::uuid[])
ORDER BY array_position($2::uuid[], named.statement), named.place
"""
_CONTENT: Final = "SELECT sha2, content FROM attachments WHERE organisation = $1 AND sha2 = ANY($2::text[])"
_FORGET: Final = """
WITH gone AS (DELETE FROM attached WHERE organisation = $1 AND statement = ANY($2::uuid[]) RETURNING sha2)
DELETE FROM attachments AS a WHERE a.organisation = $1 AND a.sha2 IN (SELECT sha2 FROM gone)
    AND NOT EXISTS (SELECT FROM attached AS other WHERE other.organisation = a.organisation AND other.sha2 = a.sha2
        AND other.statement <> ALL($2::uuid[]))
"""


async def attach(
    connection: Connection, writer: Writer, arrivals: Sequence[Arrival], parts: Mapping[str, bytes]
) -> None:
    """Have kept the data that came along with these new statements."""
    rows = [
        (arrival.id, sha2, place)
        for arrival in arrivals
        for place, sha2 in enumerate(arrival.statement.attachments, start=1)
    ]
    hashes = sorted({sha2 for _, sha2, _ in rows})
    await connection.execute(_ADD, writer.organisation, hashes, [parts[sha2] for sha2 in hashes])
    await connection.execute(_NAME, writer.organisation, *(list(column) for column in zip(*rows, strict=True)))


async def forget_attachments(backbone: Backbone, organisation: str, statements: Sequence[str]) -> None:
    """Have removed the data that only these statements name. It waits for those who store, and they for it."""
    async with backbone.backbone() as tx:
        await hold_gate(tx.connection, organisation)
        await forget_attached(tx.connection, organisation, statements)


async def forget_attached(connection: Connection, organisation: str, statements: Sequence[Any]) -> None:
    """Have removed the data that only these statements name, in a transaction that holds the gate."""
    await connection.execute(_FORGET, organisation, list(statements))


class PostgresAttachments:
    """The attachments of all organisations; a door's transaction sees those of its own."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def of(self, reader: Reader, statements: Sequence[str], bytes_max: int) -> dict[str, list[tuple[str, bytes]]]:
        """Return what came along with the statements, in order; as many statements as stay within `bytes_max`.

        The first is whole, however much it has. A statement whose data was erased has none.
        """
        async with self._backbone.door(reader.organisation) as tx:
            rows = await tx.connection.fetch(_SIZES, reader.organisation, list(statements))
            named, hashes = _within(statements, rows, bytes_max)
            content = await tx.connection.fetch(_CONTENT, reader.organisation, sorted(hashes))
        data = {row[0]: row[1] for row in content}
        return {name: [(sha2, data[sha2]) for sha2 in some if sha2 in data] for name, some in named.items()}


def _within(
    statements: Sequence[str], rows: Sequence[Any], bytes_max: int
) -> tuple[dict[str, list[str]], dict[str, int]]:
    """Return the hashes of as many statements as fit, and the size of each; data that several name counts once."""
    by_statement: dict[str, list[tuple[str, int]]] = {name: [] for name in statements}
    for statement, sha2, size in rows:
        by_statement[str(statement)].append((sha2, size))
    named: dict[str, list[str]] = {}
    sizes: dict[str, int] = {}
    for name, some in by_statement.items():
        wanted = {**sizes, **dict(some)}
        if named and sum(wanted.values()) > bytes_max:
            break
        sizes = wanted
        named[name] = [sha2 for sha2, _ in some]
    return named, sizes
