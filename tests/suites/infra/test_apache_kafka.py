"""Apache Kafka: all a broker must do, and memory over a crash. Needs the jars; `make kafka` gathers them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from infra.embedded.ports import free_port
from infra.kafka.jars import are_gathered
from infra.kafka.kafka import ApacheKafka

from .broker_suite import BrokerSuite, consume, create_topic, produce

REPOSITORY = Path(__file__).parents[3]

pytestmark = [
    pytest.mark.kafka,
    pytest.mark.skipif(not are_gathered(), reason="Kafka's jars are not gathered; run `make kafka` once"),
]


class TestApacheKafka(BrokerSuite):
    """The suite, on Apache Kafka."""

    @pytest.fixture
    async def broker(self, tmp_path: Path) -> AsyncIterator[ApacheKafka]:
        broker = ApacheKafka(tmp_path / "kafka", free_port(), free_port())
        await broker.start()
        yield broker
        await broker.kill()

    async def test_messages_offsets_and_identity_survive_a_crash(self, broker: ApacheKafka) -> None:
        await create_topic(broker, "deeds")
        values = [f"deed {number}".encode() for number in range(50)]
        await produce(broker, "deeds", values)
        await consume(broker, "deeds", 50, group="readers")
        before = broker.cluster_id
        await broker.kill()
        await broker.start()
        assert broker.cluster_id == before
        assert await consume(broker, "deeds", 50) == set(values)
        await produce(broker, "deeds", [b"one more"])
        assert await consume(broker, "deeds", 1, group="readers") == {b"one more"}

    async def test_a_wiped_broker_is_another_empty_cluster(self, broker: ApacheKafka) -> None:
        await create_topic(broker, "deeds")
        before = broker.cluster_id
        await broker.wipe()
        assert broker.cluster_id == ""
        await broker.start()
        assert broker.cluster_id not in ("", before)
        await create_topic(broker, "deeds")

    async def test_idempotent_producers_are_served(self, broker: ApacheKafka) -> None:
        await create_topic(broker, "deeds")
        await produce(broker, "deeds", [b"bridge"], idempotent=True)
        assert await consume(broker, "deeds", 1) == {b"bridge"}

    async def test_a_topic_that_nobody_made_is_not_made_by_producing(self, broker: ApacheKafka) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=broker.address, request_timeout_ms=2_000)
        await producer.start()
        with pytest.raises(KafkaError):
            await producer.send_and_wait("unmade", b"bridge")
        await producer.stop()

    async def test_it_fits_beside_the_tests(self, broker: ApacheKafka) -> None:
        assert broker.rss_bytes() < 512 * 1024 * 1024


def test_the_command_prints_the_address_and_stops_on_ctrl_c(tmp_path: Path) -> None:
    port = free_port()
    words = ["run", "--port", str(port), "--folder", str(tmp_path)]
    command = subprocess.Popen(
        [sys.executable, "-m", "infra.kafka.kafka", *words], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    )
    assert command.stdout is not None
    assert f"127.0.0.1:{port}" in command.stdout.readline()
    command.send_signal(signal.SIGINT)
    command.communicate(timeout=30)
    assert command.returncode == 0
