"""Answering how a person's next try of a task, or the marks of one more reviewer, are likely to turn out.

A prediction is no estimate: nothing is told of it, and no profile shows it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from services.skill_inference.domain.alignment import Target
from services.skill_inference.domain.next_marks import MarkPrediction, predict_marks
from services.skill_inference.domain.next_outcome import OutcomePrediction, Served, predict_outcome
from services.skill_inference.domain.observation import (
    Assurance,
    Mark,
    MarkSet,
    Observation,
    Outcome,
    instant_of,
    microseconds,
)
from services.skill_inference.handlers.asking import Seen
from services.skill_inference.handlers.desk import Desk, Inference
from shared.kernel.errors import NotFound, Rejected

UNNAMED_TASK: Final = "a task without a name"
"""What a task is called that is no activity. Activities are IRIs and hold a colon, so none is called so."""
NEW_WORK: Final = "a new work"
ANY_REVIEWER: Final = "any reviewer"
"""No id of a person, so no release knows of them."""
ASKED: Final = "what is asked"
"""Source and fact of what was not seen but is asked about; it is never kept."""


class AskedTask(NamedTuple):
    """An activity of an organisation, or (skill, weight) of a task that is none. difficulty: of the latter.

    is_own: the person asks; they learn nothing of organisations that told nothing of them.
    """

    organisation: str
    activity: str
    skills: tuple[tuple[str, float], ...]
    difficulty: float | None
    is_own: bool = False


class AskedMarks(NamedTuple):
    """A work, "" for a new one; (criterion, skill) to be marked, none for the work's own; a reviewer, "" for any."""

    work: str
    criteria: tuple[tuple[str, str], ...]
    reviewer: str


class PredictedOutcome(NamedTuple):
    """A prediction as of a time, and what it rests on, in a sentence."""

    prediction: OutcomePrediction
    as_of: datetime
    rests_on: str


class PredictedMarks(NamedTuple):
    """Predictions as of a time. reviews: of the work, that were learned from. rests_on: a sentence."""

    marks: Sequence[MarkPrediction]
    reviews: int
    as_of: datetime
    rests_on: str


async def target_of(desk: Desk, inference: Inference, seen: Seen, asked: AskedTask) -> Target | None:
    """Return what the task that is asked about shows, None where it is no activity.

    Raises NotFound for an activity that is not aligned, Rejected for a skill that the framework does not have.
    """
    if not asked.activity:
        _check_skills("/skills", [skill for skill, _ in asked.skills], inference)
        return None
    asks = set() if asked.is_own and asked.organisation not in seen.told_by else {asked.organisation}
    found = (await desk.targets(asks)).get(asked.organisation, {}).get(asked.activity)
    if found is None:
        rule = "the organisation aligned no such activity"
        raise NotFound.of("/activity", rule, "Align it, or ask by skills and difficulty instead.")
    return found


async def predicted_outcome(
    inference: Inference, seen: Seen, asked: AskedTask, target: Target | None
) -> PredictedOutcome:
    """Return how likely the person's next try is a success. target: by `target_of`."""
    # In a thread: folding 5,000 statements takes 100 ms, and others are served meanwhile.
    return await asyncio.to_thread(_predicted_outcome, inference, seen, asked, target)


async def predicted_marks(inference: Inference, seen: Seen, asked: AskedMarks) -> PredictedMarks:
    """Return how one more reviewer is likely to mark a work.

    Raises NotFound for a work of which no review was heard, Rejected for criteria that cannot be marked.
    """
    heard = [one for one in seen.observations if isinstance(one, MarkSet) and one.work == asked.work]
    if asked.work and not heard:
        rule = "no review of this work of the person was heard"
        raise NotFound.of("/work", rule, "Name one that was reviewed, or none for a new one.")
    if asked.reviewer == seen.person:
        raise Rejected.of("/reviewer", "nobody reviews themselves", "Name somebody else, or nobody.")
    criteria = asked.criteria or tuple(sorted({(mark.criterion, mark.skill) for one in heard for mark in one.marks}))
    if not criteria:
        raise Rejected.of("/criteria", "a new work has no criteria of its own", "Say what is to be marked.")
    _check_skills("/criteria", [skill for _, skill in criteria], inference)
    return await asyncio.to_thread(_predicted_marks, inference, seen, asked._replace(criteria=criteria), heard)


