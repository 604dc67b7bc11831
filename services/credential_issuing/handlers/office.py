"""Who issues: names, rule, achievements and keys, as one value that every use case is handed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from services.credential_issuing.domain.achievements import Achievements
from services.credential_issuing.domain.open_badge import Issuer
from services.credential_issuing.domain.policy import IssuingRule
from shared.kernel.bitstring import BITS_MIN
from shared.kernel.ids import CredentialId, FactId, RandomBytes
from shared.kernel.signing import Signer

CREDENTIALS_KEY: Final = "credentials"
STATUS_LISTS_KEY: Final = "status-lists"


class Keys(Protocol):
    """Holds the keys of the issuer, one a purpose."""

    def signer(self, purpose: str) -> Signer:
        """Return the signer for a purpose. Raises Unavailable when its key cannot be had."""
        ...


@dataclass(frozen=True, slots=True)
class Office:
    """The issuer at its place. origin: the house's public address, without a slash at the end.

    bits: entries of a status list, a power of two. new_id, new_fact_id: give ids nobody had; random_bytes: a
    cryptographic source.
    """

    issuer: Issuer
    origin: str
    rule: IssuingRule
    achievements: Achievements
    keys: Keys
    list_validity: timedelta
    new_id: Callable[[], CredentialId]
    new_fact_id: Callable[[], FactId]
    random_bytes: RandomBytes
    bits: int = BITS_MIN

    def credential_url(self, credential: CredentialId) -> str:
        """Return the URL a credential has as its id."""
        return f"{self.origin}/v1/credentials/{credential}"

    def list_url(self, number: int) -> str:
        """Return the URL of a status list."""
        return f"{self.origin}/v1/status-lists/{number}"
