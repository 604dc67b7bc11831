from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from services.skill_inference.domain.annexes import KnownReviewer, Spread
from services.skill_inference.domain.fold import fold
from services.skill_inference.domain.learner import Learner
from services.skill_inference.domain.observation import Observation, microseconds
from services.skill_inference.domain.release import Release, parse_release
from services.skill_inference.domain.response_fold import Curve
from services.skill_inference.domain.state import level_at
from shared.kernel.errors import Rejected
from tests.unit.skill_inference.people import APIS, DRIFT, day, outcome, release, release_text, review

EASY = "https://lms.example/task/1"
TASKS = {"tasks": {EASY: [3.0, 0.1]}, "skills": {APIS: [0.5, 0.05]}}
REVIEWERS = {"reviewers": {"anna": {"leniency": [1.0, 0.01], "parts": {APIS: [0.5, 0.01]}}}}
FITTED = {"form_mean": -0.3, "form_variance": 0.6, "form_keep": 0.7, "gain_success": 0.05, "deviation_growth": 0.02}


def fitted(annexes: dict[str, Any], curve: dict[str, float] | None = None, **members: Any) -> Release:
    """Release 0 with these annexes, and a curve as calibration might have fitted it."""
    raw = {name: json.dumps(content).encode() for name, content in annexes.items()}
    document = {**release_text(), **members, "annexes": {n: hashlib.sha256(r).hexdigest() for n, r in raw.items()}}
    document["curve"] = {**document["curve"], **(curve or {})}
    return parse_release(json.dumps(document).encode()).with_annexes(raw)


def level(observations: list[Observation], under: Release, skill: str = APIS) -> float:
    return level_at(fold(observations, under), skill, under, microseconds(day(0)))[0]


def test_an_annex_of_another_content_than_the_release_names_is_refused() -> None:
    with pytest.raises(Rejected) as refusal:
        fitted({"tasks": TASKS}).with_annexes({"tasks": b"{}"})
    assert refusal.value.faults[0].pointer == "/annexes/tasks"


def test_an_annex_that_the_release_does_not_name_is_refused() -> None:
    with pytest.raises(Rejected):
        release().with_annexes({"tasks": json.dumps(TASKS).encode()})


@pytest.mark.parametrize(
    ("name", "content", "pointer"),
    [
        ("tasks", {"tasks": {"a/b": [0.0]}, "skills": {}}, "/tasks/a~1b"),
        ("tasks", {"tasks": {"t": [0.0, -0.1]}, "skills": {}}, "/tasks/t"),
        ("tasks", {"tasks": {"t": [13.0, 0.1]}, "skills": {}}, "/tasks/t"),
        ("tasks", {"tasks": {}}, "/skills"),
        ("reviewers", {"reviewers": {"anna": {"leniency": [0, 0.1]}}}, "/reviewers/anna/parts"),
        ("reviewers", {"reviewers": {"anna": {"leniency": "mild", "parts": {}}}}, "/reviewers/anna/leniency"),
    ],
)
def test_a_faulty_annex_is_refused_with_the_pointer_to_its_fault(name: str, content: Any, pointer: str) -> None:
    with pytest.raises(Rejected) as refusal:
        fitted({name: content})
    assert refusal.value.faults[0].pointer == pointer


def test_a_calibrated_task_is_read_as_calibrated_and_any_other_as_its_organisation_says() -> None:
    tasks = fitted({"tasks": TASKS}).tasks
    assert tasks.ease(outcome(1, difficulty=1.0)) == Spread(3.0, 0.1)
    assert tasks.ease(outcome(2, difficulty=1.0)) == Spread(-1.5, 0.45)
    assert tasks.ease(outcome(2)) == Spread(0.0, 0.5)


def test_success_at_a_task_that_calibration_found_easy_says_little() -> None:
    known, unknown = fitted({"tasks": TASKS}), release()
    assert 0.0 < level([outcome(1)], known) < level([outcome(1)], unknown)


def test_a_lenient_reviewers_marks_say_less_than_a_strangers() -> None:
    known = fitted({"reviewers": REVIEWERS})
    assert level([review(0, "anna", 4)], known) < level([review(0, "ben", 4)], known)
    assert known.reviewers.known["anna"] == KnownReviewer(Spread(1.0, 0.01), {APIS: Spread(0.5, 0.01)})


def test_a_bent_for_one_skill_is_taken_off_that_skill() -> None:
    known = fitted({"reviewers": REVIEWERS})
    same: list[Observation] = [review(0, "anna", 4, [APIS, DRIFT])]
    assert level(same, known, APIS) < level(same, known, DRIFT)


def test_works_with_parts_of_their_own_tell_a_skill_apart_less_surely() -> None:
    plain, parted = release(), fitted({}, works={"variance": 0.3, "part_variance": 1.0})
    marks: list[Observation] = [review(0, "a", 4, [APIS, DRIFT]), outcome(1, work="prj-0", at=day(0))]
    variances = [level_at(fold(marks, under), APIS, under, microseconds(day(0)))[1] for under in (plain, parted)]
    assert variances[0] < variances[1] < plain.prior_variance(APIS)


def test_a_mark_beyond_its_criterions_scale_teaches_nothing() -> None:
    short = fitted({}, thresholds={"default": [-1.5, 0.5, 2.5, 4.5, 6.5], "criteria": {APIS: [0.0, 1.0]}})
    assert level([review(0, "a", 4, [APIS])], short) == short.prior_mean(APIS)
    assert level([review(0, "a", 2, [APIS])], short) > short.prior_mean(APIS)


def test_the_form_of_a_newcomer_is_no_part_of_their_level_and_of_what_is_expected() -> None:
    under = fitted({}, FITTED)
    learner = Learner(under)
    expected = learner.expect(outcome(0))
    assert list(expected.logit) == [-0.3]
    assert list(expected.form) == [-0.3]
    assert (learner.person, learner.skills(), learner.steps) == (None, {}, [])


def test_what_is_expected_of_the_next_task_is_what_is_believed_when_it_comes() -> None:
    under = fitted({}, FITTED)
    learner = Learner(under)
    seen = [outcome(number, result=number % 2) for number in range(5)]
    learner.learn(seen, {})
    expected = learner.expect(outcome(9))
    learner.learn([outcome(9)], {})
    assert expected == learner._trace


def test_marks_leave_the_form_where_it_is_and_keep_how_it_hangs_together_with_the_level() -> None:
    under = fitted({}, FITTED)
    before = fold([outcome(0)], under).person
    after = fold([outcome(0), review(1, "a", 4)], under).person
    assert before is not None
    assert after is not None
    assert before.shared < 0.0
    assert after.form < before.form
    assert abs(after.shared) < abs(before.shared)


def test_the_curve_of_a_release_is_the_curve_of_its_document() -> None:
    assert release().curve == Curve(**release_text()["curve"])
