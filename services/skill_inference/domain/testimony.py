"""What heard facts say to inference, kept as it was said: scored statements, reviews, voidings, and who is whom.

No alignment, release or framework has touched it yet, because those change and facts do not: a statement that nobody
aligned today may be aligned tomorrow. `sorting.py` makes it of facts, `reading.py` observations of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple, TypeAlias

from services.skill_inference.domain.alignment import Target
from services.skill_inference.domain.observation import Assurance, Mark, MarkSet, Outcome
from shared.events.fact import Fact
from shared.events.sources import LEARNING_EVENTS, PROJECT_SUBMISSIONS, Source

FACTS_MAX: Final = {LEARNING_EVENTS.name: 5_000, PROJECT_SUBMISSIONS.name: 500}
"""Scored statements, and reviews, that are read of one stream and organisation, by number. Every fold reads all that is
kept of a person: this bounds what an organisation can make it cost, and no organisation uses up what another may send.
"""


class Statement(NamedTuple):
    """A scored statement about an activity. `number` counts in the stream of `subject`; `result` lies in [0, 1]."""

    subject: str
    number: int
    fact: str
    organisation: str
    statement: str
    activity: str
    result: float
    occurred_at: datetime


class Review(NamedTuple):
    """One reviewer's marks on one project, as told; among them may be skills that the framework does not know."""

    subject: str
    number: int
    fact: str
    organisation: str
    project: str
    reviewer: str
    marks: tuple[Mark, ...]
    occurred_at: datetime


class Voiding(NamedTuple):
    """The statement of this organisation, by this person, is void."""

    subject: str
    number: int
    organisation: str
    statement: str


class Link(NamedTuple):
    """By the `number`-th fact of its own stream `alias` is part of `canonical`; None: it stands for itself."""

    alias: str
    number: int
    canonical: str | None


class Erasure(NamedTuple):
    """What was derived from this stream's facts up to `through` must go. `number` is the fact's that says so."""

    source: str
    subject: str
    number: int
    through: int


class Shelf(NamedTuple):
    """Where evidence is counted: a stream, and in it the organisation that sent it; "" where none did."""

    source: str
    subject: str
    organisation: str


Counts: TypeAlias = dict[Shelf, tuple[int, int]]
"""By shelf, how many statements or reviews, and the highest number that said anything."""


class Aside(NamedTuple):
    """A fact that is understood and cannot be used, or not wholly."""

    fact: Fact
    reason: str


def read_statement(statement: Statement, target: Target) -> Outcome:
    """Return the statement as an observation of what its activity shows."""
    return Outcome(
        occurred_at=statement.occurred_at,
        source=LEARNING_EVENTS.name,
        sequence=statement.number,
        fact=statement.fact,
        task=statement.activity,
        skills=target.skills,
        result=statement.result,
        assurance=target.assurance,
        difficulty=target.difficulty,
    )


def read_review(review: Review, assurance: Assurance = Assurance.NAMED_REVIEWER) -> MarkSet:
    """Return the review as an observation of one work, the project. Raises Rejected where it cannot be one."""
    return MarkSet(
        occurred_at=review.occurred_at,
        source=PROJECT_SUBMISSIONS.name,
        sequence=review.number,
        fact=review.fact,
        work=review.project,
        reviewer=review.reviewer,
        marks=review.marks,
        assurance=assurance,
    )


@dataclass(slots=True)
class Testimony:
    """What a batch of facts says, each kind in the order it was heard in."""

    statements: list[Statement] = field(default_factory=list)
    reviews: list[Review] = field(default_factory=list)
    voidings: list[Voiding] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    erasures: list[Erasure] = field(default_factory=list)
    aside: list[Aside] = field(default_factory=list)
    facts: dict[str, Fact] = field(default_factory=dict)
    """The facts that told statements and reviews, by id."""

    def counts(self) -> Counts:
        """Return how much there is of what, by shelf."""
        found: Counts = {}
        for shelf, number, is_evidence in self._places():
            count, highest = found.get(shelf, (0, 0))
            found[shelf] = count + is_evidence, max(highest, number)
        return found

    def limit(self, totals: Mapping[Shelf, int]) -> None:
        """Have set aside what comes after the FACTS_MAX-th of its shelf. `totals`: by shelf, with what is here."""
        before = {shelf: totals[shelf] - count for shelf, (count, _) in self.counts().items()}
        self.statements = [one for one in self.statements if self._has_room(before, _shelf(LEARNING_EVENTS, one), one)]
        self.reviews = [one for one in self.reviews if self._has_room(before, _shelf(PROJECT_SUBMISSIONS, one), one)]

    def _has_room(self, before: dict[Shelf, int], shelf: Shelf, one: Statement | Review) -> bool:
        before[shelf] += 1
        if before[shelf] <= FACTS_MAX[shelf.source]:
            return True
        reason = f"at most {FACTS_MAX[shelf.source]} of one person and organisation are read, and this is one more"
        self.aside.append(Aside(self.facts[one.fact], reason))
        return False

    def _places(self) -> Iterator[tuple[Shelf, int, bool]]:
        yield from ((_shelf(LEARNING_EVENTS, one), one.number, True) for one in self.statements)
        yield from ((_shelf(LEARNING_EVENTS, one), one.number, False) for one in self.voidings)
        yield from ((_shelf(PROJECT_SUBMISSIONS, one), one.number, True) for one in self.reviews)
        for erasure in self.erasures:
            yield Shelf(erasure.source, erasure.subject, ""), erasure.number, False

    def persons(self) -> set[str]:
        """Return everybody whose evidence, or whose place among people, may have changed."""
        named = {one.subject for kind in (self.statements, self.reviews, self.voidings, self.erasures) for one in kind}
        for link in self.links:
            named |= {link.alias, link.canonical or link.alias}
        return named

    def reviewers(self) -> set[str]:
        """Return who reviewed, by the ids they were told under."""
        return {one.reviewer for one in self.reviews}

    @property
    def only_adds(self) -> bool:
        """Whether it only adds evidence: nothing is taken back and nobody becomes somebody else."""
        return not (self.voidings or self.links or self.erasures)


def _shelf(source: Source, one: Statement | Review | Voiding) -> Shelf:
    return Shelf(source.name, one.subject, one.organisation)
