"""A release as it is written: one JSON document named by its hash, and annexes that it names by theirs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

from services.skill_inference.calibration.reviewers import Calibration
from services.skill_inference.domain.release import (
    CURVE_BOUNDS,
    FORM,
    LOGIT_MAX,
    Release,
    derive_cut_points,
    parse_release,
)
from services.skill_inference.domain.response_fold import Curve, Tasks
from shared.kernel import canonical_json

DIGITS: Final = 12
"""Decimals to which a release is rounded, so that it reads the same everywhere."""
THRESHOLD_GAP: Final = 0.01
"""Logits between two thresholds at least: those of marks that nobody gave would all lie at one place."""


class Written(NamedTuple):
    """The document with its annexes, as bytes; `release` is what they say."""

    document: bytes
    annexes: dict[str, bytes]
    release: Release


@dataclass(frozen=True, slots=True)
class Fitted:
    """What calibration found; what is None stays as the release before has it.

    base: the document of the release before. annexes: by name. told_marks: cut points by highest mark; those of the
    release before stand only while its thresholds do.
    """

    base: Mapping[str, Any]
    name: str
    origin: str
    curve: Curve | None
    task_spread: float | None
    marks: Calibration | None
    annexes: Mapping[str, bytes]
    told_marks: Mapping[int, Sequence[float]] | None = None


def write_release(fitted: Fitted) -> Written:
    """Return the release, read again from what was written. Raises Rejected where a number is out of bounds."""
    document: dict[str, Any] = {**fitted.base, "form": FORM, "name": fitted.name, "origin": fitted.origin}
    if fitted.curve is not None:
        document["curve"] = curve_section(fitted.curve)
        document["half_lives"] = fitted.base["half_lives"] if fitted.curve.deviation_rate > 0.0 else {}
    if fitted.task_spread is not None:
        document["tasks"] = {**document["tasks"], "variance": round(fitted.task_spread, DIGITS)}
    if fitted.marks is not None:
        document |= mark_sections(fitted.marks, document["thresholds"])
        document.pop("told_marks", None)
    if fitted.told_marks:
        document["told_marks"] = {str(top): list(cuts) for top, cuts in fitted.told_marks.items()}
    document["annexes"] = {name: hashlib.sha256(raw).hexdigest() for name, raw in fitted.annexes.items()}
    document["cut_points"] = _cut_points(document)
    raw = canonical_json.dumps(document)
    return Written(raw, dict(fitted.annexes), parse_release(raw).with_annexes(fitted.annexes))


def curve_section(curve: Curve) -> dict[str, float]:
    """Return the curve by name, rounded and within the bounds of a release."""
    found = {}
    for name, value in curve._asdict().items():
        low, high = CURVE_BOUNDS[name]
        found[name] = min(max(round(value, DIGITS), low), high)
    return found


def mark_sections(marks: Calibration, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a release says of works, reviewers and thresholds. before: those of the release before.

    A criterion that was not fitted keeps the thresholds it had.
    """
    spreads = marks.spreads
    fitted = {name: threshold_row(marks.thresholds[name]) for name in sorted(marks.thresholds)}
    return {
        "works": {"variance": round(spreads.work, DIGITS), "part_variance": round(spreads.work_part, DIGITS)},
        "reviewers": {
            "severity_variance": round(spreads.severity, DIGITS),
            "part_variance": round(spreads.part, DIGITS),
            "sitting_variance": round(spreads.sitting, DIGITS),
        },
        "thresholds": {"default": before["default"], "criteria": {**before["criteria"], **fitted}},
    }


def threshold_row(thresholds: Sequence[float]) -> list[float]:
    """Return the thresholds rounded, rising, and within what a release knows, however far out a rare mark put them."""
    found: list[float] = []
    for k, one in enumerate(thresholds):
        low = found[-1] + THRESHOLD_GAP if found else -LOGIT_MAX
        high = LOGIT_MAX - THRESHOLD_GAP * (len(thresholds) - 1 - k)
        found.append(round(min(max(one, low), high), DIGITS))
    return found


def reviewers_annex(marks: Calibration) -> bytes:
    """Return what is known of named reviewers: private, and never served."""
    reviewers: dict[str, Any] = {
        name: {
            "leniency": [round(one.mean, DIGITS), round(one.variance, DIGITS)],
            "parts": {skill: [round(mean, DIGITS), round(variance, DIGITS)] for skill, mean, variance in one.parts},
        }
        for name, one in sorted(marks.reviewers.items())
    }
    return canonical_json.dumps({"reviewers": reviewers})


def tasks_annex(tasks: Tasks, task_ids: Sequence[str], skill_ids: Sequence[str]) -> bytes:
    """Return the ease of tasks and of skills; ids by their places in the log."""

    def spreads(ids: Sequence[str], ease: Sequence[float], spread: Sequence[float]) -> dict[str, list[float]]:
        rows = zip(ids, ease, spread, strict=True)
        return {name: [round(float(mean), DIGITS), round(float(about), DIGITS)] for name, mean, about in rows}

    return canonical_json.dumps(
        {
            "tasks": spreads(task_ids, tasks.task_ease, tasks.task_spread),
            "skills": spreads(skill_ids, tasks.skill_ease, tasks.skill_spread),
        }
    )


def _cut_points(document: Mapping[str, Any]) -> list[float]:
    """Return the cut points that follow from the document's thresholds."""
    levels = list(document["thresholds"]["default"])
    probe = {**document, "thresholds": {"default": levels, "criteria": {}}, "tasks": {"difficulty": 0, "variance": 0}}
    plain = parse_release(canonical_json.dumps({**probe, "cut_points": levels}))
    criteria = {name: tuple(those) for name, those in document["thresholds"]["criteria"].items()}
    tasks = replace(plain.tasks, difficulty=document["tasks"]["difficulty"])
    return list(derive_cut_points(replace(plain, thresholds_by_criterion=criteria, tasks=tasks)))
