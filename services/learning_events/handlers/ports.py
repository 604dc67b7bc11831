"""What the use cases need of the world: people, a store of statements, one transaction in it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.learning_events.domain.arrival import Account, Arrival, Kept, Writer
from services.learning_events.domain.search import Found, Place, Search
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
    """ids: of the statements that were new; targeted: those among them that an earlier statement refers to."""

    ids: frozenset[str]
    targeted: frozenset[str]


@dataclass(frozen=True, slots=True)
class Referral:
    """A kept statement that refers to another, and where it stands in the order of searches."""

    target: str
    referring: str
    at: Place
    epoch: int


@dataclass(frozen=True, slots=True)
class Matches:
    """What one look at the index found, in order. end: where to go on looking, None where there is nothing more."""

    found: tuple[Found, ...]
    end: Place | None


class People(Protocol):
    """Knows whose the accounts are."""

    async def resolve(self, organisation: str, identifiers: Collection[str]) -> Mapping[str, Account]:
        """Return the account of each identifier; people are minted as needed. Raises Unavailable."""
        ...


class Ledger(Protocol):
    """One open transaction of a writer. Nothing of it stays when its context ends with an error."""

    @property
    def stored_at(self) -> datetime:
        """When what this transaction stores counts as stored, by the clock of the database."""
        ...

    async def targets(self, ids: Collection[str]) -> Mapping[str, Target]:
        """Return those of the statements that are kept, to be voided. Comes before `lock`."""
        ...

    async def lock(self, subjects: Iterable[str]) -> None:
        """Hold the streams of these people. Comes before whatever writes."""
        ...

    async def insert(self, arrivals: Sequence[Arrival], version: XapiVersion) -> Inserted:
        """Store those whose id is not taken, and say which they were. Of two with one id the first is stored."""
        ...

    async def attach(self, arrivals: Sequence[Arrival], parts: Mapping[str, bytes]) -> None:
        """Keep the data that came along with these new ones, by SHA-2."""
        ...

    async def add_referrals(self, referrals: Sequence[tuple[str, str]]) -> Sequence[Referral]:
        """Keep which new statements refer to which, pairs of the target and the one that refers, and return them."""
        ...

    async def referrals(self, targets: Collection[str], limit: int) -> Sequence[Referral]:
        """Return kept statements that refer to these."""
        ...

    async def originals(self, ids: Collection[str]) -> Mapping[str, bytes]:
        """Return those of the statements that are kept and not erased."""
        ...

    async def add_terms(self, rows: Sequence[tuple[str, Referral]]) -> None:
        """Have statements that refer to others found by further terms. Safe to repeat."""
        ...

    async def keep_definitions(self, arrivals: Sequence[Arrival]) -> None:
        """Keep what these new ones tell of Activities, where it is not known."""
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

    def opened(self, writer: Writer, *, is_referring: bool) -> AbstractAsyncContextManager[Ledger]:
        """Open a transaction; one that refers waits for those of its organisation that insert, and they for it."""
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


class Catalogue(Protocol):
    """One open transaction of a reader that searches."""

    async def consistent_through(self) -> datetime:
        """Return up to when everything that was stored is seen by what is asked next, and by all after it."""
        ...

    async def by_rarity(self, terms: Sequence[str], search: Search) -> list[str]:
        """Return these terms, the rarest from the search's start on first."""
        ...

    async def matches(self, terms: Sequence[str], search: Search, wanted: int, lookups_max: int) -> Matches:
        """Return up to `wanted` statements that are found by all these terms, as the search orders them.

        lookups_max: how many rows of the index are met with those of other terms.
        """
        ...

    async def visible(self, found: Sequence[Found]) -> list[tuple[Found, int]]:
        """Return those that this reader may see and that are not void or erased, each with its bytes."""
        ...

    async def read(self, found: Sequence[Found]) -> list[StoredStatement]:
        """Return these statements, in order."""
        ...


class Catalogues(Protocol):
    """What statements are found by."""

    def opened(self, reader: Reader) -> AbstractAsyncContextManager[Catalogue]:
        """Open a transaction of a reader."""
        ...


class Attachments(Protocol):
    """The data of attachments."""

    async def of(self, reader: Reader, statements: Sequence[str], bytes_max: int) -> dict[str, list[tuple[str, bytes]]]:
        """Return the data that came along with the statements by SHA-2, up to a bound; the first always whole."""
        ...
