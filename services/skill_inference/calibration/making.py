"""A release from what was seen of everybody; a part with too little evidence keeps the numbers of the release before.

What stays where it was: the level of a stranger. Outcomes alone cannot tell able people from easy tasks, so that the
one found between them goes to the tasks, and levels mean what they meant. The curve is searched as it is benchmarked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

import numpy as np

from services.skill_inference.calibration.curve_search import CurveSearch
from services.skill_inference.calibration.evidence_log import Everybody, NamedLog, mark_rows, named_log
from services.skill_inference.calibration.machine_code import Column
from services.skill_inference.calibration.readout_fit import crossed
from services.skill_inference.calibration.release_document import (
    Fitted,
    Written,
    reviewers_annex,
    tasks_annex,
    write_release,
)
from services.skill_inference.calibration.reliability import Bin, reliability
from services.skill_inference.calibration.reviewers import Calibration, MarkRow, fit_reviewers
from services.skill_inference.calibration.serving import Serving, fit_serving
from services.skill_inference.calibration.task_ease import Workbench
from services.skill_inference.calibration.told_marks import Scale, fit_told_marks, told_cuts
from services.skill_inference.domain.release import parse_release
from services.skill_inference.domain.response_fold import Curve
from shared.kernel import canonical_json
from shared.kernel.errors import Rejected

OUTCOMES_MIN: Final = 200
LEARNERS_MIN: Final = 20
"""People with outcomes: a fifth of them are held out at a time, and fewer would decide by themselves."""
REVIEWS_MIN: Final = 50
CRITERION_MARKS_MIN: Final = 50
"""A criterion that was marked less often keeps the thresholds it had."""


@dataclass(frozen=True, slots=True)
class Made:
    """A release with what was found on the way.

    kept: why a part stays as it was. bins: whether the chances of outcomes came true; none where none were fitted.
    serving: what the readout comes to; None where no outcomes were fitted. told: by scale, whether marks are told
    by cut points; none where no marks were fitted.
    """

    written: Written
    outcomes: int
    reviews: int
    kept: tuple[str, ...]
    bins: Sequence[Bin]
    serving: Serving | None
    told: Sequence[Scale]


class _Responses(NamedTuple):
    curve: Curve
    task_spread: float
    annex: bytes
    bins: Sequence[Bin]
    serving: Serving


def make_release(
    everybody: Everybody, before: bytes, annexes: Mapping[str, bytes], name: str, tried: Callable[[float], None]
) -> Made:
    """Return the release under this name. before, annexes: document and annexes of the one in force; a part that is not
    fitted keeps them. tried: as CurveSearch.

    Raises Rejected where there is too little evidence for any part.
    """
    release = parse_release(before)
    base: Any = canonical_json.loads(before)
    log, rows = named_log(everybody, release), mark_rows(everybody, release)
    outcomes, reviews = len(log.outcomes.log.task), len({(row.person, row.work, row.reviewer) for row in rows})
    kept = _too_little(log, outcomes, reviews)
    responses = _fit_responses(log, release.curve.general_mean, tried) if kept[0] is None else None
    marks, told = _fit_marks(rows, release.curve.general_mean) if kept[1] is None else (None, ())
    reasons = tuple(reason for reason in kept if reason is not None)
    if responses is None and marks is None:
        raise Rejected.of("evidence", "; ".join(reasons), "Calibrate when there is more.")
    fitted = Fitted(
        base=base,
        name=name,
        origin=f"fitted to {outcomes} outcomes and {reviews} reviews, from release {release.id}",
        curve=None if responses is None else responses.curve,
        task_spread=None if responses is None else responses.task_spread,
        marks=marks,
        told_marks=None if marks is None else told_cuts(told),
        annexes=_annexes(responses, marks, annexes),
    )
    written = write_release(fitted)
    if responses is None:
        return Made(written, outcomes, reviews, reasons, (), None, told)
    return Made(written, outcomes, reviews, reasons, responses.bins, responses.serving, told)


def _annexes(responses: _Responses | None, marks: Calibration | None, before: Mapping[str, bytes]) -> dict[str, bytes]:
    left = (*(("tasks", "readout") if responses is None else ()), *(("reviewers",) if marks is None else ()))
    annexes = {name: before[name] for name in left if name in before}
    if responses is not None:
        annexes["tasks"] = responses.annex
        if responses.serving.annex is not None:
            annexes["readout"] = responses.serving.annex
    if marks is not None:
        annexes["reviewers"] = reviewers_annex(marks)
    return annexes


def _too_little(log: NamedLog, outcomes: int, reviews: int) -> tuple[str | None, str | None]:
    """Return why outcomes, and why reviews, are not fitted; None where they are."""
    learners = len(log.outcomes.starts) - 1
    few_outcomes = f"{outcomes} outcomes of {learners} people, {OUTCOMES_MIN} of {LEARNERS_MIN} are needed"
    few_reviews = f"{reviews} reviews, {REVIEWS_MIN} are needed"
    return (
        few_outcomes if outcomes < OUTCOMES_MIN or learners < LEARNERS_MIN else None,
        few_reviews if reviews < REVIEWS_MIN else None,
    )


def _fit_responses(log: NamedLog, stranger: float, tried: Callable[[float], None]) -> _Responses:
    bench, persons = Workbench(log.outcomes), np.arange(len(log.outcomes.starts) - 1)
    found = CurveSearch(bench, persons, tried).find()
    believed = crossed(bench, persons, found.curve, found.spread)
    # Shares sum to 1, so that no chance changes when all skills take over what the stranger gives.
    general_shift = stranger - found.curve.general_mean
    skill_ease: Column = np.asarray(believed.tasks.skill_ease) - general_shift
    shifted = believed.tasks._replace(skill_ease=skill_ease)
    return _Responses(
        found.curve._replace(general_mean=stranger),
        found.spread.task,
        tasks_annex(shifted, log.tasks, log.skills),
        reliability(np.asarray(bench.log.result), believed.chance),
        fit_serving(bench, log, believed, general_shift, tried),
    )


def _fit_marks(rows: Sequence[MarkRow], stranger: float) -> tuple[Calibration, tuple[Scale, ...]]:
    """Return what marks say, on the scale on which a stranger stands at `stranger`, not at 0; and how they are told."""
    job, marks = fit_reviewers(rows)
    often = Counter(row.criterion for row in rows)
    thresholds = {
        name: tuple(each + stranger for each in found)
        for name, found in marks.thresholds.items()
        if often[name] >= CRITERION_MARKS_MIN
    }
    return replace(marks, thresholds=thresholds), fit_told_marks(job, thresholds)
