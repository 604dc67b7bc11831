"""The only place with SQL about deliveries. Rows are written by the backbone, in batches; a door reads its own, those
that were refused because of their key too (`failed_keys.py` writes them), and changes the refused items of its own.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from services.learning_events.domain.delivery import FAULT_CHARACTERS_MAX, Delivery
from services.learning_events.handlers.ports import Reader
from shared.kernel.errors import Fault
from shared.runtime.backbone import Backbone

KEPT_MAX: Final = 10_000
"""Deliveries of one organisation."""
KEPT_DAYS: Final = 7
REFUSED_KEPT_MAX: Final = 100
"""Deliveries of one organisation whose refused items are kept: 25 MiB at most."""
REFUSED_KEPT_HOURS: Final = 72
CHANGED_AT_ONCE: Final = 500

_COLUMNS: Final = """organisation, id, is_test, key, received_at, method, path, status, request_id, version, bytes,
    milliseconds, counts, faults"""
_ADD: Final = f"""
INSERT INTO deliveries ({_COLUMNS}, refused)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::boolean[], $4::text[], $5::timestamptz[], $6::text[], $7::text[],
    $8::smallint[], $9::text[], $10::text[], $11::bigint[], $12::integer[], $13::text[], $14::text[], $15::bytea[])
ON CONFLICT DO NOTHING
"""  # noqa: S608 - a constant
_SEEN: Final = "organisation = $1 AND is_test = $2 AND ($3::text IS NULL OR key = $3)"
_FAILED: Final = """organisation, id, is_test, key, received_at, method, path, 401::smallint, request_id, '', 0::bigint,
    0, '{}', jsonb_build_array(jsonb_build_object('pointer', 'authorization', 'rule', rule, 'mend', mend))::text,
    NULL::bytea, NULL::timestamptz, times"""
_TOLD: Final = f"{_COLUMNS}, NULL::bytea, resent_at, 1"
_FIND: Final = f"""
SELECT {_COLUMNS}, refused, resent_at, 1 FROM deliveries WHERE {_SEEN} AND id = $4
UNION ALL SELECT {_FAILED} FROM failed_keys WHERE {_SEEN} AND id = $4
"""  # noqa: S608 - a constant
_OPEN: Final = f"SELECT {_COLUMNS}, refused, resent_at, 1 FROM deliveries WHERE {_SEEN} AND id = $4 FOR UPDATE"  # noqa: S608
_KEEP: Final = "UPDATE deliveries SET refused = $3, resent_at = $4 WHERE organisation = $1 AND id = $2"
_REFUSED: Final = "(status >= 400 OR faults <> '[]')"
_BEFORE: Final = f"""
(SELECT {_TOLD} FROM deliveries
    WHERE {_SEEN} AND ($4::uuid IS NULL OR id < $4) AND (NOT $5 OR {_REFUSED}) ORDER BY id DESC LIMIT $6)
UNION ALL (SELECT {_FAILED} FROM failed_keys WHERE {_SEEN} AND ($4::uuid IS NULL OR id < $4) ORDER BY id DESC LIMIT $6)
ORDER BY id DESC LIMIT $6
"""  # noqa: S608 - a constant
_REFUSED_BETWEEN: Final = f"""
(SELECT {_TOLD} FROM deliveries WHERE {_SEEN} AND id > $4 AND id < $5 AND {_REFUSED} ORDER BY id LIMIT $6)
UNION ALL (SELECT {_FAILED} FROM failed_keys WHERE {_SEEN} AND id > $4 AND id < $5 ORDER BY id LIMIT $6)
ORDER BY id LIMIT $6
"""  # noqa: S608 - a constant
_FEW: Final = "(organisation, id) IN (SELECT organisation, id FROM"
_DROP_OLD: Final = f"DELETE FROM deliveries WHERE {_FEW} deliveries WHERE received_at < $1 LIMIT $2)"  # noqa: S608
_UP_TO: Final = "deliveries WHERE organisation = $1 AND id <= $2"
_DROP_MANY: Final = f"DELETE FROM deliveries WHERE {_FEW} {_UP_TO} ORDER BY id LIMIT $3)"  # noqa: S608
_EMPTY: Final = "UPDATE deliveries SET refused = NULL WHERE"
_EMPTY_OLD: Final = f"{_EMPTY} {_FEW} deliveries WHERE refused IS NOT NULL AND received_at < $1 LIMIT $2)"
_EMPTY_MANY: Final = f"{_EMPTY} {_FEW} {_UP_TO} AND refused IS NOT NULL ORDER BY id LIMIT $3)"
_EMPTY_ALL: Final = f"{_EMPTY} {_FEW} deliveries WHERE refused IS NOT NULL LIMIT $1)"
# The newest delivery of each organisation that is beyond a bound: found by the index, once, whatever came since.
_BEYOND: Final = """
SELECT o.organisation, (SELECT d.id FROM deliveries AS d WHERE d.organisation = o.organisation
    ORDER BY d.id DESC OFFSET $1 LIMIT 1) FROM (SELECT DISTINCT organisation FROM deliveries) AS o
"""
_REFUSED_BEYOND: Final = """
SELECT o.organisation, (SELECT d.id FROM deliveries AS d WHERE d.organisation = o.organisation
    AND d.refused IS NOT NULL ORDER BY d.id DESC OFFSET $1 LIMIT 1)
