"""The services that inference hears, as far as it can tell: their streams, and a feed of them.

Facts are numbered, read, scanned and erased as their owners do it; how they reach the consumer is the test's to choose.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from shared.events.erasure import facts_erased
from shared.events.event import Event
from shared.events.fact import Fact
from shared.events.identity import PersonMerged, PersonSplit
from shared.events.learning_events import Score, StatementRecorded, StatementVoided
from shared.events.project_submissions import Mark, ReviewCompleted
from shared.events.sources import IDENTITY, LEARNING_EVENTS, PROJECT_SUBMISSIONS, Source
from shared.kernel.errors import Unavailable
from shared.kernel.ids import FactId, Subject, system_fact_id, system_id
from shared.runtime.stream_store import Head, HeadsPage, LogPosition

NOW = datetime(2026, 6, 1, tzinfo=UTC)
"""When everything is recorded."""


class Owners:
    """Streams of every source, in the order in which their facts were told."""

    def __init__(self) -> None:
        self._log: defaultdict[str, list[Fact]] = defaultdict(list)
        self._streams: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        self.is_away = False

    def tell(
        self,
        source: Source,
        subject: str,
        event: Event,
        at: datetime = NOW,
        organisation: str | None = None,
        recorded_at: datetime = NOW,
    ) -> Fact:
        """Return the fact, with the next number of its stream."""
        number = len(self._streams[source.name, subject]) + 1
        fact_id = FactId(str(system_fact_id()))
        fact = Fact(
            fact_id,
            source.name,
            Subject(subject),
            number,
            event.type,
            at,
            recorded_at,
            organisation,
            event.encode(),
        )
        self._streams[source.name, subject].append(len(self._log[source.name]))
        self._log[source.name].append(fact)
        return fact

    def statement(
        self,
        person: str,
        organisation: str,
        activity: str,
        *,
        at: datetime = NOW,
        success: bool | None = True,
        score: Score | None = None,
        statement: str | None = None,
        is_test: bool = False,
        recorded_at: datetime = NOW,
    ) -> Fact:
        """A statement about an activity was recorded."""
        event = StatementRecorded(
            statement=statement or str(system_fact_id()),
            account="acc_1",
            verb="http://adlnet.gov/expapi/verbs/answered",
            object=activity,
            object_type="Activity",
            score=score,
            success=success,
            digest="sha256:0",
            is_test=is_test,
        )
        return self.tell(LEARNING_EVENTS, person, event, at, organisation, recorded_at)

    def voided(self, person: str, organisation: str, statement: str) -> Fact:
        """A statement was voided."""
        event = StatementVoided(statement=statement, voiding_statement=str(system_fact_id()))
        return self.tell(LEARNING_EVENTS, person, event, NOW, organisation)

    def review(
        self, person: str, project: str, reviewer: str, marks: Sequence[Mark], at: datetime = NOW, rubric: str = "r/1"
    ) -> Fact:
        """A reviewer's marks were told."""
        event = ReviewCompleted(
            review=system_id("review"),
            submission=system_id("submission"),
            project=project,
            reviewer=reviewer,
            rubric=rubric,
            marks=tuple(marks),
        )
        return self.tell(PROJECT_SUBMISSIONS, person, event, at)

    def merged(self, canonical: str, alias: str) -> list[Fact]:
        """Two people became one; told in both streams."""
        event = PersonMerged(canonical=canonical, alias=alias)
        return [self.tell(IDENTITY, person, event) for person in (alias, canonical)]

    def split(self, canonical: str, alias: str) -> list[Fact]:
        """They are two again; told in both streams."""
        event = PersonSplit(canonical=canonical, alias=alias)
        return [self.tell(IDENTITY, person, event) for person in (alias, canonical)]

    def erased(self, source: Source, person: str) -> Fact:
        """The data of a stream were erased; the fact that tells it."""
        places = list(self._streams[source.name, person])
        told = self.tell(source, person, facts_erased(source, len(places)))
        for place in places:
            self._log[source.name][place] = self._log[source.name][place]._replace(data=None)
        return told

    def facts(self, source: str, subject: str) -> list[Fact]:
        """Return the facts of a stream as their owner has them now."""
        return [self._log[source][place] for place in self._streams[source, subject]]

    # FactFeed

    async def read(self, source: str, subject: str, after: int, limit: int) -> tuple[list[Fact], int]:
        """As FactFeed."""
        self._answer()
        facts = self.facts(source, subject)
        return facts[after : after + limit], len(facts)

    async def heads(self, source: str, since: LogPosition, limit: int) -> HeadsPage:
        """As FactFeed."""
        self._answer()
        moved = list(dict.fromkeys(fact.subject for fact in self._log[source][since.id : since.id + limit]))
        following = LogPosition(1, 1, min(since.id + limit, len(self._log[source])))
        return HeadsPage(await self.heads_of(source, moved), following, following.id < len(self._log[source]), 1)

    async def heads_of(self, source: str, subjects: Sequence[str]) -> tuple[Head, ...]:
        """As FactFeed."""
        last = [self.facts(source, subject)[-1] for subject in subjects if self.facts(source, subject)]
        return tuple(Head(fact.subject, fact.number, fact.id, 0) for fact in last)

    async def scan(self, source: str, since: LogPosition) -> AsyncIterator[tuple[list[Fact], LogPosition]]:
        """As FactFeed."""
        self._answer()
        for start in range(since.id, len(self._log[source]), 300):
            page = self._log[source][start : start + 300]
            yield page, LogPosition(1, 1, start + len(page))

    def _answer(self) -> None:
        if self.is_away:
            raise Unavailable("the owner does not answer")
