"""What was refused because of its key: written by the backbone, a bounded number of rows a key, read as deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from services.learning_events.handlers.barring import FailedKey
from services.learning_events.store.deliveries import CHANGED_AT_ONCE, KEPT_DAYS
from shared.runtime.backbone import Backbone

ROWS_OF_KEY_MAX: Final = 100
"""The newest stay; each is at most about 1 KB."""

_ADD: Final = """
INSERT INTO failed_keys (organisation, id, is_test, key, received_at, method, path, request_id, times, rule, mend)
SELECT * FROM unnest($1::text[], $2::uuid[], $3::boolean[], $4::text[], $5::timestamptz[], $6::text[], $7::text[],
    $8::text[], $9::integer[], $10::text[], $11::text[])
"""
_TRIM: Final = """
DELETE FROM failed_keys AS f USING unnest($1::text[]) AS k(key) WHERE f.key = k.key AND f.id <=
    (SELECT d.id FROM failed_keys AS d WHERE d.key = k.key ORDER BY d.id DESC OFFSET $2 LIMIT 1)
"""
_DROP_OLD: Final = """
DELETE FROM failed_keys WHERE (organisation, id) IN
    (SELECT organisation, id FROM failed_keys WHERE received_at < $1 LIMIT $2)
"""


class PostgresFailedKeys:
    """FailedKeys."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone

    async def add(self, failed: Sequence[FailedKey]) -> None:
        """Keep these, of each key the newest ROWS_OF_KEY_MAX. Raises Unavailable."""
        columns = [list(column) for column in zip(*[_row(one) for one in failed], strict=True)]
        keys = sorted({one.key for one in failed})
        async with self._backbone.backbone() as tx:
            await tx.connection.execute(_ADD, *columns)
            await tx.connection.execute(_TRIM, keys, ROWS_OF_KEY_MAX)

    async def sweep(self, now: datetime) -> None:
        """Have removed what is too old, CHANGED_AT_ONCE rows a transaction."""
        while True:
            async with self._backbone.backbone() as tx:
                done = await tx.connection.execute(_DROP_OLD, now - timedelta(days=KEPT_DAYS), CHANGED_AT_ONCE)
            if int(done.rpartition(" ")[2]) < CHANGED_AT_ONCE:
                return


def _row(one: FailedKey) -> tuple[Any, ...]:
    head = (one.organisation, one.id, one.is_test, one.key, one.received_at, one.method, one.path, one.request_id)
    return (*head, one.times, one.fault.rule, one.fault.mend)
