"""Door transactions that act for people: row-level security shows them what is about these people, whoever's it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from shared.runtime.backbone import Backbone
from shared.runtime.postgres import Transaction


@asynccontextmanager
async def acting_for(
    backbone: Backbone, people: Sequence[str], organisation: str | None = None
) -> AsyncIterator[Transaction]:
    """Open a transaction that sees the rows about `people` and those of `organisation`."""
    async with backbone.door(organisation) as tx:
        if people:
            await tx.connection.execute("SELECT set_config('deedlog.people', $1, true)", ",".join(people))
        yield tx
