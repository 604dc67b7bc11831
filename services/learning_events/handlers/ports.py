"""What the use cases need of the world: people, a store of statements, one transaction in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from services.learning_events.domain.arrival import Account, Arrival, Kept, Writer
from services.learning_events.domain.served import StoredStatement
from services.learning_events.domain.statement import XapiVersion
from services.learning_events.domain.voiding import Target, Void
from shared.events.fact import NewFact


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, and what: a test key test data only; `only_key` is set where it may read its own statements only."""

    organisation: str
    is_test: bool
    only_key: str | None = None


@dataclass(frozen=True, slots=True)
class ArrivalPage:
    """Statements in the order in which they arrived. position: of the last one, to go on from."""

    statements: tuple[StoredStatement, ...]
    position: tuple[int, int, int]
    has_more: bool


@dataclass(frozen=True, slots=True)
class Inserted:
    """ids: of the statements that were new; voided: those among them that an earlier statement had voided."""

    ids: frozenset[str]
    voided: frozenset[str]


class People(Protocol):
    """Knows whose the accounts are."""

    async def resolve(self, organisation: str, identifiers: Collection[str]) -> Mapping[str, Account]:
        """Return the account of each identifier; people are minted as needed. Raises Unavailable."""
        ...


class Ledger(Protocol):
    """One open transaction of a writer. Nothing of it stays when its context ends with an error."""

    async def targets(self, ids: Collection[str]) -> Mapping[str, Target]:
        """Return those of the statements that are kept, to be voided. Comes before `lock`."""
        ...

    async def lock(self, subjects: Iterable[str]) -> None:
        """Hold the streams of these people. Comes before whatever writes."""
        ...

    async def insert(self, arrivals: Sequence[Arrival], version: XapiVersion) -> Inserted:
        """Store those whose id is not taken, and say which they were. Of two with one id the first is stored."""
        ...

    async def keep_originals(self, arrivals: Sequence[Arrival]) -> None:
        """Keep what these new ones were made of, where they did not come as statements."""
        ...

    async def kept(self, ids: Collection[str]) -> Mapping[str, Kept]:
        """Return what stands under these ids."""
        ...

    async def add_voids(self, voids: Sequence[Void]) -> None:
        """Keep what new voiding statements name."""
        ...

    async def voids(self, targets: Collection[str]) -> Sequence[Void]:
        """Return everything that voids these statements."""
        ...

    async def tell(self, facts: Sequence[NewFact]) -> None:
        """Append these facts."""
        ...


class Statements(Protocol):
    """The store of statements."""

    def opened(self, writer: Writer, *, is_voiding: bool) -> AbstractAsyncContextManager[Ledger]:
        """Open a transaction; one that voids waits for those of its organisation that insert, and they for it."""
        ...

    async def find(self, reader: Reader, statement_id: str) -> StoredStatement | None:
        """Return the statement, if there is one that this reader may see."""
        ...

    async def after(self, reader: Reader, position: tuple[int, int, int], limit: int) -> ArrivalPage:
        """Return what arrived after a position, up to where nothing can be added any more."""
        ...

    async def newest(self, reader: Reader, limit: int) -> ArrivalPage:
        """Return what arrived last, oldest of it first."""
        ...

    async def erase(self, person: str) -> None:
        """Empty a person's statements and the facts that told them."""
        ...
