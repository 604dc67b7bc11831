"""What to do with the facts that arrived for one stream, given how far the stream was heard. Pure.

    number = position + 1   apply
    number <= position      a duplicate: skip and count
    number >  position + 1  a gap: read the missing facts from the owner first

Two facts with one number and different ids mean that the owner's history changed: nothing may be built on it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shared.events.fact import Fact
from shared.kernel.ids import FactId


@dataclass(frozen=True, slots=True)
class Position:
    """How far a stream was heard: the last number and the last fact's id. A parked stream is held at that place."""

    number: int = 0
    fact_id: FactId | None = None
    is_parked: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """Numbers `first` to `last`, both included, did not arrive though a later one did."""

    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Number `number` names two different facts."""

    number: int


@dataclass(frozen=True, slots=True)
class Step:
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
    last = position
    for fact in sorted(facts, key=_number):
        if fact.number == last.number + 1:
            apply.append(fact)
            last = Position(fact.number, fact.id)
        elif fact.number > last.number + 1:
            return Step(tuple(apply), duplicates, missing=Missing(last.number + 1, fact.number - 1))
        elif fact.number == last.number and last.fact_id is not None and fact.id != last.fact_id:
            return Step(tuple(apply), duplicates, contradiction=Contradiction(fact.number))
        else:
            duplicates += 1
    return Step(tuple(apply), duplicates)


def _number(fact: Fact) -> int:
    return fact.number
