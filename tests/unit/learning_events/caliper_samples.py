"""Caliper documents to start from; each test changes what it is about."""

from __future__ import annotations

from typing import Any

from shared.kernel.ids import system_uuid7

V2 = "http://purl.imsglobal.org/ctx/caliper/v1p2"
V1 = "http://purl.imsglobal.org/ctx/caliper/v1p1"
ADA = "https://lms.example/users/ada"
GRADER = "https://lms.example/users/grace"
QUIZ = "https://lms.example/quizzes/7"


def caliper_event(**changes: Any) -> dict[str, Any]:
    """Return an event: ada submitted a quiz."""
    made = {
        "@context": V2,
        "id": f"urn:uuid:{system_uuid7()}",
        "type": "AssessmentEvent",
        "profile": "AssessmentProfile",
        "actor": {"id": ADA, "type": "Person"},
        "action": "Submitted",
        "object": {"id": QUIZ, "type": "Assessment", "name": "Loops and lists"},
        "eventTime": "2026-03-01T09:30:00.000Z",
    }
    return {**made, **changes}


def attempt(**changes: Any) -> dict[str, Any]:
    """Return ada's attempt at the quiz."""
    made = {
        "id": f"{QUIZ}/attempts/1",
        "type": "Attempt",
        "assignee": {"id": ADA, "type": "Person"},
        "assignable": {"id": QUIZ, "type": "Assessment"},
        "duration": "PT50M12S",
    }
    return {**made, **changes}


def graded(points: float = 8, most: float | None = 10, **changes: Any) -> dict[str, Any]:
    """Return an event: grace graded ada's attempt."""
    score: dict[str, Any] = {"id": f"{QUIZ}/attempts/1/scores/1", "type": "Score", "scoreGiven": points}
    if most is not None:
        score["maxScore"] = most
    made = caliper_event(type="GradeEvent", actor={"id": GRADER, "type": "Person"}, action="Graded", object=attempt())
    return {**made, "generated": score, **changes}


def entity(**changes: Any) -> dict[str, Any]:
    """Return a description of ada."""
    return {"@context": V2, "id": ADA, "type": "Person", "name": "Ada", **changes}


def envelope(*items: Any, **changes: Any) -> dict[str, Any]:
    """Return an envelope of these items."""
    made = {"sensor": "https://lms.example/sensors/1", "sendTime": "2026-03-01T09:31:00.000Z", "dataVersion": V2}
    return {**made, "data": list(items), **changes}
