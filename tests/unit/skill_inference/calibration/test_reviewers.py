"""Reviewers' leniencies are learned from everybody's marks, and a release says them in an annex of its own."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from services.skill_inference import parameters
from services.skill_inference.calibration.release_document import Fitted, reviewers_annex, write_release
from services.skill_inference.calibration.reviewers import Calibration, MarkRow, Spreads, calibrate
from services.skill_inference.calibration.told_marks import fit_cuts
from services.skill_inference.domain.next_marks import told_mark as told
from shared.kernel.errors import Rejected

pytestmark = pytest.mark.timeout(180)
TOP = 5
THRESHOLDS = (-3.0, -1.0, 1.0, 3.0, 5.0)


def marks(seed: int = 2, people: int = 30) -> list[MarkRow]:
    """Marks by one severe, one lenient and four plain reviewers, two to a work."""
    drawn = np.random.default_rng(seed)
    print(f"seed {seed}")
    lenient = {"severe": -1.5, "lenient": 1.5} | {f"plain {n}": 0.0 for n in range(4)}
    rows = []
    for p in range(people):
        level = drawn.normal(0.0, 1.5)
        for w in range(3):
            for reviewer in sorted(drawn.choice(sorted(lenient), 2, replace=False).tolist()):
                for skill in ("a", "b"):
                    logit = level + lenient[reviewer] + drawn.logistic()
                    value = sum(logit > one for one in THRESHOLDS)
                    rows.append(MarkRow(f"p{p}", f"p{p}/{w}", reviewer, skill, skill, value, TOP))
    return rows


def fitted(rows: list[MarkRow]) -> Calibration:
    return calibrate(rows, Spreads())


def test_who_is_severe_and_who_is_lenient_is_found() -> None:
    found = fitted(marks()).reviewers
    means = {name: one.mean for name, one in found.items()}
    assert min(means, key=means.__getitem__) == "severe"
    assert max(means, key=means.__getitem__) == "lenient"


def test_any_order_of_the_marks_gives_the_same_bits() -> None:
    rows = marks()
    shuffled = rows * 2
    random.Random(7).shuffle(shuffled)
    one, other = fitted(rows), fitted(shuffled)
    assert one.reviewers == other.reviewers
    assert one.thresholds == other.thresholds


def test_a_release_names_the_annex_of_its_reviewers_and_no_reviewer() -> None:
    found = fitted(marks())
    base = json.loads(parameters.release_documents()["0"])
    written = write_release(Fitted(base, "1", "of a test", None, None, found, {"reviewers": reviewers_annex(found)}))
    assert b"severe" not in written.document.replace(b"severity", b"")
    assert written.release.reviewers.leniency("severe").mean < written.release.reviewers.leniency("lenient").mean
    with pytest.raises(Rejected):
        written.release.with_annexes({"reviewers": b'{"reviewers":{}}'})


def test_the_told_mark_rises_with_the_expected_one() -> None:
    drawn = np.random.default_rng(5)
    given = drawn.integers(0, TOP + 1, 500)
    expected = 2.5 + 0.5 * (given - 2.5) + drawn.normal(0.0, 0.2, 500)
    cuts = fit_cuts(expected, given, TOP)
    assert list(cuts) == sorted(cuts)
    assert [told(value, cuts) for value in (0.0, 2.4, 5.0)] == sorted(told(value, cuts) for value in (0.0, 2.4, 5.0))
    off = [abs(told(value, cuts) - mark) for value, mark in zip(expected, given, strict=True)]
    assert np.mean(off) < np.mean(np.abs(np.rint(expected) - given))
