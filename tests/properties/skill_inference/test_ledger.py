"""A ledger has the bits of the fold, whatever the way by which it came to its observations."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.skill_inference.domain.fold import MARKS_COST, Ledger, fold, snapshot_counts
from services.skill_inference.domain.ledgers import LEDGER_WEIGHT, Ledgers, Token
from services.skill_inference.domain.observation import MarkSet, Observation
from shared.kernel.errors import Broken
from tests.properties.skill_inference.evidence import SIZE_MAX, histories
from tests.properties.skill_inference.test_fold import bits
from tests.unit.skill_inference.people import RUBRIC, day, outcome, release, review
from tests.unit.skill_inference.test_annexes import FITTED, fitted

BATCHES = st.lists(st.integers(0, 4), min_size=SIZE_MAX, max_size=SIZE_MAX)


def split(history: list[Observation], batch_of: list[int]) -> list[list[Observation]]:
    return [[one for index, one in enumerate(history) if batch_of[index] == batch] for batch in range(5)]


@given(histories(), BATCHES, st.randoms(use_true_random=False))
def test_a_ledger_that_takes_batches_in_any_order_has_the_bits_of_the_fold(
    history: list[Observation], batch_of: list[int], chance: random.Random
) -> None:
    batches = split(history, batch_of)
    chance.shuffle(batches)
    ledger = Ledger([], release())
    for batch in batches:
        ledger.take(batch)
    assert bits(ledger.state()) == bits(fold(history, release()))
    assert len(ledger) == len(history)


@given(histories(), BATCHES)
def test_a_ledger_that_takes_what_is_newer_has_the_bits_of_the_fold(
    history: list[Observation], batch_of: list[int]
) -> None:
    ordered = sorted(history, key=lambda one: one.place)
    ledger = Ledger([], release())
    for batch in split(ordered, sorted(batch_of)):
        ledger.take(batch)
    assert bits(ledger.state()) == bits(fold(history, release()))


@given(histories(), histories("t"))
def test_a_state_that_was_read_does_not_change_when_its_ledger_goes_on(
    history: list[Observation], more: list[Observation]
) -> None:
    ledger = Ledger(history, release())
    state = ledger.state()
    before = bits(state)
    ledger.take(more)
    assert bits(state) == before


@given(histories(), histories("t"))
def test_the_cost_of_taking_is_what_is_folded(history: list[Observation], more: list[Observation]) -> None:
    ledger = Ledger(history, release())
    is_newer = not history or all(one.place > max(seen.place for seen in history) for one in more)
    begun = {one.work for one in history if one.work} & {one.work for one in more if one.work}
    folded = [*more, *([] if not more or (is_newer and not begun) else history)]
    assert ledger.cost(more) == sum(MARKS_COST if isinstance(one, MarkSet) else 1 for one in folded)
    assert ledger.cost(history) == 0


def long_history(chance: random.Random, count: int = 700) -> list[Observation]:
    """Outcomes and reviews over two years, works among them that last, in order."""
    return [
        review(number // 40, f"r{number % 3}", number % 6, again=number, at=day(number))
        if number % 10 == 3
        else outcome(
            number,
            RUBRIC[number % 4],
            task=f"t{number % 90}",
            result=float(chance.random() < 0.6),
            work=f"prj-{number // 100}" if number % 10 == 7 else None,
            at=day(number),
        )
        for number in range(count)
    ]


@settings(max_examples=8)
@given(st.integers(0, 10_000), st.booleans())
def test_a_long_ledger_replays_from_its_snapshots_to_the_bits_of_the_fold(number: int, shuffled: bool) -> None:
    chance = random.Random(number)
    under = fitted({}, {**FITTED, "familiar_variance": 0.2, "familiar_rate": 0.03, "general_growth": 0.001})
    history = long_history(chance)
    late = chance.sample(history, 40)
    ledger = Ledger([one for one in history if one not in late], under)
    if shuffled:
        chance.shuffle(late)
    for start in range(0, len(late), 7):
        ledger.take(late[start : start + 7])
    assert bits(ledger.state()) == bits(fold(history, under))
    assert len(ledger.snapshots) <= 16


def test_a_fact_that_is_a_little_late_costs_what_came_since_and_not_the_whole_person() -> None:
    plain = [outcome(number, task=f"t{number}") for number in range(1_000)]
    ledger = Ledger(plain[:990] + plain[991:], release())
    assert ledger.cost([plain[990]]) <= 2 * 64 + 10
    assert ledger.cost([outcome(5_000)]) == 1


def test_a_time_before_the_first_known_fact_is_an_ordinary_late_fact() -> None:
    known = [outcome(number) for number in range(200)]
    first = replace(outcome(900, task="first"), occurred_at=day(-4_000))
    ledger = Ledger(known, release())
    ledger.take([first])
    assert bits(ledger.state()) == bits(fold([*known, first], release()))


def test_a_fact_with_two_contents_stops_and_leaves_the_ledger_as_it_was() -> None:
    known: list[Observation] = [outcome(number) for number in range(200)]
    ledger = Ledger(known, release())
    before = bits(ledger.state())
    with pytest.raises(Broken):
        ledger.take([outcome(300), replace(outcome(7), result=0.0)])
    assert (bits(ledger.state()), len(ledger)) == (before, 200)


@given(st.integers(1, 40_000))
def test_what_is_kept_of_more_is_never_missing_in_what_is_kept_of_fewer(count: int) -> None:
    kept = snapshot_counts(count)
    assert kept <= snapshot_counts(count - 1) | {count}
    assert len(kept) <= 16
    assert count < 64 or count - max(kept) < 64


@given(histories(), BATCHES, st.integers(0, 16))
def test_ledgers_at_hand_answer_as_the_fold_or_not_at_all(
    history: list[Observation], batch_of: list[int], observations_max: int
) -> None:
    ledgers = Ledgers(observations_max)
    tokens = [Token(1, 1, frozenset({"p"}), (("s", "p", number),)) for number in range(6)]
    ledgers.put("p", tokens[0], Ledger([], release()))
    kept: list[Observation] = []
    for number, batch in enumerate(split(history, batch_of)):
        kept += batch
        ledgers.advance("p", tokens[number], tokens[number + 1], batch)
        assert ledgers.find("p", tokens[number]) is None
        found = ledgers.find("p", tokens[number + 1])
        assert found is None or bits(found.state()) == bits(fold(kept, release()))


def test_ledgers_let_go_of_whom_they_used_least_recently() -> None:
    ledgers = Ledgers(2 * (2 + LEDGER_WEIGHT))
    token = Token(1, 1, frozenset(), ())
    for person in ("ada", "ben"):
        ledgers.put(person, token, Ledger([outcome(1), outcome(2)], release()))
    assert ledgers.find("ada", token) is not None
    ledgers.put("cleo", token, Ledger([outcome(1), outcome(2)], release()))
    assert [ledgers.cost(person, token) for person in ("ada", "ben", "cleo")] == [0, None, 0]


def test_a_ledger_of_something_else_is_dropped_when_it_should_advance() -> None:
    ledgers = Ledgers()
    one, two, three = (Token(1, 1, frozenset(), (("s", "p", number),)) for number in range(3))
    ledgers.put("p", one, Ledger([], release()))
    ledgers.advance("p", two, three, [outcome(1)])
    assert len(ledgers) == 0
