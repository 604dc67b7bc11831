"""Makes a service's derived state anew from facts, in a shadow schema beside the live one, and switches to it.

    1. an empty shadow schema, by the same migrations
    2. every fact of every source, scanned from its owner, through the same effect with telling off; then what was told
       in the meantime; then, with the live consumers held, the rest
    3. level shadow and live: each hears what only the other has heard
    4. compare digests; unless only a check was asked for, rename the shadow into place
    5. the service tells what differs, once

The digest covers every derived row and every position, so it is equal exactly when live state is what its facts say.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from zlib import crc32

import asyncpg

from shared.events.fact import Fact
from shared.kernel.errors import Conflict, Unavailable
from shared.kernel.ids import Subject
from shared.runtime.consumer import REBUILD_LOCK_KEY, Consumer
from shared.runtime.database_setup import apply_derived
from shared.runtime.feed import FactFeed
from shared.runtime.positions import StreamKey
from shared.runtime.postgres import CONNECT_TIMEOUT_SECONDS, OUTAGES, Connection, open_pool
from shared.runtime.stream_store import READ_MAX, LogPosition

LIVE: Final = "derived"
SHADOW: Final = "derived_shadow"
OLD: Final = "derived_old"
CHUNK_FACTS_MAX: Final = 500
"""Facts a transaction: an import or rebuild commits often, so that it never holds the horizon back."""
LANES: Final = 2
"""Transactions of the shadow side by side."""
RUNNING_LOCK_KEY: Final = 0x6465_6564_7275_6E6E
"""Held while a rebuild runs; two at once would share the shadow. "deedrunn" in ASCII."""
HOLD_SECONDS_MAX: Final = 30.0
OWNER_AWAY_SECONDS_MAX: Final = 30.0
"""How long a rebuild waits for an owner that gives no page of facts, as one that is being started again."""
OWNER_AWAY_HELD_SECONDS_MAX: Final = 5.0
"""The same while the live consumers are held."""
OWNER_AWAY_PAUSE_SECONDS: Final = 0.25

_UNEQUAL: Final = f"""
SELECT source, subject, coalesce(l.number, 0), coalesce(s.number, 0)
FROM {LIVE}.positions l FULL JOIN {SHADOW}.positions s USING (source, subject)
WHERE coalesce(l.number, 0) <> coalesce(s.number, 0) AND l.parked_number IS NULL AND s.parked_number IS NULL
ORDER BY source, subject LIMIT 1000
"""  # noqa: S608 - constants
_CARRY_SKIPPED: Final = f"""
INSERT INTO {SHADOW}.positions (source, subject, number, skipped)
SELECT source, subject, 0, skipped FROM {LIVE}.positions WHERE skipped IS NOT NULL
"""  # noqa: S608 - constants
_CARRY_TAILS: Final = f"INSERT INTO {SHADOW}.tails SELECT * FROM {LIVE}.tails"  # noqa: S608 - constants
_DIGEST: Final = """
SELECT encode(sha256(convert_to(coalesce(string_agg(row_digest, '' ORDER BY row_digest), ''), 'UTF8')), 'hex')
FROM (SELECT md5(row({columns})::text) AS row_digest FROM "{schema}"."{table}") AS rows
"""
_NOT_STATE: Final = frozenset({"migrations", "tails"})
_NOT_FACT: Final = frozenset({"parked_since"})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a rebuild has come. The digests are set in the last report only."""

    facts: int
    facts_expected: int
    is_done: bool = False
    live_digest: str = ""
    rebuilt_digest: str = ""


class Rebuild:
    """One rebuild of one service. `live` is the service's consumer; `url` is the backbone role's."""

    def __init__(self, url: str, folder: Path, live: Consumer, after_switch: Callable[[], Awaitable[None]]) -> None:
        self._url = url
        self._folder = folder
        self._live = live
        self._after_switch = after_switch

    async def run(self, *, is_check_only: bool) -> AsyncGenerator[Progress, None]:
        """Rebuild, yielding progress. Raises Conflict when one runs already, Unavailable when an owner stays away.

        Close it (`aclosing`) where it is not read to its end, else its locks are held until it is collected.
        """
        try:
            async with self._alone() as connection:
                await self._empty_shadow(connection)
                async with aclosing(self._build(connection, is_check_only)) as building:
                    async for progress in building:
                        yield progress
        except OUTAGES as error:
            raise Unavailable(f"the rebuild lost Postgres: {type(error).__name__}") from error

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[Connection]:
        connection = await asyncpg.connect(
            self._url, timeout=CONNECT_TIMEOUT_SECONDS, server_settings={"transaction_timeout": "0"}
        )
        try:
            if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", RUNNING_LOCK_KEY):
                raise Conflict(f"{self._live.service} is being rebuilt already; wait for it to end")
            yield connection
        finally:
            connection.terminate()

    async def _empty_shadow(self, connection: Connection) -> None:
        """Make the shadow's tables, and note in it what operators passed over: no fact says so."""
        service = self._live.service
        roles = {name: f"{service}_{name}" for name in ("door", "backbone", "owner")}
        await connection.execute(f"DROP SCHEMA IF EXISTS {SHADOW} CASCADE")
        await connection.execute(f"DROP SCHEMA IF EXISTS {OLD} CASCADE")
        await apply_derived(connection, SHADOW, self._folder, roles)
        await connection.execute(_CARRY_SKIPPED)

    async def _build(self, connection: Connection, is_check_only: bool) -> AsyncGenerator[Progress, None]:
        live = self._live
        pool = await open_pool(self._url, LANES, search_path=f"{SHADOW},public")
        shadow = Consumer(live.service, pool, live.effect, live.feed, None, live.clock, is_shadow=True)
        expected = await connection.fetchval(f"SELECT coalesce(sum(number), 0)::bigint FROM {LIVE}.positions")  # noqa: S608
        heard = {source.name: LogPosition() for source in live.effect.hears}
        facts = 0
        try:
            # The second time hears what was told during the first, so that little is left for when all is held.
            for _ in range(2):
                async for count in _scan(shadow, heard, OWNER_AWAY_SECONDS_MAX):
                    facts += count
                    yield Progress(facts, max(expected, facts))
            async with self._live_held(connection):
                async for count in _scan(shadow, heard, OWNER_AWAY_HELD_SECONDS_MAX):
                    facts += count
                await self._level(connection, shadow)
                digests = await digest(connection, LIVE), await digest(connection, SHADOW)
                if not is_check_only:
                    await _switch(connection)
        finally:
            await pool.close()
        if not is_check_only:
            await self._after_switch()
        yield Progress(facts, facts, True, *digests)

    async def _level(self, connection: Connection, shadow: Consumer) -> None:
        """Let each side hear what only the other has heard. Raises Unavailable when they do not meet."""
        live = self._live.without_rebuild_lock()
        before: Sequence[Any] = ()
        while rows := await connection.fetch(_UNEQUAL):
            if rows == before:
                raise Unavailable("the rebuild cannot level with the live state; look for streams that do not move")
            before = rows
            for source, subject, live_number, shadow_number in rows:
                key = StreamKey(source, Subject(subject))
                if shadow_number < live_number:
                    await _hear(shadow, key, shadow_number, live_number)
                else:
                    await _hear(live, key, live_number, shadow_number)

    @asynccontextmanager
    async def _live_held(self, connection: Connection) -> AsyncIterator[None]:
        """Hold every live batch of this service, in all its processes, while the context lasts."""
        async with asyncio.timeout(HOLD_SECONDS_MAX):
            await connection.execute("SELECT pg_advisory_lock($1)", REBUILD_LOCK_KEY)
        try:
            yield
        finally:
            await connection.execute("SELECT pg_advisory_unlock($1)", REBUILD_LOCK_KEY)


