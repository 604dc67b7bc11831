"""API keys of organisations: what one may be made to do, and until when.

An organisation may hold several live keys at once, so that a key is replaced without an outage: make the new one, move
the platform to it, revoke the old one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.identity.domain.credentials import (
    KEY_PREFIX,
    TEST_KEY_PREFIX,
    Caller,
    check_lifetime,
    nobody,
)
from shared.kernel.errors import Conflict, Rejected
from shared.kernel.ids import KeyId, OrganisationId

LIFETIME: Final = timedelta(days=365)
"""How long a key lives when its maker says nothing."""
LIFETIME_MAX: Final = timedelta(days=731)
"""Two years, with a leap day. A key nobody renews must end by itself."""
LIVE_MAX: Final = 20
"""Live keys an organisation; two would do for rotation, more are for several platforms."""
NAME_CHARACTERS_MAX: Final = 200


class TooManyKeys(Conflict):
    """The organisation holds as many live keys as one may."""

    code = "too-many-keys"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its secret. scopes: the words it was made with, sorted."""

    id: KeyId
    organisation: OrganisationId
    name: str | None
    scopes: tuple[str, ...]
    is_test: bool
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None

    @property
    def prefix(self) -> str:
        """How its secret begins."""
        return TEST_KEY_PREFIX if self.is_test else KEY_PREFIX

    def is_live(self, at: datetime) -> bool:
        """Say whether it opens anything at this moment."""
        return at < self.expires_at and (self.revoked_at is None or at < self.revoked_at)

    def caller(self, key_id: str, at: datetime) -> Caller:
        """Return whom it speaks for. key_id: as sent by Basic, empty otherwise. Raises Unauthenticated."""
        if key_id not in {"", self.id}:
            raise nobody()
        check_lifetime("key", self.expires_at, self.revoked_at, at, "Make a new key, and use that one.")
        return Caller("key", self.id, organisation=self.organisation, scopes=self.scopes, is_test=self.is_test)


def key_scopes(words: Iterable[str], vocabulary: frozenset[str]) -> tuple[str, ...]:
    """Return the scopes of a key, sorted and each once. Raises Rejected for none, or for a word that is no scope."""
    scopes = tuple(sorted(set(words)))
    listed = ", ".join(sorted(vocabulary))
    if not scopes:
        raise Rejected.of("/scopes", "a key has at least one scope", f"Choose among {listed}.")
    if not vocabulary.issuperset(scopes):
        raise Rejected.of("/scopes", "a word in it is no scope", f"Choose among {listed}.")
    return scopes


def key_expiry(wanted: datetime | None, at: datetime) -> datetime:
    """Return until when a key made now lives. Raises Rejected for the past and for more than LIFETIME_MAX."""
    expires_at = at + LIFETIME if wanted is None else wanted
    if not at < expires_at <= at + LIFETIME_MAX:
        rule = f"it is not in the next {LIFETIME_MAX.days} days"
        raise Rejected.of("/expires_at", rule, "Choose an earlier or later time, or leave it out for one year.")
    return expires_at


def check_live(live_count: int) -> None:
    """Raise TooManyKeys when an organisation with so many live keys may have no further one."""
    if live_count >= LIVE_MAX:
        rule = f"the organisation has {live_count} live keys and may have {LIVE_MAX}"
        raise TooManyKeys.of("/organisation", rule, "Revoke one that is no longer used.")
