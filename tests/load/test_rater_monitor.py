"""The whole goal of the rater monitor: a hundred communities, twice. Its design is `community`, written down there."""

from __future__ import annotations

import pytest

from tests.unit.skill_inference.test_rater_monitor import flagged


@pytest.mark.bench
@pytest.mark.parametrize("first", [0, 5_000])
def test_inference_goals_mutual_favour_is_flagged_in_90_of_100_and_at_most_5_percent_of_honest_pairs(
    first: int,
) -> None:
    caught, honest, wrong = flagged(range(first, first + 100))
    print(f"seeds {first} …: flagged {caught} of 100; honest pairs flagged {wrong} of {honest}")
    assert caught >= 90
    assert wrong <= 0.05 * honest
