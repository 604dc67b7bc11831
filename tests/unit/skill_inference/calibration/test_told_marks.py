"""Cut points are fitted to a scale with marks enough, and only where they agree better with people held out."""

from __future__ import annotations

import json

import numpy as np
import pytest

from services.skill_inference import parameters
from services.skill_inference.calibration.making import make_release
from services.skill_inference.calibration.release_document import Fitted, write_release
from services.skill_inference.calibration.reviewers import Calibration, Job, MarkRow, fit_reviewers
from services.skill_inference.calibration.told_marks import (
    TOLD_MARKS_MIN,
    TOLD_PEOPLE_MIN,
    agreement,
    fit_told_marks,
    told_cuts,
)
from services.skill_inference.domain.next_marks import predict_marks, told_mark
from services.skill_inference.domain.observation import Observation
from services.skill_inference.domain.release import parse_release
from tests.unit.skill_inference.people import APIS, review

pytestmark = pytest.mark.timeout(180)


def fitted(people: int, criteria: dict[str, int], seed: int = 3) -> tuple[Job, Calibration]:
    """Marks of people of different levels by two of five reviewers each, on criteria with these highest marks."""
    drawn = np.random.default_rng(seed)
    print(f"seed {seed}")
    rows = []
    for p in range(people):
        level = drawn.normal(0.0, 2.0)
        for reviewer in drawn.choice(5, 2, replace=False).tolist():
            for name, top in criteria.items():
                value = sum(level + drawn.logistic() > 3.0 * (k - (top - 1) / 2) / top for k in range(top))
                rows.append(MarkRow(f"p{p:03}", f"w{p}", f"r{reviewer}", name, name, value, top))
    return fit_reviewers(rows, 1)


def test_each_scale_with_marks_enough_has_rising_cut_points_that_agree_better_than_rounding() -> None:
    job, marks = fitted(120, {"a": 5, "b": 5, "c": 3})
    scales = fit_told_marks(job, marks.thresholds)
    assert [(one.top, one.marks, one.people) for one in scales] == [(3, 240, 120), (5, 480, 120)]
    for one in scales:
        assert one.judged is not None
        print(one.top, one.judged)
    cuts = told_cuts(scales)
    assert 5 in cuts
    for top, those in cuts.items():
        assert (len(those), sorted(those)) == (top, list(those))
        judged = next(one.judged for one in scales if one.top == top)
        assert judged is not None
        assert judged.told > judged.rounded


def test_too_few_marks_give_no_cut_points_and_the_reason() -> None:
    (scale,) = fit_told_marks(*_job_and_criteria(fitted(TOLD_PEOPLE_MIN, {"a": 5})))
    assert (scale.cuts, scale.judged) == (None, None)
    assert scale.reason == f"40 marks of 20 people, {TOLD_MARKS_MIN} of {TOLD_PEOPLE_MIN} are needed"


def test_a_criterion_that_keeps_its_thresholds_is_not_learned_from() -> None:
    job, _ = fitted(120, {"a": 5, "b": 5})
    assert [one.marks for one in fit_told_marks(job, {"a"})] == [240]
    assert fit_told_marks(job, set()) == ()


def test_where_everybody_is_given_the_same_mark_it_is_rounded() -> None:
    rows = [MarkRow(f"p{p}", f"w{p}", f"r{r}", "a", "a", 3, 5) for p in range(120) for r in (p % 5, (p + 1) % 5)]
    job, marks = fit_reviewers(rows, 1)
    (scale,) = fit_told_marks(job, marks.thresholds)
    assert scale.cuts is None
    assert scale.reason == "cut points of other people agree no better than rounding"


def test_a_release_carries_them_and_those_of_older_thresholds_go() -> None:
    _, marks = fitted(30, {"a": 5})
    base = {**json.loads(parameters.release_documents()["0"]), "told_marks": {"5": [0.1, 0.2, 0.3, 0.4, 0.5]}}
    kept = write_release(Fitted(base, "x", "made up", None, None, None, {}))
    assert kept.release.told_marks == {5: (0.1, 0.2, 0.3, 0.4, 0.5)}
    fresh = write_release(Fitted(base, "x", "made up", None, None, marks, {}, {3: (0.4, 1.5, 2.75)}))
    assert fresh.release.told_marks == {3: (0.4, 1.5, 2.75)}
    assert write_release(Fitted(base, "x", "made up", None, None, marks, {}, {})).release.told_marks == {}


def test_a_house_with_marks_enough_gets_cut_points_by_which_the_next_mark_is_told() -> None:
    drawn = np.random.default_rng(8)
    everybody: dict[str, list[Observation]] = {}
    for p in range(120):
        level = drawn.normal(0.0, 2.0)
        reviewers = drawn.choice(5, 2, replace=False).tolist()
        values = [min(max(round(2.5 + level + drawn.logistic()), 0), 5) for _ in reviewers]
        seen = zip(reviewers, values, strict=True)
        everybody[f"prs_{p:03}"] = [review(0, f"prs_r{who}", value, [APIS], again=who) for who, value in seen]
    made = make_release(everybody, parameters.release_document("0"), {}, "marked", lambda loss: None)
    (scale,) = made.told
    print(scale)
    release = parse_release(made.written.document).with_annexes(made.written.annexes)
    assert scale.cuts is not None
    assert release.told_marks == {5: scale.cuts}
    for seen_of in list(everybody.values())[:20]:
        (found,) = predict_marks(seen_of, review(9, "prs_somebody", 0, [APIS]), release)
        assert (found.is_by_cuts, found.told) == (True, told_mark(found.expected, scale.cuts))


def test_agreement_is_1_of_the_same_marks_and_0_where_all_are_one_mark() -> None:
    given = np.array([0, 1, 2, 3, 3])
    assert agreement(given, given, 3) == 1.0
    assert agreement(given[::-1].copy(), given, 3) < 0.0
    assert agreement(np.full(4, 2), np.full(4, 2), 3) == 0.0


def _job_and_criteria(found: tuple[Job, Calibration]) -> tuple[Job, set[str]]:
    return found[0], set(found[1].thresholds)
