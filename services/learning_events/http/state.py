"""The State resource: what an activity remembers of an agent, perhaps within one registration (part 3, 2.3)."""

from __future__ import annotations

from typing import Final

from services.learning_events.domain.document import Resource
from services.learning_events.http.documents import DocumentResource

STATE: Final = DocumentResource(
    Resource.STATE,
    "/activities/state",
    scopes=frozenset({"state"}),
    subjects=frozenset({"activityId", "agent"}),
    name="stateId",
    has_registration=True,
    is_clearable=True,
)
"""Without a registration, one document is the one of none; names and DELETE of all mean those of every registration."""
