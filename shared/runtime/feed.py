"""The feed of a source's facts over gRPC: how gaps and lost tails are mended and projections rebuilt.

`FactFeed` is the port; `RpcFeed` asks a service, `StreamStore` answers through `FeedServicer`. One door may answer for
several sources, so every request names the source.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import grpc

from deedlog.facts.v1 import facts_pb2, service_pb2_grpc
from shared.events.fact import NUMBER_MAX, Fact
from shared.kernel.errors import NotFound, Rejected, Unavailable
from shared.kernel.ids import FactId, Subject
from shared.runtime.postgres import Pool, reading
from shared.runtime.stream_store import (
    HEADS_MAX,
    READ_MAX,
    SCAN_MAX,
    SUBJECTS_MAX,
    Head,
    HeadsPage,
    LogPosition,
    StreamStore,
)

EPOCH_MAX: Final = 2**31 - 1
CALL_SECONDS: Final = 5.0
SCAN_SECONDS: Final = 3_600.0
_EPOCH_START: Final = datetime(1970, 1, 1, tzinfo=UTC)


class FactFeed(Protocol):
    """Reads the facts of other services. Every method raises Unavailable when the owner does not answer."""

    async def read(self, source: str, subject: str, after: int, limit: int) -> tuple[list[Fact], int]:
        """Return up to `limit` facts of a stream after a number, and the stream's head number."""
        ...

    async def heads(self, source: str, since: LogPosition, limit: int) -> HeadsPage:
        """Return the present heads of the streams that moved since a position."""
        ...

    async def heads_of(self, source: str, subjects: Sequence[str]) -> tuple[Head, ...]:
        """Return the heads of the streams named that exist."""
        ...

    def scan(self, source: str, since: LogPosition) -> AsyncIterator[tuple[list[Fact], LogPosition]]:
        """Yield pages of facts in log order up to the owner's horizon of the moment."""
        ...


class FeedServicer(service_pb2_grpc.FactFeedServiceServicer):
    """Answers for the sources it was given. Each is asked for its store and pool at the call: pools open at start."""

    def __init__(self, sources: Mapping[str, Callable[[], tuple[StreamStore, Pool]]]) -> None:
        self._sources = sources

    def _store(self, source: str) -> tuple[StreamStore, Pool]:
        if source not in self._sources:
            raise NotFound(f"{source!r} does not tell facts here; known: {', '.join(sorted(self._sources))}")
        return self._sources[source]()

    async def Read(self, request: facts_pb2.ReadRequest, context: Any) -> facts_pb2.ReadResponse:  # noqa: N802 - gRPC
        """Return the facts of one stream after a number."""
        store, pool = self._store(request.source)
        limit = _bound("/limit", request.limit, 1, READ_MAX)
        after = _bound("/after", request.after, 0, NUMBER_MAX)
        async with reading(pool) as connection:
            facts, head = await store.read(connection, request.subject, after, limit)
        return facts_pb2.ReadResponse(facts=[fact_message(fact) for fact in facts], head=head)

    async def Heads(self, request: facts_pb2.HeadsRequest, context: Any) -> facts_pb2.HeadsResponse:  # noqa: N802 - gRPC
        """Return the present heads of the streams that moved, or of those named."""
        store, pool = self._store(request.source)
        if request.subjects:
            _bound("/subjects", len(request.subjects), 1, SUBJECTS_MAX)
            async with reading(pool) as connection:
                heads = await store.heads_of(connection, request.subjects)
            return facts_pb2.HeadsResponse(heads=[_head_message(head) for head in heads])
        since = _bounded_position(request.since)
        limit = _bound("/limit", request.limit, 1, HEADS_MAX)
        async with reading(pool) as connection:
            page = await store.heads(connection, since, limit)
        return facts_pb2.HeadsResponse(
            heads=[_head_message(head) for head in page.heads],
            next=position_message(page.next),
            has_more=page.has_more,
            epoch=page.epoch,
        )

    async def Scan(  # noqa: N802 - gRPC
        self, request: facts_pb2.ScanRequest, context: Any
    ) -> AsyncIterator[facts_pb2.ScanResponse]:
        """Stream all facts in log order up to the horizon; each page is a read of its own and holds no transaction."""
        store, pool = self._store(request.source)
        since = _bounded_position(request.since)
        limit = _bound("/page_size", request.page_size, 1, SCAN_MAX)
        while True:
            async with reading(pool) as connection:
                facts, since = await store.scan(connection, since, limit)
            if not facts:
                return
            yield facts_pb2.ScanResponse(facts=[fact_message(fact) for fact in facts], next=position_message(since))


