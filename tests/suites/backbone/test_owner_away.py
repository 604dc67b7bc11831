"""The owner of a stream is away while a gap wants mending: the partition waits, nothing is committed, others flow."""

from __future__ import annotations

from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.kernel.errors import Unavailable
from shared.runtime.relay import partition_of

from .house import House, new_fact, until


async def committed(house: House, subject: str) -> int | None:
    """Return the offset committed for the partition of a subject's stream on the newest topic."""
    topic = max(await house.topics(), key=lambda name: (len(name), name))
    group = f"{house.listener.name}.{house.broker.cluster_id}"
    consumer = AIOKafkaConsumer(bootstrap_servers=house.broker.address, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        offset: int | None = await consumer.committed(TopicPartition(topic, partition_of(subject, house.partitions)))
        return offset
    finally:
        await consumer.stop()


async def test_a_gap_holds_its_partition_until_the_owner_is_back(house: House) -> None:
    ada, elsewhere = house.subjects_apart()
    await house.start()
    await house.tell_many([ada, elsewhere], 3)
    await house.until_heard()
    await house.lose(new_fact(ada))
    house.feed.is_away = True
    refusals = house.feed.refusals
    await house.tell(new_fact(ada), new_fact(elsewhere))

    async def was_held_again_and_again() -> bool:
        return house.feed.refusals >= refusals + 8 and (await house.positions())[elsewhere] == 4

    await until(was_held_again_and_again)
    assert await house.positions() == {ada: 3, elsewhere: 4}
    assert await house.parked() == {}
    held_at = await committed(house, ada)
    house.feed.is_away = False
    await house.until_heard()

    async def went_on() -> bool:
        offset = await committed(house, ada)
        return offset is not None and (held_at is None or offset > held_at)

    await until(went_on)
    assert house.counts.gaps >= 1


async def test_streams_beside_a_gap_in_its_own_partition_are_applied_while_it_waits(house: House) -> None:
    ada, neighbour = house.subjects_together()
    await house.start()
    await house.tell_many([ada, neighbour], 3)
    await house.until_heard()
    await house.lose(new_fact(ada))
    house.feed.is_away = True
    await house.tell(new_fact(ada), new_fact(neighbour))

    async def neighbour_flows() -> bool:
        return (await house.positions())[neighbour] == 4

    await until(neighbour_flows)
    assert (await house.positions())[ada] == 3
    house.feed.is_away = False
    await house.until_heard()


async def test_a_gap_longer_than_many_pages_is_mended(house: House) -> None:
    """1,300 facts are missing: three pages of the owner's, and more than one transaction holds."""
    await house.start()
    await house.tell(new_fact("ada"))
    await house.until_heard()
    async with house.silenced():
        for _ in range(13):
            await house.tell(*(new_fact("ada") for _ in range(100)))
        async with house.teller_service.operator() as connection:
            await connection.execute(
                """UPDATE backbone.relay r SET (epoch, xid, id) = (SELECT f.epoch, f.xid, f.id FROM backbone.facts f
                   ORDER BY epoch DESC, xid DESC, id DESC LIMIT 1)"""
            )
    await house.tell(new_fact("ada"))
    await house.until_heard()
    assert (await house.positions())["ada"] == 1_302


async def test_a_database_that_was_killed_under_both_is_found_again(house: House) -> None:
    """Every connection of teller and listener is cut while facts flow; who is told Unavailable tries again."""
    await house.start()

    async def is_told() -> bool:
        try:
            await house.tell(new_fact("ada"), new_fact("bea"))
        except Unavailable:
            return False
        return True

    for _ in range(10):
        await until(is_told)
        async with house.teller_service.operator() as connection:
            await connection.execute(
                """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE usename LIKE 'teller%' OR usename LIKE 'listener%'"""
            )
    await house.until_heard()
