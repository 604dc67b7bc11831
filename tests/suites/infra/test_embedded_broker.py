"""The embedded broker: all a broker must do, and a new identity at every start."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from infra.embedded.broker import EmbeddedBroker
from infra.embedded.memory import pss_bytes
from infra.embedded.ports import free_port
from infra.embedded.process import LaunchFailed

from .broker_suite import BrokerSuite, create_topic, produce


class TestEmbeddedBroker(BrokerSuite):
    """The suite, on the embedded broker."""

    @pytest.fixture
    async def broker(self, tmp_path: Path) -> AsyncIterator[EmbeddedBroker]:
        broker = EmbeddedBroker(free_port(), tmp_path / "broker.log")
        await broker.start()
        yield broker
        await broker.stop()

    async def test_every_start_is_another_cluster(self, broker: EmbeddedBroker) -> None:
        seen = {broker.cluster_id}
        for end in (broker.kill, broker.stop, broker.kill):
            await end()
            await broker.start()
            seen.add(broker.cluster_id)
        assert len(seen) == 4

    async def test_it_is_light_when_empty(self, broker: EmbeddedBroker) -> None:
        assert broker.rss_bytes() < 40 * 1024 * 1024

    async def test_its_memory_grows_with_what_it_holds(self, broker: EmbeddedBroker) -> None:
        await create_topic(broker, "deeds", partitions=1)
        before = broker.rss_bytes()
        await produce(broker, "deeds", [bytes(500_000) for _ in range(40)])
        assert broker.rss_bytes() - before > 10_000_000

    async def test_its_log_is_closed_to_others(self, broker: EmbeddedBroker) -> None:
        assert broker.log_file.stat().st_mode & 0o777 == 0o600


async def test_the_caller_names_the_incarnations(tmp_path: Path) -> None:
    names = iter(["first", "second"])
    broker = EmbeddedBroker(free_port(), tmp_path / "broker.log", lambda: next(names))
    assert broker.cluster_id == ""
    await broker.start()
    assert broker.cluster_id == "first"
    await broker.kill()
    await broker.start()
    assert broker.cluster_id == "second"
    await broker.stop()


async def test_a_broker_that_cannot_start_tells_what_it_said(tmp_path: Path) -> None:
    broker = EmbeddedBroker(free_port(), tmp_path / "broker.log", lambda: "--nonsense")
    with pytest.raises(LaunchFailed, match="nonsense"):
        await broker.start()
    assert not broker.is_alive


def test_a_process_that_ended_weighs_nothing() -> None:
    assert pss_bytes(2**22 + 1) == 0
