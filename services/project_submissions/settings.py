"""What project_submissions is told at start, beyond what every service is told."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from shared.runtime.settings import Settings


class ProjectSubmissionsSettings(Settings):
    """The settings of project_submissions."""

    data_folder: Path = Field(description="Where bundles are kept, by their digest; made at start when it is missing.")
    bundle_bytes_max: int = Field(
        64 << 20, ge=1 << 10, le=1 << 30, description="Bytes of a bundle; a larger is refused."
    )
    projects_max: int = Field(200, ge=1, le=10_000, description="Projects of one person, as far as the caller sees.")
    pending_max: int = Field(5, ge=1, le=100, description="Submissions of one person that may wait to be checked.")
