"""The scale draws what was estimated, in proportion and within its edges."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.console.domain.level_scale import WIDTH, LevelScale, level_words, scale_of

CUTS = (-1.5, 0.5, 2.5, 4.5, 6.5)
SCALE = LevelScale(CUTS)
logits = st.floats(-50, 50)


def test_levels_cover_the_scale_without_gap_or_overlap() -> None:
    zones = SCALE.zones()

    assert [zone.level for zone in zones] == [0, 1, 2, 3, 4, 5]
    assert zones[0].x == 0
    for before, after in pairwise(zones):
        assert before.x + before.width == pytest.approx(after.x, abs=0.1)
    assert zones[-1].x + zones[-1].width == pytest.approx(WIDTH, abs=0.1)


@given(logits)
def test_a_value_stands_in_the_zone_of_the_level_it_reaches(value: float) -> None:
    zone = SCALE.zones()[SCALE.level_at(value)]

    assert zone.x - 0.1 <= SCALE.x(value) <= zone.x + zone.width + 0.1


@given(logits, logits)
def test_what_is_higher_never_stands_further_left(one: float, other: float) -> None:
    low, high = sorted((one, other))

    assert SCALE.x(low) <= SCALE.x(high)


@given(st.tuples(logits, logits, logits).map(sorted))
def test_a_bar_stays_on_the_scale_holds_its_mean_and_can_be_seen(values: list[float]) -> None:
    bar = SCALE.bar(*values)

    assert bar.x >= 0
    assert bar.width >= 2.0
    # All three are whole tenths, and 93.3 + 23.4 is less than 116.7.
    assert bar.x <= bar.mean_x <= round(bar.x + bar.width, 1)
    assert bar.is_cut_low == (values[0] < CUTS[0] - 2)


def test_an_interval_is_told_in_levels_and_without_cuts_in_logits() -> None:
    assert SCALE.span(0.6, 2.6) == "level 2 to level 3"
    assert SCALE.span(0.6, 0.7) == "level 2"
    assert SCALE.span(-3.0, -0.5) == "below level 1 to level 1"
    assert LevelScale().span(-0.25, 1.0) == "-0.2 to 1.0 logits"
    assert LevelScale().zones() == []


@pytest.mark.parametrize("cuts", [None, [], [1, 1], [2, 1]])
def test_cuts_that_do_not_rise_are_no_scale(cuts: list[float] | None) -> None:
    assert scale_of(cuts).cut_points == ()


def test_a_cut_point_itself_is_reached() -> None:
    assert (SCALE.level_at(0.5), SCALE.level_at(0.499)) == (2, 1)
    assert [level_words(level) for level in (0, 1)] == ["below level 1", "level 1"]
