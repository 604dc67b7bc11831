"""What learning_events is told at start, beyond what every service is told."""

from __future__ import annotations

from pydantic import Field

from shared.runtime.settings import Settings


class LearningEventsSettings(Settings):
    """The settings of learning_events."""

    people_cache_seconds: float = Field(
        30.0, ge=0, le=300, description="How long a person is remembered, unless a merge, split or erasure is heard of."
    )
    people_cache_entries_max: int = Field(
        20_000, ge=1, le=1_000_000, description="Accounts remembered, about 300 bytes each."
    )
    import_lease_seconds: float = Field(
        15.0, ge=1, le=300, description="How long after a crash an import goes on; longer than one step may take."
    )
    erasure_again_seconds: float = Field(
        60.0,
        ge=0,
        le=3_600,
        description="After which time an erasure is done again; longer than people are remembered and a request takes.",
    )
    retention_every_seconds: float = Field(
        3_600.0, gt=0, le=86_400, description="How often it is looked for what is older than its organisation keeps."
    )
