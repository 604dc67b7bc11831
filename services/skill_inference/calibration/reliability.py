"""Whether chances come true: how often outcomes of about the same predicted chance succeed, as data and a diagram."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from services.skill_inference.calibration.machine_code import Reals

BINS: Final = 15
_INCHES: Final = 5.0
_DPI: Final = 120


class Bin(NamedTuple):
    """Outcomes of chances within one of BINS equal parts: how many, the mean chance, and the share of successes."""

    outcomes: int
    expected: float
    seen: float


def reliability(result: Reals, chance: Reals) -> list[Bin]:
    """Return the parts that hold any outcome, by rising chance."""
    place = np.minimum((chance * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(place, minlength=BINS)
    seen, expected = (np.bincount(place, weights=one, minlength=BINS) for one in (result, chance))
    return [
        Bin(int(counts[n]), float(expected[n] / counts[n]), float(seen[n] / counts[n]))
        for n in range(BINS)
        if counts[n]
    ]


def calibration_error(bins: Sequence[Bin]) -> float:
    """Return the mean distance of what was seen from what was expected, by outcomes."""
    total = sum(one.outcomes for one in bins)
    return sum(one.outcomes * abs(one.seen - one.expected) for one in bins) / total


def reliability_diagram(lines: Sequence[tuple[str, Sequence[Bin]]]) -> bytes:
    """Return a PNG with a curve a name, and the line on which every chance comes true. Same lines, same bytes."""
    figure = Figure(figsize=(_INCHES, _INCHES), dpi=_DPI, layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0.0, 1.0], [0.0, 1.0], color="0.7", linewidth=1.0)
    for name, bins in lines:
        label = f"{name}, off by {calibration_error(bins):.4f}"
        axes.plot([one.expected for one in bins], [one.seen for one in bins], marker="o", markersize=4.0, label=label)
    axes.set(xlim=(0.0, 1.0), ylim=(0.0, 1.0), xlabel="predicted chance", ylabel="share of successes")
    axes.legend(loc="upper left", frameon=False)
    image = io.BytesIO()
    figure.savefig(image, format="png", metadata={"Software": None})
    return image.getvalue()
