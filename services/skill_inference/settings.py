"""What skill_inference is told at start."""

from __future__ import annotations

from pydantic import Field

from shared.runtime.settings import Settings


class SkillInferenceSettings(Settings):
    """The settings every service shares, and by which release people are judged until one is adopted."""

    release: str = Field(
        "0", max_length=20, description="Name of the calibration release until one is adopted, one this build carries."
    )
    ledger_observations_max: int = Field(
        50_000, ge=0, le=10_000_000, description="Observations whose folds are kept at hand; 50,000 take some 40 MB."
    )
