"""Gaps and explanations on a terminal, in characters and words alone."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console, RenderableType

from cli.gap import CHANCE_COLUMNS, chance_bar, draw_explanation, draw_gap

SKILL: dict[str, Any] = {
    "skill": "integration.apis",
    "weight": 3,
    "level": 2,
    "target": 3,
    "chance": 0.4,
    "distance": 0.3,
    "observations": 0,
    "missing": [{"requirement": "works"}],
}
GAP: dict[str, Any] = {
    "skills": [SKILL],
    "readiness": 0.4,
    "readiness_low": 0.1,
    "readiness_high": 0.8,
    "unseen": 1.0,
    "experience": {"is_narrower_than_it_looks": False, "covered": 0.5, "looks_open": 1.0, "is_open": 0.5},
    "notice": "Nobody is to be hired by this.",
}
EXPLANATION: dict[str, Any] = {
    "estimate": {
        "skill": "integration.apis",
        "level": 2,
        "mean": 1.25,
        "prior": 0.0,
        "contributions": [
            {"fact": "f-1", "source": "learning_events", "occurred_at": "2026-01-01T00:00:00Z", "logits": -0.5}
        ],
        "contributions_rest": 1.75,
    },
    "contributions_count": 9,
    "outlook": [{"months": 6, "level": 1}],
}


def _drawn(what: RenderableType) -> str:
    console = Console(file=StringIO(), width=160, highlight=False)
    console.print(what)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_a_gap_says_chance_what_is_missing_and_how_sure_readiness_is() -> None:
    drawn = _drawn(draw_gap(GAP))
    for words in ("? of 3", "0.40", "+0.30", "evidence of any kind", "between 10% and 80%", GAP["notice"]):
        assert words in drawn
    assert "Narrower" not in drawn


def test_a_guess_from_other_skills_does_not_look_like_evidence() -> None:
    guessed, seen = (_drawn(draw_gap(GAP | {"skills": [SKILL | {"observations": count}]})) for count in (0, 3))
    assert "░" in guessed
    assert "█" not in guessed
    assert "the chance is a guess from the person's others" in guessed
    assert "2 of 3" in seen
    assert "█" in seen
    assert "░" not in seen


def test_a_gap_that_is_narrower_than_it_looks_is_said_to_be() -> None:
    drawn = _drawn(draw_gap(GAP | {"experience": GAP["experience"] | {"is_narrower_than_it_looks": True}}))
    assert "operational work covers 50%. By claims 100% is open, by evidence 50%." in drawn


def test_the_first_five_suggestions_are_told_with_their_chance() -> None:
    one = {"kind": "reviewed-work", "skill": "integration.apis", "target": 3, "gain": 0.031, "chance": 0.4}
    drawn = _drawn(draw_gap(GAP | {"suggestions": [one] * 9}))
    assert drawn.count("reviewed work for integration.apis at level 3: +3.1% if it goes well, chance 0.40") == 5


def test_an_explanation_lists_facts_with_their_sign_and_the_sum_of_the_others() -> None:
    drawn = _drawn(draw_explanation(EXPLANATION))
    for words in ("f-1", "-0.5000", "all others together: +1.7500", "in 6 months without evidence: level 1"):
        assert words in drawn
    assert "without 1" not in drawn


def test_what_would_be_left_without_a_fact_is_said_even_where_nothing_is() -> None:
    assert "nothing would be said" in _drawn(draw_explanation(EXPLANATION | {"without": {"removed": ["f-1"]}}))


def test_a_bar_is_as_long_for_every_chance() -> None:
    chances = (0.0, 0.01, 0.5, 0.999, 1.0)
    assert {len(chance_bar(chance, is_seen=seen)) for chance in chances for seen in (True, False)} == {CHANCE_COLUMNS}
