"""Statements that were stored before there was an index are found once it is filled, and till then nobody says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from services.learning_events.handlers.backfilling import Backfilling
from services.learning_events.handlers.ports import Reader
from services.learning_events.store import backfill
from services.learning_events.store.backfill import PostgresBackfill
from services.learning_events.store.search import PostgresCatalogues
from shared.kernel.clock import SystemClock
from tests.suites.learning_events.house import FOLDER, House, Platform, statement
from tests.suites.learning_events.test_search import account, found, reference
from tests.suites.servers import Servers

pytestmark = pytest.mark.asyncio(loop_scope="session")
STORED_BEFORE = (FOLDER / "migrations" / "0010_retention.sql").read_text("utf-8")


@pytest_asyncio.fixture(loop_scope="session")
async def owner(servers: Servers, house: House) -> AsyncIterator[Any]:
    """A connection under which anything may be changed."""
    dsn = servers.postgres.admin_dsn.rpartition("/")[0] + "/deedlog_learning_events"
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.execute("DELETE FROM index_backfills")
        await connection.close()


async def as_before(owner: Any, platform: Platform, *ids: str) -> None:
    """Have these statements, or all of the platform, stand there as before there was an index."""
    at = "SELECT stored_at, xid FROM statements WHERE organisation = $1 AND (id = ANY($2::uuid[]) OR $2 = '{}')"
    await owner.execute(f"DELETE FROM searchable WHERE (stored_at, xid) IN ({at})", platform.organisation, list(ids))
    gone = "DELETE FROM referrals WHERE organisation = $1 AND (referring = ANY($2::uuid[]) OR $2 = '{}')"
    await owner.execute(gone, platform.organisation, list(ids))
    opened = "INSERT INTO index_backfills (organisation, is_test, through, behind) VALUES ($1, false, now(), 'epoch')"
    await owner.execute(opened, platform.organisation)


async def fill(house: House) -> None:
    async with asyncio.timeout(20):
        await Backfilling(PostgresBackfill(house.backbone), SystemClock()).once()


async def test_what_was_stored_without_an_index_is_found_after_the_job(
    house: House, platform: Platform, owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "FILLED_AT_ONCE", 4)
    ids = [one for size in (3, 1, 6) for one in await platform.post([statement() for _ in range(size)])]
    rows = "SELECT term, stored_at, xid, epoch, places FROM searchable WHERE organisation = $1 ORDER BY 1, 2, 3"
    before = await owner.fetch(rows, platform.organisation)
    await as_before(owner, platform)
    (late,) = await platform.post(statement("late"))
    assert await found(platform) == [late]
    await fill(house)
    assert await found(platform) == [late, *reversed(ids)]
    assert await found(platform, agent=account("ada")) == ids[::-1]
    after = await owner.fetch(rows, platform.organisation)
    assert [(*row[:4], sorted(row[4])) for row in before] == [
        (*row[:4], sorted(row[4])) for row in after if row in after and row[1] <= max(one[1] for one in before)
    ]
    assert await owner.fetchval("SELECT count(*) FROM index_backfills") == 0


async def test_references_of_before_are_found_by_what_they_refer_to(
    house: House, platform: Platform, owner: Any
) -> None:
    first = statement("ada")
    comment = reference(first["id"])
    reply = reference(comment["id"])
    for one in (reply, comment, first):
        await platform.post(one)
    await as_before(owner, platform)
    newest = reference(reply["id"])
    await platform.post(newest)
    await fill(house)
    everyone = sorted(one["id"] for one in (first, comment, reply, newest))
    assert sorted(await found(platform, agent=account("ada"))) == everyone


async def test_a_job_that_broke_off_goes_on_and_may_be_run_by_several(
    house: House, platform: Platform, owner: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "FILLED_AT_ONCE", 5)
    ids = await platform.post([statement() for _ in range(23)])
    await as_before(owner, platform)
    job = PostgresBackfill(house.backbone)
    assert not await job.fill_some()
    assert await found(platform) == ids[4::-1]
    await asyncio.gather(*(fill(house) for _ in range(3)))
    assert await found(platform) == ids[::-1]


async def test_an_erased_statement_of_before_is_not_filled_in(house: House, platform: Platform, owner: Any) -> None:
    erased, kept = await platform.post([statement("ada"), statement("ben")])
    await owner.execute("UPDATE statements SET original = NULL, account = NULL WHERE id = $1", erased)
    await as_before(owner, platform)
    await fill(house)
    assert await found(platform) == [kept]


async def test_while_it_is_filled_nobody_is_told_that_everything_was_seen(
    house: House, platform: Platform, owner: Any
) -> None:
    await platform.post(statement())
    await as_before(owner, platform)
    stranger = house.platform()
    for one in (platform, stranger):
        async with PostgresCatalogues(house.backbone).opened(Reader(one.organisation, is_test=False)) as catalogue:
            assert (await catalogue.consistent_through()).year < 1971
    async with house.backbone.door(stranger.organisation) as tx:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await tx.connection.fetch("SELECT organisation FROM index_backfills")
    await fill(house)
    async with PostgresCatalogues(house.backbone).opened(Reader(platform.organisation, is_test=False)) as catalogue:
        assert (await catalogue.consistent_through()).year > 2000


async def test_the_migration_opens_the_stores_that_have_statements_of_before(
    house: House, platform: Platform, owner: Any
) -> None:
    await platform.post(statement())
    opening = STORED_BEFORE[STORED_BEFORE.index("INSERT INTO") : STORED_BEFORE.index("ALTER TABLE statements FORCE")]
    opened = "SELECT through FROM index_backfills WHERE organisation = $1"
    await owner.execute("DELETE FROM index_backfills")
    async with owner.transaction():
        await owner.execute("UPDATE migrations SET applied_at = now() - interval '2 hours' WHERE version = 2")
        await owner.execute(opening)
        assert await owner.fetch(opened, platform.organisation) == []
        await owner.execute("DELETE FROM index_backfills")
        await owner.execute("UPDATE migrations SET applied_at = now() WHERE version = 2")
        await owner.execute(opening)
        assert len(await owner.fetch(opened, platform.organisation)) == 1
        await owner.execute("DELETE FROM index_backfills")
