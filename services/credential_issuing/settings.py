"""What credential_issuing is told at start, beyond what every service is told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from pydantic import Field

from services.credential_issuing.domain.status_list import VALIDITY_DEFAULT, VALIDITY_EMBEDDED_DEFAULT
from shared.runtime.settings import Settings


class CredentialIssuingSettings(Settings):
    """The settings of credential_issuing."""

    keys_folder: Path = Field(description="Where the issuer's keys lie; they are made there at the first start.")
    issuer_name: str = Field("Deedlog", min_length=1, max_length=200, description="The name credentials show.")
    status_list_validity_seconds: float | None = Field(
        None,
        ge=60,
        le=90 * 86_400,
        description="How long offline readers trust a status list; a day, or a week in embedded mode, unless given.",
    )
    round_seconds: float = Field(
        1.0, gt=0, le=60, description="Pause between two looks at estimates that wait for evidence, and at erasures."
    )

    @property
    def status_list_validity(self) -> timedelta:
        """How long offline readers trust a status list."""
        if self.status_list_validity_seconds is not None:
            return timedelta(seconds=self.status_list_validity_seconds)
        return VALIDITY_EMBEDDED_DEFAULT if self.is_embedded else VALIDITY_DEFAULT
