"""What cannot be used is set aside or parks its stream; nothing is dropped, and nothing blocks the others."""

from __future__ import annotations

import asyncio

import pytest

from shared.kernel.errors import Conflict, NotFound, Unavailable
from shared.runtime import faults
from shared.runtime.dead_letters import Redriven
from shared.runtime.positions import REASON_CHARACTERS_MAX
from shared.runtime.tails import BEHIND, OTHER_ID

from .house import House, new_fact, until


async def spoil(house: House, subject: str, number: int, data: bytes = b'{"no": "statement"}') -> None:
    """The owner's row of a fact bears data that are no statement."""
    async with house.teller_service.operator() as connection:
        await connection.execute(
            "UPDATE backbone.facts SET data = $3 WHERE subject = $1 AND number = $2", subject, number, data
        )


async def reach(house: House, **numbers: int) -> None:
    """Wait until these streams were heard so far."""

    async def do_reach() -> bool:
        positions = await house.positions()
        return all(positions.get(subject) == number for subject, number in numbers.items())

    await until(do_reach)


async def park_at_three(house: House) -> None:
    """Stream ada is parked at its third fact of five; bea flows."""
    async with house.silenced():
        await house.tell_many(["ada", "bea"], 5)
        await spoil(house, "ada", 3)
    await house.start_listener()
    number, _ = await house.until_parked("ada")
    assert number == 3
    await reach(house, ada=2, bea=5)


async def test_an_undecodable_fact_parks_with_the_field_that_is_wrong(house: House) -> None:
    await park_at_three(house)
    (letter,) = await house.listener.dead_letters().list(10)
    assert (letter.kind, letter.source, letter.subject, letter.number) == ("parked", house.source.name, "ada", 3)
    assert "/data/statement" in letter.reason
    assert len(letter.reason) <= REASON_CHARACTERS_MAX
    assert (await house.folded())["ada"] == [1, 2]


async def test_data_that_are_no_json_park_too(house: House) -> None:
    async with house.silenced():
        await house.tell_many(["ada", "bea"], 2)
        await spoil(house, "ada", 1, b"\xff\x00")
    await house.start_listener()
    assert (await house.until_parked("ada"))[0] == 1
    await reach(house, bea=2)
    assert await house.positions() == {"ada": 0, "bea": 2}


async def test_a_parked_stream_applies_nothing_that_comes_later(house: House) -> None:
    await park_at_three(house)
    await house.tell_many(["ada", "bea"], 3)
    await reach(house, bea=8)
    assert (await house.folded())["ada"] == [1, 2]


async def test_redrive_before_the_mend_parks_again(house: House) -> None:
    await park_at_three(house)
    result = await house.listener.dead_letters().redrive(house.source.name, "ada")
    assert (result.applied, result.is_parked) == (0, True)
    assert "/data/statement" in result.reason


async def test_redrive_after_the_mend_lets_everything_flow(house: House) -> None:
    await park_at_three(house)
    (sound,) = (await house.feed.read(house.source.name, "bea", 2, 1))[0]
    assert sound.data is not None
    await spoil(house, "ada", 3, sound.data)
    await house.tell(new_fact("ada"))
    result = await house.listener.dead_letters().redrive(house.source.name, "ada")
    # The listener, at the newest fact just then, may have mended the gap before the redrive did.
    assert not result.is_parked
    await house.tell(new_fact("ada"))
    await house.until_heard()
    assert await house.listener.dead_letters().list(10) == []


async def test_redrive_builds_nothing_on_an_owner_that_tells_another_fact_under_the_last_number_heard(
    house: House,
) -> None:
    """Two were heard; the owner forgot the second, told another in its place, and then a third."""
    await house.start()
    await house.tell_many(["ada"], 2)
    await house.until_heard()
    await house.rewind_owner("ada", 1)
    await house.tell(new_fact("ada"))
    assert (await house.until_parked("ada"))[0] == 2
    await house.tell(new_fact("ada"))
    letters = house.listener.dead_letters()
    assert await letters.redrive(house.source.name, "ada") == Redriven(0, True, OTHER_ID)
    assert (await house.folded())["ada"] == [1, 2]
    assert not (await letters.skip(house.source.name, "ada", 2)).is_parked
    await reach(house, ada=3)