async def _scan(shadow: Consumer, heard: dict[str, LogPosition], away_seconds: float) -> AsyncIterator[int]:
    """Have the shadow hear every fact after the positions in `heard`, which move; yields the facts of each page."""
    for source in list(heard):
        async for page, following in _pages(shadow.feed, source, heard[source], away_seconds):
            await _hear_page(shadow, source, page)
            heard[source] = following
            yield len(page)


async def _pages(
    feed: FactFeed, source: str, since: LogPosition, away_seconds: float
) -> AsyncIterator[tuple[list[Fact], LogPosition]]:
    """Yield the pages of a source, going on behind the last one where its owner went away and came back.

    Raises Unavailable when it gave no page for `away_seconds`.
    """
    loop = asyncio.get_running_loop()
    patience = loop.time() + away_seconds
    after = since
    while True:
        try:
            async for page, following in feed.scan(source, after):
                yield page, following
                after = following
                patience = loop.time() + away_seconds
        except Unavailable:
            if loop.time() >= patience:
                raise
            await asyncio.sleep(OWNER_AWAY_PAUSE_SECONDS)
        else:
            return


async def _hear_page(shadow: Consumer, source: str, page: Sequence[Fact]) -> None:
    """Have the shadow hear a page, lanes side by side: one thinks while the database works for another.

    A stream keeps to its lane, and so to its order; between streams there is none.
    """
    lanes: list[list[Fact]] = [[] for _ in range(LANES)]
    for fact in page:
        lanes[crc32(fact.subject.encode()) % LANES].append(fact)
    ends = await asyncio.gather(*(_hear_lane(shadow, source, lane) for lane in lanes), return_exceptions=True)
    for end in ends:
        if end is not None:
            raise end


async def _hear_lane(shadow: Consumer, source: str, facts: Sequence[Fact]) -> None:
    for start in range(0, len(facts), CHUNK_FACTS_MAX):
        if await shadow.apply(facts[start : start + CHUNK_FACTS_MAX]):
            raise Unavailable(f"{source} does not give the facts it told")


async def _hear(consumer: Consumer, key: StreamKey, after: int, through: int) -> None:
    while after < through:
        facts, _ = await consumer.feed.read(key.source, key.subject, after, min(through - after, READ_MAX))
        if not facts or await consumer.apply(facts):
            raise Unavailable(f"{key.source} does not give the facts it told")
        after = facts[-1].number


async def _switch(connection: Connection) -> None:
    async with connection.transaction():
        await connection.execute(_CARRY_TAILS)
        await connection.execute(f"ALTER SCHEMA {LIVE} RENAME TO {OLD}")
        await connection.execute(f"ALTER SCHEMA {SHADOW} RENAME TO {LIVE}")
    await connection.execute(f"DROP SCHEMA {OLD} CASCADE")


async def digest(connection: Connection, schema: str) -> str:
    """Return a digest over every row of the derived tables in `schema`, the same however the rows lie."""
    columns = await connection.fetch(
        """SELECT c.table_name, c.column_name FROM information_schema.columns c
           JOIN information_schema.tables t USING (table_schema, table_name)
           WHERE table_schema = $1 AND t.table_type = 'BASE TABLE' ORDER BY c.table_name, c.column_name""",
        schema,
    )
    tables: dict[str, list[str]] = {}
    for table, column in columns:
        if table not in _NOT_STATE and column not in _NOT_FACT:
            tables.setdefault(table, []).append(f'"{column}"')
    whole = hashlib.sha256()
    for table, names in tables.items():
        rows_digest = await connection.fetchval(_DIGEST.format(columns=", ".join(names), schema=schema, table=table))
        whole.update(f"{table}\n{rows_digest}\n".encode())
    return whole.hexdigest()
