"""The scale a level is drawn on: logits across, cut into levels where the release says a level is reached.

Pure geometry in user units of an SVG. Levels are unequally wide where the release cuts unequally, because an interval
that looks narrow must be narrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

WIDTH: Final = 320.0
"""User units across; at this width one unit is one CSS pixel on a narrow phone."""
MARGIN_LOGITS: Final = 2.0
"""How far the scale goes on beyond its first and last cut."""
_BARE: Final = (-4.0, 4.0)


@dataclass(frozen=True, slots=True)
class Zone:
    """A level's part of the scale."""

    level: int
    x: float
    width: float

    @property
    def middle(self) -> float:
        """Where its number stands."""
        return round(self.x + self.width / 2, 1)


@dataclass(frozen=True, slots=True)
class Bar:
    """An interval drawn on the scale. is_cut_low, is_cut_high: it goes on beyond the edge."""

    x: float
    width: float
    mean_x: float
    is_cut_low: bool
    is_cut_high: bool


@dataclass(frozen=True, slots=True)
class LevelScale:
    """The scale of one release; without cut points it has no zones."""

    cut_points: tuple[float, ...] = ()

    @property
    def _ends(self) -> tuple[float, float]:
        if not self.cut_points:
            return _BARE
        return self.cut_points[0] - MARGIN_LOGITS, self.cut_points[-1] + MARGIN_LOGITS

    def zones(self) -> list[Zone]:
        """Return the levels from 0, below the first cut, to the last."""
        if not self.cut_points:
            return []
        low, high = self._ends
        edges = [self.x(edge) for edge in (low, *self.cut_points, high)]
        return [Zone(level, start, round(end - start, 1)) for level, (start, end) in enumerate(pairwise(edges))]

    def x(self, logits: float) -> float:
        """Return where a value stands, kept within the scale."""
        low, high = self._ends
        share = (min(max(logits, low), high) - low) / (high - low)
        return round(WIDTH * share, 1)

    def bar(self, low: float, mean: float, high: float) -> Bar:
        """Return the interval from `low` to `high` around `mean`; at least 2 units wide, so that it can be seen."""
        first, last = self._ends
        start, end = self.x(low), self.x(high)
        return Bar(start, round(max(end - start, 2.0), 1), self.x(mean), low < first, high > last)

    def level_at(self, logits: float) -> int:
        """Return the level reached at a value."""
        return sum(logits >= cut for cut in self.cut_points)

    def span(self, low: float, high: float) -> str:
        """Return an interval in words."""
        if not self.cut_points:
            return f"{low:.1f} to {high:.1f} logits"
        first, last = self.level_at(low), self.level_at(high)
        return level_words(first) if first == last else f"{level_words(first)} to {level_words(last)}"


def level_words(level: int) -> str:
    """Return "below level 1" or "level 3"."""
    return f"level {level}" if level else "below level 1"


def scale_of(cut_points: Sequence[float] | None) -> LevelScale:
    """Return the scale with these cuts; one without any where they are not known or do not rise."""
    cuts = tuple(map(float, cut_points or ()))
    return LevelScale(cuts if all(a < b for a, b in pairwise(cuts)) else ())