async def test_redrive_builds_nothing_on_an_owner_that_ends_before_what_was_heard(house: House) -> None:
    await house.start()
    await house.tell_many(["ada"], 5)
    await house.until_heard()
    await house.rewind_owner("ada", 3)
    await house.tell(new_fact("ada"))
    await house.until_parked("ada")
    letters = house.listener.dead_letters()
    assert await letters.redrive(house.source.name, "ada") == Redriven(0, True, BEHIND)
    assert set(await house.parked()) == {"ada"}


async def test_redrive_while_the_owner_is_away_leaves_the_stream_parked(house: House) -> None:
    await park_at_three(house)
    house.feed.is_away = True
    with pytest.raises(Unavailable):
        await house.listener.dead_letters().redrive(house.source.name, "ada")
    assert "ada" in await house.parked()


async def test_a_redrive_that_ends_half_way_is_finished_by_the_tail_check(house: House) -> None:
    """The mark is off and committed; the redrive ends before it applies a fact; nobody tells anything more."""
    await park_at_three(house)
    await house.until_looked(3)
    (sound,) = (await house.feed.read(house.source.name, "bea", 2, 1))[0]
    assert sound.data is not None
    await spoil(house, "ada", 3, sound.data)

    async def end() -> None:
        raise asyncio.CancelledError

    with faults.arm("consumer.ready", end), pytest.raises(asyncio.CancelledError):
        await house.listener.dead_letters().redrive(house.source.name, "ada")
    assert (await house.positions())["ada"] == 2
    await house.until_heard()


async def test_a_skipped_fact_is_passed_over_and_the_rest_flows(house: House) -> None:
    await park_at_three(house)
    result = await house.listener.dead_letters().skip(house.source.name, "ada", 3)
    assert not result.is_parked
    await reach(house, ada=5)
    assert (await house.folded())["ada"] == [1, 2, 4, 5]


async def test_a_skipped_fact_that_comes_again_parks_nothing(house: House) -> None:
    await park_at_three(house)
    await house.listener.dead_letters().skip(house.source.name, "ada", 3)
    facts, _ = await house.feed.read(house.source.name, "ada", 0, 10)
    await house.tell(new_fact("ada"))
    later, _ = await house.feed.read(house.source.name, "ada", 5, 10)
    await house.consumer.apply([*facts, *later])
    assert await house.parked() == {}
    assert (await house.folded())["ada"] == [1, 2, 4, 5, 6]


async def test_a_skip_outlives_a_rebuild(house: House) -> None:
    await park_at_three(house)
    await house.listener.dead_letters().skip(house.source.name, "ada", 3)
    progress = await house.rebuild(is_check_only=False)
    assert progress.live_digest == progress.rebuilt_digest
    assert (await house.folded())["ada"] == [1, 2, 4, 5]
    assert await house.parked() == {}


async def test_a_skip_of_another_number_is_refused(house: House) -> None:
    await park_at_three(house)
    with pytest.raises(Conflict, match="parked at 3, not at 4"):
        await house.listener.dead_letters().skip(house.source.name, "ada", 4)
    assert "ada" in await house.parked()


async def test_a_stream_that_flows_can_be_neither_redriven_nor_skipped(house: House) -> None:
    await house.start()
    await house.tell(new_fact("ada"))
    await house.until_heard()
    letters = house.listener.dead_letters()
    with pytest.raises(NotFound):
        await letters.redrive(house.source.name, "ada")
    with pytest.raises(NotFound):
        await letters.skip(house.source.name, "ada", 1)


async def test_an_unusable_fact_is_set_aside_with_its_reason_and_the_stream_goes_on(house: House) -> None:
    await house.start()
    (_, aside, _) = await house.tell(new_fact("ada"), new_fact("ada", "unusable"), new_fact("ada"))
    await reach(house, ada=3)
    assert (await house.folded())["ada"] == [1, 3]
    (letter,) = await house.listener.dead_letters().list(10)
    assert (letter.kind, letter.number, letter.reason) == ("set-aside", 2, "its verb is unusable")
    assert (letter.fact_id, letter.type) == (aside.id, aside.type)
    assert house.counts.set_aside == 1


async def test_parked_streams_are_listed_before_facts_set_aside_and_the_list_is_bounded(house: House) -> None:
    await house.start()
    await house.tell(*(new_fact(f"person{number}", "unusable") for number in range(5)), new_fact("ada", "broken"))
    await house.until_parked("ada")
    await reach(house, person4=1)
    letters = await house.listener.dead_letters().list(3)
    assert [letter.kind for letter in letters] == ["parked", "set-aside", "set-aside"]


