"""Predictions as they are asked for and answered in messages."""

from __future__ import annotations

import math
from typing import Final

from deedlog.skill_inference.v1 import prediction_pb2
from services.skill_inference.domain.alignment import WEIGHT_MAX, WEIGHT_MIN
from services.skill_inference.domain.next_marks import MarkPrediction
from services.skill_inference.domain.next_outcome import Served
from services.skill_inference.domain.observation import (
    DIFFICULTY_MAX,
    MARKS_MAX,
    SKILLS_MAX,
    TEXT_MAX,
    microseconds,
)
from services.skill_inference.handlers.predicting import AskedMarks, AskedTask, PredictedMarks, PredictedOutcome
from shared.kernel.errors import Rejected, TooLarge
from shared.kernel.ids import has_prefix

STATE: Final = "state"


def asked_task(request: prediction_pb2.PredictOutcomeRequest) -> AskedTask:
    """Return the task that is asked about. Raises Rejected naming field, rule and mend; TooLarge."""
    if bool(request.activity) == bool(request.skills):
        rule = "a task is an activity or skills, and one of the two"
        raise Rejected.of("/activity", rule, "Name an activity, or the skills of a task that is none.")
    if request.activity:
        _check_activity(request)
        return AskedTask(request.organisation, request.activity, (), None, request.is_own_question)
    if len(request.skills) > SKILLS_MAX:
        raise TooLarge.of("/skills", f"at most {SKILLS_MAX}, got {len(request.skills)}", "Name those that matter.")
    skills = tuple(_shown(index, one) for index, one in enumerate(request.skills))
    if len({skill for skill, _ in skills}) < len(skills):
        raise Rejected.of("/skills", "a skill stands twice", "Name each once.")
    difficulty = request.difficulty if request.HasField("difficulty") else None
    if difficulty is not None and not -DIFFICULTY_MAX <= difficulty <= DIFFICULTY_MAX:
        rule = f"expected a number from {-DIFFICULTY_MAX} to {DIFFICULTY_MAX}"
        raise Rejected.of("/difficulty", rule, "Write logits; 0 for an average task.")
    return AskedTask("", "", skills, difficulty)


def asked_marks(request: prediction_pb2.PredictMarksRequest) -> AskedMarks:
    """Return the marks that are asked about. Raises Rejected naming field, rule and mend; TooLarge."""
    if len(request.criteria) > MARKS_MAX:
        raise TooLarge.of("/criteria", f"at most {MARKS_MAX}, got {len(request.criteria)}", "Ask in several calls.")
    for index, one in enumerate(request.criteria):
        _check_text(f"/criteria/{index}/criterion", one.criterion)
    if len({one.criterion for one in request.criteria}) < len(request.criteria):
        raise Rejected.of("/criteria", "a criterion stands twice", "Name each once.")
    if request.work:
        _check_text("/work", request.work)
    if request.reviewer and not has_prefix(request.reviewer, "prs"):
        raise Rejected.of("/reviewer", "this is no id of a person", "Send one, or none for any reviewer.")
    criteria = tuple((one.criterion, one.skill) for one in request.criteria)
    return AskedMarks(request.work, criteria, request.reviewer)


def outcome_message(person: str, release: str, found: PredictedOutcome) -> prediction_pb2.PredictOutcomeResponse:
    """Return the chance of a success."""
    prediction = found.prediction
    return prediction_pb2.PredictOutcomeResponse(
        person=person,
        chance=prediction.chance,
        state_chance=prediction.state_chance,
        by=Served.BY_READOUT.value if prediction.served is Served.BY_READOUT else STATE,
        release=release,
        rests_on=found.rests_on,
        as_of_us=microseconds(found.as_of),
        observations=prediction.observations,
    )


def marks_message(person: str, release: str, found: PredictedMarks) -> prediction_pb2.PredictMarksResponse:
    """Return what is expected, a criterion each."""
    return prediction_pb2.PredictMarksResponse(
        person=person,
        marks=[_mark(one) for one in found.marks],
        release=release,
        reviews=found.reviews,
        rests_on=found.rests_on,
        as_of_us=microseconds(found.as_of),
    )


def _mark(one: MarkPrediction) -> prediction_pb2.PredictedMark:
    return prediction_pb2.PredictedMark(
        criterion=one.criterion,
        skill=one.skill,
        chances=one.chances,
        expected=one.expected,
        told=one.told,
        is_told_by_cut_points=one.is_by_cuts,
    )


def _check_activity(request: prediction_pb2.PredictOutcomeRequest) -> None:
    if not request.organisation:
        raise Rejected.of("/organisation", "it is missing", "Say whose alignments count.")
    if request.HasField("difficulty"):
        raise Rejected.of("/difficulty", "an activity is as hard as its alignment says", "Leave it out.")


def _shown(index: int, one: prediction_pb2.ShownSkill) -> tuple[str, float]:
    weight = one.weight or 1.0
    if not (math.isfinite(weight) and WEIGHT_MIN <= weight <= WEIGHT_MAX):
        rule = f"expected a number from {WEIGHT_MIN} to {WEIGHT_MAX}"
        raise Rejected.of(f"/skills/{index}/weight", rule, "Write the skill's share, or leave it out.")
    return one.skill, weight


def _check_text(pointer: str, text: str) -> None:
    if not 0 < len(text) <= TEXT_MAX:
        raise Rejected.of(pointer, f"expected 1 to {TEXT_MAX} characters", "Send a text of such length.")
