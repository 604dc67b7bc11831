"""Which statements are void: each that a voiding statement of its organisation names, whichever of the two came first.

A voiding statement voids nothing that voids (part 2, section 2.3.2), and test data voids test data only. So what is
void is a function of the set of statements, and it is told once, by the earliest voiding statement known at that time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from services.learning_events.domain.arrival import Arrival, Writer
from shared.events.fact import NewFact
from shared.events.learning_events import StatementVoided
from shared.kernel.ids import FactId, PersonId


@dataclass(frozen=True, slots=True)
class Void:
    """A voiding statement and the one it names. occurred_at: the voiding statement's time."""

    target: str
    voiding: str
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class Target:
    """A statement that may be voided. person: whose stream tells of it, None where nobody's does.

    fact_id: the fact that told it. was_void: whether that was told before.
    """

    id: str
    person: PersonId | None
    fact_id: FactId
    is_voiding: bool
    was_void: bool


def voids_of(arrivals: Iterable[Arrival]) -> list[Void]:
    """Return what the voiding ones among these statements name."""
    return [
        Void(arrival.event.voided_id, arrival.id, arrival.event.occurred_at)
        for arrival in arrivals
        if arrival.event.voided_id is not None
    ]


def target_of(arrival: Arrival) -> Target:
    """Return a statement that was stored just now as one that may be voided."""
    person = arrival.account.person if arrival.account is not None else None
    return Target(arrival.id, person, arrival.fact_id, arrival.event.is_voiding, was_void=False)


def newly_void(targets: Mapping[str, Target], voids: Iterable[Void]) -> list[tuple[Target, Void]]:
    """Return the targets whose voiding is to be told now, each with its earliest voiding statement, by id."""
    earliest: dict[str, Void] = {}
    for void in voids:
        known = earliest.get(void.target)
        if known is None or (void.occurred_at, void.voiding) < (known.occurred_at, known.voiding):
            earliest[void.target] = void
    found = ((targets[name], void) for name, void in sorted(earliest.items()) if name in targets)
    return [
        (target, void)
        for target, void in found
        if target.person is not None and not target.is_voiding and not target.was_void
    ]


def statement_voided(target: Target, person: PersonId, void: Void, writer: Writer, fact_id: FactId) -> NewFact:
    """Return the fact that a statement of this person is void, told in the stream that told the statement."""
    told = StatementVoided(statement=target.id, voiding_statement=void.voiding, voided_fact=target.fact_id)
    return told.fact(fact_id, person, void.occurred_at, writer.organisation)
