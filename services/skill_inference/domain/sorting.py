"""From heard facts to testimony: what each says, and which are understood but cannot be used, with the reason.

What is not scored says nothing here and is no fault; most statements are of that kind. Nor is one that no alignment
knows set aside: alignments come late.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta
from typing import Final, TypeAlias

from services.skill_inference.domain.observation import MARK_MAX, Mark, result_of
from services.skill_inference.domain.testimony import (
    Aside,
    Erasure,
    Link,
    Review,
    Statement,
    Testimony,
    Voiding,
    read_review,
)
from shared.events.erasure import FactsErased
from shared.events.event import Event
from shared.events.fact import Fact
from shared.events.identity import PersonMerged, PersonSplit
from shared.events.learning_events import Score, StatementRecorded, StatementVoided
from shared.events.project_submissions import ReviewCompleted
from shared.kernel.errors import Rejected

AHEAD_MAX: Final = timedelta(days=1)
"""How far a fact's time may lie after its recording: clocks differ, but belief must not age into the future."""

Heard: TypeAlias = tuple[Fact, Event | None]


def sort_out(heard: Sequence[Heard], skills: Collection[str]) -> Testimony:
    """Return what these facts say. `skills` are the framework's ids. A fact whose data was erased says nothing."""
    testimony = Testimony()
    erased = {(fact.source, fact.subject): event.through for fact, event in heard if isinstance(event, FactsErased)}
    for fact, event in heard:
        take = _TAKERS.get(type(event))
        if isinstance(event, FactsErased):
            testimony.erasures.append(Erasure(fact.source, fact.subject, fact.number, event.through))
        elif take is not None and fact.number > erased.get((fact.source, fact.subject), 0):
            try:
                take(testimony, fact, event, skills)
            except Rejected as error:
                testimony.aside.append(Aside(fact, error.message))
    return testimony


def statement_result(success: bool | None, score: Score | None) -> float | None:
    """Return the result in [0, 1] of a statement, None when it has neither success nor a score.

    Where only a raw score stands, its share of the scale from min to max counts. Raises Rejected for a score off its
    scale, and for a raw score that names no scale where success does not say more.
    """
    if score is None or (score.scaled is None and score.raw is None):
        return None if success is None else result_of(success, None)
    if score.scaled is not None:
        return result_of(success, score.scaled)
    if score.min is None or score.max is None:
        if success is None:
            raise Rejected.of("/data/score", "a raw score without min and max has no scale", "Send a scaled score.")
        return result_of(success, None)
    return result_of(success, _share(score.raw, score.min, score.max))


def _share(raw: float | None, low: float, high: float) -> float:
    span = high - low
    if raw is None or not (0.0 < span < math.inf and low <= raw <= high):
        rule = f"a raw score of {raw} does not lie on the scale from {low} to {high}"
        raise Rejected.of("/data/score/raw", rule, "Send a scaled score.")
    return (raw - low) / span


def _take_statement(testimony: Testimony, fact: Fact, event: StatementRecorded, skills: Collection[str]) -> None:
    if event.is_test or fact.organisation is None or event.object_type != "Activity" or not event.object:
        return
    result = statement_result(event.success, event.score)
    if result is None:
        return
    _check_time(fact)
    testimony.facts[fact.id] = fact
    testimony.statements.append(
        Statement(
            fact.subject,
            fact.number,
            fact.id,
            fact.organisation,
            event.statement,
            event.object,
            result,
            fact.occurred_at,
        )
    )


def _take_review(testimony: Testimony, fact: Fact, event: ReviewCompleted, skills: Collection[str]) -> None:
    _check_time(fact)
    if any(mark.scale_max != MARK_MAX for mark in event.marks):
        raise Rejected.of("/data/marks", f"marks are read on a scale of 0 to {MARK_MAX}", "Mark on that scale.")
    if not all(0 <= mark.value <= MARK_MAX for mark in event.marks):
        raise Rejected.of("/data/marks", f"a mark is a whole number from 0 to {MARK_MAX}", "Mark on that scale.")
    marks = tuple(Mark(mark.criterion, mark.skill, mark.value) for mark in event.marks)
    review = Review(
        fact.subject,
        fact.number,
        fact.id,
        fact.organisation or "",
        event.project,
        event.reviewer,
        marks,
        fact.occurred_at,
    )
    read_review(review)
    testimony.facts[fact.id] = fact
    testimony.reviews.append(review)
    unknown = sorted({mark.skill for mark in marks if mark.skill not in skills})
    if unknown:
        reason = f"the framework has no skill {', '.join(unknown)}; the marks on it do not count, the others do"
        testimony.aside.append(Aside(fact, reason))


def _take_voiding(testimony: Testimony, fact: Fact, event: StatementVoided, skills: Collection[str]) -> None:
    if fact.organisation is not None:
        testimony.voidings.append(Voiding(fact.subject, fact.number, fact.organisation, event.statement))


def _take_merge(testimony: Testimony, fact: Fact, event: PersonMerged, skills: Collection[str]) -> None:
    # Told in both streams. Only the alias's own counts, for within one stream there is an order.
    if fact.subject == event.alias:
        testimony.links.append(Link(event.alias, fact.number, event.canonical))


def _take_split(testimony: Testimony, fact: Fact, event: PersonSplit, skills: Collection[str]) -> None:
    if fact.subject == event.alias:
        testimony.links.append(Link(event.alias, fact.number, None))


def _check_time(fact: Fact) -> None:
    if fact.occurred_at - fact.recorded_at > AHEAD_MAX:
        rule = "its time lies more than a day after its recording"
        raise Rejected.of("/time", rule, "Mend the clock and send it again with its true time.")


_TAKERS: Final[dict[type, Callable[..., None]]] = {
    StatementRecorded: _take_statement,
    StatementVoided: _take_voiding,
    ReviewCompleted: _take_review,
    PersonMerged: _take_merge,
    PersonSplit: _take_split,
}