def _predicted_outcome(inference: Inference, seen: Seen, asked: AskedTask, target: Target | None) -> PredictedOutcome:
    at = _at(inference, seen.observations)
    outcome = Outcome(
        occurred_at=at,
        source=ASKED,
        sequence=1,
        fact=ASKED,
        task=asked.activity or UNNAMED_TASK,
        skills=asked.skills if target is None else target.skills,
        result=0.0,
        assurance=Assurance.AUTOMATED_CHECK if target is None else target.assurance,
        difficulty=asked.difficulty if target is None else target.difficulty,
    )
    found = predict_outcome(seen.observations, outcome, inference.release)
    return PredictedOutcome(found, at, _of_outcome(found))


def _predicted_marks(
    inference: Inference, seen: Seen, asked: AskedMarks, heard: Sequence[Observation]
) -> PredictedMarks:
    at, release = _at(inference, seen.observations), inference.release
    marks = MarkSet(
        occurred_at=at,
        source=ASKED,
        sequence=1,
        fact=ASKED,
        work=asked.work or NEW_WORK,
        reviewer=asked.reviewer or ANY_REVIEWER,
        marks=tuple(Mark(criterion, skill, 0) for criterion, skill in asked.criteria),
    )
    found = predict_marks(seen.observations, marks, release)
    reviews = sum(release.assurance[one.assurance] > 0.0 for one in heard)
    others = sum(release.assurance[one.assurance] > 0.0 for one in seen.observations) - reviews
    return PredictedMarks(found, reviews, at, _of_marks(found, reviews, others, asked.reviewer))


def _at(inference: Inference, observations: Collection[Observation]) -> datetime:
    """Return the time that is asked about: what is learned from must not be later."""
    newest = max((one.place.at for one in observations), default=0)
    return instant_of(max(newest, microseconds(inference.clock.now())))


def _check_skills(pointer: str, skills: Sequence[str], inference: Inference) -> None:
    for index, skill in enumerate(skills):
        if skill not in inference.framework.skills:
            rule = "the framework has no such skill"
            raise Rejected.of(f"{pointer}/{index}/skill", rule, "Name one of GET /v1/skills.")


def _of_outcome(found: OutcomePrediction) -> str:
    ground = _ground(found.observations)
    if found.served is Served.BY_READOUT:
        return f"{ground} and how the person's last tasks went, by the readout of the release."
    if found.served is Served.TASK_UNKNOWN:
        return f"{ground} alone: the readout of the release does not know this task."
    if found.served is Served.PAUSE_TOO_LONG:
        return f"{ground} alone: the last try is longer ago than the readout of the release was fitted to."
    return f"{ground} alone: the release in force has no readout."


def _of_marks(found: Sequence[MarkPrediction], reviews: int, others: int, reviewer: str) -> str:
    whom = "the reviewer named, as the release knows them" if reviewer else "a reviewer of whom nothing is known"
    by_cuts = sum(one.is_by_cuts for one in found)
    told = "the mean mark, rounded" if not by_cuts else "by cut points fitted for agreement"
    if 0 < by_cuts < len(found):
        told += ", and the mean rounded where the release has none"
    return f"{_ground(others)} and {_counted(reviews, 'review')} of this work, for {whom}; the mark told is {told}."


def _ground(observations: int) -> str:
    return f"It rests on what is believed after {_counted(observations, 'observation')}"


def _counted(count: int, noun: str) -> str:
    return f"{count or 'no'} {noun}" + ("" if count == 1 else "s")
