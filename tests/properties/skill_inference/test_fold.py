"""The state is a function of the set of facts, to the bit; and whatever the evidence, it stays within its bounds."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.skill_inference.domain.estimate import estimates
from services.skill_inference.domain.explanation import explain
from services.skill_inference.domain.fold import fold, in_order
from services.skill_inference.domain.observation import Observation
from services.skill_inference.domain.release import Release
from services.skill_inference.domain.state import PersonState
from shared.kernel.errors import Broken
from tests.properties.skill_inference.evidence import SIZE_MAX, histories
from tests.unit.skill_inference.people import day, outcome, release
from tests.unit.skill_inference.test_annexes import FITTED, fitted


def bits(state: PersonState) -> str:
    """Every float of the state, exactly: `repr` of a float names its bits, and tells 0.0 from -0.0."""
    beliefs = sorted((skill, repr(belief)) for skill, belief in state.skills.items())
    evidence = [
        (skill, sorted(seen.works), sorted(seen.raters), sorted(seen.tasks), sorted(seen.attested), repr(seen.mix))
        for skill, seen in state.evidence.items()
    ]
    return repr((state.release, state.person, beliefs, evidence, state.steps))


@cache
def with_form() -> Release:
    """A release in which nothing is switched off."""
    changes = {**FITTED, "form_rate": 0.1, "familiar_variance": 0.2, "familiar_success": 0.3, "familiar_rate": 0.03}
    return fitted({}, {**changes, "general_growth": 0.001}, works={"variance": 0.3, "part_variance": 0.4})


@given(histories(), st.randoms(use_true_random=False), st.booleans())
def test_any_order_of_arrival_gives_the_same_bits(
    history: list[Observation], chance: random.Random, is_fitted: bool
) -> None:
    under = with_form() if is_fitted else release()
    shuffled = list(history)
    chance.shuffle(shuffled)
    assert bits(fold(shuffled, under)) == bits(fold(history, under))


@given(histories())
def test_nothing_is_ever_undefined_where_nothing_is_switched_off(history: list[Observation]) -> None:
    state = fold(history, with_form())
    beliefs = [number for belief in state.skills.values() for number in belief]
    assert all(math.isfinite(number) for number in (*beliefs, *(state.person or ())))
    assert all(belief.variance > 0.0 for belief in state.skills.values())
    if state.person is not None:
        assert state.person.general_variance > 0.0
        assert state.person.form_variance >= 0.0
        assert state.person.shared <= 0.0


@given(histories(), st.lists(st.integers(0, SIZE_MAX - 1), max_size=5))
def test_duplicates_change_no_bit(history: list[Observation], again: list[int]) -> None:
    copies = [replace(history[index % len(history)]) for index in again if history]
    assert bits(fold([*history, *copies, *history], release())) == bits(fold(history, release()))


@given(histories(), st.lists(st.integers(0, 4), min_size=SIZE_MAX, max_size=SIZE_MAX))
def test_any_split_into_batches_ends_in_the_same_bits(history: list[Observation], batch_of: list[int]) -> None:
    kept: list[Observation] = []
    state = fold(kept, release())
    for batch in range(5):
        # Late facts are inserted and the person is folded again, as a consumer does after each batch.
        kept += [observation for index, observation in enumerate(history) if batch_of[index] == batch]
        state = fold(kept, release())
    assert bits(state) == bits(fold(history, release()))


@given(histories("s"), histories("t"))
def test_two_people_merged_are_one_with_the_facts_of_both_and_split_again_are_as_before(
    one: list[Observation], other: list[Observation]
) -> None:
    merged = fold([*one, *other], release())
    assert bits(merged) == bits(fold([*other, *one], release()))
    left = [observation for observation in in_order([*one, *other]) if observation.source == "s"]
    assert bits(fold(left, release())) == bits(fold(one, release()))


@given(histories("s"), histories("s", 5))
def test_a_person_merged_with_a_stream_of_the_same_numbers_is_ordered_by_fact(
    one: list[Observation], other: list[Observation]
) -> None:
    renamed = [replace(observation, fact=f"other {observation.fact}") for observation in other]
    assert bits(fold([*one, *renamed], release())) == bits(fold([*renamed, *one], release()))


@given(histories())
def test_nothing_that_is_believed_leaves_its_bounds(history: list[Observation]) -> None:
    state = fold(history, release())
    general = [] if state.general is None else [(state.general, release().curve.general_variance)]
    own = [(belief, release().skill(skill).variance) for skill, belief in state.skills.items()]
    for belief, stranger in [*general, *own]:
        assert math.isfinite(belief.mean)
        assert 0.0 < belief.variance <= stranger * (1 + 1e-12)


@given(histories(), st.integers(0, 5_000), st.booleans())
def test_every_mean_is_the_prior_plus_its_contributions(history: list[Observation], at: int, is_fitted: bool) -> None:
    under = with_form() if is_fitted else release()
    state = fold(history, under)
    for skill in state.evidence:
        said = explain(state, skill, under, day(at), top_max=5)
        told = said.prior + math.fsum(contribution.logits for contribution in said.top) + said.rest
        assert abs(told - said.mean) <= 1e-9


@given(histories(), st.integers(0, 5_000))
def test_every_estimate_is_in_itself_consistent(history: list[Observation], at: int) -> None:
    for said in estimates(fold(history, release()), release(), day(at)):
        assert said.interval[0] < said.mean < said.interval[1]
        assert all(0.0 <= high <= low <= 1.0 for low, high in zip(said.reached, said.reached[1:], strict=False))
        assert said.level == sum(p >= 0.5 for p in said.reached)
        assert said.observations <= sum(said.assurance_mix.values())
        assert (said.newest_evidence_at is None) == (said.observations == 0)


@given(st.integers(1, 200), st.floats(-8.0, 8.0))
def test_no_number_of_repeats_at_any_difficulty_moves_a_skill_beyond_its_bound(count: int, difficulty: float) -> None:
    repeats = [outcome(number, task="one", difficulty=difficulty) for number in range(count)]
    state = fold(repeats, release())
    said = explain(state, "integration.apis", release(), day(0))
    assert 0.0 <= said.mean <= release().curve.step_max + 1e-9


def test_one_fact_with_two_contents_is_our_own_fault_and_stops() -> None:
    with pytest.raises(Broken):
        fold([outcome(1), replace(outcome(1), result=0.0)], release())


def test_a_person_without_facts_is_a_stranger() -> None:
    state = fold([], release())
    assert (state.general, state.skills, state.evidence, state.steps) == (None, {}, {}, ())
