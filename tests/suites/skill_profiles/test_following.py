"""Followers are told every change they may know of, in order, resumably, and of every consent that ends."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest

from services.skill_profiles.handlers.following import IDLE_SECONDS
from services.skill_profiles.store import changes
from shared.events.identity import PersonMerged
from shared.kernel.ids import system_id
from shared.runtime.pages import encode_cursor
from tests.suites.skill_profiles.house import Client, ProfilesHouse
from tests.suites.skill_profiles.samples import estimate, evidence, statement

pytestmark = pytest.mark.asyncio(loop_scope="session")
QUIET_SECONDS = 0.6


class Follower:
    """One stream, read message by message within bounds of time. Giving up on a message leaves the stream alone."""

    def __init__(self, call: Any) -> None:
        self.call = call
        self._reading: asyncio.Task[Any] | None = None

    async def next(self, seconds: float = 10.0) -> Any:
        self._reading = self._reading or asyncio.ensure_future(self.call.read())
        await asyncio.wait((self._reading,), timeout=seconds)
        if not self._reading.done():
            raise TimeoutError
        reading, self._reading = self._reading, None
        return reading.result()

    async def is_quiet(self) -> bool:
        try:
            await self.next(QUIET_SECONDS)
        except TimeoutError:
            return True
        return False

    async def close(self) -> None:
        self.call.cancel()
        if self._reading is not None:
            await asyncio.wait((self._reading,))


@asynccontextmanager
async def following(client: Client, cursor: str = "") -> AsyncIterator[Follower]:
    follower = Follower(client.follow(cursor))
    try:
        yield follower
    finally:
        await follower.close()


async def test_a_fresh_follower_is_shown_each_profile_that_may_be_read_once_and_then_what_happens(
    house: ProfilesHouse, org: str
) -> None:
    people = [house.identity.person() for _ in range(3)]
    for person in people:
        await house.tell(person, estimate())
    for person in people[:2]:
        await house.identity.give(person, org)

    async with following(house.reader(org)) as follower:
        opening = [await follower.next(), await follower.next()]
        assert await follower.is_quiet()
    async with following(house.reader(org), opening[-1].cursor) as follower:
        await house.tell(people[0], estimate(mean=2.5))
        change = await follower.next()

    assert sorted(one.person for one in opening) == sorted(people[:2])
    assert change.person == people[0]
    assert change.profile.skills[0].mean == 2.5
    assert change.version == change.profile.version


async def test_no_change_is_lost_between_two_streams(house: ProfilesHouse, org: str) -> None:
    person = house.identity.person()
    await house.tell(person, estimate())
    await house.identity.give(person, org)
    async with following(house.reader(org)) as follower:
        cursor = (await follower.next()).cursor

    await house.tell(person, estimate(mean=3.0))
    async with following(house.reader(org), cursor) as follower:
        change = await follower.next()

    assert change.profile.skills[0].mean == 3.0


async def test_changes_nobody_consented_to_are_not_told(house: ProfilesHouse, org: str) -> None:
    person, other = house.identity.person(), house.identity.person()
    await house.identity.give(person, org)
    async with following(house.reader(org)) as follower:
        await follower.next()

        await house.tell(other, estimate())

        assert await follower.is_quiet()


async def test_statements_alone_change_no_profile(house: ProfilesHouse, org: str) -> None:
    person = house.identity.person()
    await house.identity.give(person, org)
    async with following(house.reader(org)) as follower:
        await follower.next()

        await house.tell(person, statement(), statement())

        assert await follower.is_quiet()


async def test_a_withdrawal_closes_the_profile_at_once_and_later_changes_are_not_told(
    house: ProfilesHouse, org: str
) -> None:
    person = house.identity.person()
    given = await house.identity.give(person, org)
    async with following(house.reader(org)) as follower:
        await follower.next()

        await house.identity.take_back(given)
        closing = await follower.next()
        await house.tell(person, estimate())

        assert (closing.person, closing.is_closed, closing.HasField("profile")) == (person, True, False)
        assert await follower.is_quiet()


async def test_a_withdrawal_while_nobody_listened_is_told_on_return(house: ProfilesHouse, org: str) -> None:
    person = house.identity.person()
    given = await house.identity.give(person, org)
    async with following(house.reader(org)) as follower:
        cursor = (await follower.next()).cursor

    await house.identity.take_back(given)

    async with following(house.reader(org), cursor) as follower:
        assert (await follower.next()).is_closed


async def test_a_consent_that_ends_by_time_is_told_and_told_once(house: ProfilesHouse, org: str) -> None:
    person = house.identity.person()
    await house.identity.give(person, org, expires_at=datetime.now(UTC) + timedelta(seconds=1.5))
    async with following(house.reader(org)) as follower:
        opened = await follower.next()
        closing = await follower.next()
    async with following(house.reader(org), closing.cursor) as follower:
        assert await follower.is_quiet()
    async with following(house.reader(org), opened.cursor) as follower:
        assert (await follower.next()).is_closed

    assert closing.is_closed


async def test_a_new_consent_opens_a_profile_to_a_follower(house: ProfilesHouse, org: str) -> None:
    person = house.identity.person()
    await house.tell(person, estimate())
    async with following(house.reader(org)) as follower:
        assert await follower.is_quiet()

        await house.identity.give(person, org)

        assert (await follower.next()).profile.skills


async def test_one_of_two_consents_ending_closes_nothing(house: ProfilesHouse, org: str) -> None:
    person = house.identity.person()
    given = await house.identity.give(person, org)
    await house.identity.give(person, org)
    async with following(house.reader(org)) as follower:
        await follower.next()

        await house.identity.take_back(given)

        assert not (await follower.next()).is_closed


async def test_consent_is_asked_for_again_at_each_delivery(house: ProfilesHouse, org: str) -> None:
    person = house.identity.person()
    given = await house.identity.give(person, org)
    async with following(house.reader(org)) as follower:
        await follower.next()
        house.identity.hear = None  # identity knows of the withdrawal; we have not heard it

        await house.identity.take_back(given)
        await house.hear(house.book.tell(person, estimate()))

        assert await follower.is_quiet()


async def test_every_delivery_is_a_look_that_the_person_sees(house: ProfilesHouse, org: str) -> None:
    person = house.identity.person()
    await house.identity.give(person, org)
    async with following(house.reader(org)) as follower:
        await follower.next()
        await house.tell(person, estimate())
        await follower.next()

    looks = (await house.person_client(person).get("/v1/accesses"))["items"]
    assert [look["manner"] for look in looks] == ["follow", "follow"]


async def test_an_alias_closes_and_the_canonical_person_opens(house: ProfilesHouse, org: str) -> None:
    canonical, alias = house.identity.person(), house.identity.person()
    await house.tell(alias, evidence())
    await house.identity.give(alias, org)
    await house.identity.give(canonical, org)
    async with following(house.reader(org)) as follower:
        opened = {(await follower.next()).person, (await follower.next()).person}

        await house.identity.merge(canonical, alias)
        told = [await follower.next(), await follower.next()]

    assert opened == {canonical, alias}
    assert {(one.person, one.is_closed) for one in told} == {(alias, True), (canonical, False)}
    assert [len(one.profile.evidence) for one in told if not one.is_closed] == [1]


async def test_a_merge_without_the_canonical_persons_consent_only_closes(house: ProfilesHouse, org: str) -> None:
    canonical, alias = house.identity.person(), house.identity.person()
    await house.identity.give(alias, org)
    async with following(house.reader(org)) as follower:
        await follower.next()

        await house.identity.merge(canonical, alias)
        told = await follower.next()

        assert (told.person, told.is_closed) == (alias, True)
        assert await follower.is_quiet()
        await house.identity.split(canonical, alias)
        back = await follower.next()

    assert (back.person, back.is_closed) == (alias, False)


async def test_a_parked_record_closes_and_opens_again_when_it_is_mended(house: ProfilesHouse, org: str) -> None:
    person = house.identity.person()
    await house.tell(person, estimate())
    await house.identity.give(person, org)
    async with following(house.reader(org)) as follower:
        await follower.next()

        (bad,) = await house.tell(person, PersonMerged(canonical="prs_A", alias="prs_B"))
        closing = await follower.next()
        await house.backbone.dead_letters().skip("identity", person, bad.number)
        opening = await follower.next()

    assert closing.is_closed
    assert opening.profile.skills


async def test_a_slow_follower_is_told_the_present_state_and_not_every_step(house: ProfilesHouse, org: str) -> None:
    person = house.identity.person()
    await house.identity.give(person, org)
    async with following(house.reader(org)) as follower:
        cursor = (await follower.next()).cursor
    for place in range(20):
        await house.tell(person, estimate(mean=float(place)))

    async with following(house.reader(org), cursor) as follower:
        change = await follower.next()
        assert await follower.is_quiet()

    assert change.profile.skills[0].mean == 19.0


async def test_a_follower_is_told_of_a_change_by_its_commit_and_not_by_the_next_look(
    house: ProfilesHouse, org: str
) -> None:
    person = house.identity.person()
    await house.identity.give(person, org)
    seconds = []
    async with following(house.reader(org)) as follower:
        await follower.next()
        for place in range(15):
            await house.tell(person, estimate(mean=float(place)))
            committed = time.perf_counter()
            await follower.next()
            seconds.append(time.perf_counter() - committed)
            await asyncio.sleep(0.12)

    print(f"\ncommit to follower: median {sorted(seconds)[7] * 1e3:.1f} ms, most {max(seconds) * 1e3:.1f} ms")
    assert sorted(seconds)[7] < IDLE_SECONDS / 2


async def test_writers_at_once_pass_no_change_over(house: ProfilesHouse, org: str) -> None:
    """Interleaving: transactions that began early commit late, while a follower reads behind the horizon."""
    people = [house.identity.person() for _ in range(8)]
    for person in people:
        await house.identity.give(person, org)
    rounds = 12
    last: dict[str, float] = {}

    async def write(person: str) -> None:
        for place in range(rounds):
            await house.tell(person, estimate(mean=float(place)))

    async with following(house.reader(org)) as follower:
        writing = asyncio.gather(*map(write, people))
        async with asyncio.timeout(30):
            while len(last) < len(people) or min(last.values()) < rounds - 1:
                message = await follower.next()
                if message.profile.skills:
                    last[message.person] = message.profile.skills[0].mean
        await writing


async def test_a_rebuild_keeps_cursors_and_delivers_every_profile_again(new_house: ProfilesHouse, org: str) -> None:
    house = new_house
    person = house.identity.person()
    await house.tell(person, estimate())
    await house.identity.give(person, org)
    async with following(house.reader(org)) as follower:
        cursor = (await follower.next()).cursor

    await house.rebuilt(is_check_only=False)

    async with following(house.reader(org), cursor) as follower:
        assert (await follower.next()).profile.skills
        assert await follower.is_quiet()


async def test_a_rebuild_marks_everybody_a_few_rows_a_transaction(
    new_house: ProfilesHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "TOUCH_ROWS_MAX", 2)
    people = sorted(new_house.identity.person() for _ in range(5))
    for person in people:
        await new_house.tell(person, estimate())
    async with new_house.operator() as connection:
        await connection.execute("DELETE FROM changes")

    await new_house.rebuilt(is_check_only=False)

    async with new_house.operator() as connection:
        rows = await connection.fetch("SELECT person, xid::text FROM changes ORDER BY person")
    assert [row[0] for row in rows] == people
    assert max(Counter(row[1] for row in rows).values()) <= 2


async def test_a_rebuild_whose_marking_was_cut_off_is_marked_at_the_next_start(
    new_house: ProfilesHouse, org: str
) -> None:
    house = new_house
    person = house.identity.person()
    await house.identity.give(person, org)
    async with following(house.reader(org)) as follower:
        cursor = (await follower.next()).cursor
    after_rebuild, house.backbone.after_rebuild = house.backbone.after_rebuild, _crash

    await house.rebuilt(is_check_only=False)
    await after_rebuild()  # what the service does when it starts

    async with following(house.reader(org), cursor) as follower:
        assert (await follower.next()).person == person


async def _crash() -> None:
    """The process died before it could mark anything."""


async def test_identity_away_ends_the_stream_and_the_cursor_resumes(house: ProfilesHouse, org: str) -> None:
    person = house.identity.person()
    await house.identity.give(person, org)
    async with following(house.reader(org)) as follower:
        cursor = (await follower.next()).cursor
        house.identity.is_away = True
        await house.hear(house.book.tell(person, estimate()))
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await follower.next()
    house.identity.is_away = False

    async with following(house.reader(org), cursor) as follower:
        assert (await follower.next()).profile.skills

    assert ended.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    "cursor",
    [
        "rubbish",
        encode_cursor("accesses", ["x"]),
        encode_cursor("profiles", [1, "x", "", "", 0, "", ""]),
        encode_cursor("profiles", [2**31, "1", "", "", 0, "", ""]),
        encode_cursor("profiles", [1, "9" * 40, "", "", 0, "", ""]),
        encode_cursor("profiles", [1, "1", "", "", -1, "", ""]),
    ],
)
async def test_a_cursor_that_is_not_ours_is_refused(house: ProfilesHouse, org: str, cursor: str) -> None:
    async with following(house.reader(org), cursor) as follower:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await follower.next()

    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_one_follower_too_many_is_told_to_come_back(servers: Any) -> None:
    from tests.suites.skill_profiles.house import profiles_house

    postgres, broker = servers
    async with profiles_house(postgres.admin_dsn, broker.address, 900, followers_max=1) as house:
        org = system_id("organisation")
        await house.identity.give(house.identity.person(), org)
        async with following(house.reader(org)) as first:
            await first.next()
            async with following(house.reader(org)) as second:
                with pytest.raises(grpc.aio.AioRpcError) as refused:
                    await second.next()

    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
