from __future__ import annotations

import json
import math
from typing import Any

import pytest

from services.skill_inference.domain.observation import Assurance
from services.skill_inference.domain.release import derive_cut_points, parse_release
from services.skill_inference.domain.response import even_odds, mark_gradient, predictive_scale, sigmoid
from shared.kernel import canonical_json
from shared.kernel.errors import Rejected
from tests.unit.skill_inference.people import APIS, IMPACT, release, release_text


def _changed(**members: Any) -> bytes:
    return json.dumps({**release_text(), **members}).encode()


def _curve(**changes: Any) -> Any:
    return {"curve": {**release_text()["curve"], **changes}}


def test_release_0_says_that_it_was_set_by_hand() -> None:
    assert (release().name, release().origin) == ("0", "set by hand, not fitted")


def test_a_release_is_named_by_the_hash_of_its_canonical_form() -> None:
    digest = canonical_json.digest(release_text()).hex()
    assert release().id == f"0-{digest[:16]}"


def test_layout_does_not_change_the_name_of_a_release() -> None:
    reordered = dict(reversed(release_text().items()))
    assert parse_release(json.dumps(reordered, indent=4).encode()).id == release().id


def test_a_changed_parameter_is_another_release() -> None:
    assert parse_release(_changed(works={"variance": 0.31, "part_variance": 0})).id != release().id


def test_an_average_reviewer_gives_k_or_more_with_even_odds_at_the_cut_point_of_level_k() -> None:
    for k, cut in enumerate(release().cut_points):
        threshold = release().thresholds("any criterion")[k]
        assert sigmoid(cut - release().tasks.difficulty - threshold) == pytest.approx(0.5, abs=1e-9)


def test_with_several_criteria_the_odds_are_even_on_their_average() -> None:
    criteria = {"easy": [-3.0, -1.0, 1.0, 3.0, 5.0], "hard": [-1.0, 1.0, 3.5, 6.0, 8.0]}
    document = release_text()
    document["thresholds"]["criteria"] = criteria
    document["tasks"]["difficulty"] = 0.4
    with pytest.raises(Rejected) as refusal:
        parse_release(json.dumps(document).encode())
    stated = json.loads(
        refusal.value.faults[0].rule.removeprefix("the cut points that follow from the thresholds are ")
    )
    document["cut_points"] = stated
    whole = parse_release(json.dumps(document).encode())
    for k, cut in enumerate(whole.cut_points):
        chances = [sigmoid(cut - 0.4 - thresholds[k]) for thresholds in criteria.values()]
        assert sum(chances) / 2 == pytest.approx(0.5, abs=1e-8)


def test_cut_points_of_release_0_follow_from_its_thresholds() -> None:
    assert derive_cut_points(release()) == release().cut_points


def test_a_stranger_stands_below_the_second_level() -> None:
    assert release().cut_points[0] < release().prior_mean(APIS) < release().cut_points[1]


def test_what_moves_fast_is_forgotten_faster_than_dealing_with_people() -> None:
    assert release().skill(APIS).half_life_days < release().skill(IMPACT).half_life_days


def test_a_half_life_is_the_curves_unless_the_skill_has_its_own() -> None:
    assert (release().skill(APIS).half_life_days, release().skill(IMPACT).half_life_days) == (730.0, 1095.0)
    assert release().pace(APIS) == 1.0
    assert release().pace(IMPACT) == pytest.approx(730 / 1095)


@pytest.mark.parametrize(
    ("rate", "days"), [(0.0, 1_095.0), (1e-5, 1_095.0), (0.3, 180.0), (math.log(2.0) / 400, 400.0)]
)
def test_evidence_is_fresh_for_half_a_year_to_three_years_whatever_a_curve_was_fitted_to(
    rate: float, days: float
) -> None:
    whole = parse_release(_changed(half_lives={}, **_curve(deviation_rate=rate)))
    assert whole.skill(IMPACT).half_life_days == days
    assert whole.pace(IMPACT) == 1.0


def test_a_half_life_that_is_stated_of_a_skill_stands_as_it_is() -> None:
    whole = parse_release(_changed(half_lives={IMPACT: 30}))
    assert whole.skill(IMPACT).half_life_days == 30.0


def test_criteria_of_other_scales_say_nothing_of_what_a_level_is() -> None:
    document = release_text()
    document["thresholds"]["criteria"] = {"of eight": [-3, -2, -1, 0, 1, 2, 3, 4]}
    assert parse_release(json.dumps(document).encode()).cut_points == release().cut_points


