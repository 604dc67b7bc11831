"""The only place with SQL about what statements tell of activities.

Ingest adds a row for a definition that was not told before, in the transaction of the statement that tells it: whoever
was answered finds it. No row is ever updated, and keys are added in their order, so that no two batches wait for one
another in a ring. What is remembered to be there costs no question.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from functools import partial
from typing import Final

from services.learning_events.domain.activity_definition import (
    DEFINITIONS_MAX,
    GivenDefinition,
    ToldDefinition,
    activity_key,
)
from services.learning_events.domain.arrival import Arrival, Writer
from services.learning_events.domain.document import Holder
from shared.kernel.clock import Clock
from shared.runtime import telemetry
from shared.runtime.backbone import Backbone
from shared.runtime.postgres import Transaction

TELLERS_MAX: Final = 2
"""People under whose names one definition is kept, so that it outlives the erasure of one of them."""
MEMORY_SECONDS: Final = 60.0
"""How long a definition may be missing that another process erased with its tellers, though it is told again."""
MEMORY_ENTRIES_MAX: Final = 20_000
"""Definitions remembered, about 2 KB each."""
ERASED_AT_ONCE: Final = 500

# The bounds are looked at without a lock: writers of one moment may pass them together, each of whom keeps them.
_ADD: Final = f"""
INSERT INTO activity_definitions (organisation, is_test, activity, digest, person, content, told_at)
SELECT $1, $2, new.activity, new.digest, new.person, new.content, now()
FROM (
    SELECT *, dense_rank() OVER (PARTITION BY activity ORDER BY digest) AS rank
    FROM unnest($3::bytea[], $4::bytea[], $5::text[], $6::bytea[]) AS told (activity, digest, person, content)) AS new
WHERE (SELECT count(*) FROM activity_definitions AS d WHERE d.organisation = $1 AND d.is_test = $2
    AND d.activity = new.activity AND d.digest = new.digest) < {TELLERS_MAX}
AND (SELECT count(DISTINCT d.digest) FROM activity_definitions AS d WHERE d.organisation = $1 AND d.is_test = $2
    AND d.activity = new.activity AND d.digest <> new.digest) + new.rank <= {DEFINITIONS_MAX}
ORDER BY new.activity, new.digest, new.person
ON CONFLICT (organisation, is_test, activity, digest, person) DO NOTHING
"""  # noqa: S608 - constants
_DEFINITIONS: Final = """
SELECT content FROM (
    SELECT DISTINCT ON (digest) digest, content, told_at FROM activity_definitions
    WHERE organisation = $1 AND is_test = $2 AND activity = $3 ORDER BY digest, told_at) AS first
ORDER BY told_at, digest
"""
_ERASE_SOME: Final = """
DELETE FROM activity_definitions AS d USING (
    SELECT organisation, is_test, activity, digest, person FROM activity_definitions WHERE person = $1
    ORDER BY organisation, is_test, activity, digest LIMIT $2) AS few
WHERE (d.organisation, d.is_test, d.activity, d.digest, d.person)
    = (few.organisation, few.is_test, few.activity, few.digest, few.person)
"""

_Known = tuple[str, bool, str, bytes]
"""Organisation, is_test, activity and fingerprint of a definition."""


class PostgresActivities:
    """What is told of the activities of all organisations; a door's transaction sees those of its own."""

    def __init__(self, backbone: Backbone) -> None:
        self._backbone = backbone
        self._memory = _Memory(backbone.clock)

    async def definitions(self, holder: Holder, activity: str) -> Sequence[bytes]:
        """Return each different definition that was told, in the order in which they were told first."""
        async with self._backbone.door(holder.organisation) as tx:
            key = (holder.organisation, holder.is_test, activity_key(activity))
            return [row[0] for row in await tx.connection.fetch(_DEFINITIONS, *key)]

    async def add(self, tx: Transaction, writer: Writer, arrivals: Iterable[Arrival]) -> None:
        """Have kept, with this transaction, what these new statements tell and was not known to be kept."""
        told: dict[_Known, dict[str, GivenDefinition]] = {}
        for known, given, arrival in self._unsettled(writer, arrivals):
            person = "" if arrival.account is None else arrival.account.person
            tellers = told.setdefault(known, {})
            if len(tellers) < TELLERS_MAX and self._memory.lacks(known, person):
                tellers[person] = given
        rows = _rows(told)
        if rows:
            columns = zip(*rows, strict=True)
            await tx.connection.execute(_ADD, writer.organisation, writer.is_test, *[list(one) for one in columns])
        for known, tellers in told.items():
            for person in tellers:
                tx.after_commit(partial(self._memory.learn, known, person))

    def _unsettled(
        self, writer: Writer, arrivals: Iterable[Arrival]
    ) -> Iterator[tuple[_Known, GivenDefinition, Arrival]]:
        """Yield what is told and may be new. Statements share what they repeat: each such object is asked for once."""
        settled = self._memory.settled()
        organisation, is_test = writer.organisation, writer.is_test
        asked: dict[int, _Known | None] = {}
        for arrival in arrivals:
            for given in arrival.statement.definitions:
                if id(given) not in asked:
                    known = (organisation, is_test, given.activity, given.fingerprint)
                    asked[id(given)] = None if known in settled else known
                unsettled = asked[id(given)]
                if unsettled is not None:
                    yield unsettled, given, arrival

    async def erase(self, person: str) -> None:
        """Have removed what only this person's statements told, in all organisations. Safe to repeat."""
        while True:
            async with self._backbone.backbone() as tx:
                told = await tx.connection.execute(_ERASE_SOME, person, ERASED_AT_ONCE)
            if int(told.rpartition(" ")[2]) < ERASED_AT_ONCE:
                break
        self._memory.forget()


class _Memory:
    """Which definitions are kept, and under whose names: the first MEMORY_ENTRIES_MAX within MEMORY_SECONDS.

    It forgets everything at once when its time is over or it is full, so that asking it costs next to nothing.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._until = 0.0
        self._tellers: dict[_Known, set[str]] = {}
        self._settled: set[_Known] = set()

    def settled(self) -> Set[_Known]:
        """Return those that nobody needs to tell any more."""
        is_full = len(self._tellers) >= MEMORY_ENTRIES_MAX
        if is_full:
            telemetry.count_bound("learning-events-definitions")
        if is_full or self._until <= self._clock.monotonic():
            self.forget()
        return self._settled

    def lacks(self, known: _Known, person: str) -> bool:
        """Say whether telling this may add something."""
        return person not in self._tellers.get(known, ())

    def learn(self, known: _Known, person: str) -> None:
        """Remember that this is kept."""
        tellers = self._tellers.setdefault(known, set())
        tellers.add(person)
        if len(tellers) >= TELLERS_MAX:
            self._settled.add(known)

    def forget(self) -> None:
        """Remember nothing, and begin anew."""
        self._until = self._clock.monotonic() + MEMORY_SECONDS
        self._tellers.clear()
        self._settled.clear()


def _rows(told: dict[_Known, dict[str, GivenDefinition]]) -> list[tuple[bytes, bytes, str, bytes]]:
    """Return the rows to be added, each key once and in order: activity, digest, person, content."""
    rows: dict[tuple[bytes, bytes, str], bytes] = {}
    for tellers in told.values():
        kept: ToldDefinition | None = None
        for person, given in tellers.items():
            kept = kept or given.told()
            if kept is not None:
                rows[kept.activity, kept.digest, person] = kept.content
    return [(*key, rows[key]) for key in sorted(rows)]
