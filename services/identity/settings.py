"""What identity is told at start, beyond what every service is told."""

from __future__ import annotations

from pydantic import Field

from shared.runtime.settings import Settings


class IdentitySettings(Settings):
    """The settings of identity."""

    admin_key_digest: str = Field(
        "",
        pattern=r"^([0-9a-f]{64})?$",
        description="SHA-256 of the operator's secret, in 64 lower-case hex digits; without it nobody is operator.",
    )

    @property
    def admin_digest(self) -> bytes | None:
        """The digest's 32 bytes; None when there is no operator."""
        return bytes.fromhex(self.admin_key_digest) or None
