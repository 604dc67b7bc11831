"""A ledger has the bits of the fold, whatever the way by which it came to its observations."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from services.skill_inference.domain.fold import MARKS_COST, Ledger, fold
from services.skill_inference.domain.ledgers import LEDGER_WEIGHT, Ledgers, Token
from services.skill_inference.domain.observation import MarkSet, Observation
from tests.properties.skill_inference.evidence import SIZE_MAX, histories
from tests.properties.skill_inference.test_fold import bits
from tests.unit.skill_inference.people import outcome, release

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
    folded = [*more, *([] if is_newer and not begun else history)]
    assert ledger.cost(more) == sum(MARKS_COST if isinstance(one, MarkSet) else 1 for one in folded)


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
