"""Secrets: how they look, how they are recognised, and whom one speaks for.

A secret is a prefix, which lets scanners find a leaked one, and 32 random bytes in base64url. It is kept as its plain
SHA-256: slow hashes exist for passwords, which people choose from few; against 256 random bits there is nothing to
guess, and a fast digest can be looked up by an index, without a salt a row.
"""

from __future__ import annotations

import base64
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from shared.kernel.clock import rfc3339
from shared.kernel.errors import Unauthenticated
from shared.kernel.hashing import sha256
from shared.kernel.ids import OrganisationId, PersonId

SECRET_BYTES: Final = 32
KEY_PREFIX: Final = "dlk_"
TEST_KEY_PREFIX: Final = "dlt_"
SESSION_PREFIX: Final = "dls_"
ACCESS_PREFIX: Final = "dlo_"
"""Of an access token, whichever data its key sees."""
ADMIN_ID: Final = "admin"
"""The operator's key has no row; this is its id, and the user name when it is sent by Basic."""
_MEND: Final = "Use a credential that is valid now."


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a secret speaks for. organisation: of a key; person: of a session, as canonical at present."""

    kind: Literal["key", "person", "admin"]
    id: str
    organisation: OrganisationId | None = None
    person: PersonId | None = None
    scopes: tuple[str, ...] = ()
    is_test: bool = False


def secret_text(prefix: str, random_bytes: bytes) -> str:
    """Return the secret made of these 32 random bytes. Raises ValueError for another number of them."""
    if len(random_bytes) != SECRET_BYTES:
        raise ValueError(f"a secret has {SECRET_BYTES} random bytes, got {len(random_bytes)}")
    return prefix + base64.urlsafe_b64encode(random_bytes).decode().rstrip("=")


def secret_digest(secret: str) -> bytes:
    """Return the 32 bytes by which a secret is kept and found."""
    return sha256(secret.encode())


def is_admin(secret: str, key_id: str, admin_digest: bytes | None) -> bool:
    """Say whether this is the operator's secret; the comparison takes the same time for every wrong one."""
    if admin_digest is None or key_id not in {"", ADMIN_ID}:
        return False
    return hmac.compare_digest(secret_digest(secret), admin_digest)


def nobody() -> Unauthenticated:
    """Return the error for a secret that was never issued; it says nothing about which part was wrong."""
    return Unauthenticated.of("authorization", "nobody issued this credential", "Copy it once more, or get a new one.")


def check_lifetime(
    noun: str, expires_at: datetime, revoked_at: datetime | None, at: datetime, mend: str = _MEND
) -> None:
    """Raise Unauthenticated, saying which and since when, for a credential that was revoked or has expired."""
    if revoked_at is not None and revoked_at <= at:
        raise Unauthenticated.of("authorization", f"this {noun} was revoked at {rfc3339(revoked_at)}", mend)
    if expires_at <= at:
        raise Unauthenticated.of("authorization", f"this {noun} expired at {rfc3339(expires_at)}", mend)
