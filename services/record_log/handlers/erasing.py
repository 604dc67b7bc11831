"""What opens erased entries is destroyed, bit by bit, and with it what ties their heads to the person.

A leaf without its salts could stand for anything, so no proof of another entry changes. The newest head of a stream
stays tied to it: the stream goes on from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from shared.events.sources import IDENTITY
from shared.kernel.ids import PersonId

ROWS_AT_ONCE: Final = 500
"""Rows destroyed in one transaction."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """Facts of `source` about `person` up to number `through` open no more."""

    person: PersonId
    source: str
    through: int

    @property
    def is_of_the_person(self) -> bool:
        """Whether the person themself was erased, and with their facts the openings of their streams."""
        return self.source == IDENTITY.name


class Erasures(Protocol):
    """Erasures that are to be carried out. Every method is a transaction of its own."""

    async def due(self, after: Erasure | None) -> Erasure | None:
        """Return the first that is not carried out to the end, or the next after the one given, if there is any."""
        ...

    async def empty_entries(self, erasure: Erasure, limit: int) -> int:
        """Destroy what opens up to `limit` entries and return how many there were."""
        ...

    async def untie_heads(self, erasure: Erasure, limit: int) -> int:
        """Forget up to `limit` heads that brought erased entries, but for the newest of a stream; return how many."""
        ...

    async def close(self, erasure: Erasure) -> bool:
        """Forget the erasure unless heads of the person still wait for the log; return whether it was forgotten."""
        ...


async def carry_out(erasures: Erasures, limit: int = ROWS_AT_ONCE) -> int:
    """Carry out all erasures that can be, and return how many ended; one whose heads still wait is left for later.

    Each is looked at once: a person of whom something is told all the time keeps nobody else's erasure waiting.
    """
    ended = 0
    erasure: Erasure | None = None
    while (erasure := await erasures.due(erasure)) is not None:
        while await erasures.empty_entries(erasure, limit):
            pass
        while await erasures.untie_heads(erasure, limit):
            pass
        ended += await erasures.close(erasure)
    return ended
