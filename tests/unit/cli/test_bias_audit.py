"""The audit of an employer's own decisions: rates, ratios, their uncertainty, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.bias_audit import FOUR_FIFTHS, Division, Person, division, divisions
from cli.bias_intervals import rate_interval, ratio_interval
from cli.bias_table import Columns, read_sample
from cli.main import run
from shared.kernel.errors import Rejected

COUNTS = st.integers(1, 60).flatmap(lambda people: st.tuples(st.integers(0, people), st.just(people)))
PEOPLE = st.lists(
    st.builds(Person, st.booleans(), st.fixed_dictionaries({"sex": st.sampled_from(["F", "M", "X", ""])}))
)


def of(**groups: tuple[int, int]) -> list[Person]:
    """People by group, each as (selected, people)."""
    return [
        Person(number < selected, {"sex": name}) for name, (selected, size) in groups.items() for number in range(size)
    ]


def ratios(found: Division) -> dict[str, float | None]:
    return {group.name: group.ratio for group in found.groups}


def written(folder: Path, *lines: str) -> Path:
    file = folder / "decisions.csv"
    file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return file


def refusal(file: Path, columns: Columns) -> str:
    with pytest.raises(Rejected) as refused:
        read_sample(file, columns)
    return refused.value.faults[0].pointer


def test_an_impact_ratio_is_the_rate_over_the_highest_rate() -> None:
    found = division(of(F=(12, 40), M=(20, 40)), ["sex"])
    assert (found.reference, ratios(found)) == ("M", {"F": 0.6, "M": 1.0})
    assert [group.is_below_four_fifths for group in found.groups] == [True, False]


def test_a_ratio_of_exactly_four_fifths_is_not_below() -> None:
    found = division(of(F=(16, 40), M=(20, 40)), ["sex"])
    assert (ratios(found)["F"], found.groups[0].is_below_four_fifths) == (FOUR_FIFTHS, False)


@pytest.mark.parametrize(("small", "others"), [((4, 4), 60), ((5, 5), 400)])
def test_a_small_group_is_shown_and_sets_no_reference(small: tuple[int, int], others: int) -> None:
    found = division(of(F=small, M=(others // 2, others)), ["sex"])
    (group, other) = found.groups
    assert (group.people, group.selected, group.rate, group.ratio) == (*small, 1.0, 2.0)
    assert (group.is_small, other.is_small, found.reference) == (True, False, "M")


def test_no_question_is_asked_of_a_small_group() -> None:
    found = division(of(F=(0, 4), M=(30, 60)), ["sex"])
    assert (found.groups[0].ratio, found.groups[0].is_below_four_fifths) == (0.0, False)


def test_where_nobody_is_selected_there_are_no_ratios() -> None:
    found = division(of(F=(0, 10), M=(0, 10)), ["sex"])
    assert (found.reference, ratios(found)) == (None, {"F": None, "M": None})


@given(PEOPLE, st.randoms(use_true_random=False))
def test_everybody_is_in_one_group_or_unknown_and_the_order_of_rows_says_nothing(people: Any, chance: Any) -> None:
    found = division(people, ["sex"])
    assert sum(group.people for group in found.groups) + found.unknown == len(people)
    shuffled = list(people)
    chance.shuffle(shuffled)
    assert division(shuffled, ["sex"]) == found


@given(PEOPLE)
def test_no_group_that_is_not_small_exceeds_the_reference_and_each_interval_holds_its_figure(people: Any) -> None:
    for group in division(people, ["sex"]).groups:
        assert group.rate_interval[0] <= group.rate <= group.rate_interval[1]
        if group.ratio is not None:
            assert group.is_small or group.ratio <= 1.0
            assert (group.ratio == 1.0) or not group.is_reference
        if group.ratio is not None and group.ratio_interval is not None:
            assert group.ratio_interval[0] <= group.ratio * (1 + 1e-9)
            assert group.ratio <= group.ratio_interval[1] * (1 + 1e-9)


@given(COUNTS, COUNTS.filter(lambda counts: counts[0] > 0))
def test_ten_times_as_many_people_narrow_the_ratio(one: tuple[int, int], other: tuple[int, int]) -> None:
    low, high = ratio_interval(*one, *other)
    less, more = ratio_interval(*(10 * count for count in (*one, *other)))
    assert low <= less * (1 + 1e-9)
    assert more <= high * (1 + 1e-9)


def test_the_intervals_are_those_of_the_literature() -> None:
    # Koopman (1984), his example 36 of 40 against 16 of 80; Newcombe (1998), table I, 81 of 263 and 0 of 20.
    assert ratio_interval(36, 40, 16, 80) == pytest.approx((2.94, 7.15), abs=0.005)
    assert rate_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert rate_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_every_two_attributes_are_audited_together() -> None:
    people = [Person(number % 2 == 0, {"sex": "F", "origin": "A" if number < 10 else ""}) for number in range(20)]
    found = divisions(people, ["sex", "origin"], with_intersections=True)
    assert [each.attribute for each in found] == ["sex", "origin", "sex × origin"]
    assert ([group.name for group in found[2].groups], found[2].unknown) == (["F × A"], 10)
    assert len(divisions(people, ["sex", "origin"], with_intersections=False)) == 2


def test_a_column_of_names_is_no_attribute() -> None:
    people = [Person(True, {"name": f"n{number}"}) for number in range(201)]
    with pytest.raises(Rejected):
        division(people, ["name"])


def test_a_score_counts_when_it_is_above_the_median_of_the_whole_sample(tmp_path: Path) -> None:
    file = written(tmp_path, "sex,score", "F,1", "F,2", "M,2", "M,3", "M,4", "F,")
    sample = read_sample(file, Columns(("sex",), score="score"))
    assert (sample.median, sample.without_outcome) == (2.0, 1)
    assert [person.is_selected for person in sample.people] == [False, False, False, True, True]


def test_what_means_yes_can_be_said(tmp_path: Path) -> None:
    file = written(tmp_path, "sex,stage", "F,interview", "M,declined")
    sample = read_sample(file, Columns(("sex",), outcome="stage", selected="interview"))
    assert [person.is_selected for person in sample.people] == [True, False]
    assert refusal(file, Columns(("sex",), outcome="stage")) == "line 2"


@pytest.mark.parametrize(
    ("lines", "columns", "pointer"),
    [
        (("sex,hired", "F,yes"), Columns(("sex",)), "--outcome"),
        (("sex,hired", "F,yes"), Columns(("sex",), "hired", "hired"), "--outcome"),
        (("sex,hired", "F,yes"), Columns((), "hired"), "--attribute"),
        (("sex,hired", "F,yes"), Columns(("sex", "sex"), "hired"), "--attribute"),
        (("sex,hired", "F,yes"), Columns(("gender",), "hired"), "gender"),
        (("sex,sex,hired", "F,F,yes"), Columns(("sex",), "hired"), "sex"),
        (("sex,hired", "F,yes,7"), Columns(("sex",), "hired"), "line 2"),
        (("sex,hired", "F"), Columns(("sex",), "hired"), "line 2"),
        (("sex,score", "F,nan"), Columns(("sex",), score="score"), "line 2"),
        (("sex,hired", "F,"), Columns(("sex",), "hired"), "decisions.csv"),
    ],
)
def test_a_table_that_cannot_be_audited_is_refused_with_its_place(
    tmp_path: Path, lines: tuple[str, ...], columns: Columns, pointer: str
) -> None:
    assert refusal(written(tmp_path, *lines), columns) == pointer


def test_the_command_answers_in_a_table_in_json_and_in_csv(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = written(tmp_path, "sex,hired", *["F,yes"] * 3, *["F,no"] * 7, *["M,yes"] * 6, *["M,no"] * 4, ",no")
    asked = ["audit", "bias", str(file), "-a", "sex", "--outcome", "hired"]
    assert run(asked) == 0
    drawn = capsys.readouterr().out
    assert "0.50" in drawn
    assert "no verdict" in drawn
    assert run([*asked, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["people"], said["below_four_fifths"], said["divisions"][0]["unknown"]) == (21, 1, 1)
    assert run([*asked, "--csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [(row["group"], row["impact_ratio"], row["is_below_four_fifths"]) for row in rows] == [
        ("F", "0.500000", "1"),
        ("M", "1.000000", "0"),
        ("", "", ""),
    ]
    assert run([*asked, "--csv", "--json"]) == 2


def test_the_audit_leaves_nothing_behind(tmp_path: Path) -> None:
    file = written(tmp_path, "sex,hired", "F,yes", "M,no")
    before = file.read_bytes()
    assert run(["audit", "bias", str(file), "-a", "sex", "--outcome", "hired"]) == 0
    assert (file.read_bytes(), [one.name for one in tmp_path.iterdir()]) == (before, ["decisions.csv"])
