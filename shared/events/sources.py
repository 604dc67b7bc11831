"""Who tells what: each source service, the topic it tells on and the prefix of its event types.

The whole published language hangs on this table; a new source is one line here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Source:
    """A service that tells facts. `name` is its CloudEvents `source`, `topic` the base name of its Kafka topic."""

    name: str
    topic: str
    type_prefix: str


IDENTITY: Final = Source("identity", "deedlog.identity.v1", "deedlog.identity.")
LEARNING_EVENTS: Final = Source("learning_events", "deedlog.learning-events.v1", "deedlog.learning-events.")
PROJECT_SUBMISSIONS: Final = Source(
    "project_submissions", "deedlog.project-submissions.v1", "deedlog.project-submissions."
)
SKILL_INFERENCE: Final = Source("skill_inference", "deedlog.skill-estimates.v1", "deedlog.skill-estimates.")
CREDENTIAL_ISSUING: Final = Source("credential_issuing", "deedlog.credentials.v1", "deedlog.credentials.")
RECORD_LOG: Final = Source("record_log", "deedlog.record-checkpoints.v1", "deedlog.record-checkpoints.")
SKILL_PROFILES: Final = Source("skill_profiles", "deedlog.profiles.v1", "deedlog.profiles.")

SOURCES: Final = {
    source.name: source
    for source in (
        IDENTITY,
        LEARNING_EVENTS,
        PROJECT_SUBMISSIONS,
        SKILL_INFERENCE,
        CREDENTIAL_ISSUING,
        RECORD_LOG,
        SKILL_PROFILES,
    )
}
