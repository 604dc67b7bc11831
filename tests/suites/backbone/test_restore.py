"""An owner's database is restored into another cluster, whose transaction ids begin anew: its epoch rises."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from infra.embedded.ports import free_port
from infra.embedded.postgres import EmbeddedPostgres
from infra.embedded.postgres_dump import pg_dump, pg_restore
from shared.runtime.database_setup import create_database
from shared.runtime.stream_store import LogPosition, enter_epoch, mark_restored

from .house import House, Service, new_fact, until


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedPostgres]:
    """Another cluster, with another system identifier and lower transaction ids."""
    postgres = EmbeddedPostgres(tmp_path_factory.mktemp("elsewhere"), free_port())
    await postgres.start()
    yield postgres
    await postgres.wipe()


async def restore(house: House, dump: Path, cluster: EmbeddedPostgres) -> None:
    """The teller stands in another cluster, as its dump says, and runs."""
    old = house.teller_service
    house.teller_service = Service(old.name, cluster.admin_dsn, old.folder, old.kafka, old.more)
    connection = await asyncpg.connect(cluster.admin_dsn)
    await connection.execute(f'DROP DATABASE IF EXISTS "{old.database.database}" WITH (FORCE)')
    await connection.close()
    await create_database(cluster.admin_dsn, house.teller_service.database)
    await pg_restore(house.teller_service.dsn(), dump)
    await house.start_teller()


async def epoch(house: House) -> int:
    async with house.teller_service.operator() as connection:
        value: int = await connection.fetchval("SELECT epoch FROM backbone.epochs")
        return value


async def test_a_restored_owner_goes_on_in_a_later_epoch_and_everything_is_heard(
    house: House, elsewhere: EmbeddedPostgres, tmp_path: Path
) -> None:
    await house.start()
    await house.tell_many(["ada", "bea"], 20)
    await house.until_heard()
    before = await epoch(house)
    await house.stop(house.teller)
    await pg_dump(house.teller_service.dsn(), tmp_path / "teller.dump")
    await restore(house, tmp_path / "teller.dump", elsewhere)
    assert await epoch(house) > before
    await house.tell_many(["ada", "bea", "cyd"], 20)
    await house.until_heard()
    assert await house.parked() == {}
    async with house.teller.reading() as connection:
        facts, _ = await house.teller.store.scan(connection, LogPosition(), 1_000)
    assert [fact.number for fact in facts if fact.subject == "ada"] == list(range(1, 41))
    progress = await house.rebuild(is_check_only=True)
    assert progress.live_digest == progress.rebuilt_digest


async def test_a_listener_ahead_of_a_rolled_back_owner_is_parked_stream_by_stream(
    house: House, elsewhere: EmbeddedPostgres, tmp_path: Path
) -> None:
    """ada and bea were heard to 8 and the backup ends at 5. Then ada gets four facts of another history, bea none."""
    await house.start()
    await house.tell_many(["ada", "bea", "cyd"], 5)
    await house.until_heard()
    await pg_dump(house.teller_service.dsn(), tmp_path / "teller.dump")
    await house.tell_many(["ada", "bea"], 3)
    await house.until_heard()
    await house.stop(house.teller)
    await house.stop(house.listener)
    await restore(house, tmp_path / "teller.dump", elsewhere)
    await house.tell_many(["ada"], 4)
    await house.tell(new_fact("cyd"))
    await house.start_listener()
    assert (await house.until_parked("bea"))[0] == 8
    assert (await house.until_parked("ada"))[0] == 8

    async def cyd_flows() -> bool:
        return (await house.positions())["cyd"] == 6

    await until(cyd_flows)
    assert set(await house.parked()) == {"ada", "bea"}


async def test_the_streams_are_compared_once_an_epoch(
    house: House, elsewhere: EmbeddedPostgres, tmp_path: Path
) -> None:
    """After the restore nothing new is told, so the last position stays one of the old epoch."""
    await house.start()
    await house.tell_many(["ada", "bea"], 5)
    await house.until_heard()
    await house.until_looked(4)
    await house.stop(house.teller)
    await pg_dump(house.teller_service.dsn(), tmp_path / "teller.dump")
    await restore(house, tmp_path / "teller.dump", elsewhere)

    async def has_entered() -> bool:
        async with house.listener_service.operator() as connection:
            owner: int = await connection.fetchval("SELECT owner_epoch FROM derived.tails")
        return owner == await epoch(house)

    await until(has_entered)
    asked = house.feed.comparisons
    await house.until_looked(6)
    assert house.feed.comparisons == asked


async def test_two_restores_of_one_backup_have_two_epochs(house: House, tmp_path: Path) -> None:
    await house.start_teller()
    await house.tell_many(["ada"], 3)
    await house.stop(house.teller)
    await pg_dump(house.teller_service.dsn(), tmp_path / "teller.dump")
    epochs = [await epoch(house)]
    for _ in range(2):
        connection = await asyncpg.connect(house.teller_service.admin_dsn)
        await connection.execute(f'DROP DATABASE "{house.teller_service.database.database}" WITH (FORCE)')
        await connection.close()
        await create_database(house.teller_service.admin_dsn, house.teller_service.database)
        await pg_restore(house.teller_service.dsn(), tmp_path / "teller.dump")
        async with house.teller_service.operator() as operator:
            epochs.append(await enter_epoch(operator))
            assert await enter_epoch(operator) == epochs[-1]
            await operator.execute("SELECT pg_sleep(1.1)")
    assert len(set(epochs)) == 3
    assert epochs == sorted(epochs)


async def test_a_restore_over_the_same_database_enters_a_new_epoch_once_it_is_marked(house: House) -> None:
    await house.start_teller()
    before = await epoch(house)
    await house.stop(house.teller)
    await house.start_teller()
    assert await epoch(house) == before
    async with house.teller_service.operator() as connection:
        await mark_restored(connection)
    await house.stop(house.teller)
    await house.start_teller()
    assert await epoch(house) > before
