"""A secret is asked of identity once in a while, and what was answered is kept no longer than was said."""

from __future__ import annotations

import asyncio
import gc
from datetime import UTC, datetime

import pytest

from shared.kernel.clock import FixedClock
from shared.kernel.errors import Unauthenticated, Unavailable
from shared.runtime.auth import Principal, nobody
from shared.runtime.auth_cache import CachingAuthenticator


class Identity:
    """Knows the secrets it was given; counts questions; answers when let."""

    def __init__(self, *known: str) -> None:
        self.known = set(known)
        self.asked: list[str] = []
        self.is_down = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def authenticate(self, secret: str, key_id: str) -> Principal:
        self.asked.append(secret)
        await self.gate.wait()
        if self.is_down:
            raise Unavailable("identity does not answer")
        if secret not in self.known:
            raise nobody()
        return Principal(kind="key", id=f"key_{secret}")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(datetime(2026, 1, 1, tzinfo=UTC))


async def test_within_the_ttl_identity_is_asked_once_and_after_it_again(clock: FixedClock) -> None:
    identity = Identity("a")
    cache = CachingAuthenticator(identity, clock)
    for _ in range(3):
        assert (await cache.authenticate("a", "")).id == "key_a"
    clock.advance(9.99)
    await cache.authenticate("a", "")
    assert identity.asked == ["a"]
    clock.advance(0.02)
    identity.known.clear()
    with pytest.raises(Unauthenticated):
        await cache.authenticate("a", "")
    assert identity.asked == ["a", "a"]


async def test_a_refusal_is_kept_for_two_seconds(clock: FixedClock) -> None:
    identity = Identity()
    cache = CachingAuthenticator(identity, clock)
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            await cache.authenticate("new", "")
    assert identity.asked == ["new"]
    identity.known.add("new")
    clock.advance(2.01)
    assert (await cache.authenticate("new", "")).id == "key_new"


async def test_a_refusal_is_told_again_in_the_same_words(clock: FixedClock) -> None:
    cache = CachingAuthenticator(Identity(), clock)
    told = []
    for _ in range(2):
        with pytest.raises(Unauthenticated) as refusal:
            await cache.authenticate("new", "")
        told.append((refusal.value.message, refusal.value.faults))
    assert told[0] == told[1]


async def test_that_identity_is_away_is_not_remembered(clock: FixedClock) -> None:
    identity = Identity("a")
    identity.is_down = True
    cache = CachingAuthenticator(identity, clock)
    with pytest.raises(Unavailable):
        await cache.authenticate("a", "")
    identity.is_down = False
    assert (await cache.authenticate("a", "")).id == "key_a"


async def test_many_callers_with_one_secret_ask_once(clock: FixedClock) -> None:
    identity = Identity("a")
    identity.gate.clear()
    cache = CachingAuthenticator(identity, clock)
    waiting = [asyncio.create_task(cache.authenticate("a", "")) for _ in range(20)]
    await asyncio.sleep(0)
    identity.gate.set()
    assert {principal.id for principal in await asyncio.gather(*waiting)} == {"key_a"}
    assert identity.asked == ["a"]


async def test_a_caller_that_goes_away_does_not_take_the_answer_from_the_others(clock: FixedClock) -> None:
    identity = Identity("a")
    identity.gate.clear()
    cache = CachingAuthenticator(identity, clock)
    first = asyncio.create_task(cache.authenticate("a", ""))
    second = asyncio.create_task(cache.authenticate("a", ""))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    identity.gate.set()
    assert (await second).id == "key_a"


async def test_a_question_all_of_whose_callers_left_ends_without_a_warning(clock: FixedClock) -> None:
    identity = Identity()
    identity.gate.clear()
    cache = CachingAuthenticator(identity, clock)
    caller = asyncio.create_task(cache.authenticate("a", ""))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    identity.gate.set()
    await asyncio.sleep(0.01)
    gc.collect()


async def test_one_secret_under_two_key_ids_is_two_entries(clock: FixedClock) -> None:
    identity = Identity("a")
    cache = CachingAuthenticator(identity, clock)
    await cache.authenticate("a", "key_1")
    await cache.authenticate("a", "key_2")
    assert identity.asked == ["a", "a"]


async def test_beyond_the_bound_the_least_recently_used_goes(clock: FixedClock) -> None:
    identity = Identity("a", "b", "c")
    cache = CachingAuthenticator(identity, clock, entries_max=2)
    for secret in ("a", "b", "a", "c"):
        await cache.authenticate(secret, "")
    await cache.authenticate("a", "")
    assert identity.asked == ["a", "b", "c"]
    await cache.authenticate("b", "")
    assert identity.asked == ["a", "b", "c", "b"]


async def test_a_flood_of_wrong_secrets_does_not_push_out_the_right_one(clock: FixedClock) -> None:
    identity = Identity("a")
    cache = CachingAuthenticator(identity, clock, entries_max=4)
    await cache.authenticate("a", "")
    for number in range(20):
        with pytest.raises(Unauthenticated):
            await cache.authenticate(f"wrong-{number}", "")
    await cache.authenticate("a", "")
    assert identity.asked.count("a") == 1


async def test_no_secret_stays_in_the_cache(clock: FixedClock) -> None:
    identity = Identity("hunter2")
    cache = CachingAuthenticator(identity, clock)
    await cache.authenticate("hunter2", "")
    gc.collect()
    keys = [*cache._known._entries, *cache._unknown._entries, *cache._asking]
    assert len(keys) == 1
    assert b"hunter2" not in keys[0]
