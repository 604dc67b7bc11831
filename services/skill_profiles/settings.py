"""What skill_profiles is told at start, beyond what every service is told."""

from __future__ import annotations

from pydantic import Field

from shared.runtime.settings import Settings


class SkillProfilesSettings(Settings):
    """The settings of skill_profiles."""

    followers_max: int = Field(64, ge=1, le=1024, description="FollowProfiles streams at a time in one process.")
