"""The chance of the next outcome: the readout's where it knows the task, else what the state says."""

from __future__ import annotations

import math

import pytest

from services.skill_inference.domain.learner import Learner
from services.skill_inference.domain.next_outcome import Served, predict_outcome
from services.skill_inference.domain.observation import Assurance, Observation
from services.skill_inference.domain.response import sigmoid
from shared.kernel.errors import Rejected
from tests.unit.skill_inference.people import DRIFT, day, outcome, release, review
from tests.unit.skill_inference.readouts import readout_text, with_readout

KNOWN = "https://lms.example/known"
SEEN: list[Observation] = [outcome(number, result=number % 2, difficulty=0.5) for number in range(6)]
ASKED = outcome(9, task=KNOWN)


def test_without_a_readout_the_state_answers_alone() -> None:
    found = predict_outcome(SEEN, ASKED, release())
    learner = Learner(release())
    learner.learn(SEEN, {})
    assert found == (learner.expect(ASKED).chance[0], found.state_chance, Served.WITHOUT_READOUT, len(SEEN))
    assert found.chance == found.state_chance


def test_a_task_that_the_readout_does_not_know_is_the_states() -> None:
    found = predict_outcome(SEEN, outcome(9), with_readout(readout_text({KNOWN: 2.0})))
    assert found.served is Served.TASK_UNKNOWN
    assert found.chance == found.state_chance == predict_outcome(SEEN, outcome(9), release()).chance


def test_a_task_that_the_readout_knows_is_served_beside_the_state() -> None:
    found = predict_outcome(SEEN, ASKED, with_readout(readout_text({KNOWN: 2.0})))
    logit = math.log(found.state_chance / (1.0 - found.state_chance))
    assert found.served is Served.BY_READOUT
    assert found.chance == pytest.approx(sigmoid(logit + 2.0), abs=1e-12)
    assert found.state_chance == predict_outcome(SEEN, ASKED, release()).chance


def test_what_is_served_looks_at_how_the_task_before_went_and_not_at_self_claims_or_works() -> None:
    under = with_readout(readout_text({KNOWN: 0.0}, after_success=1.5))
    claim = outcome(7, result=0.0, assurance=Assurance.SELF_CLAIM)
    in_work = outcome(8, result=0.0, work="prj-1", at=day(8))
    for later in ([], [claim], [in_work]):
        found = predict_outcome([*SEEN, *later], ASKED, under)
        assert found.chance > found.state_chance + 0.1
    failed = predict_outcome([*SEEN, outcome(7, result=0.0)], ASKED, under)
    assert failed.chance == pytest.approx(failed.state_chance, abs=1e-12)


def test_after_a_longer_pause_than_the_readout_was_fitted_to_the_state_answers_alone() -> None:
    days = (day(9) - day(5)).total_seconds()
    long, short = (with_readout(readout_text({KNOWN: 2.0}, pause=days + by)) for by in (0.0, -1.0))
    assert predict_outcome(SEEN, ASKED, long).served is Served.BY_READOUT
    found = predict_outcome(SEEN, ASKED, short)
    assert (found.served, found.chance) == (Served.PAUSE_TOO_LONG, found.state_chance)
    assert predict_outcome([], ASKED, short).served is Served.BY_READOUT


def test_a_readout_that_does_not_say_so_serves_after_no_pause_at_all() -> None:
    text = readout_text({KNOWN: 2.0})
    del text["pause_seconds_max"]
    assert predict_outcome(SEEN, ASKED, with_readout(text)).served is Served.PAUSE_TOO_LONG


def test_a_stranger_is_answered_too_and_of_nothing_seen() -> None:
    found = predict_outcome([], ASKED, with_readout(readout_text({KNOWN: 0.0})))
    assert (found.observations, found.served) == (0, Served.BY_READOUT)
    assert 0.0 < found.chance < 1.0


def test_marks_of_works_move_what_is_expected_of_a_task() -> None:
    marked = [review(0, "a", 5), review(0, "b", 5)]
    assert predict_outcome(marked, ASKED, release()).chance > predict_outcome([], ASKED, release()).chance


def test_asking_twice_gives_the_same_bits_whatever_the_order_of_what_was_seen() -> None:
    under = with_readout(readout_text({KNOWN: 0.3}, after_success=0.2))
    asked = outcome(9, DRIFT, task=KNOWN)
    assert predict_outcome([*SEEN[3:], *SEEN[:4]], asked, under) == predict_outcome(SEEN, asked, under)


def test_a_release_is_not_read_with_a_readout_that_is_none() -> None:
    with pytest.raises(Rejected) as refused:
        with_readout({**readout_text({}), "codes": [0.0]})
    assert refused.value.faults[0].pointer == "/codes"
