"""What to do with the facts that arrived for one stream, given how far the stream was heard. Pure.

    number = position + 1   apply
    number <= position      a duplicate: skip and count
    number >  position + 1  a gap: read the missing facts from the owner first

Two facts with one number and different ids mean that the owner's history changed: nothing may be built on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

from shared.events.fact import Fact
from shared.kernel.ids import FactId


class Position(NamedTuple):
    """How far a stream was heard: the last number and the last fact's id. A parked stream is held at that place."""

    number: int = 0
    fact_id: FactId | None = None
    is_parked: bool = False
    skipped: frozenset[int] = frozenset()
    """Numbers an operator passed over for good: heard, and not applied."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Numbers `first` to `last`, both included, did not arrive though a later one did."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Number `number` names two different facts."""

    number: int


class Step(NamedTuple):
    """What to do: apply these in order, count that many duplicates, then mend what is missing or contradicts."""

    apply: tuple[Fact, ...]
    duplicates: int
    missing: Missing | None = None
    contradiction: Contradiction | None = None


def step(position: Position, facts: Iterable[Fact]) -> Step:
    """Return what to do with `facts` of one stream, in any order and with any repetitions.

    A parked stream applies nothing; its facts are read again from the owner when it is redriven.
    """
    if position.is_parked:
        return Step((), 0)
    apply: list[Fact] = []
    duplicates = 0
    last, last_id = position.number, position.fact_id
    for fact in sorted(facts, key=_number):
        number = fact.number
        if number == last + 1:
            apply.append(fact)
            last, last_id = number, fact.id
        elif number > last:
            return Step(tuple(apply), duplicates, missing=Missing(last + 1, number - 1))
        elif number == last and last_id is not None and fact.id != last_id:
            return Step(tuple(apply), duplicates, contradiction=Contradiction(number))
        else:
            duplicates += 1
    return Step(tuple(apply), duplicates)


_number = attrgetter("number")
