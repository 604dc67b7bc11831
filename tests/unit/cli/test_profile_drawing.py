"""A level is drawn with its interval on one axis, and no estimate, however far out, breaks the drawing."""

from __future__ import annotations

import io
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cli.profile_drawing import AXIS_COLUMNS, CUT_POINTS, axis, bar, column, draw_profile

LOGITS = st.floats(-50, 50)


def skill(name: str = "integration.apis", **changes: Any) -> dict[str, Any]:
    return {
        "skill": name,
        "layer": name.partition(".")[0],
        "level": 3,
        "level_probabilities": [{"level": level, "at_least": 1 - level / 10} for level in range(1, 6)],
        "estimate": {"unit": "logit", "mean": 3.0, "interval": {"coverage": 0.9, "low": 1.5, "high": 4.5}},
        "evidence": {"works": 1, "raters": 2},
        "release": "0-abc",
        **changes,
    }


def drawn(profile: dict[str, Any], name: str = "", width: int = 120) -> str:
    out = io.StringIO()
    Console(file=out, width=width, highlight=False).print(draw_profile(profile, name))
    return out.getvalue()


def profile(*skills: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"person": "prs_1", "skills": list(skills), "credentials": [], "evidence_grades": {}, **changes}


@given(LOGITS, LOGITS, LOGITS)
def test_every_bar_is_as_long_as_the_axis_and_shows_its_mean(one: float, two: float, three: float) -> None:
    low, mean, high = sorted((one, two, three))
    text = bar(low, mean, high, CUT_POINTS)
    assert len(text) == AXIS_COLUMNS
    assert text.count("●") == 1


@given(LOGITS, LOGITS)
def test_what_is_higher_never_stands_further_left(one: float, two: float) -> None:
    low, high = sorted((one, two))
    assert column(low, CUT_POINTS, AXIS_COLUMNS) <= column(high, CUT_POINTS, AXIS_COLUMNS)


def test_the_span_lies_between_the_ends_of_the_interval() -> None:
    text = bar(0.0, 1.5, 3.0, CUT_POINTS)
    first, last = column(0.0, CUT_POINTS, AXIS_COLUMNS), column(3.0, CUT_POINTS, AXIS_COLUMNS)
    assert set(text[first : last + 1]) == {"━", "●"}
    assert "━" not in text[:first] + text[last + 1 :]


def test_an_interval_beyond_the_axis_ends_in_arrows() -> None:
    text = bar(-20.0, 1.0, 20.0, CUT_POINTS)
    assert text[0] == "◀"
    assert text[-1] == "▶"


def test_each_level_stands_over_its_cut_point() -> None:
    strokes = [place for place, cell in enumerate(bar(40, 45, 50, CUT_POINTS)) if cell == "│"]
    numbers = [place for place, cell in enumerate(axis(CUT_POINTS)) if cell != " "]
    assert strokes == numbers
    assert axis(CUT_POINTS).split() == ["1", "2", "3", "4", "5"]


def test_a_level_comes_with_its_chance_its_evidence_and_its_release() -> None:
    text = drawn(profile(skill()), "Amara")
    for wanted in ("Amara", "prs_1", "apis", "0.70 for 3", "1 work, 2 raters", "release 0-abc", "90 % interval"):
        assert wanted in text


def test_a_level_of_nought_shows_the_chance_of_the_first() -> None:
    assert "0.90 for 1" in drawn(profile(skill(level=0)))


def test_skills_stand_under_their_layers_in_one_order() -> None:
    skills = [skill("operationalization.incidents"), skill("integration.data"), skill("integration.apis")]
    text = drawn(profile(*skills))
    assert text == drawn(profile(*reversed(skills)))
    places = [text.index(word) for word in ("integration", "apis", "data", "operationalization", "incidents")]
    assert places == sorted(places)


def test_a_profile_without_evidence_says_so() -> None:
    assert "no skill has evidence yet" in drawn(profile())


def test_only_credentials_in_force_are_counted() -> None:
    credentials = [{"is_revoked": False}, {"is_revoked": True}]
    assert "1 credential in force" in drawn(profile(skill(), credentials=credentials))


def test_a_name_cannot_speak_to_the_terminal() -> None:
    assert "\x1b" not in drawn(profile(skill("integration.\x1b[2Japis")), "\x1b[31mred")
