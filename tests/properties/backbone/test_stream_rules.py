"""Whatever order facts come in, each is applied exactly once and in the order of its stream."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shared.events.fact import Fact
from shared.runtime.stream_rules import Missing, Position, step

from .facts import deliveries, fact

LENGTH = 12
STREAM = [fact("ada", number) for number in range(1, LENGTH + 1)]


def deliver(position: Position, facts: list[Fact], owner: list[Fact]) -> tuple[Position, list[Fact], int]:
    """Hear `facts`, reading from `owner` what is missing, as the consumer does; return what was applied."""
    while (missing := step(position, facts).missing) is not None:
        facts = [*facts, *owner[missing.first - 1 : missing.last]]
    found = step(position, facts)
    if found.apply:
        position = Position(found.apply[-1].number, found.apply[-1].id)
    return position, list(found.apply), found.duplicates


@given(deliveries(LENGTH))
def test_any_delivery_applies_each_fact_once_in_order_up_to_the_highest_that_came(batches: list[list[int]]) -> None:
    position, applied = Position(), []
    for batch in batches:
        position, now, duplicates = deliver(position, [STREAM[number - 1] for number in batch], STREAM)
        applied += now
        assert len(set(batch) & {one.number for one in now}) + duplicates <= len(batch)
    highest = max((number for batch in batches for number in batch), default=0)
    assert applied == STREAM[:highest]
    assert position.number == highest


@given(st.integers(0, LENGTH), st.lists(st.integers(1, LENGTH), max_size=20))
def test_a_step_applies_the_run_after_the_position_and_names_the_first_hole(heard: int, batch: list[int]) -> None:
    """The model: numbers above the position, sorted, without repetitions; those that follow one another are applied."""
    position = Position(heard, STREAM[heard - 1].id if heard else None)
    found = step(position, [STREAM[number - 1] for number in batch])
    above = sorted({number for number in batch if number > heard})
    run = [number for place, number in enumerate(above, heard + 1) if number == place]
    assert [one.number for one in found.apply] == run
    beyond = above[len(run) :]
    assert found.missing == (Missing(heard + len(run) + 1, beyond[0] - 1) if beyond else None)
    assert found.contradiction is None
    if not beyond:
        assert found.duplicates == len(batch) - len(run)


@given(st.integers(0, LENGTH), st.lists(st.integers(1, LENGTH), max_size=20))
def test_a_parked_stream_applies_nothing(heard: int, batch: list[int]) -> None:
    found = step(Position(heard, None, is_parked=True), [STREAM[number - 1] for number in batch])
    assert (found.apply, found.missing, found.contradiction) == ((), None, None)


@given(st.integers(1, LENGTH), st.lists(st.integers(1, LENGTH), max_size=8))
def test_another_fact_under_the_number_we_stand_at_is_a_contradiction(heard: int, batch: list[int]) -> None:
    position = Position(heard, STREAM[heard - 1].id)
    other = fact("ada", heard, history=1)
    found = step(position, [*(STREAM[number - 1] for number in batch if number < heard), other])
    assert found.contradiction is not None
    assert (found.contradiction.number, found.apply) == (heard, ())


@given(st.permutations([1, 2, 3, 4]), st.integers(1, 4))
def test_two_facts_under_one_number_in_a_batch_are_a_contradiction_in_any_order(order: list[int], twice: int) -> None:
    facts = [STREAM[number - 1] for number in order]
    facts.insert(order.index(twice), fact("ada", twice, history=1))
    found = step(Position(), facts)
    assert found.contradiction is not None
    assert found.contradiction.number == twice
    assert [one.number for one in found.apply] == list(range(1, twice + 1))
