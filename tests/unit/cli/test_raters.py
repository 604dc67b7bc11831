"""Reviewers on a terminal."""

from __future__ import annotations

from io import StringIO
from typing import Any

from rich.console import Console

from cli.raters import draw_raters

SEVERITY = {"logits": 1.5, "low": 1.1, "high": 1.9}
COUNTS = {"reviews": 9, "works": 8, "people": 7, "shared_works": 6, "shared_people": 5, "component": 1}
HARSH = {"reviewer": "prs_harsh", "severity": SEVERITY, "misfit": None, "flags": ["severity"], **COUNTS}
PLAIN = HARSH | {"reviewer": "prs_plain", "flags": [], "misfit": {"mean_square": 1.02, "standard_error": 0.1}}
PAIR = {"people": ["prs_x", "prs_y"], "favour": SEVERITY, "flags": ["mutual-favour"]}
FOUND: dict[str, Any] = {
    "note": "Nothing acts on it.",
    "release": "0-1",
    "reviews": 9,
    "is_newest_only": True,
    "reviews_left_out_by_wish": 2,
    "components": 2,
    "reviewers": [HARSH, PLAIN],
    "pairs": [PAIR],
}


def drawn(everybody: bool, limit: int = 100) -> str:
    out = StringIO()
    Console(file=out, width=160).print(draw_raters(FOUND, everybody, limit))
    return out.getvalue()


def test_who_has_a_flag_is_shown_with_the_interval_and_that_nothing_acts() -> None:
    said = drawn(everybody=False)
    assert "+1.50 (+1.10 … +1.90)" in said
    assert "mutual-favour" in said
    assert "prs_plain" not in said
    assert "Nothing acts on it." in said
    assert "compare within one only" in said


def test_all_are_shown_where_that_is_asked() -> None:
    said = drawn(everybody=True)
    assert "prs_plain" in said
    assert "1.02 ± 0.10" in said


def test_what_the_limit_cuts_is_said() -> None:
    said = drawn(everybody=True, limit=1)
    assert "prs_plain" not in said
    assert "2 reviewers and 1 pairs; see --limit" in said
