"""Through a real broker: tellers, relays, partitions, and transactions that fail at the worst moment."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from infra.embedded.broker import EmbeddedBroker
from infra.embedded.ports import free_port
from shared.events.fact import Fact, NewFact
from shared.events.sources import IDENTITY, LEARNING_EVENTS, PROJECT_SUBMISSIONS
from shared.kernel.clock import SystemClock
from shared.kernel.errors import Unavailable
from shared.kernel.ids import system_id
from shared.runtime import faults
from shared.runtime.backbone import Backbone
from tests.suites.backbone.house import HERE, Service, StoreFeed, until
from tests.suites.servers import Servers
from tests.suites.skill_inference.house import House, Tenant, inference_house, line
from tests.suites.skill_inference.owners import NOW, Owners
from tests.suites.skill_inference.test_hearing import marks
from tests.unit.skill_inference.people import APIS, DRIFT, RUBRIC

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUIZ = "https://lms.example/quiz/7"


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[EmbeddedBroker]:
    """A broker of the test's own: on the one of the folder, others would hear what is told here."""
    serving = EmbeddedBroker(free_port(), tmp_path / "broker.log")
    await serving.start()
    yield serving
    await serving.kill()


@asynccontextmanager
async def tellers(servers: Servers, kafka: str) -> AsyncIterator[StoreFeed]:
    """Run the three services that inference hears, each with a store, a relay and a topic, and no doors."""
    feed = StoreFeed()
    async with AsyncExitStack() as stack:
        for source in (IDENTITY, LEARNING_EVENTS, PROJECT_SUBMISSIONS):
            service = Service(f"flow_{source.name}", servers.postgres.admin_dsn, HERE / "teller", kafka)
            service.more["is_embedded"] = True
            await service.set_up()
            backbone = Backbone(service.settings(), SystemClock(), service.folder, source=source, feed=feed)
            await backbone.start()
            stack.push_async_callback(backbone.stop)
            feed.owners[source.name] = backbone
        yield feed


async def tell(feed: StoreFeed, facts: Sequence[Fact]) -> None:
    """Have these facts told by their owners, each source in a transaction of its own."""
    for source, backbone in feed.owners.items():
        new = [
            NewFact(fact.id, fact.subject, fact.type, fact.occurred_at, fact.organisation, fact.data or b"")
            for fact in facts
            if fact.source == source
        ]
        async with backbone.backbone() as tx:
            await tx.lock({fact.subject for fact in new})
            await backbone.store.append(tx, new)


async def test_what_owners_tell_comes_back_as_estimates_through_the_broker(
    servers: Servers, broker: EmbeddedBroker, rng: random.Random
) -> None:
    owners = Owners()
    people = [system_id("person") for _ in range(12)]
    async with tellers(servers, broker.address) as feed:
        where = servers.postgres.admin_dsn, broker.address
        async with inference_house(*where, owners, feed=feed, clock=SystemClock()) as house:
            tenant = house.organisation()
            await tenant.align(line(QUIZ, APIS), line(f"{QUIZ}/b", DRIFT, 1.0))
            facts = [
                owners.statement(
                    person, tenant.id, rng.choice((QUIZ, f"{QUIZ}/b")), at=NOW - timedelta(hours=rng.randrange(9_000))
                )
                for person in people
                for _ in range(8)
            ]
            facts += [owners.review(people[0], "prj_1", reviewer, marks(4)) for reviewer in ("prs_a", "prs_b")]
            facts += owners.merged(people[1], people[2])
            await tell(feed, facts)

            async def is_heard() -> bool:
                (row,) = await house.rows("SELECT coalesce(sum(number), 0) FROM positions")
                return bool(row[0] == len(facts))

            await until(is_heard)
            await house.settle()
            assert set(await house.estimates(people[0])) >= set(RUBRIC)
            merged = await house.estimates(people[2])
            assert sum(one.observations for one in merged.values()) == 16
            for person in people:
                standing, said = await house.standing(person), await house.estimates(person)
                assert person == people[2] or standing.keys() == said.keys()
                assert all(abs(one.mean - said[skill].mean) <= 0.05 for skill, one in standing.items())
            progress = await house.rebuild()
            assert progress.live_digest == progress.rebuilt_digest


async def fail() -> None:
    raise Unavailable("the database went away")


@pytest.mark.parametrize("when", ["consumer.applied", "consumer.committed"])
async def test_a_batch_that_failed_is_applied_once_when_it_comes_again(house: House, tenant: Tenant, when: str) -> None:
    """Before its commit nothing of it stands, not in the ledgers at hand either; after it, it is a duplicate."""
    await tenant.align(*(line(f"{QUIZ}/{number}", APIS) for number in range(4)))
    person = system_id("person")
    facts = [house.owners.statement(person, tenant.id, f"{QUIZ}/{number}") for number in range(4)]
    await house.hear(facts[0])
    with faults.arm(when, fail), pytest.raises(Unavailable):
        await house.hear(facts[1])
    await house.hear(facts[2])
    await house.hear(facts[1:])
    said = await house.estimates(person)
    assert said[APIS].observations == 4
    assert (await house.standing(person))[APIS].mean == said[APIS].mean


async def test_an_owner_that_is_away_while_facts_are_missing_holds_the_stream_and_loses_nothing(
    house: House, tenant: Tenant
) -> None:
    await tenant.align(line(QUIZ, APIS))
    person = system_id("person")
    facts = [house.owners.statement(person, tenant.id, QUIZ) for _ in range(3)]
    assert house.backbone.consumer is not None
    house.owners.is_away = True
    assert await house.backbone.consumer.apply([facts[2]])
    house.owners.is_away = False
    await house.hear(facts[2])
    assert (await house.estimates(person))[APIS].observations == 3
