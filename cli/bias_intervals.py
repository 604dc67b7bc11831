"""Uncertainty of rates and of their ratios, in counts of people: score intervals, which hold for small counts too."""

from __future__ import annotations

import math
from typing import Final

Z: Final = 1.959964
"""Standard normal deviations of a two-sided 95 % interval."""
_CHI_SQUARE: Final = Z * Z
_HALVINGS: Final = 80
"""Steps of a bisection; far below what is ever shown."""
_LOG_RATIO_MAX: Final = 20.0


def rate_interval(selected: int, people: int) -> tuple[float, float]:
    """Return the 95 % interval of a rate (Wilson 1927). people > 0."""
    rate, spread = selected / people, _CHI_SQUARE / people
    middle = (rate + spread / 2) / (1 + spread)
    half = Z * math.sqrt((rate * (1 - rate) + spread / 4) / people) / (1 + spread)
    low = 0.0 if selected == 0 else middle - half
    return low, 1.0 if selected == people else middle + half


def ratio_interval(selected: int, people: int, reference_selected: int, reference_people: int) -> tuple[float, float]:
    """Return the 95 % interval of the ratio of two independent rates: every ratio that a chi-square test at 5 % leaves.

    Koopman, Biometrics 40 (1984), 513. reference_selected > 0. Not allowed for: that a reference was chosen because
    its rate is the highest.
    """
    counts = selected, people, reference_selected, reference_people
    observed = math.log(max(selected, 0.5) / people) - math.log(reference_selected / reference_people)
    low = 0.0 if selected == 0 else math.exp(_edge(counts, observed, -_LOG_RATIO_MAX))
    return low, math.exp(_edge(counts, observed, _LOG_RATIO_MAX))


def _edge(counts: tuple[int, int, int, int], inside: float, outside: float) -> float:
    """Return the log ratio between the two where the test begins to refuse."""
    for _ in range(_HALVINGS):
        middle = (inside + outside) / 2
        if _chi_square(counts, math.exp(middle)) <= _CHI_SQUARE:
            inside = middle
        else:
            outside = middle
    return inside


def _chi_square(counts: tuple[int, int, int, int], ratio: float) -> float:
    """Return how far the counts are from their best fit under this ratio of the rates."""
    selected, people, other_selected, other_people = counts
    whole = ratio * (people + other_people)
    linear = ratio * (people + other_selected) + selected + other_people
    root = math.sqrt(max(linear * linear - 4 * whole * (selected + other_selected), 0.0))
    # The smaller root, in the form that does not lose digits where the rates are small.
    rate = 2 * (selected + other_selected) / (linear + root)
    return _distance(selected, people, ratio * rate) + _distance(other_selected, other_people, rate)


def _distance(selected: int, people: int, rate: float) -> float:
    missed = selected - people * rate
    spread = people * rate * (1 - rate)
    if spread > 0:
        return missed * missed / spread
    return 0.0 if math.isclose(missed, 0.0, abs_tol=1e-9) else math.inf
