"""One step of learning: the same bits interpreted and compiled, and within its bounds whatever the evidence."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.skill_inference.domain.response_fold import (
    TAUGHT_MAX,
    Curve,
    Log,
    Memory,
    PersonBelief,
    Tasks,
    Trace,
    fold_everybody,
    fold_person,
    learn_outcome,
    newcomer,
    taught,
)
from tests.properties.skill_inference.learning_logs import (
    PLAIN,
    SKILLS,
    TASKS,
    Case,
    as_arrays,
    cases,
    curves,
    memory_of,
    plain_tasks,
    repeats,
    trace_of,
)

CORPUS: Final = Path(__file__).resolve().parents[4] / "shared/data/inference/assist09.parquet"
PERSONS: Final = 50


def bits(part: Trace | Memory) -> list[list[str]]:
    """Every float exactly: `float.hex` names its bits, and tells 0.0 from -0.0."""
    return [[float(value).hex() for value in column] for column in part]


def interpreted(case: Case, skills: int = SKILLS, tasks: int = TASKS) -> tuple[Memory, Trace]:
    memory, trace = memory_of(skills, tasks), trace_of(len(case.log.task))
    fold_everybody(case.starts, case.log, case.tasks, case.curve, memory, trace)
    return memory, trace


def compiled(case: Case, skills: int = SKILLS, tasks: int = TASKS) -> tuple[Memory, Trace]:
    np = pytest.importorskip("numpy")
    pytest.importorskip("numba")
    from services.skill_inference.calibration.compiled import compiled_fold

    memory, trace = as_arrays(memory_of(skills, tasks)), as_arrays(trace_of(len(case.log.task)))
    starts = np.array(case.starts, np.int64)
    compiled_fold()(starts, as_arrays(case.log), as_arrays(case.tasks), case.curve, memory, trace)
    return memory, trace


def level(log: Log, curve: Curve, ease: float = 0.0) -> tuple[float, float]:
    """Return mean and variance of the level in the one skill after all of the log."""
    count = len(log.task)
    memory = memory_of(1, count)
    person = fold_person(0, count, log, plain_tasks(count, ease), curve, memory, trace_of(count))
    return person.general + memory.skill_mean[0], person.general_variance + memory.skill_variance[0]


@pytest.mark.timeout(180)
@given(cases())
def test_the_compiled_fold_has_the_bits_of_the_interpreted_one(case: Case) -> None:
    ours, theirs = interpreted(case), compiled(case)
    assert bits(ours[0]) == bits(theirs[0])
    assert bits(ours[1]) == bits(theirs[1])


@pytest.mark.timeout(180)
@pytest.mark.skipif(not CORPUS.exists(), reason=f"the data folder beside the repository is absent: {CORPUS}")
def test_the_compiled_fold_has_the_bits_of_the_interpreted_one_on_fifty_people_of_a_real_platform() -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = parquet.read_table(CORPUS, columns=["user_id", "item_id", "skills", "correct"]).slice(0, 20_000).to_pydict()
    people = rows["user_id"]
    starts = [n for n in range(len(people)) if n == 0 or people[n] != people[n - 1]][: PERSONS + 1]
    count = starts[-1]
    skill_from = [0]
    for shown in rows["skills"][:count]:
        skill_from.append(skill_from[-1] + len(shown))
    log = Log(
        task=rows["item_id"][:count],
        skill_from=skill_from,
        skill=[skill for shown in rows["skills"][:count] for skill in shown],
        share=[1.0 / len(shown) for shown in rows["skills"][:count] for _ in shown],
        at=[n * 3_600_000_000 for n in range(count)],
        result=[float(correct) for correct in rows["correct"][:count]],
        weight=[1.0] * count,
    )
    skills, tasks = max(log.skill) + 1, max(log.task) + 1
    eases = [((n * 7919) % 1000) / 250 - 2 for n in range(tasks)]
    known = Tasks(eases, [0.3] * tasks, [0.2] * skills, [0.05] * skills, [1.0] * skills)
    curve = PLAIN._replace(
        form_mean=-0.35, form_variance=0.66, form_keep=0.667, deviation_growth=0.02, gain_success=0.05
    )
    case = Case(starts, log, known, curve._replace(familiar_variance=0.2, familiar_rate=0.1, deviation_rate=0.001))
    assert len(starts) == PERSONS + 1
    assert bits(interpreted(case, skills, tasks)[1]) == bits(compiled(case, skills, tasks)[1])


@given(cases())
def test_no_number_that_is_believed_is_ever_undefined_or_no_variance(case: Case) -> None:
    memory, trace = interpreted(case)
    assert all(math.isfinite(value) for column in (*memory, *trace) for value in column)
    assert all(value >= 0.0 for value in (*memory.skill_variance, *memory.task_variance, *trace.variance))
    assert all(0.0 <= value <= 1.0 for value in trace.chance)


def walk(case: Case) -> list[tuple[PersonBelief, PersonBelief, list[float], list[float]]]:
    """Return belief and skill variances before and after each outcome of the first person."""
    memory, trace = memory_of(SKILLS, TASKS), trace_of(len(case.log.task))
    person, steps = newcomer(case.log.at[0], case.curve), []
    for e in range(case.starts[1]):
        variances = list(memory.skill_variance)
        after = learn_outcome(e, person, case.log, case.tasks, case.curve, memory, trace)
        steps.append((person, after, variances, list(memory.skill_variance)))
        person = after
    return steps


@given(cases())
def test_general_level_and_form_never_reach_below_nothing_and_their_covariance_stays_one(case: Case) -> None:
    for _, after, _, _ in walk(case):
        assert after.general_variance > 0.0
        assert after.form_variance >= 0.0
        assert after.shared <= 0.0
        assert after.general_variance + after.shared >= -1e-12
        assert after.form_variance + after.shared >= -1e-12
        assert after.shared * after.shared <= after.general_variance * after.form_variance * (1.0 + 1e-9) + 1e-12


@given(curves, st.floats(-6.0, 6.0), st.sampled_from((0.0, 0.3, 1.0)), st.sampled_from((0.2, 1.0)))
@settings(max_examples=50)
def test_repeats_of_a_task_never_make_less_certain(curve: Curve, ease: float, result: float, weight: float) -> None:
    variances = [level(repeats(count, result, weight), curve, ease)[1] for count in (1, 2, 3, 10, 60)]
    for earlier, later in pairwise(variances):
        assert later <= earlier * (1.0 + 1e-12)


@given(curves, st.floats(-6.0, 6.0), st.sampled_from((0.0, 0.3, 1.0)), st.sampled_from((0.2, 1.0)))
@settings(max_examples=50)
def test_two_hundred_repeats_move_a_level_within_the_bound_of_the_release(
    curve: Curve, ease: float, result: float, weight: float
) -> None:
    timeless = curve._replace(deviation_rate=0.0)
    mean, _ = level(repeats(200, result, weight, apart=3_600_000_000), timeless, ease)
    assert abs(mean - curve.general_mean) <= curve.step_max + 1e-9


def test_the_bound_is_reached_and_holds_back() -> None:
    unbound = level(repeats(200), PLAIN._replace(step_max=99.0), ease=-6.0)[0]
    bound = level(repeats(200), PLAIN, ease=-6.0)[0]
    assert unbound > PLAIN.step_max
    assert bound == pytest.approx(PLAIN.step_max, abs=1e-12)


@given(cases(), st.integers(0, 29))
def test_an_outcome_without_weight_moves_no_bit(case: Case, place: int) -> None:
    memory, trace = memory_of(SKILLS, TASKS), trace_of(len(case.log.task))
    person = newcomer(case.log.at[0], case.curve)
    weightless = case.log._replace(weight=[0.0] * len(case.log.task))
    for e in range(case.starts[1]):
        if e == place:
            met = bits(memory)
            assert learn_outcome(e, person, weightless, case.tasks, case.curve, memory, trace) == person
            assert bits(memory) == met
        person = learn_outcome(e, person, case.log, case.tasks, case.curve, memory, trace)


def test_the_first_task_of_a_skill_is_expected_to_go_worse_and_solving_it_says_more() -> None:
    novel = PLAIN._replace(novelty=-1.0, novelty_keep=0.5)
    log = repeats(3, 1.0, same=False)
    plain, traced = trace_of(3), trace_of(3)
    fold_person(0, 3, log, plain_tasks(3, 0.0), PLAIN, memory_of(1, 3), plain)
    fold_person(0, 3, log, plain_tasks(3, 0.0), novel, memory_of(1, 3), traced)
    assert traced.logit[0] == plain.logit[0] - 1.0
    assert traced.general[0] == plain.general[0]
    assert level(log, novel)[0] > level(log, PLAIN)[0]


@given(cases(), st.floats(0.0, 1.0))
def test_novelty_is_used_up_task_by_task_of_its_own_skill_alone(case: Case, keep: float) -> None:
    curve, memory = case.curve._replace(novelty_keep=keep), memory_of(SKILLS, TASKS)
    person, counts = newcomer(case.log.at[0], curve), [0] * SKILLS
    for e in range(case.starts[1]):
        person = learn_outcome(e, person, case.log, case.tasks, curve, memory, trace_of(len(case.log.task)))
        for s in case.log.skill[case.log.skill_from[e] : case.log.skill_from[e + 1]]:
            counts[s] += case.log.weight[e] > 0.0
    assert memory.skill_used == pytest.approx([1.0 - keep**count for count in counts])


def test_fifty_claims_of_oneself_move_nothing() -> None:
    claims = repeats(50, weight=0.0, same=False)
    assert level(claims, PLAIN)[0] == PLAIN.general_mean


@given(cases())
def test_success_never_lowers_and_failure_never_raises_a_level_whatever_a_task_teaches(case: Case) -> None:
    memory, trace, log = memory_of(SKILLS, TASKS), trace_of(len(case.log.task)), case.log
    person = newcomer(log.at[0], case.curve)
    for e in range(case.starts[1]):
        after = learn_outcome(e, person, log, case.tasks, case.curve, memory, trace)
        general, person = after.general - person.general, after
        shown = log.skill[log.skill_from[e] : log.skill_from[e + 1]] if log.weight[e] > 0.0 else []
        moves = [general, *(general + memory.skill_step[s] for s in shown)]
        if log.result[e] == 1.0:
            assert min(moves) >= -1e-12
        if log.result[e] == 0.0:
            assert max(moves) <= 1e-12


@given(st.floats(-0.5, 0.5), st.floats(-3.0, 3.0))
def test_what_a_task_teaches_is_at_most_half_of_what_its_outcome_shows(gain: float, pull: float) -> None:
    assert abs(taught(gain, pull)) <= TAUGHT_MAX * abs(pull)
    assert taught(gain, pull) in (gain, TAUGHT_MAX * abs(pull), -TAUGHT_MAX * abs(pull))


@pytest.mark.parametrize("result", [0.0, 1.0])
def test_gains_add_at_most_a_fifth_to_what_five_hundred_outcomes_of_new_tasks_move(result: float) -> None:
    growing = PLAIN._replace(general_growth=0.003, deviation_growth=0.01)
    learner = growing._replace(gain_success=0.3, gain_failure=-0.3)
    for ease in (-6.0, 0.0, 6.0):
        log = repeats(500, result, same=False)
        plain, gained = level(log, growing, ease)[0], level(log, learner, ease)[0]
        assert abs(plain) <= abs(gained) <= 1.2 * abs(plain)


def test_failing_lowers_where_failing_is_said_to_teach_most() -> None:
    stubborn = PLAIN._replace(gain_success=0.5, gain_failure=0.5)
    failures = repeats(20, 0.0, same=False)
    assert level(failures, stubborn)[0] < level(failures, PLAIN)[0] / 2.0 < 0.0
