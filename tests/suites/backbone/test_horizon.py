"""An open transaction that has written holds the horizon back, in whatever database of the server; the relay waits."""

from __future__ import annotations

import pytest

from deedlog.operations.v1 import operations_pb2
from shared.kernel.errors import Unavailable
from shared.runtime.operations import OperationsServicer

from .house import House, new_fact, until

pytestmark = pytest.mark.parametrize("broker", ["embedded"], indirect=True)


async def status(house: House) -> operations_pb2.StatusResponse:
    servicer = OperationsServicer({house.teller.name: house.teller, house.listener.name: house.listener})
    return await servicer.Status(operations_pb2.StatusRequest(service=house.teller.name), None)


async def test_the_relay_waits_for_an_older_transaction_and_goes_on_when_it_ends(house: House) -> None:
    """The older transaction is another service's, in another database; its age shows in the status."""
    await house.start()
    await house.tell(new_fact("ada"))
    await house.until_heard()
    async with house.listener_service.operator() as connection, connection.transaction():
        await connection.execute("SELECT pg_current_xact_id()")
        await house.tell(new_fact("ada"), new_fact("bea"))

        async def is_aged() -> bool:
            return (await status(house)).horizon_age_seconds > 1.0

        await until(is_aged)
        waiting = await status(house)
        assert (waiting.facts_told, waiting.relay_lag_facts) == (3, 2)
        assert await house.positions() == {"ada": 1}
    await house.until_heard()

    async def is_level() -> bool:
        return (await status(house)).relay_lag_facts == 0

    await until(is_level)


async def test_facts_committed_behind_the_horizon_come_in_order_when_it_moves(house: House) -> None:
    """The older transaction appends to a stream of its own; younger ones commit before it."""
    await house.start()
    async with house.teller.door(None) as old:
        await old.lock(["old"])
        await house.teller.store.append(old, [new_fact("old")])
        for _ in range(5):
            await house.tell(new_fact("ada"))
        assert await house.facts_on_topic() == []
    await house.until_heard()
    numbers = [fact.number for fact in await house.facts_on_topic() if fact.subject == "ada"]
    assert numbers == [1, 2, 3, 4, 5]


async def test_a_transaction_that_lasts_too_long_is_ended_and_nothing_of_it_is_told(house: House) -> None:
    await house.start()
    async with house.teller_service.operator() as connection:
        await connection.execute(f"ALTER ROLE {house.teller_service.name}_door SET transaction_timeout = '300ms'")
    await house.stop(house.teller)
    await house.start_teller()

    async def last_too_long() -> None:
        async with house.teller.door(None) as tx:
            await tx.lock(["ada"])
            await house.teller.store.append(tx, [new_fact("ada")])
            await tx.connection.execute("SELECT pg_sleep(10)")

    with pytest.raises(Unavailable):
        await last_too_long()
    await house.tell(new_fact("bea"))
    await house.until_heard()
    assert await house.told() == {"bea": 1}


async def test_both_roles_of_a_service_bound_their_transactions(house: House) -> None:
    await house.start()
    async with house.teller.door(None) as tx:
        assert await tx.connection.fetchval("SHOW transaction_timeout") == "5s"
    async with house.teller.backbone() as tx:
        assert await tx.connection.fetchval("SHOW transaction_timeout") == "5s"
