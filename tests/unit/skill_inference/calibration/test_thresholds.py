"""Marks that reviewers seldom give, or never, leave a release that can be written."""

from __future__ import annotations

import json
from itertools import pairwise

import numpy as np
import pytest

from services.skill_inference import parameters
from services.skill_inference.calibration.release_document import Fitted, threshold_row, write_release
from services.skill_inference.calibration.reviewers import MarkRow, fit_reviewers


@pytest.mark.parametrize("highest", [3, 4])
def test_a_release_is_written_where_nobody_was_ever_given_the_highest_marks(highest: int) -> None:
    drawn = np.random.default_rng(1)
    rows = [
        MarkRow(f"p{p}", f"p{p}/{work}", f"r{reviewer}", "c", "s", min(int(drawn.integers(5)), highest), 5)
        for p in range(20)
        for work in range(2)
        for reviewer in drawn.choice(6, 2, replace=False)
    ]
    _, marks = fit_reviewers(rows)
    base = json.loads(parameters.release_documents()["0"])
    thresholds = write_release(Fitted(base, "x", "made up", None, None, marks, {})).release.thresholds("c")
    assert len(thresholds) == 5
    assert all(low < high for low, high in pairwise(thresholds))


def test_thresholds_within_bounds_stay_where_they_are() -> None:
    assert threshold_row([-1.5, 0.5, 2.5]) == [-1.5, 0.5, 2.5]
