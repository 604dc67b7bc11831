"""The topics of a source over the life of a broker: generations, and which of them are there now.

The first generation of a topic bears its base name, each later one the suffix `.g2`, `.g3`, …. A name is never used
twice in one broker's life: consumers of the embedded broker hang on a re-created name and then skip silently. A relay
starts a new generation when the broker is another one, when its topic is gone, and when the topic has grown too long;
consumers read every generation that is there, and numbers repair the order between them.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, UnknownTopicOrPartitionError

from shared.events.sources import Source
from shared.kernel.errors import Unavailable

ADMIN_TIMEOUT_SECONDS: Final = 5.0
_GENERATION: Final = re.compile(r"(?P<base>.+\.v\d+)(?:\.g(?P<number>\d+))?")


class BrokerUnavailable(Unavailable):
    """The broker does not answer. What was accepted is kept and told once it is back."""

    code = "broker-unavailable"


@dataclass(frozen=True, slots=True)
class BrokerView:
    """The broker as it is now: whose cluster it is and which topics it has."""

    cluster: str
    topics: frozenset[str]


def topic_name(source: Source, generation: int) -> str:
    """Return the name of a source's topic in its `generation`, counted from 1."""
    return source.topic if generation == 1 else f"{source.topic}.g{generation}"


def topics_of(sources: Iterable[Source], topics: Iterable[str]) -> frozenset[str]:
    """Return those of `topics` that are a generation of a topic of `sources`."""
    bases = {source.topic for source in sources}
    return frozenset(topic for topic in topics if _base(topic) in bases)


def newest_generation(source: Source, topics: Iterable[str]) -> int:
    """Return the highest generation of the source's topic among `topics`; 0 when there is none."""
    matches = (_GENERATION.fullmatch(topic) for topic in topics)
    return max((int(m["number"] or "1") for m in matches if m is not None and m["base"] == source.topic), default=0)


def _base(topic: str) -> str | None:
    match = _GENERATION.fullmatch(topic)
    return match["base"] if match else None


class BrokerAdmin:
    """Looks at the broker and makes and deletes topics. Every call is bounded in time and raises BrokerUnavailable."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._client: AIOKafkaAdminClient | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection; the next call opens one again."""
        client, self._client = self._client, None
        if client is not None:
            try:
                async with asyncio.timeout(ADMIN_TIMEOUT_SECONDS):
                    await client.close()
            except (KafkaError, OSError, TimeoutError):
                return

    async def look(self) -> BrokerView:
        """Return the broker as it is now."""
        client = await self._connected()
        described = await self._bounded(client.describe_cluster())
        topics = await self._bounded(client.list_topics())
        return BrokerView(str(described.get("cluster_id")), frozenset(topics))

    async def partitions(self, topics: Iterable[str]) -> dict[str, int]:
        """Return how many partitions each of these topics has now; one that is gone is left out."""
        client = await self._connected()
        described = await self._bounded(client.describe_topics(sorted(topics)))
        return {topic["topic"]: len(topic["partitions"]) for topic in described if not topic["error_code"]}

    async def create(self, topic: str, partitions: int, replicas: int) -> None:
        """Make a topic; nothing happens when it is there."""
        client = await self._connected()
        response = await self._bounded(client.create_topics([NewTopic(topic, partitions, replicas)]))
        for name, code, *_ in getattr(response, "topic_errors", []):
            if code not in (0, TopicAlreadyExistsError.errno):
                raise BrokerUnavailable(f"the topic {name} could not be made: error {code}")

    async def delete(self, topic: str) -> None:
        """Delete a topic; nothing happens when it is gone."""
        client = await self._connected()
        try:
            await self._bounded(client.delete_topics([topic]))
        except UnknownTopicOrPartitionError:
            return

    async def _connected(self) -> AIOKafkaAdminClient:
        if self._client is None:
            client = AIOKafkaAdminClient(
                bootstrap_servers=self._address, request_timeout_ms=int(ADMIN_TIMEOUT_SECONDS * 1000)
            )
            self._client = client
            await self._bounded(client.start())
        return self._client

    async def _bounded(self, call: Any) -> Any:
        try:
            async with asyncio.timeout(ADMIN_TIMEOUT_SECONDS):
                return await call
        except UnknownTopicOrPartitionError:
            raise
        except (KafkaError, OSError, TimeoutError, AttributeError) as error:
            await self.close()
            raise BrokerUnavailable(f"Kafka at {self._address} does not answer: {type(error).__name__}") from error
