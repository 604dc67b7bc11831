"""What the other services told, kept in a dictionary: numbers facts as they do and answers their feeds over gRPC."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

from deedlog.facts.v1 import facts_pb2, service_pb2_grpc
from shared.events.erasure import facts_erased
from shared.events.event import Event
from shared.events.fact import Fact, NewFact
from shared.events.sources import SOURCES, Source
from shared.kernel.errors import Unavailable
from shared.kernel.ids import system_fact_id
from shared.runtime.feed import fact_message

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


class FactBook(service_pb2_grpc.FactFeedServiceServicer):
    """Every fact of every source, in the order in which they were told."""

    def __init__(self) -> None:
        self.facts: list[Fact] = []
        self.numbers: dict[tuple[str, str], int] = {}
        self.is_away = False

    def tell(self, subject: str, *events: Event, at: datetime | None = None) -> list[Fact]:
        """Return the facts that tell these events in `subject`'s stream of their source."""
        return [self.number(event.fact(system_fact_id(), subject, at or datetime.now(UTC))) for event in events]

    def number(self, new: NewFact) -> Fact:
        """Return the fact with its place in its stream."""
        source = source_of(new.type)
        number = self.numbers.get((source.name, new.subject), 0) + 1
        self.numbers[source.name, new.subject] = number
        fact = Fact(
            new.id,
            source.name,
            new.subject,
            number,
            new.type,
            new.occurred_at,
            datetime.now(UTC),
            new.organisation,
            new.data,
        )
        self.facts.append(fact)
        return fact

    def erase(self, source: Source, subject: str) -> list[Fact]:
        """Return the fact that tells that the stream's facts up to now lost their data, and that is so."""
        through = len(self.stream(source.name, subject))
        told = self.tell(subject, facts_erased(source, through))
        self.facts = [
            fact._replace(data=None)
            if fact.source == source.name and fact.subject == subject and fact.number <= through
            else fact
            for fact in self.facts
        ]
        return told

    def stream(self, source: str, subject: str) -> list[Fact]:
        """Return the facts of a stream."""
        return [fact for fact in self.facts if fact.source == source and fact.subject == subject]

    # The feed

    async def Read(self, request: facts_pb2.ReadRequest, context: Any) -> facts_pb2.ReadResponse:  # noqa: N802
        """As the owner would."""
        self._be_there()
        stream = self.stream(request.source, request.subject)
        wanted = [fact for fact in stream if fact.number > request.after][: request.limit]
        return facts_pb2.ReadResponse(facts=map(fact_message, wanted), head=len(stream))

    async def Heads(self, request: facts_pb2.HeadsRequest, context: Any) -> facts_pb2.HeadsResponse:  # noqa: N802
        """Nothing moved: lost tails are not what is tested here."""
        self._be_there()
        return facts_pb2.HeadsResponse(epoch=1)

    async def Scan(  # noqa: N802
        self, request: facts_pb2.ScanRequest, context: Any
    ) -> AsyncIterator[facts_pb2.ScanResponse]:
        """All facts of the source."""
        self._be_there()
        facts = [fact for fact in self.facts if fact.source == request.source]
        for start in range(0, len(facts), 300):
            page = facts[start : start + 300]
            yield facts_pb2.ScanResponse(
                facts=map(fact_message, page), next=facts_pb2.Position(epoch=1, xid=1, row=start + len(page))
            )

    def _be_there(self) -> None:
        if self.is_away:
            raise Unavailable("the owner is away")


def source_of(type_: str) -> Source:
    """Return the source that tells this type."""
    return next(source for source in SOURCES.values() if type_.startswith(source.type_prefix))
