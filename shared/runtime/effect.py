"""What a service does with the facts it hears: the port between the consumer core and a service's stream door.

The core sees to it that every fact is applied exactly once and in the order of its stream; the effect only says what
follows from it. An effect's state must be a function of the *set* of facts, because across streams there is no order.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from shared.events.event import Event
from shared.events.fact import Fact, NewFact
from shared.events.sources import Source
from shared.kernel.errors import Broken
from shared.runtime.postgres import Connection


class Heard(NamedTuple):
    """A fact and its decoded event. `event` is None for an erased fact and where the effect does not decode."""

    fact: Fact
    event: Event | None


@dataclass(frozen=True, slots=True)
class SetAside:
    """A fact that is understood but unusable; it is kept with the reason and the stream goes on."""

    fact: Fact
    reason: str


class FactBroken(Broken):
    """A fact that breaks an invariant of ours: its stream is parked at it, the others go on."""

    code = "fact-broken"

    def __init__(self, fact: Fact, reason: str) -> None:
        super().__init__(f"{fact.type} number {fact.number}: {reason}")
        self.fact = fact
        self.reason = reason


class Applying(Protocol):
    """The open transaction an effect works in. Subject locks and positions are held already."""

    connection: Connection
    is_rebuilding: bool
    """True while a shadow is built: `tell` does nothing then."""

    async def tell(self, facts: Sequence[NewFact]) -> None:
        """Append facts of this service in the same transaction; their subjects must be among `Effect.subjects`."""
        ...

    def after_commit(self, action: Callable[[], None]) -> None:
        """Have `action` called once the transaction is durable; not at all when it rolls back."""
        ...


class Effect(Protocol):
    """What one service makes of what it hears."""

    hears: tuple[Source, ...]
    """The sources whose topics are consumed."""
    types: frozenset[str] | None
    """The event types that are decoded and applied; None applies every type undecoded. Others only move positions."""

    async def subjects(self, connection: Connection, heard: Sequence[Heard]) -> Collection[str]:
        """Return further subjects to lock, such as the canonical person of an alias. Runs before the transaction."""
        ...

    async def apply(self, applying: Applying, heard: Sequence[Heard]) -> Sequence[SetAside]:
        """Store what follows from these facts: in order within a stream, in no order across streams.

        Returns what was set aside. Raises FactBroken to park one stream, Unavailable to try the whole batch again.
        """
        ...