class RpcFeed:
    """Asks the owners. `channels` holds a channel a source; several sources may share one."""

    def __init__(self, channels: Mapping[str, grpc.aio.Channel]) -> None:
        self._stubs = {source: service_pb2_grpc.FactFeedServiceStub(channel) for source, channel in channels.items()}

    def _stub(self, source: str) -> Any:
        if source not in self._stubs:
            raise Unavailable(f"there is no address for {source}")
        return self._stubs[source]

    async def read(self, source: str, subject: str, after: int, limit: int) -> tuple[list[Fact], int]:
        """Return up to `limit` facts of a stream after a number, and the stream's head number."""
        request = facts_pb2.ReadRequest(source=source, subject=subject, after=after, limit=limit)
        response = await _answered(source, self._stub(source).Read(request, timeout=CALL_SECONDS))
        return [fact_of_message(message) for message in response.facts], response.head

    async def heads(self, source: str, since: LogPosition, limit: int) -> HeadsPage:
        """Return the present heads of the streams that moved since a position."""
        request = facts_pb2.HeadsRequest(source=source, since=position_message(since), limit=limit)
        response = await _answered(source, self._stub(source).Heads(request, timeout=CALL_SECONDS))
        heads = tuple(_head_of(message) for message in response.heads)
        return HeadsPage(heads, position_of(response.next), response.has_more, response.epoch)

    async def heads_of(self, source: str, subjects: Sequence[str]) -> tuple[Head, ...]:
        """Return the heads of the streams named that exist."""
        request = facts_pb2.HeadsRequest(source=source, subjects=subjects)
        response = await _answered(source, self._stub(source).Heads(request, timeout=CALL_SECONDS))
        return tuple(_head_of(message) for message in response.heads)

    async def scan(self, source: str, since: LogPosition) -> AsyncIterator[tuple[list[Fact], LogPosition]]:
        """Yield pages of facts in log order up to the owner's horizon of the moment."""
        request = facts_pb2.ScanRequest(source=source, since=position_message(since), page_size=1_000)
        try:
            async for page in self._stub(source).Scan(request, timeout=SCAN_SECONDS):
                yield [fact_of_message(message) for message in page.facts], position_of(page.next)
        except grpc.aio.AioRpcError as error:
            raise Unavailable(f"{source} does not answer: {error.code().name}") from error


async def _answered(source: str, call: Any) -> Any:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise Unavailable(f"{source} does not answer: {error.code().name}") from error


def _bound(pointer: str, value: int, least: int, most: int) -> int:
    if not least <= value <= most:
        raise Rejected.of(pointer, f"expected {least} to {most}, got {value}", "Ask within these bounds.")
    return value


def _bounded_position(message: facts_pb2.Position) -> LogPosition:
    """Return the position a caller names. Raises Rejected for one that no database can hold."""
    _bound("/since/epoch", message.epoch, 0, EPOCH_MAX)
    _bound("/since/row", message.row, 0, NUMBER_MAX)
    return position_of(message)


def fact_message(fact: Fact) -> facts_pb2.Fact:
    """Return the wire form of a fact."""
    return facts_pb2.Fact(
        id=fact.id,
        source=fact.source,
        subject=fact.subject,
        number=fact.number,
        type=fact.type,
        occurred_at_us=(fact.occurred_at - _EPOCH_START) // timedelta(microseconds=1),
        recorded_at_us=(fact.recorded_at - _EPOCH_START) // timedelta(microseconds=1),
        organisation=fact.organisation or "",
        data=fact.data or b"",
        erased=fact.is_erased,
    )


def fact_of_message(message: facts_pb2.Fact) -> Fact:
    """Return the fact a wire message carries."""
    return Fact(
        FactId(message.id),
        message.source,
        Subject(message.subject),
        message.number,
        message.type,
        _EPOCH_START + timedelta(microseconds=message.occurred_at_us),
        _EPOCH_START + timedelta(microseconds=message.recorded_at_us),
        message.organisation or None,
        None if message.erased else message.data,
    )


def position_message(position: LogPosition) -> facts_pb2.Position:
    """Return the wire form of a log position."""
    return facts_pb2.Position(epoch=position.epoch, xid=position.xid, row=position.id)


def position_of(message: facts_pb2.Position) -> LogPosition:
    """Return the log position a wire message carries; an absent one stands before everything."""
    return LogPosition(message.epoch, message.xid, message.row)


def _head_message(head: Head) -> facts_pb2.Head:
    return facts_pb2.Head(
        subject=head.subject, number=head.number, fact_id=head.fact_id, recorded_at_us=head.recorded_at_us
    )


def _head_of(message: facts_pb2.Head) -> Head:
    return Head(Subject(message.subject), message.number, FactId(message.fact_id), message.recorded_at_us)