FROM (SELECT DISTINCT organisation FROM deliveries WHERE refused IS NOT NULL) AS o
"""


class PostgresDeliveries:
    """The deliveries of all organisations; a door's transaction sees those of its own."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def add(self, deliveries: Sequence[Delivery]) -> None:
        """Keep these. Raises DatabaseUnavailable."""
        columns = [list(column) for column in zip(*[_row(one) for one in deliveries], strict=True)]
        async with self._backbone.backbone() as tx:
            await tx.connection.execute(_ADD, *columns)

    async def find(self, reader: Reader, delivery_id: str) -> Delivery | None:
        """Return the delivery, with its refused items, if this reader may see it."""
        async with self._backbone.door(reader.organisation) as tx:
            row = await tx.connection.fetchrow(_FIND, *_seen_by(reader), delivery_id)
        return None if row is None else _delivery(row)

    async def before(
        self, reader: Reader, delivery_id: str | None, limit: int, *, are_refused: bool = False
    ) -> list[Delivery]:
        """Return deliveries before this one, or the newest; newest first, without refused items."""
        async with self._backbone.door(reader.organisation) as tx:
            rows = await tx.connection.fetch(_BEFORE, *_seen_by(reader), delivery_id, are_refused, limit)
        return [_delivery(row) for row in rows]

    @asynccontextmanager
    async def changing(self, reader: Reader, delivery_id: str) -> AsyncIterator[_Open | None]:
        """Open the delivery, if there is one that this reader may see, once nobody else changes it."""
        async with self._backbone.door(reader.organisation) as tx:
            row = await tx.connection.fetchrow(_OPEN, *_seen_by(reader), delivery_id)
            yield None if row is None else _Open(tx.connection, _delivery(row))

    async def refused_between(self, reader: Reader, after: str, before: str, limit: int) -> list[Delivery]:
        """Return deliveries with something refused, by id, between these two ids; without their items."""
        async with self._backbone.door(reader.organisation) as tx:
            rows = await tx.connection.fetch(_REFUSED_BETWEEN, *_seen_by(reader), after, before, limit)
        return [_delivery(row) for row in rows]

    async def erase(self, person: str) -> None:
        """Empty all refused items: nobody can say whom an item is about that is not valid."""
        await self._repeat(_EMPTY_ALL)

    async def sweep(self, now: datetime) -> None:
        """Have removed what is too old or too much, CHANGED_AT_ONCE rows a transaction."""
        await self._repeat(_DROP_OLD, now - timedelta(days=KEPT_DAYS))
        for beyond in await self._beyond(_BEYOND, KEPT_MAX):
            await self._repeat(_DROP_MANY, *beyond)
        await self._repeat(_EMPTY_OLD, now - timedelta(hours=REFUSED_KEPT_HOURS))
        for beyond in await self._beyond(_REFUSED_BEYOND, REFUSED_KEPT_MAX):
            await self._repeat(_EMPTY_MANY, *beyond)

    async def _beyond(self, question: str, bound: int) -> list[tuple[str, str]]:
        """Return the organisations with more than the bound, each with the newest delivery that is too many."""
        async with self._backbone.reading() as connection:
            return [(row[0], row[1]) for row in await connection.fetch(question, bound) if row[1] is not None]

    async def _repeat(self, change: str, *bounds: Any) -> None:
        while True:
            async with self._backbone.backbone() as tx:
                done = await tx.connection.execute(change, *bounds, CHANGED_AT_ONCE)
            if int(done.rpartition(" ")[2]) < CHANGED_AT_ONCE:
                return


@dataclass(frozen=True, slots=True)
class _Open:
    """A delivery that nobody else changes meanwhile."""

    connection: Any
    delivery: Delivery

    async def keep(self, refused: bytes, resent_at: datetime | None) -> None:
        """Have its refused items be these."""
        await self.connection.execute(_KEEP, self.delivery.organisation, self.delivery.id, refused, resent_at)


def _seen_by(reader: Reader) -> tuple[str, bool, str | None]:
    return reader.organisation, reader.is_test, reader.only_key


def _row(one: Delivery) -> tuple[Any, ...]:
    most = FAULT_CHARACTERS_MAX
    faults = [
        {"pointer": each.pointer[:most], "rule": each.rule[:most], "mend": each.mend[:most]} for each in one.faults
    ]
    head = (one.organisation, one.id, one.is_test, one.key, one.received_at, one.method, one.path, one.status)
    tail = (
        one.request_id,
        one.version,
        one.body_bytes,
        one.milliseconds,
        json.dumps(dict(one.counts)),
        json.dumps(faults),
    )
    return (*head, *tail, one.refused)


def _delivery(row: Any) -> Delivery:
    organisation, delivery_id, is_test, key, at, method, path, status, request_id, version, size, took, *rest = row
    counts, faults, refused, resent_at, times = rest
    return Delivery(
        str(delivery_id), organisation, is_test, key, at, method, path, status, request_id, version, size, took,
        json.loads(counts), tuple(Fault(**fault) for fault in json.loads(faults)), refused, resent_at, times,
    )  # fmt: skip
