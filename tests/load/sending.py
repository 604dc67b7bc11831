"""Who sends the corpus: clients that each have one request under way, over HTTP or in streams of gRPC.

They note how long each answer took, what was not taken, and now and then whether what was answered can be read at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import grpc

from deedlog.learning_events.v1 import learning_events_pb2 as messages
from deedlog.learning_events.v1 import service_pb2_grpc
from tests.load.corpus import Corpus
from tests.load.http_client import RawClient

READ_EVERY: Final = 20
READ_EVERY_STATEMENTS: Final = 1_000
"""Of so many requests, or of the requests that bring so many, one is followed by a GET of the last it brought."""
Batch: TypeAlias = Sequence[tuple[object, bytes]]


@dataclass(frozen=True, slots=True)
class Address:
    """Where statements go. headers: what goes with each request. is_read_back: whether its key may read."""

    port: int
    path: str
    headers: Mapping[str, str]
    is_read_back: bool = False


class Sender:
    """Sends batches of the corpus to one address over HTTP.

    latencies: milliseconds of each request; failures: those not answered with 200; unread: statements that were
    acknowledged and not found; read: how many were looked for.
    """

    def __init__(self, address: Address, batch: int, clients: int) -> None:
        self._address = address
        self._batch = batch
        self._clients = clients
        self.corpus = Corpus()
        self.latencies: list[float] = []
        self.failures = self.unread = self.read = 0

    @property
    def acknowledged(self) -> int:
        """How many statements were taken, of those sent last."""
        return (len(self.latencies) - self.failures) * self._batch

    async def send(self, seconds: float) -> None:
        """All clients have sent for so long, and what they saw is noted anew."""
        self.latencies, self.failures, self.unread, self.read = [], 0, 0, 0
        batches = self._until(time.perf_counter() + seconds)
        await asyncio.gather(*(self._client(batches) for _ in range(self._clients)))

    def _until(self, ends_at: float) -> Iterator[Batch]:
        for batch in self.corpus.batches(self._batch):
            if time.perf_counter() >= ends_at:
                return
            yield batch

    async def _client(self, batches: Iterator[Batch]) -> None:
        address = self._address
        every = max(1, min(READ_EVERY, READ_EVERY_STATEMENTS // self._batch))
        headers = {"content-type": "application/json", **address.headers}
        async with RawClient("127.0.0.1", address.port, address.path, headers) as opened:
            for batch in batches:
                body = b"[" + b",".join([text for _, text in batch]) + b"]"
                asked_at = time.perf_counter()
                status = await opened.post(body)
                self._note(asked_at, is_taken=status == 200)
                if address.is_read_back and len(self.latencies) % every == 0:
                    self.read += 1
                    self.unread += await opened.get(f"{address.path}?statementId={batch[-1][0]}") != 200

    def _note(self, asked_at: float, *, is_taken: bool) -> None:
        self.latencies.append((time.perf_counter() - asked_at) * 1e3)
        self.failures += not is_taken


class StreamSender(Sender):
    """Does the same in one stream of batches a client, the next batch when the one before was acknowledged."""

    async def _client(self, batches: Iterator[Batch]) -> None:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self._address.port}") as channel:
            stub = service_pb2_grpc.LearningEventsServiceStub(channel)
            stream = stub.PublishStream(metadata=tuple(self._address.headers.items()))
            for number, batch in enumerate(batches):
                items = [messages.EventItem(body=text) for _, text in batch]
                request = messages.PublishStreamRequest(batch=number, format=messages.EVENT_FORMAT_XAPI, items=items)
                asked_at = time.perf_counter()
                await stream.write(request)
                answer: Any = await stream.read()
                outcomes = {one.outcome for one in answer.results}
                self._note(asked_at, is_taken=outcomes == {messages.ITEM_OUTCOME_STORED})
            await stream.done_writing()
