"""Derived state is made anew from facts beside the live one; the two are equal exactly when the live one is right."""

from __future__ import annotations

import asyncio

import pytest

from shared.kernel.errors import Conflict, Rejected, Unavailable

from .house import House, new_fact, until

SUBJECTS = ("ada", "bea", "cyd", "dot")


async def busy(house: House) -> None:
    while True:
        await house.tell(*(new_fact(subject) for subject in SUBJECTS), new_fact("ada", "unusable"))
        await asyncio.sleep(0.01)


async def test_a_rebuild_under_traffic_equals_the_live_state(house: House) -> None:
    await house.start()
    await house.tell_many(SUBJECTS, 100)
    traffic = asyncio.create_task(busy(house))
    try:
        checked = await house.rebuild(is_check_only=True)
        switched = await house.rebuild(is_check_only=False)
        again = await house.rebuild(is_check_only=True)
    finally:
        traffic.cancel()
        await asyncio.gather(traffic, return_exceptions=True)
    for progress in (checked, switched, again):
        assert progress.is_done
        assert progress.live_digest == progress.rebuilt_digest != ""

    async def has_heard_all() -> bool:
        return await house.positions() == await house.told()

    await until(has_heard_all)
    folded, told = await house.folded(), await house.told()
    assert {subject: folded[subject] for subject in ("bea", "cyd", "dot")} == {
        subject: list(range(1, told[subject] + 1)) for subject in ("bea", "cyd", "dot")
    }


async def test_a_check_changes_nothing(house: House) -> None:
    await house.start()
    await house.tell_many(SUBJECTS, 5)
    await house.until_heard()
    async with house.listener_service.operator() as connection:
        await connection.execute("UPDATE derived.folded SET verb = 'tampered' WHERE subject = 'ada' AND number = 2")
    progress = await house.rebuild(is_check_only=True)
    assert progress.live_digest != progress.rebuilt_digest
    async with house.listener_service.operator() as connection:
        assert await connection.fetchval("SELECT count(*) FROM derived.folded WHERE verb = 'tampered'") == 1


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE derived.folded SET verb = 'tampered' WHERE subject = 'ada' AND number = 2",
        "DELETE FROM derived.folded WHERE subject = 'ada' AND number = 2",
        "INSERT INTO derived.folded VALUES ('nobody', 1, 'did')",
        "UPDATE derived.positions SET fact_id = gen_random_uuid() WHERE subject = 'ada'",
        "INSERT INTO derived.set_aside VALUES ('s', 'ada', 1, gen_random_uuid(), 't', 'r', now())",
    ],
)
async def test_every_tampered_row_makes_the_digests_differ_and_a_rebuild_mends_it(house: House, damage: str) -> None:
    await house.start()
    await house.tell_many(SUBJECTS, 5)
    await house.until_heard()
    async with house.listener_service.operator() as connection:
        await connection.execute(damage)
    progress = await house.rebuild(is_check_only=False)
    assert progress.live_digest != progress.rebuilt_digest
    after = await house.rebuild(is_check_only=True)
    assert after.live_digest == after.rebuilt_digest == progress.rebuilt_digest
    await house.tell_many(SUBJECTS, 5)
    await house.until_heard()


async def test_parked_and_set_aside_facts_are_the_same_after_a_rebuild(house: House) -> None:
    await house.start()
    await house.tell(new_fact("ada"), new_fact("ada", "broken"), new_fact("ada"), new_fact("bea", "unusable"))
    await house.until_parked("ada")
    before = await house.listener.dead_letters().list(10)
    assert len(before) == 2
    progress = await house.rebuild(is_check_only=False)
    assert progress.live_digest == progress.rebuilt_digest
    after = await house.listener.dead_letters().list(10)
    assert [(one.kind, one.number, one.reason) for one in after] == [
        (one.kind, one.number, one.reason) for one in before
    ]


async def test_a_rebuild_lets_a_stream_flow_whose_bug_was_mended(house: House) -> None:
    await house.start()
    await house.tell(new_fact("ada"), new_fact("ada", "bug"), new_fact("ada"))
    await house.until_parked("ada")
    house.effect.is_healed = True
    await house.rebuild(is_check_only=False)
    await house.until_heard()
    assert await house.parked() == {}


async def test_a_rebuild_counts_progress_up_to_all_facts(house: House) -> None:
    await house.start()
    await house.tell_many(SUBJECTS, 300)
    await house.until_heard()
    reports = [progress async for progress in house.listener.rebuild(is_check_only=True)]
    assert [report.facts for report in reports] == sorted(report.facts for report in reports)
    assert reports[-1].facts == 4 * 300
    assert [report.is_done for report in reports] == [False] * (len(reports) - 1) + [True]


async def test_two_rebuilds_at_once_are_refused(house: House) -> None:
    await house.start()
    await house.tell_many(SUBJECTS, 10)
    await house.until_heard()
    first = house.listener.rebuild(is_check_only=True)
    await anext(first)
    with pytest.raises(Conflict, match="rebuilt already"):
        await house.rebuild(is_check_only=True)
    async for _ in first:
        pass


async def test_a_rebuild_that_was_broken_off_leaves_the_live_state_and_can_be_made_again(house: House) -> None:
    await house.start()
    await house.tell_many(SUBJECTS, 10)
    await house.until_heard()
    broken_off = house.listener.rebuild(is_check_only=False)
    await anext(broken_off)
    await broken_off.aclose()
    await house.until_heard()
    progress = await house.rebuild(is_check_only=False)
    assert progress.live_digest == progress.rebuilt_digest


async def test_a_rebuild_goes_on_where_it_stood_when_its_owner_went_away_and_came_back(house: House) -> None:
    await house.start()
    await house.tell_many(SUBJECTS, 600)
    await house.until_heard()
    house.feed.away_after_pages = 1
    refusals = house.feed.refusals
    rebuilding = asyncio.create_task(house.rebuild(is_check_only=False))
    await until(lambda: asyncio.sleep(0, house.feed.refusals >= refusals + 3))
    assert not rebuilding.done()
    house.feed.is_away = False
    progress = await rebuilding
    assert progress.live_digest == progress.rebuilt_digest
    assert progress.facts == 4 * 600


async def test_a_rebuild_breaks_off_when_its_owner_stays_away(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.runtime.rebuild.OWNER_AWAY_SECONDS_MAX", 0.3)
    await house.start()
    await house.tell_many(SUBJECTS, 10)
    await house.until_heard()
    house.feed.is_away = True
    with pytest.raises(Unavailable, match="does not answer"):
        await house.rebuild(is_check_only=False)
    house.feed.is_away = False
    progress = await house.rebuild(is_check_only=False)
    assert progress.live_digest == progress.rebuilt_digest


async def test_a_service_that_keeps_what_no_fact_gives_back_is_never_rebuilt(house: House) -> None:
    await house.start()
    house.listener.is_rebuildable = False
    with pytest.raises(Rejected, match="never rebuilt"):
        await house.rebuild(is_check_only=True)
