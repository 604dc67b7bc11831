"""The published language: one pydantic model per event and version. Importing this package registers them all."""

from __future__ import annotations

from shared.events import (
    credentials,
    erasure,
    identity,
    learning_events,
    profiles,
    project_submissions,
    record_checkpoints,
    skill_estimates,
)

__all__ = [
    "credentials",
    "erasure",
    "identity",
    "learning_events",
    "profiles",
    "project_submissions",
    "record_checkpoints",
    "skill_estimates",
]
