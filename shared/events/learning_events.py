"""What `learning_events` tells: statements in their normal form, with a digest of the original."""

from __future__ import annotations

from typing import Literal, TypeAlias

from shared.events.event import Event, EventBody, event
from shared.events.sources import LEARNING_EVENTS

Format: TypeAlias = Literal["xapi", "caliper", "cloudevents"]
"""What a platform sent; whatever it was, it is told in one form, and the digest is of what was sent."""


class Score(EventBody):
    """A score as the platform gave it; `scaled` lies in [-1, 1] (xAPI 2.0 §4.2.2.5.1)."""

    scaled: float | None = None
    raw: float | None = None
    min: float | None = None
    max: float | None = None


@event(LEARNING_EVENTS, "statement-recorded")
class StatementRecorded(Event):
    """A platform said that the person did something. The fact's time is the statement's own.

    An object that is an Agent or a Group is `urn:deedlog:actor`: of other people no fact holds an identifier.
    """

    statement: str
    format: Format = "xapi"
    account: str
    verb: str
    object: str
    object_type: str
    score: Score | None = None
    success: bool | None = None
    completion: bool | None = None
    duration_seconds: float | None = None
    registration: str | None = None
    digest: str
    is_test: bool = False


@event(LEARNING_EVENTS, "statement-voided")
class StatementVoided(Event):
    """The statement `statement` of this person is void; `voided_fact` is the fact that told it."""

    statement: str
    voiding_statement: str
    voided_fact: str | None = None
