"""The servers under a bench: an embedded database and an embedded broker, gone with everything they held at its end."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from infra.embedded.broker import EmbeddedBroker
from infra.embedded.postgres import EmbeddedPostgres
from shared.events.fact import Fact, NewFact
from tests.load.yardstick import Spent, plain_loop
from tests.suites.servers import running_servers

FACT_COLUMNS: Final = {
    "fact_id": "uuid",
    "subject": "text",
    "type": "text",
    "occurred_at": "timestamptz",
    "organisation": "text",
    "data": "bytea",
}
"""A plain table of facts."""
HELD: Final = "SELECT (SELECT count(parked_number) FROM derived.positions) + (SELECT count(*) FROM derived.set_aside)"
"""How many streams a service has parked, and facts it has set aside."""


@dataclass(frozen=True, slots=True)
class Servers:
    """Both run. folder: for whatever else the bench keeps."""

    folder: Path
    postgres: EmbeddedPostgres
    broker: EmbeddedBroker

    @property
    def pids(self) -> dict[str, int]:
        """The two processes by class, for a Meter."""
        return {"postgres": self.postgres.pid, "broker": self.broker.pid}

    def dsn(self, service: str) -> str:
        """Return the address of a service's database for the bootstrap role."""
        return f"{self.postgres.admin_dsn.rpartition('/')[0]}/deedlog_{service}"

    async def plain_facts(self, batches: Iterable[Sequence[Fact | NewFact]], connections: int = 1) -> Spent:
        """Return what it costs to insert these facts into one plain table, a transaction a batch."""
        rows = ([_row(fact) for fact in batch] for batch in batches)
        return await plain_loop(self.postgres.admin_dsn, self.postgres.pid, FACT_COLUMNS, rows, connections)


def _row(fact: Fact | NewFact) -> tuple[Any, ...]:
    return fact.id, fact.subject, fact.type, fact.occurred_at, fact.organisation, fact.data


@asynccontextmanager
async def servers() -> AsyncIterator[Servers]:
    """Both run until the context ends."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="deedlog-bench-")))
        postgres, broker = await stack.enter_async_context(running_servers(folder))
        yield Servers(folder, postgres, broker)
