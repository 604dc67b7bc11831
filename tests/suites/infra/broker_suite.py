"""What every broker must do, written once and inherited by the test of each: only its name shows which one it is."""

from __future__ import annotations

import asyncio
import os
import socket

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from infra.embedded.broker import Broker, described_cluster
from infra.embedded.ports import PortTaken

PATIENCE_SECONDS = 30


async def create_topic(broker: Broker, name: str, partitions: int = 2) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.address)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, num_partitions=partitions, replication_factor=1)])
    finally:
        await admin.close()


async def produce(broker: Broker, topic: str, values: list[bytes], *, idempotent: bool = False) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=broker.address, acks="all", enable_idempotence=idempotent)
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(topic, value, key=value)
    finally:
        await producer.stop()


async def consume(broker: Broker, topic: str, count: int, group: str | None = None) -> set[bytes]:
    """Return `count` messages from the beginning; with a group, as its only member and with its offsets committed."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=broker.address,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=6_000,
        heartbeat_interval_ms=500,
    )
    await consumer.start()
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            received = {(await consumer.getone()).value for _ in range(count)}
            if group is not None:
                await consumer.commit()
            return received
    finally:
        await consumer.stop()


class BrokerSuite:
    """Inherited with a fixture `broker` that is started, and that is stopped after the test."""

    async def test_it_tells_its_cluster_id(self, broker: Broker) -> None:
        assert broker.cluster_id
        assert await described_cluster(broker.address) == broker.cluster_id

    async def test_what_is_produced_is_consumed(self, broker: Broker) -> None:
        await create_topic(broker, "deeds")
        values = [f"deed {number}".encode() for number in range(50)]
        await produce(broker, "deeds", values)
        assert await consume(broker, "deeds", 50) == set(values)

    async def test_a_group_is_served(self, broker: Broker) -> None:
        await create_topic(broker, "deeds")
        await produce(broker, "deeds", [b"bridge", b"tunnel"])
        assert await consume(broker, "deeds", 2, group="readers") == {b"bridge", b"tunnel"}

    async def test_starting_it_twice_starts_one(self, broker: Broker) -> None:
        before = broker.cluster_id
        await broker.start()
        assert await described_cluster(broker.address) == before

    async def test_a_stopped_broker_answers_nobody_and_weighs_nothing(self, broker: Broker) -> None:
        assert broker.rss_bytes() > 1_000_000
        await broker.stop()
        assert not broker.is_alive
        assert broker.rss_bytes() == 0
        assert await described_cluster(broker.address) is None
        await broker.stop()

    async def test_a_killed_broker_starts_again_and_serves(self, broker: Broker) -> None:
        await create_topic(broker, "before")
        await produce(broker, "before", [b"bridge"])
        await broker.kill()
        assert not broker.is_alive
        await broker.start()
        await create_topic(broker, "after")
        await produce(broker, "after", [b"tunnel"])
        assert await consume(broker, "after", 1) == {b"tunnel"}

    async def test_a_taken_port_is_named(self, broker: Broker) -> None:
        await broker.stop()
        host, _, port = broker.address.partition(":")
        with (
            socket.create_server((host, int(port)), reuse_port=False),
            pytest.raises(PortTaken, match=port),
        ):
            await broker.start()
        assert not broker.is_alive

    async def test_only_the_loopback_is_heard(self, broker: Broker) -> None:
        port = int(broker.address.partition(":")[2])
        with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.2", port), timeout=2):
            pass

    async def test_the_terminal_cannot_interrupt_it(self, broker: Broker) -> None:
        process = getattr(broker, "_child", None)
        assert process is not None
        assert os.getsid(process.pid) != os.getsid(0)
