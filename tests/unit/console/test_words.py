"""Numbers and times in the words of a page."""

from __future__ import annotations

import pytest

from services.console.domain import words


@pytest.mark.parametrize(
    ("chance", "text"),
    [(0.0, "<1 %"), (0.0049, "<1 %"), (0.006, "1 %"), (0.844, "84 %"), (0.994, "99 %"), (0.996, ">99 %"), (1, ">99 %")],
)
def test_a_chance_never_claims_certainty(chance: float, text: str) -> None:
    assert words.percent(chance) == text


def test_counts_agree_with_their_noun() -> None:
    assert [words.count(number, "work") for number in (0, 1, 2, 2310)] == [
        "no works",
        "1 work",
        "2 works",
        "2,310 works",
    ]
    assert words.count(2, "piece of evidence", "pieces of evidence") == "2 pieces of evidence"


def test_times_are_told_in_utc_and_their_absence_by_a_dash() -> None:
    assert words.day("2026-02-01T23:30:00-02:00") == "2 February 2026"
    assert words.minute("2026-02-01T09:05:59Z") == "1 February 2026, 09:05 UTC"
    assert words.day(None) == words.minute(None) == "–"


def test_lists_end_in_and() -> None:
    assert [words.listed(parts) for parts in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


@pytest.mark.parametrize(("number", "text"), [(0, "0 ms"), (999, "999 ms"), (1_400, "1.4 s"), (120_000, "2 min")])
def test_a_lag_is_told_in_the_unit_that_fits(number: int, text: str) -> None:
    assert words.milliseconds(number) == text


def test_a_long_id_is_told_by_its_end() -> None:
    assert words.short("prs_01M84DM8QSE4QA4ZA9FG9FQPZF") == "prs_…9FQPZF"
    assert words.short("prs_1") == "prs_1"
