"""Which people are one: a forest of links, and the table of aliases that follows from it.

    link   two people are one, proven from both sides; links never close a ring
    union  all whom links connect; its canonical person is the oldest of them
    alias  everybody else in it; known by the canonical person's id, always in one step

The table is a function of the set of links alone, so no order of merges and splits leads to two answers, and taking a
link away gives back exactly what was there before it. What is told is the difference of two tables: for everybody
whose canonical person changes, `person-split` from the old one, then `person-merged` with the new one, each in both
streams. At any moment a person's own stream therefore holds at most one merge as alias that no split has ended.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from services.identity.domain.facts import Occasion
from services.identity.domain.people import Origin, no_such_person
from shared.events.event import Event
from shared.events.fact import NewFact
from shared.events.identity import PersonMerged, PersonSplit
from shared.kernel.errors import Conflict
from shared.kernel.ids import PersonId

UNION_PEOPLE_MAX: Final = 16
"""People who may be one. All of them are locked and told of in one transaction."""


class AlreadyOne(Conflict):
    """The two people are one already, so a further link would say nothing."""

    code = "already-one"


class UnionTooLarge(Conflict):
    """More people would be one than may be."""

    code = "union-too-large"


@dataclass(frozen=True, slots=True, order=True)
class Member:
    """A person who was not erased, in the order of age."""

    registered_at: datetime
    id: PersonId
    origin: Origin


@dataclass(frozen=True, slots=True)
class Edge:
    """Two people whom a link makes one."""

    link: str
    one: PersonId
    other: PersonId


@dataclass(frozen=True, slots=True)
class Aliases:
    """Some people, with everybody they are one with, and the links among them."""

    members: frozenset[Member]
    edges: frozenset[Edge] = frozenset()

    def union(self, person: str) -> frozenset[Member]:
        """Return everybody who is one with the person, themselves included. Raises NotFound for a stranger."""
        reached = {person}
        frontier = [person]
        while frontier:
            here = frontier.pop()
            beside = {
                edge.other if edge.one == here else edge.one for edge in self.edges if here in (edge.one, edge.other)
            }
            frontier += beside - reached
            reached |= beside
        union = frozenset(member for member in self.members if member.id in reached)
        if not union:
            raise no_such_person()
        return union

    def canonical(self, person: str) -> PersonId:
        """Return the oldest of those who are one with the person. Raises NotFound for a stranger."""
        return min(self.union(person)).id

    def table(self) -> dict[PersonId, PersonId]:
        """Return the canonical person of every alias."""
        known = {member.id: self.canonical(member.id) for member in self.members}
        return {person: canonical for person, canonical in known.items() if person != canonical}

    def merged(self, edge: Edge) -> Aliases:
        """Return what holds once `edge` links two people. Raises AlreadyOne, UnionTooLarge, or NotFound."""
        one, other = self.union(edge.one), self.union(edge.other)
        if one == other:
            raise AlreadyOne.of("", "both sides are one person already", "Sign in on the other account's side.")
        if len(one) + len(other) > UNION_PEOPLE_MAX:
            rule = f"{len(one) + len(other)} people would be one, and at most {UNION_PEOPLE_MAX} may"
            raise UnionTooLarge.of("", rule, "Undo a link that is no longer needed.")
        return replace(self, edges=self.edges | {edge})

    def split(self, link: str) -> Aliases:
        """Return what holds once the link is taken away."""
        return replace(self, edges=frozenset(edge for edge in self.edges if edge.link != link))


def told_changes(
    before: Mapping[PersonId, PersonId], after: Mapping[PersonId, PersonId], occasion: Occasion
) -> list[NewFact]:
    """Return the facts that take everybody who heard them from one table of aliases to another."""
    facts: list[NewFact] = []
    for person in sorted(before.keys() | after.keys()):
        was, now = before.get(person), after.get(person)
        if was == now:
            continue
        if was is not None:
            facts += _in_both(PersonSplit(canonical=was, alias=person), was, person, occasion)
        if now is not None:
            facts += _in_both(PersonMerged(canonical=now, alias=person), now, person, occasion)
    return facts


def _in_both(event: Event, canonical: PersonId, alias: PersonId, occasion: Occasion) -> list[NewFact]:
    return [occasion.fact(event, canonical), occasion.fact(event, alias)]
