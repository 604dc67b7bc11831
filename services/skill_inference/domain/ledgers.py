"""Ledgers at hand, so that the next fact of an active person costs a step and not the fold of everything.

A ledger is found only under the token of exactly the evidence it was made of. A token names facts by their place in
their streams, so it can be compared with the database's whoever wrote there, and whatever became of our transaction.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from services.skill_inference.domain.fold import Ledger
from services.skill_inference.domain.observation import Observation

OBSERVATIONS_MAX: Final = 50_000
"""Observations in all ledgers at hand: some 60 MB. Beyond, the ledgers that were used least recently are let go."""
LEDGER_WEIGHT: Final = 8
"""A ledger takes as much beside its observations as so many of them."""


class Token(NamedTuple):
    """What a ledger was made of: an adoption of alignments, who the person is, and how far each of their streams spoke.

    generation: of the tables the evidence was read from; a rebuild puts others in their place. members: every id of
    the person, for one that told nothing counts too: its reviews of the others are claims. reviewers: of the person's
    those who were merged since they reviewed, as (id that was told, id that stands for it).
    """

    generation: int
    adoption: int
    members: frozenset[str]
    heads: tuple[tuple[str, str, int], ...]
    reviewers: frozenset[tuple[str, str]] = frozenset()


@dataclass(slots=True)
class _Entry:
    token: Token
    ledger: Ledger
    pending: list[Observation] = field(default_factory=list)


class Ledgers:
    """The ledgers at hand, by person."""

    def __init__(self, observations_max: int = OBSERVATIONS_MAX) -> None:
        self._observations_max = observations_max
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self._size = 0

    def __len__(self) -> int:
        return len(self._entries)

    def advance(self, person: str, before: Token, after: Token, observations: Iterable[Observation]) -> None:
        """Have a ledger made of `before` stand for `after`, which has these observations more. Learned from later."""
        entry = self._entries.get(person)
        if entry is None:
            return
        if entry.token != before:
            self._drop(person)
            return
        entry.token = after
        entry.pending.extend(observations)

    def cost(self, person: str, token: Token) -> int | None:
        """Return what `find` would cost, in outcomes folded; None where there is no such ledger."""
        entry = self._entries.get(person)
        return None if entry is None or entry.token != token else entry.ledger.cost(entry.pending)

    def find(self, person: str, token: Token) -> Ledger | None:
        """Return the person's ledger when it is made of exactly this."""
        entry = self._entries.get(person)
        if entry is None or entry.token != token:
            return None
        pending, entry.pending = entry.pending, []
        entry.ledger.take(pending)
        self.put(person, token, entry.ledger)
        return entry.ledger

    def put(self, person: str, token: Token, ledger: Ledger) -> None:
        """Have the person's ledger at hand; others may be let go for it."""
        self._drop(person)
        self._entries[person] = _Entry(token, ledger)
        self._sizes[person] = LEDGER_WEIGHT + len(ledger)
        self._size += self._sizes[person]
        while self._size > self._observations_max:
            self._drop(next(iter(self._entries)))

    def let_go(self, person: str) -> None:
        """Have nothing at hand of this person."""
        self._drop(person)

    def _drop(self, person: str) -> None:
        if self._entries.pop(person, None) is not None:
            self._size -= self._sizes.pop(person)
