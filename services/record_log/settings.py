"""What record_log is told at start, beyond what every service is told."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from shared.runtime.settings import Settings


class RecordLogSettings(Settings):
    """The settings of record_log."""

    keys_folder: Path = Field(description="Where the log's signing key lies; it is made there at the first start.")
    checkpoint_seconds: float = Field(
        1.0, gt=0, le=60, description="Pause between two rounds of the log: so late may a fact be covered."
    )
