"""What is served is what calibration fitted: the features and the sum are the same, interpreted and compiled."""

from __future__ import annotations

import hashlib
import json
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from services.skill_inference.calibration.curve_search import KNOBS, curve_of
from services.skill_inference.calibration.readout_annex import pause_seconds_max, readout_annex
from services.skill_inference.calibration.readout_fit import (
    Rows,
    crossed,
    fit_weights,
    numbers_of,
    read_log,
    rows_of,
    serve,
)
from services.skill_inference.calibration.task_ease import Workbench
from services.skill_inference.domain import readout_features as features
from services.skill_inference.domain.next_outcome import NamedReading, moment_of, predict_outcome
from services.skill_inference.domain.observation import Assurance, Outcome, instant_of
from services.skill_inference.domain.readout import parse_readout, served_chance
from services.skill_inference.domain.release import Release, parse_release
from services.skill_inference.domain.response_fold import Log, Tasks
from shared.kernel.errors import Rejected
from tests.unit.skill_inference.calibration.logs import made_up
from tests.unit.skill_inference.people import release_text

pytestmark = pytest.mark.timeout(180)
NUMBERS = {knob.name: knob.start for knob in KNOBS}
TASKS, SKILLS = [f"task {n}" for n in range(25)], [f"skill {n}" for n in range(4)]


@cache
def bench() -> Workbench:
    return Workbench(made_up(11))


@cache
def fitted() -> tuple[Rows, Any, Any]:
    persons, learned = np.arange(40), np.arange(1_200)
    numbers = crossed(bench(), persons, *curve_of(NUMBERS)).numbers
    rows = rows_of(bench(), read_log(bench()), numbers, learned)
    return rows, fit_weights(rows, np.asarray(bench().log.result), learned, 1.0), numbers


def interpreted() -> features.Reading:
    outcomes = bench().outcomes
    log = Log(*(np.asarray(column).tolist() for column in outcomes.log))
    habits = features.Habits(
        *([0.0] * 10, [0] * 5, [0] * 4, [0.0] * 24, [0.0] * 32, [0.0] * 4, [0.0] * 4, [0] * 4, [0] * 4, [0] * 4),
        *([0] * 25, [0.0] * 25, [0.0] * 25, [0] * 25, [0] * 25),
    )
    count, shown = len(log.task), len(log.skill)
    codes = [[0] * count for _ in range(6)]
    out = features.Reading([0.0] * (count * features.NUMBERS), *codes, [0.0] * shown, [0.0] * shown)  # type: ignore[call-arg, arg-type]
    features.read_everybody(outcomes.starts.tolist(), log, habits, out)
    return out


def test_features_are_the_same_bits_interpreted_and_compiled() -> None:
    slow, fast = interpreted(), read_log(bench())
    for column, other in zip(slow, fast, strict=True):
        assert np.array_equal(np.asarray(column), np.asarray(other))


def test_the_annex_serves_what_was_fitted() -> None:
    rows, weights, numbers = fitted()
    readout = parse_readout(readout_annex(rows, weights, bench().outcomes, TASKS, SKILLS))
    reading, log = read_log(bench()), bench().log
    asked = np.arange(1_200)
    expected = serve(asked, rows.start, rows.column, rows.value, weights)
    for e in range(0, 1_200, 7):
        moment = moment_of(NamedReading(log, reading, TASKS, SKILLS), e, numbers[e])
        assert served_chance(readout, moment) == pytest.approx(expected[e], abs=1e-9)


def release_with(annex: bytes) -> Release:
    """Release 0, outcomes weighing 1, with this readout."""
    text = release_text()
    document = {**text, "assurance": {**text["assurance"], "automated-check": 1.0}}
    document["annexes"] = {"readout": hashlib.sha256(annex).hexdigest()}
    return parse_release(json.dumps(document).encode()).with_annexes({"readout": annex})


def tries_of(person: int, log: Log) -> list[Outcome]:
    """The person's outcomes of `made_up` as the service observes them."""
    starts = bench().outcomes.starts
    return [
        Outcome(
            occurred_at=instant_of(int(log.at[e])),
            source="learning_events",
            sequence=e + 1,
            fact=f"f{e}",
            task=TASKS[log.task[e]],
            skills=tuple((SKILLS[log.skill[k]], 1.0) for k in range(log.skill_from[e], log.skill_from[e + 1])),
            result=float(log.result[e]),
            assurance=Assurance.AUTOMATED_CHECK,
        )
        for e in range(starts[person], starts[person + 1])
    ]


def test_what_is_answered_of_each_next_try_is_what_calibration_says_of_it() -> None:
    rows, weights, _ = fitted()
    release, log = release_with(readout_annex(rows, weights, bench().outcomes, TASKS, SKILLS)), bench().log
    columns: Any = (np.zeros(25), np.full(25, release.tasks.variance), np.zeros(4), np.zeros(4), np.ones(4))
    numbers = numbers_of(bench().fold(Tasks(*columns), release.curve))
    reading = NamedReading(log, read_log(bench()), TASKS, SKILLS)
    assert release.readout is not None
    for person in (0, 7, 39):
        first, tried = int(bench().outcomes.starts[person]), tries_of(person, log)
        for k in (0, 1, 12, 29):
            expected = served_chance(release.readout, moment_of(reading, first + k, numbers[first + k]))
            found = predict_outcome(tried[:k], tried[k], release)
            assert found.chance == pytest.approx(expected, abs=1e-12)


def test_an_annex_with_a_misspelt_member_is_refused() -> None:
    rows, weights, _ = fitted()
    raw = readout_annex(rows, weights, bench().outcomes, TASKS, SKILLS).replace(b'"codes"', b'"cods"')
    with pytest.raises(Rejected) as refused:
        parse_readout(raw)
    assert refused.value.faults[0].pointer == "/codes"


def test_the_pause_within_which_it_serves_is_one_that_people_made() -> None:
    outcomes = bench().outcomes
    pauses = [
        later - earlier
        for first, last in pairwise(np.asarray(outcomes.starts).tolist())
        for earlier, later in pairwise(np.asarray(outcomes.log.at)[first:last].tolist())
    ]
    within = pause_seconds_max(outcomes)
    assert within * 1e6 in pauses
    assert 0.98 < np.mean([one <= within * 1e6 for one in pauses]) < 1.0
    alone = outcomes._replace(starts=np.arange(len(outcomes.log.at) + 1))
    assert pause_seconds_max(alone) == 0.0


def test_the_same_log_gives_the_same_bits_of_weights() -> None:
    _, weights, numbers = fitted()
    again = rows_of(bench(), read_log(bench()), numbers, np.arange(1_200))
    assert np.array_equal(fit_weights(again, np.asarray(bench().log.result), np.arange(1_200), 1.0), weights)