def test_a_self_claim_weighs_nothing_and_a_witnessed_deployment_all() -> None:
    weights = release().assurance
    assert (weights[Assurance.SELF_CLAIM], weights[Assurance.DEPLOYMENT]) == (0.0, 1.0)
    assert list(weights.values()) == sorted(weights.values())


@pytest.mark.parametrize(
    ("pointer", "members"),
    [
        ("/cut_points", {"cut_points": [-1.5, 0.5, 2.5, 4.5, 6.4]}),
        ("/cut_points", {"cut_points": [-1.5, 0.5, 2.5, 4.5]}),
        ("/thresholds/default", {"thresholds": {"default": [0, 1, 1, 2, 3], "criteria": {}}}),
        (
            "/thresholds/criteria/a~1b",
            {"thresholds": {"default": [0, 1, 2, 3, 4], "criteria": {"a/b": [0, 1, 2, 3, 3]}}},
        ),
        ("/thresholds/criteria/c", {"thresholds": {"default": [0, 1, 2, 3, 4], "criteria": {"c": []}}}),
        ("/thresholds/criteria/c", {"thresholds": {"default": [0, 1, 2, 3, 4], "criteria": {"c": list(range(21))}}}),
        ("/form", {"form": 1}),
        ("/curve/general_variance", _curve(general_variance=0)),
        ("/curve/general_mean", _curve(general_mean=True)),
        ("/curve/form_keep", _curve(form_keep=1.01)),
        ("/curve/gain", _curve(gain=0)),
        ("/curve/repeat_factor", _curve(repeat_factor=1.1)),
        ("/half_lives", _curve(deviation_rate=0)),
        ("/half_lives/c", {"half_lives": {"c": 0}}),
        ("/works/variance", {"works": {"variance": "0.3", "part_variance": 0}}),
        ("/works/varianec", {"works": {"variance": 0.3, "part_variance": 0, "varianec": 1}}),
        ("/annexes/notes", {"annexes": {"notes": "0" * 64}}),
        ("/annexes/tasks", {"annexes": {"tasks": "0" * 63 + "x"}}),
        ("/assurance/deployment", {"assurance": {**release_text()["assurance"], "deployment": 1.5}}),
        ("/assurance/testimony", {"assurance": {**release_text()["assurance"], "testimony": 0.5}}),
        ("/assurance/self-claim", {"assurance": {}}),
        ("/remark", {"remark": "fine"}),
    ],
)
def test_a_faulty_release_is_refused_with_the_pointer_to_its_fault(pointer: str, members: Any) -> None:
    with pytest.raises(Rejected) as refusal:
        parse_release(_changed(**members))
    assert refusal.value.faults[0].pointer == pointer


def test_a_number_that_is_none_is_refused_before_it_is_a_parameter() -> None:
    with pytest.raises(Rejected):
        parse_release(json.dumps({**release_text(), "works": {"variance": math.nan, "part_variance": 0}}).encode())


def test_the_information_of_a_mark_is_the_expected_square_of_its_score() -> None:
    thresholds, mean, variance = (-1.5, 0.5, 2.5, 4.5, 6.5), 1.7, 2.0
    scale = predictive_scale(variance)
    at_least = [1.0, *(sigmoid((mean - threshold) * scale) for threshold in thresholds), 0.0]
    chances = [at_least[k] - at_least[k + 1] for k in range(6)]
    scores = [mark_gradient(mean, variance, thresholds, mark)[0] for mark in range(6)]
    informations = [mark_gradient(mean, variance, thresholds, mark)[1] for mark in range(6)]
    assert sum(p * s for p, s in zip(chances, scores, strict=True)) == pytest.approx(0.0, abs=1e-12)
    expected = sum(p * s * s for p, s in zip(chances, scores, strict=True))
    assert informations == [pytest.approx(expected)] * 6


def test_even_odds_on_one_criterion_lie_at_threshold_plus_difficulty() -> None:
    assert even_odds([2.5], 0.75) == pytest.approx(3.25, abs=1e-11)


@pytest.mark.parametrize("x", [-1e308, -750.0, 0.0, 750.0, 1e308])
def test_the_logistic_curve_never_overflows(x: float) -> None:
    assert 0.0 <= sigmoid(x) <= 1.0
