"""Nothing that predictions are judged on is known to them: neither who is judged, nor an answer before it is given."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from services.skill_inference.calibration.machine_code import Column, Reals, Wholes
from services.skill_inference.calibration.response_fit import ResponseFit
from tests.conformance.inference.response_sets import ResponseSet, fits
from tests.unit.skill_inference.calibration.logs import made_up

pytestmark = pytest.mark.timeout(300)

SEED = 3
PEOPLE, EACH = 40, 30
MIDDLE = 15
"""From here on another ending is told of whoever is judged."""
EVERYBODY = np.arange(PEOPLE)
JUDGED = EVERYBODY[1::2]
"""Of the second split, whose persons to learn from are those that the first judges."""


@cache
def second(is_other: bool) -> ResponseFit:
    """Return what is found in the second split; `is_other`: whoever it judges answers otherwise from MIDDLE on."""
    outcomes = made_up(SEED, PEOPLE, EACH)
    if is_other:
        result: Column = np.array(outcomes.log.result)
        late = answers(MIDDLE, EACH)
        result[late] = 1.0 - result[late]
        outcomes = outcomes._replace(log=outcomes.log._replace(result=result))
    others = EVERYBODY[::2]
    *_, fit = fits(ResponseSet("made up", outcomes, [(JUDGED, others), (others, JUDGED)]))
    return fit


def answers(first: int, last: int) -> Wholes:
    """Return answers first … last of whoever the second split judges."""
    return np.concatenate([np.arange(EACH * n + first, EACH * n + last) for n in JUDGED.tolist()])


def chances(is_other: bool, asked: Wholes) -> tuple[Reals, Reals]:
    fit = second(is_other)
    return fit.believed.chance[asked], fit.served(asked)


def test_answers_of_who_is_judged_change_nothing_that_is_learned() -> None:
    one, other = second(False), second(True)
    assert one.level == other.level
    assert one.found.numbers == other.found.numbers
    assert np.array_equal(one.weights, other.weights)
    for column, same in zip(one.believed.tasks, other.believed.tasks, strict=True):
        assert np.array_equal(column, same)


def test_no_prediction_knows_its_own_answer_or_a_later_one() -> None:
    asked = answers(0, MIDDLE + 1)
    for before, after in zip(chances(False, asked), chances(True, asked), strict=True):
        assert np.array_equal(before, after)


def test_predictions_know_earlier_answers() -> None:
    asked = answers(MIDDLE + 1, EACH)
    for before, after in zip(chances(False, asked), chances(True, asked), strict=True):
        assert not np.any(before == after)
