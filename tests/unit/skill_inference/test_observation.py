from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from services.skill_inference.domain.observation import (
    Assurance,
    Mark,
    artefact_assurance,
    instant_of,
    microseconds,
    result_of,
)
from shared.kernel.errors import Rejected
from tests.unit.skill_inference.people import APIS, DRIFT, outcome, review


@pytest.mark.parametrize(
    ("success", "scaled", "expected"),
    [
        (True, None, 1.0),
        (False, None, 0.0),
        (True, 0.2, 1.0),
        (False, 0.9, 0.0),
        (None, 0.8, 0.8),
        (None, -0.5, 0.0),
        (None, 1.0, 1.0),
    ],
)
def test_the_result_is_success_where_said_and_else_the_scaled_score(
    success: bool | None, scaled: float | None, expected: float
) -> None:
    assert result_of(success, scaled) == expected


@pytest.mark.parametrize("scaled", [1.01, -1.01, math.nan, math.inf, -math.inf])
def test_a_score_off_its_scale_is_refused_even_beside_a_success(scaled: float) -> None:
    with pytest.raises(Rejected) as refusal:
        result_of(True, scaled)
    assert refusal.value.faults[0].pointer == "/score/scaled"


def test_a_statement_without_success_and_score_has_no_result() -> None:
    with pytest.raises(Rejected) as refusal:
        result_of(None, None)
    assert refusal.value.faults[0].pointer == "/score"


@pytest.mark.parametrize(
    ("pointer", "changes"),
    [
        ("/result", {"result": math.nan}),
        ("/result", {"result": 1.0000001}),
        ("/difficulty", {"difficulty": math.inf}),
        ("/difficulty", {"difficulty": math.nan}),
        ("/skills", {"skills": ()}),
        ("/skills", {"skills": ((APIS, 1.0), (APIS, 1.0))}),
        ("/skills", {"skills": ((APIS, math.nan),)}),
        ("/skills", {"skills": ((APIS, 0.0),)}),
        ("/skills", {"skills": tuple((f"s{i}", 1.0) for i in range(17))}),
        ("/task", {"task": ""}),
        ("/work", {"work": "x" * 2049}),
        ("/work", {"assurance": Assurance.DEPLOYMENT}),
        ("/sequence", {"sequence": 0}),
        ("/sequence", {"part": -1}),
        ("/fact", {"fact": ""}),
        ("/source", {"source": ""}),
        ("/occurred_at", {"occurred_at": datetime(2026, 1, 1)}),  # noqa: DTZ001
    ],
)
def test_an_outcome_that_breaks_a_bound_is_refused_with_its_pointer(pointer: str, changes: Any) -> None:
    with pytest.raises(Rejected) as refusal:
        replace(outcome(1), **changes)
    assert refusal.value.faults[0].pointer == pointer


@pytest.mark.parametrize(
    ("pointer", "changes"),
    [
        ("/marks", {"marks": ()}),
        ("/marks", {"marks": (Mark("c", APIS, 3), Mark("c", DRIFT, 3))}),
        ("/marks", {"marks": tuple(Mark(f"c{i}", APIS, 3) for i in range(65))}),
        ("/marks/value", {"marks": (Mark("c", APIS, 21),)}),
        ("/marks/value", {"marks": (Mark("c", APIS, -1),)}),
        ("/marks/value", {"marks": (Mark("c", APIS, math.nan),)}),  # type: ignore[arg-type]
        ("/marks/value", {"marks": (Mark("c", APIS, True),)}),
        ("/marks/skill", {"marks": (Mark("c", "", 3),)}),
        ("/reviewer", {"reviewer": ""}),
        ("/work", {"work": ""}),
    ],
)
def test_marks_that_break_a_bound_are_refused_with_their_pointer(pointer: str, changes: Any) -> None:
    with pytest.raises(Rejected) as refusal:
        replace(review(1, "r", 3), **changes)
    assert refusal.value.faults[0].pointer == pointer


def test_the_shares_of_a_task_sum_to_one_whatever_their_unit() -> None:
    shared = replace(outcome(1), skills=((DRIFT, 30.0), (APIS, 10.0)))
    assert shared.shares == ((APIS, 0.25), (DRIFT, 0.75))


def test_the_order_in_which_skills_and_marks_are_written_does_not_matter() -> None:
    ways = [((APIS, 1.0), (DRIFT, 2.0)), ((DRIFT, 2.0), (APIS, 1.0))]
    assert replace(outcome(1), skills=ways[0]) == replace(outcome(1), skills=ways[1])
    marks = review(1, "r", 3).marks
    assert replace(review(1, "r", 3), marks=tuple(reversed(marks))) == review(1, "r", 3)


def test_an_instant_is_kept_to_the_microsecond_in_any_zone() -> None:
    instant = datetime(2026, 5, 1, 13, 0, 0, 123457, tzinfo=timezone(timedelta(hours=2)))
    assert instant_of(microseconds(instant)) == instant
    assert microseconds(datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)) == -1


def test_a_self_declared_artefact_counts_less_than_one_that_was_seen_or_signed() -> None:
    kinds = [artefact_assurance("A"), artefact_assurance("B"), artefact_assurance("C")]
    assert kinds == [Assurance.AUTOMATED_CHECK, Assurance.AUTOMATED_CHECK, Assurance.SELF_ATTESTED]
