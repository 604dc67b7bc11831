from __future__ import annotations

import math
from datetime import timedelta

import pytest

from services.skill_inference.domain.estimate import (
    INTERVAL,
    Estimate,
    estimate,
    estimates,
    level_of,
    level_probabilities,
    outlook,
)
from services.skill_inference.domain.fold import fold
from services.skill_inference.domain.observation import Assurance
from tests.unit.skill_inference.people import APIS, DRIFT, IMPACT, day, outcome, release, review, reviewed_works


def _of(*observations: object, at: float = 400) -> Estimate:
    return estimate(fold(observations, release()), APIS, release(), day(at))  # type: ignore[arg-type]


def test_the_interval_holds_nine_tenths_of_the_probability() -> None:
    said = _of(*reviewed_works(3, (3, 4), 4))
    deviation = math.sqrt(said.variance)
    low, high = ((bound - said.mean) / deviation for bound in said.interval)
    inside = 0.5 * (math.erf(high / math.sqrt(2)) - math.erf(low / math.sqrt(2)))
    assert inside == pytest.approx(INTERVAL, abs=1e-9)


def test_the_level_is_the_highest_that_is_as_likely_reached_as_not() -> None:
    cuts = release().cut_points
    for mean in (-4.0, -1.5, 0.0, 0.5, 3.0, 4.49999, 4.5, 9.0):
        likely = [p >= 0.5 for p in level_probabilities(mean, 1.3, cuts)]
        assert level_of(mean, cuts) == sum(likely)


def test_a_higher_level_is_never_likelier_than_a_lower() -> None:
    reached = _of(*reviewed_works(2, (4, 2), 3)).reached
    assert list(reached) == sorted(reached, reverse=True)
    assert len(reached) == 5


def test_an_estimate_names_the_release_and_what_stands_behind_it() -> None:
    said = _of(*reviewed_works(3, (4, 4), 4), outcome(1, assurance=Assurance.SELF_CLAIM), outcome(2))
    assert said.release == release().id
    assert (said.works, said.raters, said.observations) == (3, 4, 7)
    assert said.assurance_mix == {
        Assurance.SELF_CLAIM: 1,
        Assurance.AUTOMATED_CHECK: 1,
        Assurance.NAMED_REVIEWER: 6,
    }
    assert said.newest_evidence_at == day(60)


def test_a_skill_only_claimed_by_its_owner_is_shown_at_the_strangers_level() -> None:
    said = _of(outcome(1, assurance=Assurance.SELF_CLAIM))
    assert (said.mean, said.variance, said.information) == (0.0, release().prior_variance(APIS), 0.0)
    assert (said.newest_evidence_at, said.observations) == (None, 0)


def test_without_evidence_the_expected_level_moves_towards_the_strangers() -> None:
    state = fold(reviewed_works(4, (5, 5), 4), release())
    said = estimate(state, APIS, release(), day(90))
    later = outlook(state, APIS, release(), day(90))
    assert [one.months for one in later] == [6, 12]
    assert said.mean > later[0].mean > later[1].mean


def test_information_grows_with_evidence_and_shrinks_with_time() -> None:
    works = reviewed_works(3, (3, 3), 4)
    few, many = _of(*works[:2], at=60), _of(*works, at=60)
    assert few.information < many.information
    assert _of(*works, at=800).information < many.information


def test_reading_before_the_newest_evidence_reads_the_state_as_it_is() -> None:
    late = review(3, "r", 4)
    said = _of(late, at=0)
    assert said.mean == _of(late, at=90).mean


def test_there_is_an_estimate_for_each_skill_something_was_seen_of() -> None:
    state = fold([outcome(1, DRIFT), outcome(2, IMPACT, assurance=Assurance.SELF_CLAIM)], release())
    assert [said.skill for said in estimates(state, release(), day(3))] == [DRIFT, IMPACT]


def test_nothing_is_said_of_a_skill_nothing_was_seen_of() -> None:
    with pytest.raises(KeyError):
        estimate(fold([outcome(1, DRIFT)], release()), APIS, release(), day(3))


def test_the_same_instant_in_another_zone_reads_the_same() -> None:
    state = fold(reviewed_works(2, (4, 4), 2), release())
    here = day(200)
    there = here.astimezone(None) + timedelta(0)
    assert estimate(state, APIS, release(), here).mean == estimate(state, APIS, release(), there).mean
