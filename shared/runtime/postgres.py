"""Pools and transactions. A door's transaction says for whom it acts; a backbone's sees all tenants of its service.

Lock order everywhere, so that no two transactions wait for one another in a ring: subject locks, consumer positions,
state, streams. `Transaction.lock` is the first of these and must come before the first write (see stream_store).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import lru_cache
from typing import Any, Final, TypeAlias

import asyncpg

from shared.kernel.errors import Broken, Rejected, Unavailable
from shared.runtime.database_setup import check_role

SUBJECTS_MAX: Final = 1_000
"""Subjects one transaction may lock; the server's lock table is sized for 8 writers of so many."""
CONNECT_TIMEOUT_SECONDS: Final = 5.0
COMMAND_TIMEOUT_SECONDS: Final = 30.0

Pool: TypeAlias = Any
"""An asyncpg pool. Its stubs are generic over a record class in ways that help nobody here."""
Connection: TypeAlias = Any
"""An asyncpg connection, whether lent by a pool or opened alone."""

OUTAGES: Final = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what a connection says that was ended while it lay idle in the pool
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
)
"""What asyncpg raises when the server is away, full, going down or not the primary; a retry may help."""
COLLISIONS: Final = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
)
"""What asyncpg raises when a transaction must be decided again."""


_PLAIN: Final = re.compile(r"[A-Za-z0-9_-]*")
"""Names that stand for themselves between quotes."""


class DatabaseUnavailable(Unavailable):
    """Postgres does not answer; nothing was stored."""

    code = "database-unavailable"


class Transaction:
    """An open transaction. Commits when its context ends without an error."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._locked: set[str] = set()
        self._after_commit: list[Callable[[], None]] = []

    async def lock(self, subjects: Iterable[str]) -> None:
        """Hold the lock of each subject until the end, taken in key order.

        Must come before the first write, because the transaction id that the write takes has to be younger than that
        of every fact already in these streams: otherwise an id taken early commits late, and the relay, which reads by
        (xid, id), tells the facts of a stream out of order. Raises Broken when something was written before, or when
        there are more than SUBJECTS_MAX subjects.
        """
        wanted = set(subjects) - self._locked
        if not wanted:
            return
        if len(wanted) + len(self._locked) > SUBJECTS_MAX:
            raise Broken(f"a transaction locks at most {SUBJECTS_MAX} subjects, this one wants {len(wanted)}")
        keys = sorted({subject_key(subject) for subject in wanted})
        has_written = await self.connection.fetchval(_LOCK, keys)
        if has_written:
            raise Broken("subjects must be locked before the transaction's first write")
        self._locked |= wanted

    def holds(self, subject: str) -> bool:
        """Say whether this transaction locked `subject`."""
        return subject in self._locked

    def after_commit(self, action: Callable[[], None]) -> None:
        """Have `action` called once the transaction is durable; not at all when it rolls back."""
        self._after_commit.append(action)

    def committed(self) -> None:
        """Call what waited for the commit."""
        for action in self._after_commit:
            action()


_LOCK: Final = """
SELECT bool_or(written) FROM (
    SELECT pg_current_xact_id_if_assigned() IS NOT NULL AS written, pg_advisory_xact_lock(key)
    FROM unnest($1::bigint[]) AS key OFFSET 0) AS locked
"""


@lru_cache(maxsize=65_536)
def subject_key(subject: str) -> int:
    """Return the advisory lock key of a subject: 64 bits of BLAKE2b, signed. That two subjects share one is safe."""
    return int.from_bytes(
        hashlib.blake2b(subject.encode(), digest_size=8, person=b"deedsubj").digest(), "big", signed=True
    )


async def _as_it_is(connection: Connection) -> None:
    """Leave a connection as it was given back, and save the round trip that a reset costs every transaction.

    Nothing is left in a session: settings and advisory locks are a transaction's own, and each transaction of a door
    says anew for whom it acts.
    """


async def open_pool(url: str, connections_max: int, **server_settings: str) -> Pool:
    """Return a pool whose role was checked. Raises DatabaseUnavailable, or Broken for a role that bypasses policies."""
    try:
        pool = await asyncpg.create_pool(
            url,
            min_size=1,
            max_size=connections_max,
            timeout=CONNECT_TIMEOUT_SECONDS,
            command_timeout=COMMAND_TIMEOUT_SECONDS,
            reset=_as_it_is,
            server_settings={"application_name": "deedlog", "search_path": "derived,public", **server_settings},
        )
        try:
            async with pool.acquire() as connection:
                await check_role(connection)
        except BaseException:
            pool.terminate()
            raise
    except OUTAGES as error:
        raise DatabaseUnavailable(f"Postgres does not answer: {type(error).__name__}") from error
    return pool


@asynccontextmanager
async def transaction(
    pool: Pool, organisation: str | None = None, *, shared_lock: int | None = None
) -> AsyncIterator[Transaction]:
    """Open a transaction, as `organisation` when one is given; commit at the end, roll back on any error.

    It holds `shared_lock`, when one is given, before anything else.

    Raises DatabaseUnavailable when Postgres is away or the transaction collided with another: nothing was stored, and
    deciding again may help. After a lost connection at commit the outcome is not known; callers are idempotent.
    """
    with _outages_named():
        async with pool.acquire(timeout=CONNECT_TIMEOUT_SECONDS) as connection:
            opened = Transaction(connection)
            try:
                await _begin(connection, organisation, shared_lock)
                yield opened
                await connection.execute("COMMIT;")
            except BaseException:
                with suppress(*OUTAGES):
                    await connection.execute("ROLLBACK;")
                raise
            opened.committed()


async def _begin(connection: Connection, organisation: str | None, shared_lock: int | None) -> None:
    """Open a transaction and say for whom it acts, in one round trip where the name needs no care."""
    words = "BEGIN;" if shared_lock is None else f"BEGIN; SELECT pg_advisory_xact_lock_shared({shared_lock:d});"
    if organisation is None:
        await connection.execute(words)
    elif _PLAIN.fullmatch(organisation):
        await connection.execute(f"{words} SET LOCAL deedlog.organisation = '{organisation}';")
    else:
        await connection.execute(words)
        await connection.execute("SELECT set_config('deedlog.organisation', $1, true)", organisation)


@asynccontextmanager
async def reading(pool: Pool) -> AsyncIterator[Connection]:
    """Lend a connection for reads outside a transaction. Raises DatabaseUnavailable when Postgres is away."""
    with _outages_named():
        async with pool.acquire(timeout=CONNECT_TIMEOUT_SECONDS) as connection:
            yield connection


@contextmanager
def _outages_named() -> Iterator[None]:
    try:
        yield
    except COLLISIONS as error:
        raise DatabaseUnavailable(f"it collided with another transaction: {type(error).__name__}", 0.05) from error
    except asyncpg.CharacterNotInRepertoireError:
        # JSON and a URL may hold U+0000, a text of Postgres may not.
        raise Rejected.of("", "a text in it holds the character U+0000", "Leave that character out.") from None
    except OUTAGES as error:
        # asyncpg's own DataError, an argument of ours that fits no column, is an InterfaceError too; no retry mends it.
        if isinstance(error, ValueError):
            raise
        raise DatabaseUnavailable(f"Postgres does not answer: {type(error).__name__}") from error
