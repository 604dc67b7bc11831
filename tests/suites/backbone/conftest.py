"""One database server a session, one of each kind of broker, and a house of its own for each test.

Every test that asks for `house` runs twice: on the embedded broker, and, marked `kafka`, on Apache Kafka. On the first
it gets an empty broker; on the second a topic and a group nobody used before.
"""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from infra.embedded.broker import EmbeddedBroker
from infra.embedded.ports import free_port
from infra.embedded.postgres import EmbeddedPostgres
from infra.kafka.jars import are_gathered
from infra.kafka.kafka import ApacheKafka

from .house import AnyBroker, House

_NUMBERS = itertools.count(1)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedPostgres]:
    """The database server of the session."""
    postgres = EmbeddedPostgres(tmp_path_factory.mktemp("backbone"), free_port())
    await postgres.start()
    yield postgres
    await postgres.wipe()


@pytest.fixture(scope="session")
def brokers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, AnyBroker]:
    """Both brokers, not started yet."""
    folder = tmp_path_factory.mktemp("brokers")
    return {
        "embedded": EmbeddedBroker(free_port(), folder / "broker.log"),
        "kafka": ApacheKafka(folder / "kafka", free_port(), free_port()),
    }


@pytest_asyncio.fixture(scope="session", loop_scope="session", autouse=True)
async def _no_broker_outlives_us(brokers: dict[str, AnyBroker]) -> AsyncIterator[None]:
    yield
    for broker in brokers.values():
        await broker.kill()


_KAFKA_MARKS = [
    pytest.mark.kafka,
    pytest.mark.timeout(120),
    pytest.mark.skipif(not are_gathered(), reason="Kafka's jars are not here; run `make kafka-jars` once"),
]
ON_KAFKA = pytest.mark.parametrize("broker", [pytest.param("kafka", marks=_KAFKA_MARKS)], indirect=True)
"""For what only a real group coordinator shows."""


@pytest.fixture(params=["embedded", pytest.param("kafka", marks=_KAFKA_MARKS)])
async def broker(request: pytest.FixtureRequest, brokers: dict[str, AnyBroker]) -> AnyBroker:
    """A broker that serves."""
    chosen = brokers[request.param]
    if request.param == "embedded":
        await chosen.kill()
    await chosen.start()
    return chosen


@pytest.fixture
def child_log(tmp_path: Path) -> Path:
    """Where a process that is to end hard may write."""
    return tmp_path / "child.log"


@pytest.fixture
async def house(request: pytest.FixtureRequest, server: EmbeddedPostgres, broker: AnyBroker) -> AsyncIterator[House]:
    """A teller and a listener that stand and wait to be started.

    A house in which a process ends hard has a name of its own: the group would wait for the member that is no more.
    """
    number = next(_NUMBERS)
    name = "embedded" if isinstance(broker, EmbeddedBroker) else "kafka"
    is_alone = "child_log" in request.fixturenames
    standing = House(server.admin_dsn, number, broker, f"{name}{number}" if is_alone else name)
    await standing.set_up()
    yield standing
    await standing.tear_down()