@pytest.mark.parametrize(("verb", "reason"), [("broken", "its verb is broken"), ("bug", "LookupError in")])
async def test_an_effect_that_fails_at_a_fact_parks_it_alone_wherever_it_lies_in_its_batch(
    house: House, verb: str, reason: str
) -> None:
    async with house.silenced():
        await house.tell_many(["ada", "bea"], 3)
        await house.tell(new_fact("ada", verb), new_fact("ada"), new_fact("bea"))
    await house.start_listener()
    number, why = await house.until_parked("ada")
    assert number == 4
    assert reason in why
    await reach(house, ada=3, bea=4)
    assert await house.folded() == {"ada": [1, 2, 3], "bea": [1, 2, 3, 4]}
    house.effect.is_healed = True
    assert (await house.listener.dead_letters().redrive(house.source.name, "ada")).applied == 2


async def test_many_broken_streams_in_one_batch_park_each_at_its_own_fact(house: House) -> None:
    subjects = [f"person{number}" for number in range(12)]
    async with house.silenced():
        await house.tell(*(new_fact(subject) for subject in subjects))
        await house.tell(*(new_fact(subject, "broken" if subject < "person5" else "did") for subject in subjects))
    await house.start_listener()
    await reach(house, **{subject: 1 if subject < "person5" else 2 for subject in subjects})

    async def are_parked() -> bool:
        return {subject for subject in subjects if subject < "person5"} == set(await house.parked())

    await until(are_parked)


async def test_an_effect_that_is_unavailable_is_tried_again_and_parks_nothing(house: House) -> None:
    await house.start()
    await house.tell(new_fact("ada"), new_fact("ada", "away"), new_fact("ada"))

    async def was_tried_again() -> bool:
        return house.effect.calls >= 3

    await until(was_tried_again)
    assert await house.folded() == {}
    assert await house.parked() == {}
    house.effect.is_healed = True
    await house.until_heard()


@pytest.mark.parametrize(
    "headers",
    [
        [],
        [("ce_specversion", b"0.3")],
        [("ce_id", b"\xff\xfe")],
        [("\u00fc", b"\xff")],
        [("ce_specversion", b"1.0"), ("ce_sequence", b"two")],
        [("ce_specversion", b"1.0"), ("ce_sequence", b"0"), ("ce_id", b"x")],
    ],
    ids=["no headers", "other specversion", "not UTF-8", "not UTF-8 outside ce_", "no number", "attributes missing"],
)
async def test_a_record_that_is_no_fact_is_counted_and_harms_no_other(
    house: House, headers: list[tuple[str, bytes]]
) -> None:
    await house.start()
    await house.tell_many(["ada", "bea"], 2)
    await house.until_heard()
    await house.produce_raw(b"\x00\xff", headers)
    await house.tell_many(["ada", "bea"], 2)
    await house.until_heard()

    async def is_counted() -> bool:
        return house.hearing.undecodable == 1

    await until(is_counted)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ce_source", b"identity"),
        ("ce_source", b"nobody"),
        ("ce_id", b"no uuid"),
        ("ce_sequence", b"9223372036854775808"),
        ("ce_sequence", b"-1"),
        ("ce_subject", b""),
        ("ce_subject", b"a\x00b"),
        ("ce_subject", b"a" * 256),
        ("ce_type", b"\x00"),
        ("ce_time", b"yesterday"),
        ("ce_time", b"2026-01-01T00:00:00"),
        ("ce_recordedtime", b"\xff"),
    ],
)
async def test_a_fact_of_which_one_header_is_foreign_is_counted_and_parks_nothing(
    house: House, name: str, value: bytes
) -> None:
    await house.start()
    await house.tell(new_fact("ada"))
    await house.until_heard()
    (record,) = await house.records()
    await house.produce_raw(record.value, list({**dict(record.headers), name: value}.items()))
    await house.tell(new_fact("ada"))
    await house.until_heard()

    async def is_counted() -> bool:
        return house.hearing.undecodable == 1

    await until(is_counted)
    assert await house.parked() == {}


async def test_a_fact_whose_record_is_mangled_is_read_from_its_owner(house: House) -> None:
    """What lies on the topic in place of ada's last fact is no fact; nothing follows it in that stream."""
    await house.start()
    await house.tell_many(["ada"], 3)
    await house.until_heard()
    await house.lose(new_fact("ada"))
    await house.produce_raw(b"mangled", [("ce_specversion", b"1.0")], key=b"ada")
    await house.until_heard()
    assert house.hearing.undecodable == 1
