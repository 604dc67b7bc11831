"""Predictions on a terminal, in characters and words alone; and what cannot be asked."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.console import Console, RenderableType

from cli.main import run
from cli.predict import draw_marks, draw_outcome

OUTCOME: dict[str, Any] = {
    "chance": 0.8,
    "state_chance": 0.6,
    "by": "readout",
    "observations": 4,
    "rests_on": "It rests on 4 observations.",
    "as_of": "2026-01-01T00:00:00Z",
    "release": "0-abc",
}
MARKS: dict[str, Any] = {
    "marks": [
        {"criterion": "style", "skill": "integration.apis", "chances": [0.25, 0.75], "expected": 0.75, "told": 1}
    ],
    "rests_on": "It rests on 1 review.",
    "as_of": "2026-01-01T00:00:00Z",
    "release": "0-abc",
}


def _drawn(what: RenderableType) -> str:
    console = Console(file=StringIO(), width=160, highlight=False)
    console.print(what)
    return console.file.getvalue()  # type: ignore[attr-defined, no-any-return]


def test_what_is_served_stands_above_the_state_with_what_it_rests_on() -> None:
    drawn = _drawn(draw_outcome(OUTCOME))
    assert drawn.index("0.80") < drawn.index("0.60")
    for words in ("as served", "by the state alone", "█" * 16, OUTCOME["rests_on"], "under release 0-abc"):
        assert words in drawn


def test_the_state_alone_is_drawn_once_and_light_where_nothing_was_seen() -> None:
    drawn = _drawn(draw_outcome(OUTCOME | {"by": "state", "chance": 0.6, "observations": 0}))
    assert "as served" not in drawn
    assert "░" in drawn
    assert "█" not in drawn


def test_marks_are_drawn_with_the_one_told_and_the_chance_of_each() -> None:
    drawn = _drawn(draw_marks(MARKS))
    for words in ("style", "integration.apis", "1 of 1", "0.75", "0.25 0.75", "█" * 15 + "·", MARKS["rests_on"]):
        assert words in drawn


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--activity", "https://lms.example/quiz", "--work", "new"],
        ["--skill", "integration.apis", "--criterion", "style=integration.apis"],
    ],
)
def test_what_is_no_single_question_is_wrong_use(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["predict", "prs_1", *arguments]) == 2
    assert "--work" in capsys.readouterr().err
