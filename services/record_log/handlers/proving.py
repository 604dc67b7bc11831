"""What a person, or anybody, may read of the record: the log's checkpoint and growth, a record's outline, a proof."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from services.record_log.domain.global_log import growth_proof, head_proof
from services.record_log.domain.proofs import open_entry, record_proof, stream_path
from services.record_log.domain.stream import Entry
from shared.kernel.errors import Conflict, Forbidden, NotFound, Rejected
from shared.kernel.ids import FactId, PersonId
from shared.kernel.record_leaf import HeadLeaf
from shared.kernel.tree_shape import Node, Plan, plan_consistency, plan_inclusion

Nodes = Mapping[Node, bytes]


@dataclass(frozen=True, slots=True)
class SignedLog:
    """The log as it was signed last."""

    vkey: str
    size: int
    checkpoint: str


@dataclass(frozen=True, slots=True)
class FoundEntry:
    """An entry by its fact. `entry` is None once it was erased."""

    stream: int
    index: int
    entry: Entry | None


@dataclass(frozen=True, slots=True)
class LoggedHead:
    """A head and its place in the log."""

    leaf: bytes
    log_index: int


@dataclass(frozen=True, slots=True)
class StreamOutline:
    """What is told of a stream without opening anything. kinds: entries a kind; log_index: of its newest head there."""

    person: PersonId
    name: str
    size: int
    kinds: Mapping[str, int]
    erased: int
    logged_size: int
    log_index: int | None


class NotYetCovered(Conflict):
    """The entry is in the record and no checkpoint covers it yet; one will within seconds."""

    code: ClassVar[str] = "not-yet-covered"


class Erased(NotFound):
    """What opened the entry was destroyed, as the person asked."""

    code: ClassVar[str] = "erased"


class Book(Protocol):
    """The record in one open transaction that reads."""

    async def family(self, person: PersonId) -> frozenset[PersonId]:
        """Return everybody who is one person with `person` at present and beyond doubt, themself included."""
        ...

    async def signed_log(self) -> SignedLog | None:
        """Return the log as it was signed last; None before the first checkpoint."""
        ...

    async def outlines(self, people: Iterable[PersonId]) -> Sequence[StreamOutline]:
        """Return the streams of these people, main before projects; a bounded number of them."""
        ...

    async def entry(self, people: Iterable[PersonId], fact: FactId) -> FoundEntry | None:
        """Return the entry of a fact in a stream of these people."""
        ...

    async def first_head(self, stream: int, index: int, log_size: int) -> LoggedHead | None:
        """Return the oldest head that covers entry `index` among those in the log of `log_size`."""
        ...

    async def stream_nodes(self, stream: int, nodes: Iterable[Node]) -> Nodes:
        """Return these perfect nodes of a stream's tree, leaves included."""
        ...

    async def log_nodes(self, nodes: Iterable[Node]) -> Nodes:
        """Return these perfect nodes of the log's tree, leaves included."""
        ...


class Library(Protocol):
    """Opens the record for a reader."""

    def opened(self) -> AbstractAsyncContextManager[Book]:
        """Open a transaction that only reads."""
        ...


async def signed_log(library: Library) -> SignedLog:
    """Return the log as it was signed last. Raises NotYetCovered before the first checkpoint."""
    async with library.opened() as book:
        log = await book.signed_log()
    if log is None:
        raise NotYetCovered("The log has signed no checkpoint yet. Ask again in a second.")
    return log


async def consistency(library: Library, old_size: int, new_size: int | None) -> tuple[int, tuple[bytes, ...]]:
    """Return the new size, by default the signed one, and the proof that the log only grew since `old_size`.

    Raises Rejected at `new` or `old` for sizes that were not signed yet or do not follow one another.
    """
    async with library.opened() as book:
        log = await book.signed_log()
        signed_size = log.size if log else 0
        new_size = signed_size if new_size is None else new_size
        if not new_size <= signed_size:
            raise Rejected.of("new", f"the log signed {signed_size} leaves so far", "Ask for a size that was signed.")
        if not old_size <= new_size:
            raise Rejected.of("old", f"it is above the new size of {new_size}", "Ask for the smaller size as old.")
        nodes = await book.log_nodes(_nodes(plan_consistency(old_size, new_size)))
    return new_size, growth_proof(old_size, new_size, _fetch(nodes))


async def outline(library: Library, reader: PersonId | None, person: PersonId) -> Sequence[StreamOutline]:
    """Return the streams of a person's record. reader: the person who asks, None for an operator.

    Raises Forbidden when a person asks for another's.
    """
    async with library.opened() as book:
        return await book.outlines(await _family_for(book, reader, person))


async def prove(library: Library, reader: PersonId | None, person: PersonId, fact: FactId) -> dict[str, Any]:
    """Return the proof that a fact is in the person's record and that in the log, as a presentation carries it.

    Under the oldest head that covers the entry, which tells least of what came later. Raises Forbidden when a person
    asks for another's, NotFound when there is no such entry, Erased, NotYetCovered.
    """
    async with library.opened() as book:
        found = await book.entry(await _family_for(book, reader, person), fact)
        log = await book.signed_log()
        if found is None:
            raise NotFound("The record holds no such fact. One that was told a moment ago comes within seconds.")
        if found.entry is None:
            raise Erased("What this entry says was erased; only its place is left.")
        head = await book.first_head(found.stream, found.index, log.size) if log else None
        if log is None or head is None:
            raise NotYetCovered("The fact is in the record and not in a checkpoint yet. Ask again in a second.")
        stream_plan = plan_inclusion(found.index, HeadLeaf.decode(head.leaf).size)
        stream = await book.stream_nodes(found.stream, _nodes(stream_plan))
        tree = await book.log_nodes(_nodes(plan_inclusion(head.log_index, log.size)))
    return record_proof(
        open_entry(found.entry),
        stream_path(found.index, head.leaf, _fetch(stream)),
        head.leaf,
        head_proof(head.log_index, log.size, _fetch(tree), log.checkpoint),
    )


async def _family_for(book: Book, reader: PersonId | None, person: PersonId) -> frozenset[PersonId]:
    family = await book.family(person)
    if reader is not None and reader not in family:
        raise Forbidden.of("id", "a record is read by its own person or an operator", "Ask for your own.")
    return family


def _nodes(plan: Plan) -> list[Node]:
    return [node for nodes in plan for node in nodes]


def _fetch(nodes: Nodes) -> Any:
    return lambda level, position: nodes[Node(level, position)]
